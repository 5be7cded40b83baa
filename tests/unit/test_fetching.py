"""One GET ends on time and within bounds, whatever the other side does."""

import socket
import threading
import time
from collections.abc import Callable
from io import BufferedIOBase

import pytest

from chalicelib.fetching import BODY_BYTES, FetchError, fetch
from tests.crafting import answer_with, serving

pytestmark = pytest.mark.slow


def always(answer: bytes) -> Callable[[str, BufferedIOBase], None]:
    return lambda _, out: (out.write(answer), None)[1]


class Counting:
    """Gives the answers in turn, the last one for ever; None hangs up without a word."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, path: str, out: BufferedIOBase) -> None:
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(path)
        if answer is not None:
            out.write(answer)


def test_the_body_of_a_200_answer_is_returned_as_it_is() -> None:
    counting = Counting(answer_with(b'{"keys": []}'))
    with serving(counting) as address:
        assert fetch(f"{address}/a/b?c=d") == b'{"keys": []}'

    assert counting.asked == ["/a/b?c=d"]


def test_a_chunked_answer_is_put_together() -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    with serving(always(chunked)) as address:
        assert fetch(address) == b"abcde"


@pytest.mark.parametrize(
    "first", [None, answer_with(b"", "500 Oops"), answer_with(b"", "503 Busy"), b"garbage\r\n"]
)
def test_one_failure_is_retried_once(first: bytes | None) -> None:
    counting = Counting(first, answer_with(b"good"))
    with serving(counting) as address:
        assert fetch(address) == b"good"

    assert len(counting.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(None, id="hangs up"),
        pytest.param(b"", id="says nothing"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n", id="not HTTP"),
        pytest.param(answer_with(b"", "204 No Content"), id="no content"),
        pytest.param(answer_with(b"no", "404 Not Found"), id="not found"),
        pytest.param(answer_with(b"no", "500 Oops"), id="broken"),
        pytest.param(answer_with(b"12345")[:-2], id="cut short"),
        pytest.param(answer_with(b"x" * (BODY_BYTES + 1)), id="too long"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * (BODY_BYTES + 1),
            id="too long without saying so",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1000, id="too many headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\na: " + b"b" * 100_000, id="a long header"),
    ],
)
def test_anything_else_is_an_error_after_two_tries(answer: bytes | None) -> None:
    counting = Counting(answer)
    with serving(counting) as address, pytest.raises(FetchError):
        fetch(address)

    assert len(counting.asked) == 2


def test_a_body_of_just_the_limit_is_taken() -> None:
    with serving(always(answer_with(b"x" * BODY_BYTES))) as address:
        assert len(fetch(address)) == BODY_BYTES


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 Other", "307 Same", "308 Same"])
def test_no_redirect_is_followed(status: str) -> None:
    stranger = Counting(answer_with(b"forged"))
    with serving(stranger) as elsewhere:
        moved = answer_with(b"", status, Location=elsewhere)
        with serving(always(moved)) as address, pytest.raises(FetchError, match=status[:3]):
            fetch(address)

    assert stranger.asked == []


def test_nobody_there_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    begun = time.monotonic()
    with pytest.raises(FetchError):
        fetch(f"http://127.0.0.1:{port}/")

    assert time.monotonic() - begun < 0.5


def silent(_: str, out: BufferedIOBase) -> None:
    del out
    time.sleep(2)


def dripping(_: str, out: BufferedIOBase) -> None:
    out.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
    for _count in range(60):
        out.write(b".")
        time.sleep(0.04)


def dripping_headers(_: str, out: BufferedIOBase) -> None:
    for octet in b"HTTP/1.1 200 OK\r\nX-Slow: yes, very slow, slower than anybody waits\r\n":
        out.write(bytes([octet]))
        time.sleep(0.04)


def continuing(_: str, out: BufferedIOBase) -> None:
    for _count in range(60):
        out.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.04)


@pytest.mark.parametrize("slowly", [silent, dripping, dripping_headers, continuing])
def test_the_deadline_holds_for_the_whole_fetch_and_leaves_no_thread(
    slowly: Callable[[str, BufferedIOBase], None],
) -> None:
    with serving(slowly) as address:
        begun = time.monotonic()
        with pytest.raises(FetchError, match="in time"):
            fetch(address, 0.3)
        took = time.monotonic() - begun

        while any(thread.name == "fetch" for thread in threading.enumerate()):
            assert time.monotonic() - begun < 1.5
            time.sleep(0.01)

    assert 0.25 < took < 1.5


def test_the_first_try_leaves_time_for_a_second() -> None:
    asked = threading.Semaphore(1)

    def lost_once(_: str, out: BufferedIOBase) -> None:
        if asked.acquire(blocking=False):
            time.sleep(2)
        else:
            time.sleep(0.1)
            out.write(answer_with(b"good"))

    with serving(lost_once) as address:
        assert fetch(address, 0.6) == b"good"


def test_a_certificate_nobody_vouches_for_is_refused() -> None:
    with serving(always(b"not TLS")) as address, pytest.raises(FetchError):
        fetch(address.replace("http://", "https://"), 0.5)


@pytest.mark.parametrize("url", ["http://issuer.example/", "file:///etc/passwd", "https:///x"])
def test_an_address_not_to_be_used_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        fetch(url)


def test_no_error_repeats_the_answer() -> None:
    secret = b"very-secret 200\r\nvery-secret"
    with serving(always(secret)) as address, pytest.raises(FetchError) as caught:
        fetch(address)

    assert "very-secret" not in str(caught.value)
