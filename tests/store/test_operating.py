"""What an operator does by hand: ``tinyllama tick`` and ``tinyllama erase-tenant``."""

import time

import pytest
import redis
from typer.testing import CliRunner, Result

from chalicelib.erasure import Erased, TenantErasure
from chalicelib.errors import StoreUnavailable
from chalicelib.queueing import JobQueue
from tests.servers import Server
from tests.store.harness import contents, request, submit
from tinyllama import cli


@pytest.fixture
def told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store under test is the one that the settings name."""
    monkeypatch.setenv("TINYLLAMA_STORE_URL", server.operators_url)


def _run(*words: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(cli.app, words, input=answer)


@pytest.mark.usefixtures("told")
def test_a_tick_by_hand_does_what_is_due_and_prints_it(queue: JobQueue) -> None:
    queue.submit(request(deadline_seconds=0.001))
    submit(queue)
    time.sleep(0.01)

    ran = _run("tick")

    told = dict(line.split()[:2] for line in ran.output.splitlines())
    assert ran.exit_code == 0
    assert (told["Expired"], told["QueueDepth"], told["Reclaimed"]) == ("1", "1", "0")


def test_a_tick_by_hand_without_a_store_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLLAMA_STORE_URL", "unix:///nowhere/store.sock")

    ran = _run("tick")

    assert isinstance(ran.exception, StoreUnavailable)


@pytest.mark.usefixtures("told")
def test_a_tenant_is_erased_once_that_is_confirmed(queue: JobQueue, raw: "redis.Redis") -> None:
    submit(queue, "acme")
    before = contents(raw)

    refused = _run("erase-tenant", "acme", answer="n\n")
    unchanged = contents(raw) == before
    erased = _run("erase-tenant", "acme", answer="y\n")
    again = _run("erase-tenant", "acme", "--yes")

    assert (refused.exit_code, unchanged) == (1, True)
    assert (erased.exit_code, again.exit_code) == (0, 0)
    assert "1 jobs" in erased.output
    assert again.output == "Nothing of 'acme' is in the store.\n"


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("name", ["a*", "", "two words", "x" * 129, "{p0}"])
def test_what_no_tenant_is_called_erases_nothing(
    queue: JobQueue, raw: "redis.Redis", name: str
) -> None:
    submit(queue, "acme")
    before = contents(raw)

    ran = _run("erase-tenant", "--yes", name)

    assert ran.exit_code == 2
    assert contents(raw) == before


def test_a_tenant_that_goes_on_writing_is_told_as_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TINYLLAMA_STORE_URL", "unix:///nowhere/store.sock")
    unclean = Erased({"jobs": 3}, clean=False)
    monkeypatch.setattr(TenantErasure, "erase", lambda *_: unclean)

    ran = CliRunner().invoke(cli.app, ["erase-tenant", "acme", "--yes"])

    assert ran.exit_code == 1
    assert "run this again" in ran.output
