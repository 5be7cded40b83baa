"""A lost reply: the store did what it was asked and the answer never came."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from chalicelib import keyspace
from chalicelib import store as store_module
from chalicelib.errors import StoreUnavailable
from chalicelib.inbox import Inbox
from chalicelib.jobs import JobState
from chalicelib.queueing import Gauge, Idempotency, JobQueue
from chalicelib.store import Store, connect
from tests.servers import Server
from tests.store.harness import DONE, SETTINGS, claim, contents, draft, job_id, lapse, submit, token
from tests.store.proxy import Proxy

pytestmark = pytest.mark.slow  # a proxy of its own

LOST = [
    pytest.param(1, id="once"),
    pytest.param(3, id="each time"),  # the first call and both repeats: the caller hears of it
]


@pytest.fixture
def queue(far: Store) -> JobQueue:
    """The queue through the proxy, its scripts known."""
    made = JobQueue(far, SETTINGS)
    inbox = Inbox(far)
    submit(made)
    claimed = claim(made)
    made.append(claimed, 0, ["a"])
    made.extend(claimed)
    made.finish(claimed, DONE)
    inbox.acknowledge("acme", inbox.publish(draft())[0].id)
    inbox.acknowledge("acme", next(iter(inbox.page("acme", 0, 1))).id)
    return made


@pytest.fixture
def inbox(far: Store, queue: JobQueue) -> Inbox:
    """The inboxes through the proxy, their scripts known."""
    del queue
    return Inbox(far)


@pytest.fixture
def raw(valkey: Server) -> "Iterator[redis.Redis]":
    """The store beside the proxy."""
    with valkey.client() as client:
        yield client


class _Lossy:
    """Calls a move whose replies are lost, and once more where its caller had to hear of it."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    def __call__[T](self, lost: int, move: Callable[[], T]) -> T:
        self._proxy.lose_replies = lost
        if lost < 3:
            return move()
        with pytest.raises(StoreUnavailable):
            move()
        return move()


@pytest.fixture
def lossy(proxy: Proxy) -> _Lossy:
    return _Lossy(proxy)


@pytest.mark.parametrize("lost", LOST)
def test_lost_reply_to_submit_makes_one_job(
    queue: JobQueue, lossy: _Lossy, raw: "redis.Redis", lost: int
) -> None:
    new = job_id()

    job, known = lossy(lost, lambda: queue.submit(new, "acme", {"prompt": "a"}))

    assert (job.id, job.position, known) == (new, 0, False)
    assert raw.zrange(keyspace.READY_JOBS, 0, -1) == [new]


def test_lost_reply_to_submit_leaves_the_idempotency_key_to_its_own_job(
    queue: JobQueue, lossy: _Lossy, raw: "redis.Redis"
) -> None:
    idempotency = Idempotency("k", "h")
    job, known = lossy(1, lambda: queue.submit(job_id(), "acme", {"prompt": "a"}, idempotency))
    assert not known

    again, known = queue.submit(job_id(), "acme", {"prompt": "a"}, idempotency)

    assert (again.id, known) == (job.id, True)
    assert raw.zcard(keyspace.READY_JOBS) == 1


@pytest.mark.parametrize("lost", LOST)
def test_lost_reply_to_claim_loses_no_job(queue: JobQueue, lossy: _Lossy, lost: int) -> None:
    first, second = submit(queue), submit(queue)
    one = token()

    claimed = lossy(lost, lambda: queue.claim(one))

    assert claimed is not None
    assert (claimed.job.id, claimed.job.attempt) == (first.id, 1)
    assert claim(queue).job.id == second.id


def test_lost_reply_to_the_second_half_of_a_claim_costs_no_attempt(
    queue: JobQueue, proxy: Proxy, raw: "redis.Redis"
) -> None:
    job, one = submit(queue), token()
    claimed = queue.claim(one)
    assert claimed is not None
    stored = contents(raw)

    proxy.lose_replies = 2
    again = queue.claim(one)

    assert again == claimed
    assert contents(raw) == stored
    assert queue.fetch("acme", job.id).attempt == 1


@pytest.mark.parametrize("lost", LOST)
def test_lost_reply_to_append_repeats_no_chunk(
    queue: JobQueue, lossy: _Lossy, raw: "redis.Redis", lost: int
) -> None:
    submit(queue)
    claimed = claim(queue)

    lossy(lost, lambda: queue.append(claimed, 0, ["a", "b"]))

    entries: Any = raw.xrange(keyspace.job_tokens(claimed.job.id))
    assert [entry for _, entry in entries] == [{"attempt": "1", "offset": "0", "text": "ab"}]


@pytest.mark.parametrize("lost", LOST)
def test_lost_reply_to_extend_keeps_the_lease(queue: JobQueue, lossy: _Lossy, lost: int) -> None:
    submit(queue)
    claimed = claim(queue)

    lossy(lost, lambda: queue.extend(claimed))

    queue.finish(claimed, DONE)


@pytest.mark.parametrize("lost", LOST)
def test_lost_reply_to_finish_makes_one_outcome_and_one_event(
    queue: JobQueue, inbox: Inbox, lossy: _Lossy, lost: int
) -> None:
    submit(queue)
    claimed = claim(queue)

    lossy(lost, lambda: queue.finish(claimed, DONE))

    ended = queue.fetch("acme", claimed.job.id)
    (event,) = inbox.page("acme", 0, 10)
    assert (ended.state, ended.version) == (JobState.SUCCEEDED, 3)
    assert event.payload["job_id"] == claimed.job.id


@pytest.mark.parametrize("lost", LOST)
def test_lost_reply_to_reclaim_makes_one_failure_and_one_event(
    queue: JobQueue, inbox: Inbox, lossy: _Lossy, raw: "redis.Redis", lost: int
) -> None:
    job = submit(queue)
    for _ in range(SETTINGS.max_attempts):
        lapsed = claim(queue)
        lapse(raw, job.id, lapsed.token)

    lossy(lost, lambda: queue.claim(token()))

    (event,) = inbox.page("acme", 0, 10)
    assert (event.event_type, event.payload["job_id"]) == ("job.failed", job.id)
    assert queue.gauge() == Gauge(waiting=0, leased=0, workers=0)


@pytest.mark.parametrize("lost", LOST)
def test_lost_reply_to_publish_makes_one_event(inbox: Inbox, lossy: _Lossy, lost: int) -> None:
    made = draft()

    event, known = lossy(lost, lambda: inbox.publish(made, "h", "k"))

    assert (event.id, known) == (made.id, False)
    assert list(inbox.page("acme", 0, 10)) == [event]


@pytest.mark.parametrize("lost", LOST)
def test_lost_reply_to_acknowledge_is_fine(inbox: Inbox, lossy: _Lossy, lost: int) -> None:
    event, _ = inbox.publish(draft())

    lossy(lost, lambda: inbox.acknowledge("acme", event.id))

    assert list(inbox.page("acme", 0, 10)) == []
    assert inbox.read("acme", event.id).delivered


def test_late_reply_is_never_taken_for_that_of_the_next_call(
    valkey: Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(store_module, "_RETRIES", 0)
    with valkey.client() as client:
        client.mset({"one": "1", "two": "2"})
    hasty = connect(proxy.url)
    hasty.read(("GET", "one"))
    proxy.delay_seconds = 0.1

    with pytest.raises(StoreUnavailable):
        hasty.read(("GET", "one"))
    proxy.delay_seconds = 0.0

    assert hasty.read(("GET", "two")) == ["2"]
    hasty.close()
