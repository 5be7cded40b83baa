"""A worker that is newer than its router: an answer waits for the router, and is not cut."""

from dataclasses import replace

import pytest

from chalicelib.jobs import Job, JobState, JsonObject
from chalicelib.leasing import Claim, Outcome
from chalicelib.queueing import JobQueue
from tests.worker.doubles import Flaky, Scripted, result, work
from tests.worker.harness import log_lines, submit, wait_for
from worker.leases import RouterOutdated
from worker.ways import Way


class Outdated(Flaky):
    """Another's leases through a router that knows no messages of results."""

    def finish(self, claim: Claim, outcome: Outcome) -> JobState:
        if outcome.result and "message" in outcome.result:
            raise RouterOutdated
        return super().finish(claim, outcome)


def test_a_job_whose_tool_calls_cannot_be_recorded_waits_for_another_attempt(
    way: Way, queue: JobQueue, capsys: pytest.CaptureFixture[str]
) -> None:
    job_id = submit(queue)

    async def calling(*_: object) -> JsonObject:
        return result("") | {"message": {"tool_calls": [{}]}}

    def waiting() -> Job | None:
        job = queue.fetch("tenant", job_id)
        return job if job.state is JobState.QUEUED and job.attempt == 1 else None

    outdated = replace(way, leases=Outdated(way, "finish", 0))
    jobs: list[Job] = []
    work(outdated, Scripted(calling), lambda: jobs.append(wait_for(waiting)))

    (job,) = jobs
    assert job.result is None
    assert job.retry_at is not None
    (line,) = (
        line for line in log_lines(capsys.readouterr().out) if line["event"] == "job.retrying"
    )
    assert line["code"] == "router_outdated"
