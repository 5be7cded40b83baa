"""Every move once, in one table: how it is arranged, how it is done, how often it crosses over."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import redis

from chalicelib import gauging, keyspace
from chalicelib.attaching import Attendance, Undelivered
from chalicelib.counting import Tally
from chalicelib.errors import StoreUnavailable
from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from chalicelib.jobs import Job
from chalicelib.key_records import KeyRecord, KeyRecords
from chalicelib.leasing import Claim, JobLeases, Outcome
from chalicelib.listing import JobLists
from chalicelib.model_lists import ModelLists
from chalicelib.queueing import Idempotency, JobQueue
from chalicelib.store import Store
from chalicelib.streaming import START, TokenStreams
from chalicelib.waiting import WaitingRoom
from tests.store.harness import (
    BROKEN,
    DONE,
    SETTINGS,
    claim,
    dead_letter,
    draft,
    job_id,
    key,
    lapse,
    pass_event_retention,
    place,
    request,
    submit,
    submit_as_0_1_0,
    sweeper_of,
    token,
)  # fmt: skip


class Side:
    """All that moves on one connection to the store."""

    def __init__(self, store: Store, raw: "redis.Redis") -> None:
        self.queue, self.leases = JobQueue(store, SETTINGS), JobLeases(store, SETTINGS)
        self.inbox, self.inbox_leases = Inbox(store, SETTINGS), InboxLeases(store)
        self.lists, self.streams = JobLists(store), TokenStreams(store)
        self.sweeper, self.room = sweeper_of(store), WaitingRoom(store, 2)
        self.keys, self.models = KeyRecords(store), ModelLists(store)
        self.raw, self.store = raw, store
        self.tally = Tally(store, time.monotonic)
        self.undelivered = Undelivered(store)

    def claimed(self) -> Claim:
        submit(self.queue)
        return claim(self.leases)

    def failed(self) -> Job:
        claimed = self.claimed()
        self.leases.finish(claimed, BROKEN)
        return self.queue.fetch("acme", claimed.job.id)

    def published(self) -> str:
        return self.inbox.publish(draft()).event.id


type Call = Callable[[Side], object]


@dataclass(frozen=True)
class Deed:
    """A move: *arrange* leaves the store ready for it, and returns the call, safe to repeat."""

    arrange: Callable[[Side], Call]
    round_trips: int


def _submit(near: Side) -> Call:
    del near
    asked = request()
    return lambda far: far.queue.submit(asked, Idempotency("k", "h"))


def _fetch(near: Side) -> Call:
    job = submit(near.queue)
    return lambda far: far.queue.fetch("acme", job.id)


def _claim(near: Side) -> Call:
    submit(near.queue)
    one = token()
    return lambda far: far.leases.claim(one)


def _claim_nothing(near: Side) -> Call:
    del near
    one = token()
    return lambda far: far.leases.claim(one)


def _append(near: Side) -> Call:
    claimed = near.claimed()
    return lambda far: far.leases.append(claimed, 0, ["a", "b", "c"])


def _extend(near: Side) -> Call:
    claimed = near.claimed()
    return lambda far: far.leases.extend(claimed)


def _finish(near: Side) -> Call:
    claimed = near.claimed()
    return lambda far: far.leases.finish(claimed, DONE)


def _finish_for_another_attempt(near: Side) -> Call:
    claimed = near.claimed()
    again = Outcome(error={"code": "engine_failed", "detail": "busy"}, retryable=True)
    return lambda far: far.leases.finish(claimed, again)


def _confirm_a_cancel(near: Side) -> Call:
    claimed = near.claimed()
    near.queue.cancel("acme", claimed.job.id)
    return lambda far: far.leases.finish(claimed, Outcome(cancelled=True))


def _release(near: Side) -> Call:
    claimed = near.claimed()
    return lambda far: far.leases.release(claimed)


def _beat(near: Side) -> Call:
    del near
    return lambda far: far.leases.beat("worker", 4, ["tinyllama"])


def _models(near: Side) -> Call:
    near.leases.beat("worker", 4, ["tinyllama"])
    return lambda far: far.models.models()


def _cancel(near: Side) -> Call:
    job = submit(near.queue)
    return lambda far: far.queue.cancel("acme", job.id)


def _ask_to_cancel(near: Side) -> Call:
    claimed = near.claimed()
    return lambda far: far.queue.cancel("acme", claimed.job.id)


def _retry(near: Side) -> Call:
    job = near.failed()
    return lambda far: far.queue.retry("acme", job.id, job.version).job  # charged once alone


def _redrive(near: Side) -> Call:
    submit(near.queue)
    dead = dead_letter(near.leases, near.sweeper, near.raw)
    version = near.queue.fetch(dead.tenant, dead.id).version
    return lambda far: far.queue.redrive(dead.tenant, dead.id, version)


def _erase(near: Side) -> Call:
    job = near.failed()
    return lambda far: far.queue.erase("acme", job.id)


def _gauge(near: Side) -> Call:
    del near
    return lambda far: far.queue.gauge()


def _measure(near: Side) -> Call:
    near.failed()
    return lambda far: replace(gauging.measure(far.store), memory_bytes=0)


def _list_jobs(near: Side) -> Call:
    submit(near.queue)
    return lambda far: far.lists.jobs("acme", None, 10)


def _list_dead_letters(near: Side) -> Call:
    job = near.failed()
    near.raw.zadd(keyspace.DEAD, {str(near.raw.hget(keyspace.job(job.id), "place")): 1})
    return lambda far: far.lists.dead_letters(None, 10)


def _stream(near: Side) -> Call:
    claimed = near.claimed()
    near.leases.append(claimed, 0, ["a"])
    return lambda far: far.streams.read(claimed.job, START)


def _due(near: Side) -> Call:
    lapse(near.raw, near.claimed())
    return lambda far: far.sweeper.due(10)


def _reclaim(near: Side) -> Call:
    claimed = near.claimed()
    held = place(near.raw, claimed.job.id)
    lapse(near.raw, claimed)
    return lambda far: _untold(far.sweeper.reclaim(held))


def _expire(near: Side) -> Call:
    job = near.queue.submit(request(deadline_seconds=3600)).job
    near.raw.hset(keyspace.job(job.id), "deadline_at", 1)
    waiting = str(near.raw.hget(keyspace.job(job.id), "place"))
    return lambda far: _untold(far.sweeper.expire(waiting))


def _remove(near: Side) -> Call:
    ended = str(near.raw.hget(keyspace.job(near.failed().id), "place"))
    near.raw.zadd(keyspace.RETENTION_JOBS, {ended: 1}, xx=True)
    return lambda far: _untold(far.sweeper.remove(ended))


def _adopt(near: Side) -> Call:
    old = submit_as_0_1_0(near.raw)
    return lambda far: _untold(far.sweeper.adopt(old))


def _forget(near: Side) -> Call:
    subject = pass_event_retention(near.raw, near.published())
    return lambda far: _untold(far.sweeper.forget(subject))


def _untold(answer: object) -> None:
    """Say nothing: what a sweep answers is what it did, and a repeat does nothing."""
    del answer


def _publish(near: Side) -> Call:
    del near
    made = draft()
    return lambda far: far.inbox.publish(made, "h", "k")


def _page(near: Side) -> Call:
    for _ in range(16):
        near.published()
    return lambda far: far.inbox.page("acme", 0, 16)


def _read(near: Side) -> Call:
    event_id = near.published()
    return lambda far: far.inbox.read("acme", event_id)


def _acknowledge(near: Side) -> Call:
    event_id = near.published()
    return lambda far: far.inbox.acknowledge("acme", event_id)


def _lease_events(near: Side) -> Call:
    near.published(), near.published()
    one = token()
    return lambda far: far.inbox_leases.lease("acme", one, 1, 30)


def _held(near: Side) -> tuple[str, str]:
    event_id, one = near.published(), token()
    near.inbox_leases.lease("acme", one, 100, 30)
    return event_id, one


def _extend_events(near: Side) -> Call:
    _, one = _held(near)
    return lambda far: _untold(far.inbox_leases.extend("acme", one, 60))


def _release_events(near: Side) -> Call:
    event_id, one = _held(near)
    return lambda far: far.inbox_leases.release("acme", one, [event_id])


def _acknowledge_leased(near: Side) -> Call:
    event_id, one = _held(near)
    return lambda far: far.inbox_leases.acknowledge("acme", one, [event_id])


def _register(near: Side) -> Call:
    made = key(near.raw)

    def registered(far: Side) -> KeyRecord:
        record, _ = far.keys.register(made)
        return replace(record, now=0)

    return registered


def _list_keys(near: Side) -> Call:
    near.keys.register(key(near.raw))
    return lambda far: [replace(each, now=0) for each in far.keys.list("acme", 0, 9).keys]


def _revoke(near: Side) -> Call:
    made = key(near.raw)
    near.keys.register(made)
    return lambda far: far.keys.revoke("acme", made.id, 60)


def _attach(near: Side) -> Call:
    del near
    new = job_id()
    return lambda far: far.undelivered.attach("acme", "sent", new, 28, retried=True)


def _attached(near: Side) -> Attendance:
    return near.undelivered.attach("acme", "sent", job_id(), 28, retried=False)


def _attach_to_an_earlier(near: Side) -> Call:
    near.undelivered.leave(_attached(near))
    return _attach(near)


def _attend(near: Side) -> Call:
    attendance = _attached(near)
    return _insisting(lambda far: far.undelivered.leave(attendance))


def _deliver(near: Side) -> Call:
    attendance = _attached(near)
    return _insisting(lambda far: far.undelivered.deliver(attendance))


def _insisting(call: Call) -> Call:
    """Try a move as often as the store tries others: at this one it leaves that to its caller."""

    def tried(far: Side) -> object:
        for _ in range(2):
            with suppress(StoreUnavailable):
                return call(far)
        return call(far)

    return tried


DEEDS = {
    "submit": Deed(_submit, 1),
    "fetch": Deed(_fetch, 1),
    "claim": Deed(_claim, 2),
    "claim nothing": Deed(_claim_nothing, 1),
    "append": Deed(_append, 1),
    "extend": Deed(_extend, 1),
    "finish": Deed(_finish, 1),
    "finish for another attempt": Deed(_finish_for_another_attempt, 1),
    "confirm a cancel": Deed(_confirm_a_cancel, 1),
    "release": Deed(_release, 1),
    "beat": Deed(_beat, 1),
    "models": Deed(_models, 1),
    "cancel": Deed(_cancel, 2),
    "ask to cancel": Deed(_ask_to_cancel, 2),
    "retry": Deed(_retry, 2),
    "redrive": Deed(_redrive, 1),
    "erase": Deed(_erase, 1),
    "gauge": Deed(_gauge, 1),
    "measure": Deed(_measure, 1),
    "list jobs": Deed(_list_jobs, 2),
    "list dead letters": Deed(_list_dead_letters, 2),
    "stream": Deed(_stream, 1),
    "due": Deed(_due, 1),
    "reclaim": Deed(_reclaim, 1),
    "expire": Deed(_expire, 1),
    "remove": Deed(_remove, 1),
    "adopt": Deed(_adopt, 2),
    "forget": Deed(_forget, 1),
    "publish": Deed(_publish, 1),
    "page": Deed(_page, 2),
    "read": Deed(_read, 1),
    "acknowledge": Deed(_acknowledge, 1),
    "lease events": Deed(_lease_events, 2),
    "extend events": Deed(_extend_events, 1),
    "release events": Deed(_release_events, 1),
    "acknowledge leased": Deed(_acknowledge_leased, 1),
    "register": Deed(_register, 1),
    "list keys": Deed(_list_keys, 2),
    "revoke": Deed(_revoke, 1),
    "attach": Deed(_attach, 1),
    "attach to an earlier": Deed(_attach_to_an_earlier, 1),
    "attend": Deed(_attend, 1),
    "deliver": Deed(_deliver, 1),
}
