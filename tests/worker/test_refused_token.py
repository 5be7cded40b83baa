"""A token that cannot change and is refused for good ends the worker; any other is waited for."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.settings import WorkerCredential
from tests.worker.harness import log_lines
from tests.worker.router_server import LEASED, RouterServer, answer, refuse
from worker.__main__ import main
from worker.credential import Credential
from worker.patience import BackLater, TokenUseless
from worker.via import Via

pytestmark = pytest.mark.slow  # a server of its own


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> Iterator[RouterServer]:
    """A router that has no job until told otherwise, and a worker's token."""
    monkeypatch.setenv("TINYLLAMA_WORKER_TOKEN", "fixed")
    monkeypatch.setenv("TINYLLAMA_STORE_URL", "")
    with RouterServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "code"), [(401, "token_expired"), (403, "scope_insufficient"), (403, "key_revoked")]
)
def test_a_token_of_the_environments_that_is_refused_ends_the_worker_with_the_reason(
    router: RouterServer, capsys: pytest.CaptureFixture[str], status: int, code: str
) -> None:
    router.otherwise = refuse(status, code)

    ended = main(["--via", router.url])

    written = capsys.readouterr()
    assert ended == 1
    assert written.err.startswith(f"TINYLLAMA_WORKER_TOKEN: the router refuses it ({code})")
    assert written.err.count("\n") == 1
    assert len(router.calls) == 2  # the first claim, and once more while draining
    assert "fixed" not in written.err + written.out


def test_a_worker_that_runs_a_job_ends_too_when_its_token_is_refused(
    router: RouterServer, capsys: pytest.CaptureFixture[str]
) -> None:
    router.steps.append(answer(200, LEASED))
    router.otherwise = refuse(403, "key_revoked")

    ended = main(["--via", router.url, "--concurrency", "1", "--drain-seconds", "0"])

    assert ended == 1
    events = [line["event"] for line in log_lines(capsys.readouterr().out)]
    assert (events[:2], events[-1]) == (["worker.started", "job.claimed"], "worker.stopped")


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "unauthorized"), (401, "token_not_yet_valid"), (403, "forbidden"), (403, "unknown")],
)
def test_a_refusal_that_may_pass_is_waited_out(
    router: RouterServer, status: int, code: str
) -> None:
    with_token = Credential(WorkerCredential("fixed", None), lambda: 0.0)
    leases = Via(router.url, with_token, "name", 1)
    router.otherwise = refuse(status, code)

    with pytest.raises(BackLater) as caught:
        leases.claim("a" * 32)

    assert not isinstance(caught.value, TokenUseless)
    leases.close()


def test_a_token_of_a_file_is_waited_for(router: RouterServer, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    leases = Via(router.url, Credential(WorkerCredential(None, file), lambda: 0.0), "name", 1)
    router.otherwise = refuse(403, "key_revoked")

    with pytest.raises(BackLater) as caught:
        leases.claim("a" * 32)

    assert not isinstance(caught.value, TokenUseless)
    leases.close()
