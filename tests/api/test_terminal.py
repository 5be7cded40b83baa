"""The command line at a terminal: a spinner, tables, and nothing that steers it."""

import codecs
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

import tinyllama
from chalicelib import keyspace
from chalicelib.settings import PROJECT, child_environment
from tests.calls import HandWorker
from tests.leaks import LEDGER
from tests.worker.routers import Router
from tinyllama.awaiting import FIRST_SECONDS
from tinyllama.client import Client

pytestmark = pytest.mark.slow  # a router as a process of its own

PROMPT = LEDGER.note("a prompt", "pty llamas, say something")
STEERING = "\x1b]0;pwned\x07\x1b[2Jsaid\u202e\x9b1m\nnext"
HARMLESS = "\\u001b]0;pwned\\u0007\\u001b[2Jsaid\\u202e\\u009b1m\r\nnext"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """Runs ``tinyllama`` at a terminal of the test's own and keeps what it showed."""

    def __init__(self, folder: Path, url: str, **variables: str) -> None:
        self._environment = child_environment(
            {
                "TINYLLAMA_URL": url,
                "TINYLLAMA_TOKEN": tinyllama.make_token(sub="acme"),
                "TINYLLAMA_CONFIG_DIR": str(folder),
                "TERM": "xterm-256color",
                "COLUMNS": "200",
                **variables,
            }
        )
        self._environment.pop("NO_COLOR", None)
        self._environment |= variables
        self.shown = ""

    def __call__(
        self,
        *arguments: str,
        typed: tuple[str, str] | None = None,
        interrupt_after: threading.Thread | None = None,
    ) -> int:
        """Run a command to its end, or to Ctrl-C; return its exit code.

        What is *typed* goes in once its first text is shown: who asks without echo throws away what
        was typed before.
        """
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (40, 200))
        command = [sys.executable, "-m", "tinyllama", *arguments]
        with subprocess.Popen(  # noqa: S603
            command,
            cwd=PROJECT,
            env=self._environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        ) as process:
            os.close(theirs)
            pieces = _read(ours)
            self.shown = ""
            while typed is not None and typed[0] not in self.shown:
                self.shown += next(pieces)
            if typed is not None:
                os.write(ours, typed[1].encode())
            if interrupt_after is not None:
                interrupt_after.join()
                process.send_signal(signal.SIGINT)
            self.shown += "".join(pieces)
            os.close(ours)
            return process.wait(20)


def _read(descriptor: int) -> Iterator[str]:
    """Yield what is written until all who write have ended."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    while True:
        try:
            piece = os.read(descriptor, 65_536)
        except OSError:  # how Linux tells that the other side is closed
            return
        if not piece:
            return
        yield decoder.decode(piece)


@pytest.fixture
def terminal(router: Router, store_url: str, tmp_path: Path) -> Terminal:
    del store_url
    return Terminal(tmp_path, router.url)


@pytest.fixture
def client(router: Router) -> Iterator[Client]:
    with Client(router.url, tinyllama.make_token(sub="acme")) as made:
        yield made


def once_queued(direct: "redis.Redis", number: int, deed: Callable[[], object]) -> threading.Thread:
    """Do something a little after so many jobs are in the store."""

    def wait() -> None:
        deadline = time.monotonic() + 20
        while int(direct.zcard(keyspace.jobs("acme"))) < number and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.5)
        deed()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_who_waits_sees_how_many_go_first_and_then_the_answer_unharmed(
    terminal: Terminal, client: Client, direct: "redis.Redis", hand_worker: HandWorker
) -> None:
    client.submit("another one")

    def work() -> None:
        hand_worker.answer()
        hand_worker.answer(STEERING)

    working = once_queued(direct, 2, work)
    code = terminal("infer", PROMPT)
    working.join()

    assert code == 0
    assert "Waiting: 1 before it" in terminal.shown
    assert terminal.shown.endswith(f"{HARMLESS}\r\n")
    assert "\x1b]0;" not in terminal.shown


def test_who_waits_sees_that_no_worker_lives(
    terminal: Terminal, direct: "redis.Redis", hand_worker: HandWorker
) -> None:
    def work() -> None:
        time.sleep(FIRST_SECONDS + 1)
        hand_worker.answer()

    working = once_queued(direct, 1, work)
    code = terminal("infer", PROMPT)
    working.join()

    assert code == 0
    assert "Waiting: 0 before it, no worker is live: it waits" in terminal.shown


def test_a_list_has_a_line_for_each_row_at_80_columns(
    terminal: Terminal, client: Client, tmp_path: Path
) -> None:
    narrow = Terminal(tmp_path, client.url, COLUMNS="80", NO_COLOR="1")
    jobs = [client.submit(PROMPT, model="meta-llama/Llama-3.1-70B").id for _ in range(2)]
    events = [
        client.publish(f"order.created{i}", {"order": "x" * i}, source="the.shop").id
        for i in (1, 99)
    ]
    del terminal
    shown = []
    for arguments in (("jobs", "list"), ("inbox", "list")):
        narrow(*arguments)
        shown.append(_COLOURS.sub("", narrow.shown).splitlines())

    assert [len(lines) for lines in shown] == [3, 3]
    assert [line.split()[0] for line in shown[0][1:]] == jobs[::-1]
    assert [line.split()[0] for line in shown[1][1:]] == events
    assert all(len(line) <= 80 for lines in shown for line in lines)
    assert "meta-llam" in shown[0][1]
    assert shown[1][2].rstrip().endswith("…")


def test_ctrl_c_ends_the_spinner_and_leaves_the_job(
    terminal: Terminal, direct: "redis.Redis"
) -> None:
    code = terminal("infer", PROMPT, interrupt_after=once_queued(direct, 1, lambda: None))

    (job_id,) = map(str, direct.zrange(keyspace.jobs("acme"), 0, -1))
    assert code == 130
    assert "Waiting: 0 before it" in terminal.shown
    assert f"{job_id} goes on without you" in terminal.shown
    assert terminal.shown.rfind("\x1b[?25h") > terminal.shown.rfind("\x1b[?25l")
    assert direct.hget(keyspace.job(job_id), "state") == "queued"


def test_a_streamed_answer_steers_no_terminal_either(
    terminal: Terminal, direct: "redis.Redis", hand_worker: HandWorker
) -> None:
    working = once_queued(direct, 1, lambda: hand_worker.answer(STEERING))
    code = terminal("infer", PROMPT, "--stream")
    working.join()

    assert code == 0
    assert terminal.shown.endswith(f"{HARMLESS}\r\n")


def test_what_others_wrote_into_jobs_and_events_steers_no_terminal(
    terminal: Terminal, client: Client, hand_worker: HandWorker
) -> None:
    job = client.submit(PROMPT, metadata={"note": STEERING}).id
    hand_worker.answer(STEERING)
    client.publish("a", {"told": STEERING}, source=STEERING)
    shown = []
    for arguments in (
        ("jobs", "show", job), ("jobs", "show", job, "--json"), ("jobs", "list"),
        ("inbox", "list"), ("inbox", "list", "--json"), ("inbox", "lease"),
    ):  # fmt: skip
        terminal(*arguments)
        shown.append(_COLOURS.sub("", terminal.shown))

    assert [text for text in shown if "\x1b" in text or "\u202e" in text or "\x9b" in text] == []
    assert all("pwned" in shown[number] for number in (0, 1, 3, 4, 5))


def test_a_document_on_a_terminal_is_still_json(terminal: Terminal, client: Client) -> None:
    client.publish("a", {"told": STEERING}, source="test")

    terminal("inbox", "list", "--json")

    (event,) = json.loads(terminal.shown)
    assert event["payload"] == {"told": STEERING}


def test_a_list_has_a_head_at_a_terminal_and_no_colours_where_none_are_wanted(
    terminal: Terminal, client: Client, tmp_path: Path
) -> None:
    client.submit(PROMPT)
    terminal("jobs", "list")
    coloured = terminal.shown
    plain = Terminal(tmp_path, client.url, NO_COLOR="1")
    plain("jobs", "list")

    assert "created" in _COLOURS.sub("", coloured).splitlines()[0]
    assert "\x1b[" in coloured
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", plain.shown)
    assert _COLOURS.sub("", plain.shown) == _COLOURS.sub("", coloured)


def test_a_problem_of_the_routers_steers_no_terminal(terminal: Terminal, client: Client) -> None:
    del client
    terminal("jobs", "show", "\x1b[2J")

    assert "\x1b" not in terminal.shown


def test_a_token_that_is_typed_is_not_shown_and_opens_what_follows(
    terminal: Terminal, client: Client, tmp_path: Path
) -> None:
    token = tinyllama.make_token(sub="acme")

    code = terminal(
        "login", "--url", client.url, "--profile", "work", typed=("API key: ", f"{token}\n")
    )

    assert code == 0, terminal.shown
    assert "Signed in" in terminal.shown
    assert token[-20:] not in terminal.shown
    told: dict[str, Any] = json.loads((tmp_path / "work.json").read_text())
    assert told == {"url": client.url, "token": token}
