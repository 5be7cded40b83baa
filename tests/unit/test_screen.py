"""What commands print: JSON that is JSON anywhere, names that steer nothing; and how they begin."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from chalicelib.settings import PROJECT, child_environment
from tinyllama import infer_command, screen
from tinyllama.told import Job, Piece

SUCCEEDED = {"id": "job_1", "state": "succeeded", "version": 2, "result": {"text": "Hum"}}


class Ended:
    """A handle of a job that has ended."""

    id = "job_1"
    job = Job.read(SUCCEEDED)

    def stream(self) -> Iterator[Piece]:
        """Yield all that was said."""
        yield Piece("Hum", 1, reset=False)


def test_ctrl_c_while_the_command_line_is_loaded_ends_it_without_a_traceback() -> None:
    code = (
        "import runpy, sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'tinyllama.cli': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "runpy.run_module('tinyllama', run_name='__main__', alter_sys=True)"
    )

    ran = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")


def test_json_is_json_where_the_output_has_another_character_set() -> None:
    code = (
        "from tinyllama import cli, screen; import sys\n"
        "cli.app = lambda **_: [f({'é': '🦙 \\u0141'}) for f in (screen.document, screen.record)]\n"
        "cli.main()"
    )
    printed = {}
    for encoding in ("ascii", "latin-1", "utf-8"):
        ran = subprocess.run(  # noqa: S603
            [sys.executable, "-c", code],
            cwd=PROJECT,
            env=child_environment({"PYTHONIOENCODING": encoding}),
            capture_output=True,
            check=True,
        )
        printed[encoding] = ran.stdout.decode(encoding).splitlines()

    assert [json.loads(line) for lines in printed.values() for line in lines] == [
        {"é": "🦙 Ł"},
    ] * 6
    assert "🦙" in printed["utf-8"][0]


def test_no_name_that_others_chose_steers_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "on_terminal", lambda: True)

    screen.fields({"\x1b[2J\u202e": 1, "plain": "a"})

    assert capsys.readouterr().out == "\\u001b[2J\\u202e  1\nplain            a\n"


def test_streamed_json_is_a_document_in_a_line_at_a_terminal_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "on_terminal", lambda: True)

    infer_command.show_answer(Ended(), "http://127.0.0.1:9", stream=True, as_json=True)  # type: ignore[arg-type]

    lines = capsys.readouterr().out.splitlines()
    assert [sorted(json.loads(line)) for line in lines] == [["attempt", "reset", "text"], ["job"]]
