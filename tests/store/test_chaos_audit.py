"""The audit behind `make chaos` can fail: each fault that is planted is told, and nothing else."""

import json
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
import redis

from chalicelib import keyspace
from chalicelib.inbox import Inbox
from chalicelib.leasing import JobLeases, Outcome
from chalicelib.store import Store
from chaos.audit import Audit, Entry, Kind, Seen, SeenEvent, SeenJob, compare
from chaos.config import queue_settings
from chaos.fronts import QueueFront
from chaos.ledger import Ledger, Load
from chaos.observing import observe
from tests.store.harness import token

JOB = Entry(Kind.JOB, "k1", "ada", "k1 hello", id="job_1", tries=1)
EVENT = Entry(Kind.EVENT, "k2", "ada", "", id="evt_2", tries=1)
RAN = SeenJob("job_1", "ada", "k1", "succeeded", "k1 hello", "k1 hello")
ENDED = SeenEvent("evt_1", "ada", "job.succeeded", "job_1")
HAPPENED = SeenEvent("evt_2", "ada", "chaos.happened", "k2")
WELL = Seen([RAN], [ENDED, HAPPENED])

FAULTS: dict[str, tuple[Seen, str, str]] = {
    "a job that is gone": (replace(WELL, jobs=[], events=[HAPPENED]), "lost", "no such job"),
    "a job that never ended": (
        replace(WELL, jobs=[replace(RAN, state="queued")], events=[HAPPENED]),
        "lost",
        "still queued",
    ),
    "a job that no list names": (
        replace(WELL, jobs=[replace(RAN, listed=False)]),
        "lost",
        "not in its tenant's list",
    ),
    "an end without its event": (replace(WELL, events=[HAPPENED]), "lost", "without an end"),
    "an end event without its job": (
        replace(WELL, events=[*WELL.events, replace(ENDED, about="job_9")]),
        "lost",
        "but no job",
    ),
    "an event that is gone": (replace(WELL, events=[ENDED]), "lost", "not in the inbox"),
    "two jobs for one key": (
        Seen([RAN, replace(RAN, id="job_7")], [*WELL.events, replace(ENDED, about="job_7")]),
        "doubled",
        "2 jobs for the key",
    ),
    "two end events": (
        replace(WELL, events=[*WELL.events, replace(ENDED, id="evt_9")]),
        "doubled",
        "2 end events",
    ),
    "two events for one key": (
        replace(WELL, events=[*WELL.events, replace(HAPPENED, id="evt_9")]),
        "doubled",
        "2 events for the key",
    ),
    "tokens that are not the result": (
        replace(WELL, jobs=[replace(RAN, tokens="k1 hel")]),
        "wrong",
        "tokens and result differ",
    ),
    "another job's result": (
        replace(WELL, jobs=[replace(RAN, result="k8 hello", tokens="k8 hello")]),
        "wrong",
        "not its own answer",
    ),
    "an event of another end": (
        replace(WELL, events=[HAPPENED, replace(ENDED, event_type="job.failed")]),
        "wrong",
        "its event says job.failed",
    ),
    "an end that was not to be": (
        Seen(
            [replace(RAN, state="failed", error="engine_timeout")],
            [HAPPENED, replace(ENDED, event_type="job.failed")],
        ),
        "wrong",
        "failed (engine_timeout), expected succeeded",
    ),
    "a job that nobody sent": (
        Seen(
            [RAN, replace(RAN, id="job_7", key="k7")],
            [*WELL.events, replace(ENDED, about="job_7")],
        ),
        "wrong",
        "nobody sent it",
    ),
    "a lease of nobody": (replace(WELL, leased=1), "wrong", "held by nobody"),
    "a job that waits for nothing": (replace(WELL, waiting=1), "wrong", "workers are free"),
    "bytes that are not given back": (replace(WELL, request_bytes=7), "wrong", "7 bytes"),
}


def test_what_is_well_is_told_to_be_well() -> None:
    audit = compare([JOB, EVENT], WELL)

    assert audit.held
    assert (audit.tried, audit.acknowledged) == (2, 2)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_told_once(fault: str) -> None:
    seen, kind, told = FAULTS[fault]

    audit = compare([JOB, EVENT], seen)

    (finding,) = audit.lost + audit.doubled + audit.wrong
    assert getattr(audit, kind) == [finding]
    assert told in finding


def test_where_nothing_is_promised_a_loss_breaks_no_word() -> None:
    audit = replace(compare([JOB], Seen([], [])), promised=False)

    assert audit.lost
    assert audit.held


@pytest.mark.parametrize("kind", [Kind.JOB, Kind.EVENT])
def test_what_was_refused_may_not_be_there(kind: Kind) -> None:
    known = {Kind.JOB: JOB, Kind.EVENT: EVENT}
    entries = [*(each for each in known.values() if each.kind is not kind)]

    audit = compare([*entries, replace(known[kind], id=None, refused=True)], WELL)

    assert [finding.partition(": ")[2] for finding in audit.wrong] == [
        "refused, and stored all the same"
    ]


def test_what_nobody_was_answered_may_be_there_or_not() -> None:
    unsure = [replace(each, id=None, refused=True, unsure=True) for each in (JOB, EVENT)]

    audits = [compare(unsure, WELL), compare(unsure, Seen([], []))]

    assert all(audit.held for audit in audits)


@pytest.fixture
def audited(store: Store, raw: "redis.Redis") -> Callable[[], Audit]:
    """Two jobs that ended and an event, on a real store, and what their audit says."""
    ledger = Ledger(QueueFront(store))
    leases = JobLeases(store, queue_settings())
    for _ in range(2):
        ledger.submit("hello")
        claimed = leases.claim(token())
        assert claimed is not None
        text = claimed.job.request["prompt"]
        leases.append(claimed, 0, [text])
        leases.finish(claimed, Outcome(result={"text": text}))
    ledger.publish()
    return lambda: compare(ledger.entries, observe(store, raw))


def test_a_store_that_is_well_passes(audited: Callable[[], Audit]) -> None:
    assert audited().held


def test_a_job_that_was_taken_out_of_the_store_is_told(
    audited: Callable[[], Audit], raw: "redis.Redis"
) -> None:
    one = next(iter(raw.scan_iter(keyspace.job("*"))))

    raw.delete(one)

    lost = audited().lost
    assert len(lost) == 2  # the job, and the job of its end event
    assert all(one.removeprefix(keyspace.job("")) in finding for finding in lost)


def test_an_end_event_that_was_put_in_twice_is_told(
    audited: Callable[[], Audit], store: Store
) -> None:
    inbox = Inbox(store, queue_settings())
    first = inbox.page("ada", 0, 1).events[0]

    inbox.publish(replace(first, id=f"evt_{token()}"))

    assert audited().doubled == [f"{first.payload['job_id']}: 2 end events"]


def test_a_result_that_was_changed_is_told(
    audited: Callable[[], Audit], raw: "redis.Redis"
) -> None:
    one = next(iter(raw.scan_iter(keyspace.job("*"))))

    raw.hset(one, "result", json.dumps({"text": "something else"}))

    assert len(audited().wrong) == 2  # neither its own answer nor its own tokens


def test_a_caller_that_breaks_is_not_passed_over(store: Store) -> None:
    class Broken(QueueFront):
        def publish(self, tenant: str, key: str) -> str:
            raise RuntimeError(key, tenant)

    def until_it_breaks() -> None:
        with Load(Ledger(Broken(store)), callers=1, per_second=1000) as load:
            while load.failure is None:
                time.sleep(0.001)

    with pytest.raises(RuntimeError):
        until_it_breaks()
