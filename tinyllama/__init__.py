"""What users install: token tools, command line, client and the local system.

Importing it loads nothing heavy: each tool is imported when it is first asked for.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinyllama.client import Client, Handle, Job
    from tinyllama.devkeys import development_jwks_path, make_token

_HOMES = {
    "Client": "client",
    "Handle": "client",
    "Job": "client",
    "development_jwks_path": "devkeys",
    "make_token": "devkeys",
}
__all__ = ["Client", "Handle", "Job", "development_jwks_path", "make_token"]


def __getattr__(name: str) -> object:
    # PEP 562: cryptography and HTTP cost 0.1 s each, and the command line's help needs neither.
    if name in _HOMES:
        return getattr(importlib.import_module(f"tinyllama.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
