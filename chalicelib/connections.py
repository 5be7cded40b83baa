"""Connections to the store: where they lead, as whom they sign in, when one is replaced."""

import ipaddress
import time
from typing import Any, Final
from urllib.parse import urlsplit

import redis
import redis.connection
from redis.backoff import NoBackoff
from redis.retry import Retry

from chalicelib import signing

CONNECT_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 3.0
IDLE_SECONDS: Final = 30.0
# Callers' threads are what bounds connections: at a limit of the pool's own, work that waits for
# an entry would shut out all other.
_CONNECTIONS: Final = 10_000


class Place:
    """Where the store is: the address that was given, or the node a cluster pointed to since.

    Shared by all connections of a pool: each that leads elsewhere is replaced before its next use.
    """

    def __init__(self, host: str, port: int) -> None:
        self._given = self.now = (host, port)

    def follow(self, host: str, port: int) -> None:
        """Lead to the node of a MOVED reply; one without a name is the host that answered."""
        self.now = (self.now[0] if host in ("", "?") else host, port)

    def back(self) -> None:
        """Lead to the given address again, which knows the cluster's other nodes."""
        self.now = self._given

    def name_of(self, host: str) -> str:
        """Return the name that the certificate at *host* must have.

        Nodes that are told by number have the cluster's certificate, which holds for the name that
        was given.
        """
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return host
        return self._given[0]


class _ReplacedWhenIdle(redis.connection.AbstractConnection):
    """A connection that is replaced, not tried, after half a minute without use.

    A frozen Lambda wakes up with sockets that the other side closed long ago.
    """

    _used = 0.0

    def connect(self) -> None:
        if time.monotonic() - self._used > IDLE_SECONDS:
            self.disconnect()  # type: ignore[no-untyped-call]
        super().connect()  # type: ignore[no-untyped-call]

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:  # noqa: FBT001, FBT002
        self._used = time.monotonic()
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]


class _Unix(_ReplacedWhenIdle, redis.connection.UnixDomainSocketConnection):
    pass


class _Tcp(_ReplacedWhenIdle, redis.connection.Connection):
    def __init__(self, *, place: Place, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._place = place

    def connect(self) -> None:
        now = self._place.now
        if (self.host, self.port) != now:
            self.disconnect()  # type: ignore[no-untyped-call]
            self.host, self.port = now
        super().connect()


class _Tls(_Tcp, redis.connection.SSLConnection):
    def _wrap_socket_with_ssl(self, sock: Any) -> Any:
        dialled = self.host
        self.host = self._place.name_of(dialled)
        try:
            return super()._wrap_socket_with_ssl(sock)  # type: ignore[no-untyped-call]
        finally:
            self.host = dialled


def pool(url: str, sign_in: str | None = None) -> tuple[redis.ConnectionPool, Place | None]:
    """Return connections to *url*, and where they lead unless that is a socket of this machine.

    Connects to nothing. With *sign_in* (``signing.Identity``) each signs in anew with AWS
    credentials. Raises NotConfigured where it cannot; ValueError, TypeError or a RedisError for an
    address that is none.
    """
    address = urlsplit(url)
    kinds = {"rediss": _Tls, "unix": _Unix}
    made = redis.ConnectionPool.from_url(
        url,
        connection_class=kinds.get(address.scheme, _Tcp),
        decode_responses=True,
        max_connections=_CONNECTIONS,
        driver_info=None,  # with it and protocol 3 the first command takes five round trips
        protocol=2,
        retry=Retry(NoBackoff(), 0),  # Store retries, once and with a bound
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
    )
    options = made.connection_kwargs
    place = None
    if address.scheme != "unix":
        place = Place(options.get("host", "localhost"), options.get("port", 6379))
        options["place"] = place
    if sign_in is not None:
        identity = signing.Identity.of(sign_in, address)
        options.pop("username", None)
        options["credential_provider"] = signing.IamSignIn(identity, signing.credential_source())
    # Made, not connected: only this looks at the options behind the address's question mark.
    made.connection_class(**options)
    return made, place
