"""Write chalicelib/schemas/compiled.py: the request schemas as plain Python.

``python -m tinyllama.compile_schemas`` writes the file; with ``--check`` it writes nothing and
exits 1 when the file is not what the schemas say.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import fastjsonschema

from chalicelib import schemas
from tinyllama import generated

TARGET = Path(schemas.__file__).with_name("compiled.py")

_OPENING = '''\
"""The request schemas as Python, by `python -m tinyllama.compile_schemas`: do not edit."""

from collections.abc import Callable

from chalicelib.schemas import Refused

'''
_THEIR_ERRORS = "from fastjsonschema import JsonSchemaValueException, JsonSchemaValuesException\n"
# Importing fastjsonschema for two exception classes costs a cold start some 15 ms.
_OUR_ERRORS = "\nJsonSchemaValueException = JsonSchemaValuesException = Refused\n"


def source() -> str:
    """Return the text that the compiled module must have."""
    # One root for all: the patterns share a table, and no `$id` changes what a function is called.
    root = {"$defs": {name: _anonymous(name) for name in schemas.REQUESTS}}
    root["properties"] = {name: {"$ref": f"#/$defs/{name}"} for name in schemas.REQUESTS}
    code = fastjsonschema.compile_to_code(
        root, use_default=False, use_formats=False, detailed_exceptions=False
    )
    if code.count(_THEIR_ERRORS) != 1:
        raise RuntimeError("fastjsonschema imports its exceptions in another way: look again")
    table = "".join(f'    "{name}": validate____defs_{name},\n' for name in schemas.REQUESTS)
    return (
        _OPENING
        + code.replace(_THEIR_ERRORS, _OUR_ERRORS)
        + "\n\nVALIDATORS: dict[str, Callable[[object], object]] = {\n"
        + table
        + "}\n"
    )


def _anonymous(name: str) -> dict[str, object]:
    schema = schemas.load(name)
    return {key: schema[key] for key in schema if key not in {"$schema", "$id"}}


def main(arguments: Sequence[str] | None = None, target: Path = TARGET) -> int:
    """Write the compiled module, or check it; return the exit status."""
    return generated.keep(source, target, arguments)


if __name__ == "__main__":
    sys.exit(main())
