"""What a worker says of a store that is away."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.errors import StoreUnavailable
from chalicelib.queueing import JobQueue
from chalicelib.store import connect
from tests.servers import Server
from tests.worker.harness import log_lines, queue_settings
from worker.patience import Outage, Patience


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
    (line,) = log_lines(written)
    assert (line["event"], line["error"]) == ("store.away", cause)
    assert "wrong-word" not in written
