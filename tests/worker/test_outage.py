"""What a worker says of a store that is away."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.errors import StoreUnavailable
from chalicelib.queueing import JobQueue
from chalicelib.store import connect
from tests.servers import Server
from tests.worker.harness import log_lines, queue_settings
from worker.patience import BackLater, Outage, Patience, pause_seconds, retry_after_seconds


@pytest.mark.parametrize(
    ("sign_in", "cause"), [("worker:wrong-word@", "AuthenticationError"), ("", "ConnectionError")]
)
def test_outage_tells_a_wrong_password_from_a_server_that_is_down(
    valkey: Server, capsys: pytest.CaptureFixture[str], sign_in: str, cause: str
) -> None:
    url = f"unix://{sign_in}{valkey.socket}" if sign_in else "unix:///nowhere.sock"
    queue = JobQueue(connect(url), queue_settings())
    give_up = asyncio.Event()
    give_up.set()

    with ThreadPoolExecutor(1) as threads, pytest.raises(StoreUnavailable):
        asyncio.run(Patience(threads, Outage()).call(give_up, queue.gauge))

    written = capsys.readouterr().out
    (line,) = [line for line in log_lines(written) if line["event"] == "store.away"]
    assert line["error"] == cause
    assert "wrong-word" not in written


def test_outage_over_https_is_told_by_its_status(capsys: pytest.CaptureFixture[str]) -> None:
    outage = Outage()

    outage.begins(BackLater("status 503"))
    outage.begins(BackLater("ConnectError"))
    outage.ends()

    told = [(line["event"], line.get("error")) for line in log_lines(capsys.readouterr().out)]
    assert told == [("store.away", "status 503"), ("store.back", None)]


def test_outage_of_a_router_is_told_with_its_address(capsys: pytest.CaptureFixture[str]) -> None:
    outage = Outage("https://router.example/dev")

    outage.begins(BackLater("ConnectError"))
    outage.ends()

    away, back = log_lines(capsys.readouterr().out)
    assert (away["event"], away["level"], away["error"]) == ("router.away", "WARN", "ConnectError")
    assert back["event"] == "router.back"
    assert away["router"] == back["router"] == "https://router.example/dev"


def test_what_was_told_already_is_waited_out_without_a_word_of_the_store(
    capsys: pytest.CaptureFixture[str],
) -> None:
    outage = Outage()

    outage.begins(BackLater("status 403", told=True))
    outage.ends()

    assert capsys.readouterr().out == ""


def test_a_store_that_goes_away_is_told_though_something_else_was_told_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    outage = Outage()
    outage.begins(BackLater("status 403", told=True))

    outage.begins(BackLater("status 503"))
    outage.begins(BackLater("status 403", told=True))
    outage.ends()

    told = [line["event"] for line in log_lines(capsys.readouterr().out)]
    assert told == ["store.away", "store.back"]


def test_who_asks_for_a_pause_gets_it_and_the_store_is_tried_soon() -> None:
    assert pause_seconds(1, BackLater("status 503", 7)) == 7
    assert pause_seconds(1, BackLater("status 503")) <= 0.1
    # The store's own Retry-After is for callers of the API.
    assert pause_seconds(1, StoreUnavailable(headers={"Retry-After": "2"})) <= 0.1
    assert 1.5 <= pause_seconds(99, StoreUnavailable()) <= 3


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        *((None, 0), ("7", 7), ("0.5", 0.5), ("-1", 0), ("soon", 0), ("nan", 0), ("", 0)),
        *((f"Mon, 01 Jan {year} 00:00:00 GMT", 0) for year in ("2020", "9" * 5, "9" * 30)),
        ("Mon, 01 Jan 2020 00:00:00 +" + "9" * 30, 0),
    ],
)
def test_retry_after_is_read_or_left(header: str | None, seconds: float) -> None:
    assert retry_after_seconds(header) == seconds
