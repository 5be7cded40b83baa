"""What users install: token tools, command line, client and the local system.

Importing it loads nothing heavy: each tool is imported when it is first asked for.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinyllama.devkeys import development_jwks_path, make_token

__all__ = ["development_jwks_path", "make_token"]


def __getattr__(name: str) -> object:
    # PEP 562: cryptography costs 0.1 s, and the command line's help needs none of it.
    if name in __all__:
        from tinyllama import devkeys  # noqa: PLC0415

        return getattr(devkeys, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
