"""The router's own queue and inboxes on a real store whose clock the test sets.

A server's TIME cannot be set, so scripts are told another one: where they ask for TIME, they read
a key. It lies in the far future, so that no expiry at a time of that clock ever comes by itself;
the test lets keys expire when it moves the clock on. Within a move the clock stands still.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import redis

from chalicelib import keyspace, visits
from chalicelib.bounds import QueueSettings, RetentionSettings
from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from chalicelib.leasing import JobLeases
from chalicelib.listing import JobLists
from chalicelib.moves import JobMoves
from chalicelib.queueing import JobQueue
from chalicelib.scripts import Lua, Script
from chalicelib.store import Store
from chalicelib.streaming import TokenStreams
from chalicelib.sweeping import Sweeper
from chalicelib.upkeep import Upkeep
from chalicelib.visits import Visit
from tests.model.terms import Terms
from tests.servers import Server, store_binary

START_MS = 4_102_444_800_000  # the year 2100
_CLOCK = "clock of the test"
_DIGEST = "d" * 64
_ASKS = "redis.call('TIME')"
_TOLD = f"redis.call('LRANGE', '{_CLOCK}', 0, 1)"

# Returns {key, type, expiry, contents} of all keys, as JSON, which is read much faster. An expiry
# given as a span from now becomes one by the test's clock; spans are whole seconds, of which less
# than one has passed since.
_DUMP = """
local time = redis.call('LRANGE', ARGV[1], 0, 1)
local now = time[1] * 1000 + time[2] / 1000
local readers = {
  string = function(key) return redis.call('GET', key) end,
  hash = function(key) return redis.call('HGETALL', key) end,
  zset = function(key) return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end,
  stream = function(key) return redis.call('XRANGE', key, '-', '+') end,
}
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  if key ~= ARGV[1] then
    local expiry = redis.call('PEXPIRETIME', key)
    if expiry > 0 and expiry < tonumber(ARGV[2]) then
      local span = math.ceil(redis.call('PTTL', key) / 1000) * 1000
      expiry = now + span
      redis.call('PEXPIREAT', key, expiry)
    end
    local kind = redis.call('TYPE', key).ok
    found[#found + 1] = {key, kind, string.format('%.0f', expiry), readers[kind](key)}
  end
end
return cjson.encode(found)
"""


class Died(Exception):
    """The caller died between two calls of one move."""


class Value(NamedTuple):
    """What one key holds: hashes as mappings, sorted sets as members with scores."""

    kind: str
    expiry: int
    held: Any


type Contents = dict[str, Value]


class _Told(Script):
    def __init__(self, script: Script, *, instead: tuple[str, str]) -> None:
        assert script.source.count(_ASKS) == 1, "scripts ask for the time in one place"
        self.source = script.source.replace(_ASKS, _TOLD).replace(*instead)
        self.guarded = Lua(script.guarded.source.replace(_ASKS, _TOLD).replace(*instead))
        self.reads = script.reads


class ClockedStore(Store):
    """The product's own store, its scripts told the test's time."""

    def __init__(self, client: redis.Redis) -> None:
        super().__init__(client)
        self._told: dict[str, Script] = {}
        self._instead = ("", "")
        self.calls_left: int | None = None

    def replace(self, sound: str, broken: str) -> None:
        """Let scripts say something else than what they say; ``""`` twice mends them."""
        self._told, self._instead = {}, (sound, broken)

    def run(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[str | float],
        *,
        retry: bool = True,
    ) -> Any:
        if self.calls_left is not None:
            self.calls_left -= 1
            if self.calls_left < 0:
                raise Died
        if script.sha not in self._told:
            self._told[script.sha] = _Told(script, instead=self._instead)
        return super().run(self._told[script.sha], keys, args, retry=retry)


class System:
    """All of the router that the model speaks of, on one server."""

    def __init__(self, server: Server) -> None:
        self._raw = server.client()
        self._dump = self._raw.register_script(_DUMP)
        self.store = ClockedStore(server.client())
        self._moment = START_MS

    def begin(self, terms: Terms) -> None:
        """Empty the store and set the router up by *terms*."""
        self._raw.flushall()
        self.store.calls_left = None
        self.set_clock(START_MS)
        queue = QueueSettings(
            lease_seconds=terms.lease_ms / 1000,
            max_attempts=terms.max_attempts,
            queue_length=terms.queue_length,
            queue_bytes=terms.queue_bytes,
            inbox_bytes=terms.inbox_bytes,
            rate_per_minute=terms.rate_quota,
            key_rate_per_minute=terms.key_quota,
            tenant_bytes_per_day=terms.bytes_quota,
            tenant_queue_length=terms.tenant_length,
            tenant_queue_bytes=terms.tenant_bytes,
            key_queue_length=terms.key_length,
            key_queue_bytes=terms.key_bytes,
        )
        kept = RetentionSettings(
            result_seconds=terms.result_ms / 1000,
            tombstone_seconds=terms.tombstone_ms / 1000,
            event_seconds=terms.event_ms / 1000,
            acknowledged_seconds=terms.acknowledged_ms / 1000,
            idempotency_seconds=terms.idempotency_ms / 1000,
        )
        self.queue = JobQueue(self.store, queue, kept)
        self.leases = JobLeases(self.store, queue, kept)
        self.sweeper = Sweeper(JobMoves(self.store, queue, kept))
        self._upkeep = Upkeep(self.store, queue, kept, clock=lambda: 0.0)
        self.lists = JobLists(self.store)
        self.streams = TokenStreams(self.store)
        self.inbox = Inbox(self.store, queue, kept)
        self.inbox_leases = InboxLeases(self.store, kept)

    @contextmanager
    def asking(self, tenant: str, api_key: str) -> Iterator[None]:
        """Let moves inside be made on behalf of the tenant's API key, none where it is empty."""
        with visits.serving(Visit(tenant, api_key, key_digest=_DIGEST)):
            if not api_key:
                yield
                return
            record = keyspace.api_key(tenant, api_key)
            self._raw.hset(record, mapping={"ends_at": 10**15, "digest": _DIGEST})
            try:
                yield
            finally:
                self._raw.delete(record)

    def set_clock(self, ms: int) -> None:
        """Move the clock on to *ms*; what expires by then is gone."""
        for key, value in self.contents().items() if ms > self._moment else ():
            if 0 < value.expiry < ms:
                self._raw.delete(key)
        self._moment = ms
        with self._raw.pipeline() as pipeline:
            pipeline.delete(_CLOCK)
            pipeline.rpush(_CLOCK, ms // 1000, ms % 1000 * 1000)
            pipeline.execute()

    def contents(self) -> Contents:
        """Return all that the store holds."""
        found = json.loads(str(self._dump(args=(_CLOCK, START_MS // 2))))
        return {key: Value(kind, int(due), _parsed(kind, held)) for key, kind, due, held in found}

    def field(self, key: str, name: str) -> str | None:
        """Read one field of a hash past the router."""
        found = self._raw.hget(key, name)
        return None if found is None else str(found)

    def place(self, job_id: str) -> str:
        """Return how the queue calls a job."""
        return self.field(keyspace.job(job_id), "place") or ""

    def tick(self) -> None:
        """Do all that the tick of a minute does."""
        report = self._upkeep.tick()
        assert report.complete
        assert not report.failed

    def close(self) -> None:
        """Close both connections."""
        self.store.close()
        self._raw.close()


def start(folder: Path) -> Server:
    """Start a store that keeps nothing on disk: what is tested here is what moves do."""
    folder.mkdir()
    return Server(folder, store_binary(), "--appendonly", "no")


def _parsed(kind: str, held: Any) -> Any:
    if kind == "hash":
        return dict(zip(held[::2], held[1::2], strict=True))
    if kind == "zset":
        return dict(zip(held[::2], map(float, held[1::2]), strict=True))
    return held
