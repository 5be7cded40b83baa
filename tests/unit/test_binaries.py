"""Which compiled parts Lambda can load."""

import struct
from pathlib import Path

import pytest

from tinyllama.deployment import binaries
from tinyllama.deployment.failures import DeploymentFailed

X86_64, AARCH64, RISCV = 62, 183, 243


def elf(machine: int, *, word: int = 2) -> bytes:
    """Return the head of a binary for *machine*; *word* 2 means 64 bits."""
    return b"\x7fELF" + bytes((word, 1, 1)) + bytes(9) + struct.pack("<HH", 3, machine)


@pytest.mark.parametrize(
    ("name", "machine", "architecture"),
    [
        ("rpds.cpython-313-x86_64-linux-gnu.so", X86_64, "x86_64"),
        ("rpds.cpython-313-aarch64-linux-gnu.so", AARCH64, "arm64"),
        ("_rust.abi3.so", AARCH64, "arm64"),
        ("libffi-1a2b.so.8", X86_64, "x86_64"),
    ],
)
def test_what_lambda_can_load_passes(
    tmp_path: Path, name: str, machine: int, architecture: str
) -> None:
    (tmp_path / name).write_bytes(elf(machine))
    (tmp_path / "app.py").write_text("")

    binaries.check(tmp_path, architecture)


@pytest.mark.parametrize(
    ("name", "head", "architecture"),
    [
        ("_rust.abi3.so", elf(X86_64), "arm64"),
        ("_rust.abi3.so", elf(AARCH64), "x86_64"),
        ("_rust.abi3.so", elf(RISCV), "arm64"),
        ("_rust.abi3.so", elf(X86_64, word=1), "x86_64"),
        ("rpds.cpython-312-x86_64-linux-gnu.so", elf(X86_64), "x86_64"),
        ("rpds.cpython-313-x86_64-linux-musl.so", elf(X86_64), "x86_64"),
        ("rpds.cpython-313-darwin.so", b"\xcf\xfa\xed\xfe" + bytes(16), "arm64"),
        ("rpds.pyd", b"MZ" + bytes(18), "x86_64"),
        ("hidden", elf(X86_64), "arm64"),
        ("empty.so", b"", "arm64"),
    ],
)
def test_what_lambda_cannot_load_is_named(
    tmp_path: Path, name: str, head: bytes, architecture: str
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / name).write_bytes(head)

    with pytest.raises(DeploymentFailed, match=f"^lib/{name} is "):
        binaries.check(tmp_path, architecture)
