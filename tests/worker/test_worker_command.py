"""The worker's command line: its arguments, settings and signals."""

import signal

import pytest

from chalicelib.jobs import JobState
from chalicelib.queueing import JobQueue
from tests.worker.engine_server import EngineServer
from tests.worker.harness import log_lines, run_until_ended, submit
from tests.worker.routers import Routers
from worker.__main__ import main


def test_the_command_works_until_a_signal_and_then_drains(
    store_url: str,
    queue: JobQueue,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TINYLLAMA_STORE_URL", store_url)
    job_id = submit(queue)

    code = run_until_ended(
        queue, job_id, ["--concurrency", "2", "--name", "one", "--drain-seconds", "5"]
    )

    assert code == 0
    assert queue.fetch("tenant", job_id).state is JobState.SUCCEEDED
    assert log_lines(capsys.readouterr().out)[-1]["event"] == "worker.stopped"


def test_the_command_runs_the_configured_engine(
    store_url: str, queue: JobQueue, engine_server: EngineServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_STORE_URL", store_url)
    monkeypatch.setenv("TINYLLAMA_ENGINE_URL", engine_server.url)
    job_id = submit(queue)

    run_until_ended(queue, job_id, [], signal.SIGINT)

    job = queue.fetch("tenant", job_id)
    assert job.result is not None
    assert job.result["engine"] == "openai"


@pytest.mark.slow
def test_with_via_the_command_works_through_a_router_and_needs_no_store(
    store_url: str, queue: JobQueue, routers: Routers, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = routers(store_url, 30)
    monkeypatch.setenv("TINYLLAMA_STORE_URL", "")
    monkeypatch.setenv("TINYLLAMA_WORKER_TOKEN", router.token)
    job_id = submit(queue)

    code = run_until_ended(queue, job_id, ["--via", router.url, "--poll-seconds", "0.5"])

    assert code == 0
    assert queue.fetch("tenant", job_id).state is JobState.SUCCEEDED


@pytest.mark.parametrize(
    ("url", "token", "named"),
    [
        ("http://router.example/secret", "secret", "--via"),
        ("https://router.example", "", "TINYLLAMA_WORKER_TOKEN_FILE"),
        ("https://router.example", "secret words", "TINYLLAMA_WORKER_TOKEN"),
    ],
)
def test_a_bad_router_or_no_token_stops_the_start_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    url: str,
    token: str,
    named: str,
) -> None:
    monkeypatch.setenv("TINYLLAMA_WORKER_TOKEN", token)

    code = main(["--via", url])

    assert code == 2
    written = capsys.readouterr()
    assert written.err.count("\n") == 1
    assert named in written.err
    assert "secret" not in written.err
    assert written.out == ""


def test_without_a_store_the_start_tells_of_the_way_that_needs_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TINYLLAMA_STORE_URL", "")

    code = main([])

    assert code == 2
    assert capsys.readouterr().err.endswith("called over HTTPS, with --via URL\n")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STORE_URL", ""),
        ("STORE_URL", "file:///secret"),
        ("STORE_URL", "redis://localhost:secret"),
        ("ENGINE_URL", "localhost/secret"),
        ("LEASE_SECONDS", "secret"),
        ("ENGINE_TIMEOUT_SECONDS", "secret"),
        ("LOG_LEVEL", "secret"),
    ],
)
def test_a_missing_or_bad_setting_stops_the_start_in_one_sentence_that_names_it(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TINYLLAMA_STORE_URL", "redis://localhost:1")
    monkeypatch.setenv(f"TINYLLAMA_{name}", value)

    code = main([])

    assert code == 2
    written = capsys.readouterr()
    assert written.err.count("\n") == 1
    assert f"TINYLLAMA_{name}" in written.err
    assert "secret" not in written.err
    assert written.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--concurrency", "0"],
        ["--concurrency", "many"],
        ["--concurrency", "1001"],
        ["--name", "two words"],
        ["--name", ""],
        ["--name", "n" * 129],
        ["--drain-seconds", "-1"],
        ["--drain-seconds", "inf"],
        ["--poll-seconds", "5"],
        ["--poll-seconds", "0", "--via", "https://router.example"],
        ["--poll-seconds", "nan", "--via", "https://router.example"],
    ],
)
def test_a_bad_argument_stops_the_start(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)

    assert stopped.value.code == 2
    assert arguments[0] in capsys.readouterr().err
