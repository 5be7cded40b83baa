"""A job's trace goes from its record into the worker's log and on to the engine."""

import pytest
import redis

from chalicelib import keyspace
from chalicelib.queueing import JobQueue
from tests.servers import Server
from tests.worker.doubles import Gated, work
from tests.worker.harness import ended, log_lines, submit, wait_for
from worker.ways import Way

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
ASKED = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


@pytest.fixture
def raw(valkey: Server) -> "redis.Redis":
    """The store itself, past the product."""
    return valkey.client()


def run(way: Way, queue: JobQueue, traceparent: str, raw: "redis.Redis") -> Gated:
    """Run a job of that trace; return the engine that ran it."""
    job_id = submit(queue)
    raw.hset(keyspace.job(job_id), "traceparent", traceparent)
    raw.close()
    engine = Gated()
    engine.gate.set()
    work(way, engine, lambda: wait_for(lambda: ended(queue, job_id)))
    return engine


def test_the_engine_is_told_a_new_step_of_the_jobs_trace(
    way: Way, queue: JobQueue, raw: "redis.Redis"
) -> None:
    engine = run(way, queue, ASKED, raw)

    (told,) = engine.traceparents
    version, trace_id, span_id, flags = (told or "").split("-")
    assert (version, trace_id, flags) == ("00", TRACE_ID, "01")
    assert span_id != "00f067aa0ba902b7"
    assert len(span_id) == 16


def test_every_line_about_a_job_names_its_trace(
    way: Way, queue: JobQueue, raw: "redis.Redis", capsys: pytest.CaptureFixture[str]
) -> None:
    run(way, queue, ASKED, raw)

    lines = [line for line in log_lines(capsys.readouterr().out) if "job_id" in line]
    assert [line["event"] for line in lines] == ["job.claimed", "job.succeeded"]
    assert {(line["trace_id"], line["traceparent"]) for line in lines} == {(TRACE_ID, ASKED)}


@pytest.mark.parametrize("odd", ["", "secret words", f"00-{'0' * 32}-00f067aa0ba902b7-01"])
def test_a_job_without_a_sound_trace_has_none(
    way: Way,
    queue: JobQueue,
    raw: "redis.Redis",
    capsys: pytest.CaptureFixture[str],
    odd: str,
) -> None:
    engine = run(way, queue, odd, raw)

    assert engine.traceparents == [None]
    assert not any("traceparent" in line for line in log_lines(capsys.readouterr().out))
