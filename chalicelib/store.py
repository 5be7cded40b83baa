"""The connection to the store, and how a move is run on it. Knows Redis, not what is kept there."""

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterDownError,
    ConnectionError,  # noqa: A004 - redis-py's own name for it
    MovedError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,  # noqa: A004
    TryAgainError,
)
from redis.retry import Retry

from chalicelib import connections, guarding, keyspace, limits, signals, visits
from chalicelib.errors import NotConfigured, StoreUnavailable
from chalicelib.scripts import Lua, Script
from chalicelib.signals import Level
from chalicelib.visits import Visit

_ENTER = Script("enter", reads=True)
_REPLICATION_MS: Final = 1000
_RETRIES: Final = 2
# Two nodes may point to each other for a moment, while one takes over from the other.
_REDIRECTS: Final = 5
_REDIRECT_SECONDS: Final = 0.05

# A full store refuses SET, but not in a script that wrote before (lua/lib/common.lua).
_WRITE: Final = "redis.call('DEL', KEYS[1]) return redis.call('SET', KEYS[1], 1)"

_UNREACHABLE = (ConnectionError, TimeoutError)
_REFUSING = (
    AskError,  # the slot is on its way to another node; MOVED that leads nowhere is one, too
    ClusterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    TryAgainError,
)
# What a server says, in place of NOAUTH, to a command of more than ten words.
_UNAUTHENTICATED = "Protocol error: unauthenticated"
# Replies that redis-py has no class for: the disk is full, too few replicas follow, a script runs
# for too long, or a primary that a caller waited on was demoted.
_REFUSING_PREFIXES = ("MISCONF", "NOREPLICAS", "BUSY ", "UNBLOCKED", _UNAUTHENTICATED)


def connect(url: str, replicas: int = 0, sign_in: str | None = None) -> "Store":
    """Return the store at *url* (``redis://``, ``rediss://`` or ``unix://``); connects on use.

    A write counts once so many *replicas* have it. With *sign_in* the address's user signs in with
    AWS credentials (``settings.StoreSettings``). Raises NotConfigured for an address that is none,
    and where nobody could sign in.
    """
    try:
        pool, place = connections.pool(url, sign_in)
    except (ValueError, TypeError, redis.RedisError):
        raise NotConfigured("TINYLLAMA_STORE_URL is not the address of a store") from None
    return Store(redis.Redis.from_pool(pool), replicas, place)


class Store:
    """Runs moves and reads. Raises StoreUnavailable when the server is away or refuses writes.

    A call whose reply was lost is sent again, so everything sent must be safe to repeat.
    """

    def __init__(
        self,
        client: redis.Redis,
        replicas: int = 0,
        place: connections.Place | None = None,
    ) -> None:
        self._client = client
        self._replicas = replicas
        self._place = place
        self._refusal: str | None = None
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

        During a visit its API key and requests are looked at in the same step. Raises
        StoreUnavailable where too few replicas have what it wrote, too; TokenRejected
        ``key_revoked`` and RateLimited during a visit.
        """
        evaluate = self._evaluate if script.reads or not self._replicas else self._replicate
        visit = visits.current()
        if visit is None or not visit.guarded:
            given = len(keys), *keys, *args
            return self._guarded(lambda: _sent(script, given, evaluate), retry=retry)

        def once() -> Any:
            return _sent_for(visit, script, keys, args, evaluate)

        return guarding.admitted(visit, self._guarded(once, retry=retry))

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
        visit = visits.current()
        if visit is None or not visit.guarded:
            return self._guarded(lambda: self._pipelined(commands), retry=retry)

        def ahead(*enter: str | float) -> list[Any]:
            return self._pipelined((enter, *commands))

        def once() -> list[Any]:
            return _sent_for(visit, _ENTER, (), (), ahead)

        entered, *answers = self._guarded(once, retry=retry)
        guarding.admitted(visit, entered)
        return answers

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
        until = time.monotonic() + seconds
        streams = ("STREAMS", *after, *after.values())

        def once() -> None:
            # Not through the client, whose one limit on an answer is shorter than a long wait.
            pool = self._client.connection_pool
            connection = pool.get_connection()
            left = max(until - time.monotonic(), 0)
            milliseconds = max(1, round(left * 1000))  # zero would block for ever
            try:
                connection.send_command("XREAD", "COUNT", 1, "BLOCK", milliseconds, *streams)  # type: ignore[no-untyped-call]
                connection.read_response(timeout=left + connections.ANSWER_SECONDS)
            finally:
                pool.release(connection)

        self._guarded(once, retry=False)

    def close(self) -> None:
        """Close every connection; the next call opens new ones."""
        self._client.connection_pool.disconnect()

    def _guarded[T](self, call: Callable[[], T], *, retry: bool = True) -> T:
        def following() -> T:
            return self._following(call)

        try:
            done = self._retry.call_with_retry(following, self._lost) if retry else following()
        except (*_UNREACHABLE, *_REFUSING) as error:
            if isinstance(error, ReadOnlyError):
                # After a failover the address names another server than the open connections do.
                self._client.connection_pool.disconnect(inuse_connections=False)
            self._lost(error)
            self._tell(error)
            raise _unavailable() from error
        except ResponseError as error:
            if str(error).startswith(_REFUSING_PREFIXES):
                self._tell(error)
                raise _unavailable() from error
            raise
        self._refusal = None
        return done

    def _tell(self, error: Exception) -> None:
        """Log why the store lets nobody in, once until it does."""
        reason, before = _reason(error), self._refusal
        if reason and reason != before:
            self._refusal = reason
            signals.log("store.refused", Level.ERROR, reason=reason)

    def _following[T](self, call: Callable[[], T]) -> T:
        """Do *call* where a cluster says that the keys are; what was MOVED was not done."""
        for redirected in range(_REDIRECTS):
            try:
                return call()
            except MovedError as moved:
                if self._place is None:
                    raise
                self._place.follow(moved.host, moved.port)
                time.sleep(redirected * _REDIRECT_SECONDS)
        return call()

    def _lost(self, error: Exception) -> None:
        """Ask at the given address where the store is now, once no node answers where it was."""
        if self._place is not None and isinstance(error, _UNREACHABLE):
            self._place.back()


def _sent[T](script: Lua, given: tuple[str | float, ...], evaluate: Callable[..., T]) -> T:
    """Run a script by its digest, and by its text where the server does not know it yet."""
    try:
        return evaluate("EVALSHA", script.sha, *given)
    except NoScriptError:
        return evaluate("EVAL", script.source, *given)


def _sent_for[T](
    visit: Visit,
    script: Script,
    keys: Sequence[str],
    args: Sequence[str | float],
    evaluate: Callable[..., T],
) -> T:
    """Run a script on a caller's behalf; what a visit costs is asked with each try."""
    told = *keys, *guarding.keys(visit)
    try:
        return _sent(script.guarded, (len(told), *told, *args, guarding.terms(visit)), evaluate)
    except MovedError:
        visit.spare()  # the node that pointed elsewhere did nothing
        raise


def _reason(error: Exception) -> str | None:
    """Return why the store lets nobody in, if it does not: waiting will not mend that."""
    if str(error).startswith(_UNAUTHENTICATED):
        return "NOAUTH"
    if isinstance(error, AuthenticationError | NoPermissionError):
        return str(error.status_code or error)
    cause = error.__context__
    return type(cause).__name__ if isinstance(cause, ssl.SSLError) else None


def _unavailable() -> StoreUnavailable:
    return StoreUnavailable(
        "the store cannot be reached or takes no writes; try again shortly",
        headers={"Retry-After": str(limits.RETRY_AFTER_SECONDS)},
    )
