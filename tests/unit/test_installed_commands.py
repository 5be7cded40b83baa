"""The installed commands, given from a folder that is not the project's."""

import subprocess
import sys
from pathlib import Path

from chalicelib.settings import PROJECT


def test_packaging_finds_the_routes_from_any_folder(tmp_path: Path) -> None:
    # Safe-path mode: as for an installed script, the present folder is not searched.
    ask = "import app; from tinyllama import contract; print(app.__file__, bool(contract.source()))"

    told = subprocess.run(  # noqa: S603
        [sys.executable, "-P", "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert told.stdout.split() == [str(PROJECT / "app.py"), "True"], told.stderr
