"""How long and from where the model-based test runs, and the store it runs on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.model.system import System, start


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the command line say how many moves are made, and by which seed the first are chosen."""
    parser.addoption("--moves", type=int, default=10_000, help="moves of the model-based test")
    parser.addoption("--seed", type=int, default=1, help="first seed of the model-based test")


@pytest.fixture(scope="session")
def system(short_folder: Path) -> Iterator[System]:
    """The router on a store of this suite's own."""
    server = start(short_folder / "model")
    router = System(server)
    yield router
    router.close()
    server.stop()
