"""`tinyllama.Client` among odd servers, settings and arguments: it ends, and in its own words."""

import contextlib
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tinyllama.calling import Calling
from tinyllama.client import (
    Client,
    ClientError,
    Handle,
    Job,
    Repeating,
    StillRunning,
    Unreachable,
    Unusable,
)
from tinyllama.infer_command import show_answer

ONCE = Repeating(attempts=1)
ID = f"job_{'0' * 32}"


class Dripping:
    """A server that says *begun* at once, then a byte now and then, until it is told to stop."""

    def __init__(self, begun: bytes, byte: bytes) -> None:
        self._begun, self._byte = begun, byte
        self._over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.hung_up = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        # What waits for a caller is woken by one.
        with contextlib.suppress(OSError):
            socket.create_connection(self._socket.getsockname(), timeout=1).close()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            connection, _ = self._socket.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65_536)
                connection.sendall(self._begun)
                while not self._over.wait(0.02):
                    connection.sendall(self._byte)
                continue
            self.hung_up.set()


SILENCE, HEADERS, BODY = (
    *((b"", b""), (b"HTTP/1.1 200 OK\r\nX-A: ", b"a")),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b" "),
)


@pytest.fixture
def served() -> Iterator[Callable[[tuple[bytes, bytes]], Dripping]]:
    """Start servers that drip."""
    started: list[Dripping] = []

    def serve(what: tuple[bytes, bytes]) -> Dripping:
        started.append(Dripping(*what))
        return started[-1]

    yield serve
    for each in started:
        each.close()


Served = Callable[[tuple[bytes, bytes]], Dripping]


@pytest.mark.parametrize("what", [SILENCE, HEADERS, BODY], ids=["silence", "headers", "body"])
def test_a_call_ends_by_its_deadline_and_hangs_up_whatever_the_server_does(
    served: Served, what: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tinyllama.calling.CALL_SECONDS", 0.15)
    server = served(what)
    begun = time.monotonic()

    with Client(server.url, "t", repeating=ONCE) as client:
        with pytest.raises(Unreachable, match="ReadTimeout") as raised:
            client.queue()

        assert not raised.value.maybe_done  # it only looked
        assert time.monotonic() - begun < 2
        assert what is SILENCE or server.hung_up.wait(2)


def test_a_call_ends_by_its_deadline_however_slowly_the_server_takes_it() -> None:
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        # Of the connections, too: a great one would take the whole body at once.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)

        def sip() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                while not over.wait(0.005) and connection.recv(65_536):
                    pass

        sipping = threading.Thread(target=sip, daemon=True)
        sipping.start()
        calling = Calling(f"http://127.0.0.1:{server.getsockname()[1]}", "t", ONCE)
        begun = time.monotonic()

        with pytest.raises(Unreachable, match="WriteTimeout"):
            calling.call("POST", "/events", "x" * 30_000_000, within=0.5)

        took = time.monotonic() - begun
        over.set()
        calling.close()
        sipping.join()
    assert took < 2


@pytest.mark.parametrize("what", [SILENCE, HEADERS, BODY], ids=["silence", "headers", "body"])
def test_a_wait_is_over_in_time_whatever_the_server_does(
    served: Served, what: tuple[bytes, bytes]
) -> None:
    calling = Calling(served(what).url, "t", Repeating(first_seconds=0.01))
    begun = time.monotonic()

    with pytest.raises(StillRunning):
        Handle(calling, Job(ID, "queued", 1)).wait(timeout=0.2)

    calling.close()
    assert 0.2 <= time.monotonic() - begun < 1


def test_a_wait_without_a_number_is_over_at_once() -> None:
    calling = Calling("http://127.0.0.1:9", "t", ONCE)

    with pytest.raises(StillRunning):
        Handle(calling, Job(ID, "queued", 1)).wait(timeout=math.nan)

    calling.close()


@pytest.mark.parametrize("stream", [False, True])
def test_a_command_that_loses_the_router_names_its_job(*, stream: bool) -> None:
    url = "http://127.0.0.1:9"
    calling = Calling(url, "t", ONCE)

    with pytest.raises(Unreachable) as raised:
        show_answer(Handle(calling, Job(ID, "queued", 1)), url, stream=stream, as_json=False)

    calling.close()
    assert any(f"`tinyllama jobs tail {ID}`" in note for note in raised.value.__notes__)


SURROGATE = "\ud800"
ODD: dict[str, Callable[[Client], object]] = {
    "a negative limit": lambda client: client.jobs(limit=-1),
    "a negative limit of the inbox": lambda client: client.inbox(limit=-1),
    "a wait without end": lambda client: client.lease(wait_seconds=math.inf),  # type: ignore[arg-type]
    "a wait of no number": lambda client: client.lease(wait_seconds=math.nan),  # type: ignore[arg-type]
    "a wait into the past": lambda client: client.lease(wait_seconds=-1),
    "a state": lambda client: next(client.jobs(state=SURROGATE)),
    "a type": lambda client: next(client.inbox(event_type=SURROGATE)),
    "a type to follow": lambda client: next(client.follow(event_type=SURROGATE)),
    "a key": lambda client: client.submit("x", idempotency_key=SURROGATE),
    "events of two kinds": lambda client: client.acknowledge("evt_1", all_of="lease"),
    "two leases": lambda client: client.release(lease="one", all_of="another"),
    "events of no lease": lambda client: client.release("evt_1"),
}


@pytest.mark.parametrize("how", ODD)
def test_an_odd_argument_is_told_before_anything_is_sent(how: str) -> None:
    with Client("http://127.0.0.1:9", "t", repeating=ONCE) as client, pytest.raises(Unusable):
        ODD[how](client)


def test_an_odd_id_that_a_router_told_is_told_before_anything_is_sent() -> None:
    calling = Calling("http://127.0.0.1:9", "t", ONCE)

    with pytest.raises(Unusable):
        Handle(calling, Job(SURROGATE, "queued", 1)).look()

    calling.close()


def test_a_limit_may_be_greater_than_any_list() -> None:
    with (
        Client("http://127.0.0.1:9", "t", repeating=ONCE) as client,
        pytest.raises(Unreachable),
    ):
        next(client.jobs(limit=10**20))


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "a..example", "\u00df" * 40, "a b"])
def test_a_host_that_none_can_have_is_told(host: str) -> None:
    with pytest.raises(ClientError), Client(f"https://{host}", "t", repeating=ONCE) as client:
        client.queue()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", "ftp://user:hush@proxy.example"),
        ("ALL_PROXY", "http://proxy.example:hush"),
        ("SSL_CERT_FILE", "/absent/hush"),
    ],
)
def test_what_the_environment_says_of_proxies_and_certificates_is_told_where_it_will_not_do(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    for each in ("HTTPS_PROXY", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(each, raising=False)
        monkeypatch.delenv(each.lower(), raising=False)
    monkeypatch.setenv(name, value)

    with pytest.raises(Unusable, match=name) as raised:
        Client("https://api.example", "t")

    assert "hush" not in str(raised.value)


@pytest.mark.parametrize("url", ["HTTP://127.0.0.2:9", "https://127.0.0.2:9", "https://127.1:9"])
def test_no_proxy_is_asked_for_this_machine_however_it_is_spelled(
    served: Served, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    proxy = served((b"HTTP/1.1 418 Proxy\r\nContent-Length: 0\r\n\r\n", b""))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv(name.lower(), proxy.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    with (
        Client(url, "t", repeating=ONCE) as client,
        pytest.raises(Unreachable, match="ConnectError"),
    ):
        client.queue()


def test_a_proxy_that_drips_holds_no_call_either(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = served(HEADERS)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("https_proxy", proxy.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("tinyllama.calling.CALL_SECONDS", 0.15)
    begun = time.monotonic()

    with Client("https://api.example", "t", repeating=ONCE) as client, pytest.raises(Unreachable):
        client.queue()

    assert time.monotonic() - begun < 2
