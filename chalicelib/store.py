"""The connection to the store, and how a move is run on it. Knows Redis, not what is kept there."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from hashlib import sha1
from pathlib import Path
from typing import Any, Final

import redis
import redis.connection
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.exceptions import (
    ClusterDownError,
    ConnectionError,  # noqa: A004 - redis-py's own name for it
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,  # noqa: A004
    TryAgainError,
)
from redis.retry import Retry

from chalicelib import keyspace, limits
from chalicelib.errors import NotConfigured, StoreUnavailable

_LUA = Path(__file__).parent / "lua"
_CONNECT_SECONDS: Final = 2.0
_ANSWER_SECONDS: Final = 3.0
_IDLE_SECONDS: Final = 30.0
_REPLICATION_MS: Final = 1000
_RETRIES: Final = 2
# Callers' threads are what bounds connections: at a limit of the pool's own, work that waits for
# an entry would shut out all other.
_CONNECTIONS: Final = 10_000

# A full store refuses SET, but not in a script that wrote before (lua/lib/common.lua).
_WRITE: Final = "redis.call('DEL', KEYS[1]) return redis.call('SET', KEYS[1], 1)"

_UNREACHABLE = (ConnectionError, TimeoutError)
_REFUSING = (
    ClusterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    TryAgainError,
)
# Replies that redis-py has no class for: the disk is full, too few replicas follow, a script runs
# for too long, or a primary that a caller waited on was demoted.
_REFUSING_PREFIXES = ("MISCONF", "NOREPLICAS", "BUSY ", "UNBLOCKED")


@cache
def _lua(part: str) -> str:
    """Return a file of ``lua/``; a cold start opens each library once, not for every move."""
    return (_LUA / part).read_text(encoding="utf-8")


class Script:
    """One move: ``lua/lib/common.lua``, the *libraries* it builds on, ``lua/<name>.lua``.

    Read when this is made. One that only *reads* need not reach the replicas.
    """

    def __init__(self, name: str, *libraries: str, reads: bool = False) -> None:
        parts = (*(f"lib/{library}.lua" for library in ("common", *libraries)), f"{name}.lua")
        self.source = "\n".join(map(_lua, parts))
        self.reads = reads

    @cached_property
    def sha(self) -> str:
        """Return the digest under which the server caches the script."""
        return sha1(self.source.encode(), usedforsecurity=False).hexdigest()


class _ReplacedWhenIdle(redis.connection.AbstractConnection):
    """A connection that is replaced, not tried, after half a minute without use.

    A frozen Lambda wakes up with sockets that the other side closed long ago.
    """

    _used = 0.0

    def connect(self) -> None:
        if time.monotonic() - self._used > _IDLE_SECONDS:
            self.disconnect()  # type: ignore[no-untyped-call]
        super().connect()  # type: ignore[no-untyped-call]

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:  # noqa: FBT001, FBT002
        self._used = time.monotonic()
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]


class _Tcp(_ReplacedWhenIdle, redis.connection.Connection):
    pass


class _Tls(_ReplacedWhenIdle, redis.connection.SSLConnection):
    pass


class _Unix(_ReplacedWhenIdle, redis.connection.UnixDomainSocketConnection):
    pass


def connect(url: str, replicas: int = 0) -> "Store":
    """Return the store at *url* (``redis://``, ``rediss://`` or ``unix://``); connects on use.

    A write counts once so many *replicas* have it. Raises NotConfigured for an address that is
    none.
    """
    try:
        pool = _pool(url)
        # Made, not connected: only this looks at the options behind the address's question mark.
        pool.connection_class(**pool.connection_kwargs)
        return Store(redis.Redis.from_pool(pool), replicas)
    except (ValueError, TypeError, redis.RedisError):
        raise NotConfigured("TINYLLAMA_STORE_URL is not the address of a store") from None


def _pool(url: str) -> redis.ConnectionPool:
    kinds = {"rediss": _Tls, "unix": _Unix}
    return redis.ConnectionPool.from_url(
        url,
        connection_class=kinds.get(url.partition(":")[0], _Tcp),
        decode_responses=True,
        max_connections=_CONNECTIONS,
        driver_info=None,  # with it and protocol 3 the first command takes five round trips
        protocol=2,
        retry=Retry(NoBackoff(), 0),  # Store retries, once and with a bound
        socket_connect_timeout=_CONNECT_SECONDS,
        socket_timeout=_ANSWER_SECONDS,
    )


class Store:
    """Runs moves and reads. Raises StoreUnavailable when the server is away or refuses writes.

    A call whose reply was lost is sent again, so everything sent must be safe to repeat.
    """

    def __init__(self, client: redis.Redis, replicas: int = 0) -> None:
        self._client = client
        self._replicas = replicas
        backoff = ExponentialWithJitterBackoff(base=0.05, cap=0.5)
        self._retry = Retry(backoff, _RETRIES, supported_errors=_UNREACHABLE)

    def run(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[str | float],
        *,
        retry: bool = True,
    ) -> Any:
        """Run *script* atomically on *keys*, which are all that it touches; one round trip.

        Raises StoreUnavailable where too few replicas have what it wrote, too.
        """
        evaluate = self._evaluate if script.reads or not self._replicas else self._replicate

        def once() -> Any:
            try:
                return evaluate("EVALSHA", script.sha, len(keys), *keys, *args)
            except NoScriptError:
                return evaluate("EVAL", script.source, len(keys), *keys, *args)

        return self._guarded(once, retry=retry)

    def _evaluate(self, *command: str | float) -> Any:
        return self._client.execute_command(*command)  # type: ignore[no-untyped-call]

    def _replicate(self, *command: str | float) -> Any:
        # WAIT asks for this connection's own last write. A repeat may find done what another
        # connection did, and write nothing: without a write of its own it would wait for nothing.
        write = ("EVAL", _WRITE, 1, keyspace.WRITTEN)
        wait = ("WAIT", self._replicas, _REPLICATION_MS)
        answer, _, having = self._pipelined((command, write, wait))
        if having < self._replicas:
            raise StoreUnavailable(
                f"{having} of {self._replicas} replicas have the write",
                headers={"Retry-After": str(limits.RETRY_AFTER_SECONDS)},
            )
        return answer

    def _pipelined(self, commands: Sequence[tuple[str | float, ...]]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
        # Not raised there, where the reply's first word is lost behind the command's.
        answers: list[Any] = pipeline.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, redis.RedisError):
                raise answer
        return answers

    def read(self, *commands: tuple[str | float, ...], retry: bool = True) -> list[Any]:
        """Answer several read-only *commands* in one round trip."""
        return self._guarded(lambda: self._pipelined(commands), retry=retry)

    def memory_share(self) -> float | None:
        """Return how much of its memory the store uses, from 0 to 1.

        None where it has no limit or does not tell.
        """

        def once() -> Any:
            try:
                return self._evaluate("INFO", "memory")
            except ResponseError as error:
                if str(error).startswith(_REFUSING_PREFIXES):
                    raise
                return {}

        told = self._guarded(once)
        limit = int(told.get("maxmemory", 0))
        return int(told.get("used_memory", 0)) / limit if limit else None

    def await_entry(self, after: Mapping[str, str], seconds: float) -> None:
        """Block until a stream has an entry later than *after* says of it, or *seconds* passed."""
        milliseconds = max(1, round(seconds * 1000))  # zero would block for ever
        command = ("XREAD", "COUNT", 1, "BLOCK", milliseconds, "STREAMS", *after, *after.values())

        def once() -> None:
            # Not through the client, whose one limit on an answer is shorter than a long wait.
            pool = self._client.connection_pool
            connection = pool.get_connection()
            try:
                connection.send_command(*command)  # type: ignore[no-untyped-call]
                connection.read_response(timeout=seconds + _ANSWER_SECONDS)
            finally:
                pool.release(connection)

        self._guarded(once, retry=False)

    def close(self) -> None:
        """Close every connection; the next call opens new ones."""
        self._client.connection_pool.disconnect()

    def _guarded[T](self, call: Callable[[], T], *, retry: bool = True) -> T:
        try:
            return self._retry.call_with_retry(call, lambda _: None) if retry else call()
        except (*_UNREACHABLE, *_REFUSING) as error:
            if isinstance(error, ReadOnlyError):
                # After a failover the address names another server than the open connections do.
                self._client.connection_pool.disconnect(inuse_connections=False)
            raise _unavailable() from error
        except ResponseError as error:
            if str(error).startswith(_REFUSING_PREFIXES):
                raise _unavailable() from error
            raise


def _unavailable() -> StoreUnavailable:
    return StoreUnavailable(
        "the store cannot be reached or takes no writes; try again shortly",
        headers={"Retry-After": str(limits.RETRY_AFTER_SECONDS)},
    )
