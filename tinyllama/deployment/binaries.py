"""The compiled parts of a package: whether Lambda can load them."""

import re
from pathlib import Path

from tinyllama.deployment.failures import DeploymentFailed

PYTHON = (3, 13)
# ELF's e_machine and the word for it in a module's name, by Lambda's word.
_MACHINES = {"x86_64": (62, "x86_64"), "arm64": (183, "aarch64")}
_SUFFIXES = (".so", ".pyd", ".dylib", ".dll")


def check(folder: Path, architecture: str) -> None:
    """Raise DeploymentFailed naming a binary under *folder* that is for another platform."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        with path.open("rb") as file:
            head = file.read(20)
        if head.startswith(b"\x7fELF") or path.suffix in _SUFFIXES:
            _check(path.relative_to(folder).as_posix(), head, architecture)


def _check(name: str, head: bytes, architecture: str) -> None:
    machine, word = _MACHINES[architecture]
    if not head.startswith(b"\x7fELF"):
        raise DeploymentFailed(f"{name} is no Linux binary: Lambda cannot load it")
    # The fifth byte tells the size of a word, the sixth the order of its bytes.
    if head[4:6] != b"\x02\x01" or int.from_bytes(head[18:20], "little") != machine:
        raise DeploymentFailed(f"{name} is not for {architecture}: Lambda cannot load it")
    tag = re.search(r"\.(cpython-[^.]+|abi3)\.so$", name)
    wanted = f"cpython-{PYTHON[0]}{PYTHON[1]}-{word}-linux-gnu"
    if tag and tag[1] not in ("abi3", wanted):
        raise DeploymentFailed(f"{name} is not for python{PYTHON[0]}.{PYTHON[1]} on {architecture}")
