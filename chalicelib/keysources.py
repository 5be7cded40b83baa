"""Where the keys come from: a file, an address, or the issuer's discovery document.

Nothing is opened or fetched before the first token comes; this module decides how long keys are
believed and how often an issuer is asked.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chalicelib import limits, settings
from chalicelib.errors import KeysUnavailable, NotConfigured, TokenRejected
from chalicelib.fetching import DEADLINE_SECONDS, FetchError, checked, fetch
from chalicelib.keysets import Key, KeySet, KeySource, parse, read_object
from chalicelib.settings import KeySettings, TokenSettings

_KEY_JWKS = "TINYLLAMA_KEY_JWKS"
# RFC 7518 section 6: what a public key has not.
_PRIVATE = frozenset({"d", "k", "p", "q", "dp", "dq", "qi", "oth"})


def _unavailable(detail: str = "") -> KeysUnavailable:
    return KeysUnavailable(detail, headers={"Retry-After": str(limits.RETRY_AFTER_SECONDS)})


class FileKeys:
    """The keys of a JWK set on disk, read on first use and again whenever the file changes.

    A file that cannot be read or holds no usable key answers KeysUnavailable until it is mended.
    """

    def __init__(self, path: Path, variable: str = "TINYLLAMA_JWKS") -> None:
        self._path = path
        self._variable = variable
        self._loaded: tuple[tuple[int, ...], KeySet] | None = None

    def find(self, kid: str | None) -> Key:
        """Return the key as ``KeySource`` says."""
        return self.read().find(kid)

    def read(self) -> KeySet:
        """Return the file's keys as they are now. Raises KeysUnavailable."""
        try:
            status = self._path.stat()
            # Inode and change time too: a replaced file may keep size and modification time.
            seen = (status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size)
            loaded = self._loaded
            if loaded is None or loaded[0] != seen:
                loaded = (seen, parse(read_object(self._path.read_bytes())))
        except (OSError, ValueError) as error:
            raise _unavailable(
                f"{self._variable} names no file of keys that can be read"
            ) from error
        if not loaded[1]:
            raise _unavailable(f"{self._variable} names a file without a usable key")
        self._loaded = loaded
        return loaded[1]


@dataclass(frozen=True)
class Freshness:
    """How long fetched keys are believed; all in seconds.

    ``fresh_seconds`` old, keys are fetched again behind the callers' backs; ``stale_seconds`` old,
    they serve no more. After a fetch that did not bring the wanted kid none is made for this one
    for ``unknown_cooldown_seconds``; for others ``unknown_burst`` at once, then one each
    ``unknown_pace_seconds``. After one that failed none at all is made for
    ``failure_cooldown_seconds``. ``refresh_wait_seconds`` is how long the caller who starts a
    refresh waits for it although its key is known.
    """

    fresh_seconds: float = 300
    stale_seconds: float = 3600
    unknown_cooldown_seconds: float = 30
    # More than one: who insists on a withdrawn key must not keep a rotated-in one from all. Paced
    # then: who makes kids up sets off the very fetch that brings it.
    unknown_burst: int = 3
    unknown_pace_seconds: float = 10
    failure_cooldown_seconds: float = 10
    refresh_wait_seconds: float = 0


class _Flight:
    """One fetch and what it brought: no keys when it failed."""

    def __init__(self) -> None:
        self.landed = threading.Event()
        self.landed_at = float("-inf")
        self.keys = KeySet(())


class RemoteKeys:
    """The keys an issuer serves, fetched lazily and cached; rotation needs no restart.

    At most one fetch is under way, in a thread of its own: who asks for a key that is known never
    waits for it. Safe to share between threads.
    """

    def __init__(
        self,
        load: Callable[[], KeySet],
        freshness: Freshness | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._freshness = freshness or Freshness()
        self._clock = clock
        self._lock = threading.Lock()
        self._last_good = _Flight()
        self._failed_at = float("-inf")
        self._missed: dict[str | None, float] = {}
        self._last_miss: _Flight | None = None
        self._asks_again_at = float("-inf")
        self._under_way: _Flight | None = None

    def find(self, kid: str | None) -> Key:
        """Return the key as ``KeySource`` says, within the fetch's deadline."""
        now = self._clock()
        with self._lock:
            last = self._last_good
        age = now - last.landed_at
        if age < self._freshness.stale_seconds:
            if (key := last.keys.get(kid)) is not None:
                if age < self._freshness.fresh_seconds:
                    return key
                # What has landed meanwhile may have withdrawn it.
                return self._refreshed(last).keys.find(kid)
            if self._missed_lately(kid, now):
                raise TokenRejected("key_unknown")
        return self._fetched(kid, last)

    def _fetched(self, kid: str | None, seen: _Flight) -> Key:
        flight, _ = self._board(seen)
        # Longer than any load lasts, since a load bounds itself: here only to never wait for ever.
        if flight is None or not flight.landed.wait(2 * DEADLINE_SECONDS) or not flight.keys:
            raise _unavailable()
        key = flight.keys.get(kid)
        if key is None:
            self._miss(kid, flight)
            raise TokenRejected("key_unknown")
        return key

    def _miss(self, kid: str | None, flight: _Flight) -> None:
        """Remember that *flight* did not bring *kid*."""
        now, bound = self._clock(), self._freshness.unknown_cooldown_seconds
        with self._lock:
            recent = {each: at for each, at in self._missed.items() if now - at < bound}
            self._missed = {**recent, kid: now}
            if flight is not self._last_miss:
                begins = max(now, self._asks_again_at)
                self._asks_again_at = begins + self._freshness.unknown_pace_seconds
                self._last_miss = flight

    def _missed_lately(self, kid: str | None, now: float) -> bool:
        """Whether another fetch for the unknown *kid* must wait."""
        ahead = self._freshness.unknown_pace_seconds * (self._freshness.unknown_burst - 1)
        with self._lock:
            missed_at = self._missed.get(kid, float("-inf"))
            paced = self._asks_again_at - now > ahead
        return paced or now - missed_at < self._freshness.unknown_cooldown_seconds

    def _refreshed(self, seen: _Flight) -> _Flight:
        """Return the newest keys there are after the wait that ``Freshness`` allows."""
        flight, started = self._board(seen)
        if flight is not None and started and self._freshness.refresh_wait_seconds:
            flight.landed.wait(self._freshness.refresh_wait_seconds)
        with self._lock:
            return self._last_good

    def _board(self, seen: _Flight) -> tuple[_Flight | None, bool]:
        """Return a flight that lands after *seen* and whether it starts here.

        None soon after one that failed.
        """
        with self._lock:
            if self._last_good is not seen:
                return self._last_good, False
            if self._under_way is not None:
                return self._under_way, False
            if self._clock() - self._failed_at < self._freshness.failure_cooldown_seconds:
                return None, False
            flight = _Flight()
            thread = threading.Thread(target=self._fly, args=(flight,), name="keys", daemon=True)
            # Under the lock: a thread that cannot be started must leave no flight to wait for.
            try:
                thread.start()
            except RuntimeError:
                return None, False
            self._under_way = flight
        return flight, True

    def _fly(self, flight: _Flight) -> None:
        try:
            flight.keys = self._load()
        except (FetchError, ValueError):
            pass
        finally:
            with self._lock:
                self._under_way = None
                flight.landed_at = self._clock()
                # An issuer that answers without one usable key is broken, not empty.
                if flight.keys:
                    self._last_good = flight
                else:
                    self._failed_at = flight.landed_at
            flight.landed.set()


def address_loader(url: str) -> Callable[[], KeySet]:
    """Return what loads the JWK set at *url* within the fetch's deadline."""
    return lambda: parse(read_object(fetch(url)))


def discovery_loader(
    issuer: str, clock: Callable[[], float] = time.monotonic
) -> Callable[[], KeySet]:
    """Return what loads the keys named by *issuer*'s discovery document (OIDC Discovery 1.0).

    The document must name exactly this issuer; both fetches share one deadline.
    """
    url = issuer.rstrip("/") + "/.well-known/openid-configuration"

    def load() -> KeySet:
        ends = clock() + DEADLINE_SECONDS
        document = read_object(fetch(url))
        jwks_uri = document.get("jwks_uri")
        if document.get("issuer") != issuer or not isinstance(jwks_uri, str):
            raise ValueError("the discovery document is not this issuer's")
        if checked(url).scheme != checked(jwks_uri).scheme:
            raise ValueError("the discovery document leads from https to http, or back")
        return parse(read_object(fetch(jwks_uri, max(ends - clock(), 0.001))))

    return load


def key_source(tokens: TokenSettings) -> KeySource:
    """Return where *tokens* says its keys come from; nothing is opened or fetched yet.

    Raises NotConfigured naming the variable when an address is not to be used.
    """
    address = tokens.jwks or tokens.issuer
    if tokens.jwks is not None and "://" not in tokens.jwks:
        return FileKeys(settings.PROJECT / tokens.jwks)
    try:
        checked(address)
    except ValueError as error:
        variable = "TINYLLAMA_JWKS" if tokens.jwks else "TINYLLAMA_ISSUER"
        raise NotConfigured(f"{variable}: {error}") from None
    load = address_loader(address) if tokens.jwks else discovery_loader(address)
    # A frozen Lambda finishes nothing behind its answer, so there a refresh is given a moment.
    wait_seconds = 1.0 if settings.in_lambda() else 0.0
    return RemoteKeys(load, Freshness(refresh_wait_seconds=wait_seconds))


def api_key_source(keys: KeySettings) -> KeySource | None:
    """Return where *keys* says that API keys are verified; None where there are none.

    Raises NotConfigured naming the variable for a text that is not a JWK set of public keys, each
    of them usable.
    """
    if keys.jwks is None:
        return None
    if not keys.jwks.startswith("{"):
        return FileKeys(settings.PROJECT / keys.jwks, _KEY_JWKS)
    try:
        told = read_object(keys.jwks.encode())
    except ValueError:
        raise NotConfigured(f"{_KEY_JWKS} is not one JSON object") from None
    listed = told.get("keys")
    members = listed if isinstance(listed, list) else []
    if any(isinstance(jwk, dict) and not _PRIVATE.isdisjoint(jwk) for jwk in members):
        raise NotConfigured(f"{_KEY_JWKS} holds a private key: replace it, it is known now")
    found = parse(told)
    if not members or len(found) != len(members):
        raise NotConfigured(f"{_KEY_JWKS} holds no key, or one that cannot be used")
    return found
