"""The product's own scripts, and which file each of them comes from."""

from importlib import import_module
from pathlib import Path

import chalicelib
from chalicelib.scripts import Script

_PACKAGE = Path(chalicelib.__file__).parent
_MODULES = [
    import_module(f"chalicelib.{path.stem}")
    for path in sorted(_PACKAGE.glob("*.py"))
    if "= Script(" in path.read_text(encoding="utf-8")
]

MOVES = sorted(path.stem for path in (_PACKAGE / "lua").glob("*.lua"))
"""The names of all moves."""

SCRIPTS = [
    each for module in _MODULES for each in vars(module).values() if isinstance(each, Script)
]
"""Every script as the product makes it, libraries and all."""


def move_of(script: Script) -> str:
    """Return the name of the move that *script* is."""
    (found,) = [
        move
        for move in MOVES
        if script.source.endswith((_PACKAGE / "lua" / f"{move}.lua").read_text(encoding="utf-8"))
    ]
    return found
