"""Every key that a script touches is declared: ElastiCache Serverless refuses any other."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import redis
from redis.crc import key_slot

from chalicelib import keyspace, visits
from chalicelib.bounds import RetentionSettings
from chalicelib.erasure import TenantErasure
from chalicelib.errors import RateLimited, RouterError
from chalicelib.inbox import Inbox
from chalicelib.jobs import Draft
from chalicelib.queueing import Idempotency, JobQueue
from chalicelib.store import Store
from chalicelib.upkeep import Upkeep
from chalicelib.visits import Visit
from chalicelib.waiting import WaitingRoom
from tests.servers import Server
from tests.store.deeds import DEEDS, Side
from tests.store.harness import (
    BROKEN,
    DONE,
    SETTINGS,
    claim,
    dead_letter,
    draft,
    lapse,
    place,
    request,
    submit,
    submit_as_0_1_0,
    sweep,
)  # fmt: skip
from tests.store.monitoring import recording, undeclared
from tests.store.scripts import MOVES, SCRIPTS, move_of


def _every_refusal(side: Side, store: Store) -> None:
    kept = side.queue.submit(request(), Idempotency("k", "h")).job
    calls: list[Callable[[], object]] = [
        lambda: side.queue.submit(request(), Idempotency("k", "h")),
        lambda: side.queue.submit(request(), Idempotency("k", "other")),
        lambda: JobQueue(store, replace(SETTINGS, queue_length=1)).submit(request()),
        lambda: JobQueue(store, replace(SETTINGS, queue_bytes=1)).submit(request()),
        lambda: JobQueue(store, replace(SETTINGS, inbox_bytes=1)).submit(request()),
        lambda: JobQueue(store, replace(SETTINGS, tenant_queue_length=1)).submit(request()),
        lambda: JobQueue(store, replace(SETTINGS, key_queue_bytes=1)).submit(request()),
        lambda: Inbox(store, replace(SETTINGS, inbox_bytes=1)).publish(draft()),
        lambda: side.queue.fetch("umbrella", kept.id),
        lambda: side.queue.cancel("umbrella", kept.id),
        lambda: side.queue.retry("umbrella", kept.id, 1),
        lambda: side.queue.retry("acme", kept.id, 1),
        lambda: side.queue.erase("umbrella", kept.id),
        lambda: side.queue.erase("acme", kept.id),
        lambda: side.queue.submit(Draft(kept.id, "acme", kept.request)),
        lambda: side.queue.fetch("acme", kept.id),
        lambda: side.inbox.acknowledge("umbrella", side.published()),
        lambda: side.inbox_leases.extend("acme", "unknown", 1),
        lambda: side.inbox_leases.release("acme", "unknown"),
        lambda: side.inbox_leases.acknowledge("acme", "unknown", [side.published()]),
    ]
    for call in calls:
        with suppress(RouterError):
            call()
    limited = replace(SETTINGS, rate_per_minute=1, key_rate_per_minute=1, tenant_bytes_per_day=4000)
    for _ in range(2):
        with suppress(RouterError):
            JobQueue(store, limited).submit(request())
        with suppress(RouterError):
            Inbox(store, limited).publish(draft())


def _every_late_write(side: Side) -> None:
    late = side.claimed()
    lapse(side.raw, late)
    sweep(side.sweeper)
    writes: list[Callable[[], object]] = [
        lambda: side.leases.append(late, 0, ["a"]),
        lambda: side.leases.extend(late),
        lambda: side.leases.finish(late, DONE),
        lambda: side.leases.release(late),
    ]
    for write in writes:
        with suppress(RouterError):
            write()
    side.leases.finish(claim(side.leases), BROKEN)


def _every_end(side: Side) -> None:
    submit(side.queue, "umbrella")
    dead = dead_letter(side.leases, side.sweeper, side.raw)
    side.queue.retry(dead.tenant, dead.id, side.queue.fetch(dead.tenant, dead.id).version)
    side.queue.cancel(dead.tenant, dead.id)
    side.queue.erase("acme", submit(side.queue).id)
    running = side.claimed().job
    side.queue.erase(running.tenant, running.id, force=True)
    cancelled = side.claimed()
    side.queue.cancel(cancelled.job.tenant, cancelled.job.id)
    lapse(side.raw, cancelled)
    overdue = side.queue.submit(request(deadline_seconds=0)).job
    side.queue.fetch("acme", overdue.id)
    side.queue.submit(request(deadline_seconds=0))
    sweep(side.sweeper)


def _every_lost_record(side: Side, store: Store) -> None:
    side.raw.delete(keyspace.job(submit(side.queue).id))
    side.leases.claim("1" * 32)
    lost = side.claimed()
    held = place(side.raw, lost.job.id)
    lapse(side.raw, lost)
    side.raw.delete(keyspace.job(lost.job.id))
    side.sweeper.reclaim(held)
    side.raw.delete(keyspace.event(side.published()))
    side.inbox.page("acme", 0, 10)
    old = submit_as_0_1_0(side.raw)
    side.raw.zrem(keyspace.OLD_READY_JOBS, old)
    side.raw.hset(keyspace.job(old), "state", "running")
    side.raw.zadd(keyspace.OLD_JOB_LEASES, {old: 1})
    side.sweeper.adopt(old)
    Upkeep(store, SETTINGS, RetentionSettings(), time.monotonic).tick()
    TenantErasure(store, SETTINGS, RetentionSettings()).erase("acme")


def _run_every_move_in_every_way(side: Side, store: Store) -> None:
    for deed in DEEDS.values():
        call = deed.arrange(side)
        call(side)
        call(side)
    side.tally.refused("rate_limited")
    _every_refusal(side, store)
    _every_late_write(side)
    _every_end(side)
    _every_lost_record(side, store)
    with side.room.wait(1), side.room.wait(1), side.room.wait(1):
        pass
    shared = WaitingRoom(store, 2, tenant_places=1)
    with shared.wait(1), shared.wait(1):
        pass


def test_every_key_that_a_move_touches_is_declared(
    server: Server, operators: Store, raw: "redis.Redis"
) -> None:
    with recording(server.socket, raw) as calls:
        _run_every_move_in_every_way(Side(operators, raw), operators)

    known = {word: move_of(each) for each in SCRIPTS for word in (each.sha, each.source)}
    ran = {known[call.script] for call in calls if call.commands}
    assert sorted(ran | {"enter"}) == MOVES  # which has nothing to do for nobody
    assert {(known[script], key) for script, key in undeclared(calls, raw)} == set()


def test_every_key_that_a_move_touches_for_a_caller_is_declared(
    server: Server, operators: Store, raw: "redis.Redis"
) -> None:
    raw.hset(keyspace.api_key("caller", "key"), mapping={"ends_at": 10**13, "digest": "0" * 64})
    visit = Visit("caller", "key", 1, 1, "0" * 64)

    with recording(server.socket, raw) as calls, visits.serving(visit):
        _run_every_move_in_every_way(Side(operators, raw), operators)
        visit.spare()
        with suppress(RateLimited):
            submit(JobQueue(operators, SETTINGS))

    known = {
        word: move_of(each)
        for each in SCRIPTS
        for word in (each.guarded.sha, each.guarded.source, each.sha, each.source)
    }
    ran = {known[call.script] for call in calls if call.commands}
    assert sorted(ran) == MOVES
    assert {(known[script], key) for script, key in undeclared(calls, raw)} == set()


def test_key_that_a_script_does_not_declare_is_noticed(server: Server, raw: "redis.Redis") -> None:
    planted = "redis.call('XADD', KEYS[1], '*', 'a', 'b') return redis.call('GET', ARGV[1])"

    with recording(server.socket, raw) as calls:
        raw.eval(planted, 1, "{p}declared", '{p}"hidden"\r\n')

    assert undeclared(calls, raw) == {(planted, '{p}"hidden"\r\n')}


def test_all_keys_lie_under_one_hash_tag(operators: Store, raw: "redis.Redis") -> None:
    _run_every_move_in_every_way(Side(operators, raw), operators)

    slots = {key_slot(key.encode()) for key in raw.scan_iter()}

    assert len(slots) == 1
