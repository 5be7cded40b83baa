"""Every key that a script touches is declared: ElastiCache Serverless refuses any other."""

from contextlib import suppress
from pathlib import Path

import pytest
import redis
from redis.crc import key_slot

import chalicelib
from chalicelib import keyspace
from chalicelib.errors import IdempotencyKeyReused, LeaseLost, QueueFull, RouterError
from chalicelib.inbox import Inbox
from chalicelib.queueing import Idempotency, JobQueue
from chalicelib.settings import QueueSettings
from chalicelib.store import Script, Store
from tests.servers import Server
from tests.store.harness import BROKEN, DONE, SETTINGS, claim, draft, job_id, lapse, submit, token
from tests.store.monitoring import recording, undeclared

MOVES = sorted(
    path.stem
    for path in (Path(chalicelib.__file__).parent / "lua").glob("*.lua")
    if path.stem != "common"
)


def _submit_every_way(queue: JobQueue, store: Store) -> None:
    small = JobQueue(store, QueueSettings(lease_seconds=30, max_attempts=3, queue_length=1))
    kept = queue.submit(job_id(), "acme", {"prompt": "a"}, Idempotency("k", "h"))[0]
    queue.submit(kept.id, "acme", {"prompt": "a"}, Idempotency("k", "h"))
    queue.submit(job_id(), "acme", {"prompt": "a"}, Idempotency("k", "h"))
    with pytest.raises(IdempotencyKeyReused):
        queue.submit(job_id(), "acme", {"prompt": "b"}, Idempotency("k", "other"))
    with pytest.raises(QueueFull):
        submit(small)


def _run_every_move_of_jobs(queue: JobQueue, store: Store, raw: "redis.Redis") -> None:
    _submit_every_way(queue, store)
    first = claim(queue)
    queue.claim(first.token)
    queue.append(first, 0, ["a", "b"])
    queue.append(first, 1, ["b", "c"])
    queue.extend(first)
    lapse(raw, first.job.id, first.token)
    second = claim(queue)
    for late in (queue.extend, lambda held: queue.append(held, 0, ["a"])):
        with pytest.raises(LeaseLost):
            late(first)
    with pytest.raises(LeaseLost):
        queue.finish(first, DONE)
    queue.finish(second, DONE)
    queue.finish(second, DONE)
    submit(queue, "umbrella")
    for _ in range(SETTINGS.max_attempts):
        lost = claim(queue)
        lapse(raw, lost.job.id, lost.token)
        queue.reclaim(lost.job.id)
        queue.reclaim(lost.job.id)
    submit(queue)
    queue.finish(claim(queue), BROKEN)
    raw.delete(keyspace.job(submit(queue).id))
    queue.claim(token())
    queue.beat("worker")
    queue.gauge()


def _run_every_move_of_events(inbox: Inbox, raw: "redis.Redis") -> None:
    event, _ = inbox.publish(draft(), "h", "k")
    inbox.publish(event, "h", "k")
    inbox.publish(draft(), "h", "k")
    with suppress(RouterError):
        inbox.acknowledge("umbrella", event.id)
    inbox.acknowledge("acme", event.id)
    inbox.acknowledge("acme", event.id)
    raw.delete(keyspace.event(inbox.publish(draft())[0].id))
    list(inbox.page("acme", 0, 10))


def test_every_key_that_a_move_touches_is_declared(
    server: Server, store: Store, queue: JobQueue, inbox: Inbox, raw: "redis.Redis"
) -> None:
    with recording(server.socket, raw) as calls:
        _run_every_move_of_jobs(queue, store, raw)
        _run_every_move_of_events(inbox, raw)

    ran = {call.script for call in calls if call.commands}
    known = {word: move for move in MOVES for word in (Script(move).sha, Script(move).source)}
    assert sorted({known[script] for script in ran}) == MOVES
    assert {(known[script], key) for script, key in undeclared(calls, raw)} == set()


def test_key_that_a_script_does_not_declare_is_noticed(server: Server, raw: "redis.Redis") -> None:
    planted = "redis.call('XADD', KEYS[1], '*', 'a', 'b') return redis.call('GET', ARGV[1])"

    with recording(server.socket, raw) as calls:
        raw.eval(planted, 1, "{p}declared", '{p}"hidden"\r\n')

    assert undeclared(calls, raw) == {(planted, '{p}"hidden"\r\n')}


def test_all_keys_lie_under_one_hash_tag(
    store: Store, queue: JobQueue, inbox: Inbox, raw: "redis.Redis"
) -> None:
    _run_every_move_of_jobs(queue, store, raw)
    _run_every_move_of_events(inbox, raw)

    slots = {key_slot(key.encode()) for key in raw.scan_iter()}

    assert len(slots) == 1
