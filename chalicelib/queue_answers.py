"""How the queue looks from outside: to monitors, to its operator and to its workers."""

from typing import TYPE_CHECKING

from chalicelib import __version__
from chalicelib.answers import applied, moment, next_page
from chalicelib.calls import Call
from chalicelib.errors import StoreUnavailable
from chalicelib.jobs import Job, JsonObject
from chalicelib.routing import Reply

if TYPE_CHECKING:  # these bring redis, which the authorizer never needs
    from chalicelib.gauging import Gauge
    from chalicelib.leasing import Claim
    from chalicelib.listing import JobPage
    from chalicelib.patience import Awaited


def health(gauge: "Gauge | StoreUnavailable") -> Reply:
    """Answer each dependency with its state, 503 when the store is away.

    Without a live worker it is a warning: prompts are taken, and wait.
    """
    if isinstance(gauge, StoreUnavailable):
        status, headers = "fail", gauge.headers
        checks = {"store:reachable": [_check("fail", "datastore", output=gauge.detail)]}
    else:
        status, headers = "pass" if gauge.workers else "warn", {}
        idle = {} if gauge.workers else {"output": "no worker is live: prompts are taken and wait"}
        checks = {
            "store:reachable": [_check("pass", "datastore")],
            "queue:waiting": [_count("pass", gauge.waiting, "jobs")],
            "queue:running": [_count("pass", gauge.leased, "jobs")],
            "workers:live": [_count(status, gauge.workers, "workers") | idle],
        }
    body = {"status": status, "version": __version__, "checks": checks}
    return Reply(body, 503 if status == "fail" else 200, headers, "application/health+json")


def queue(gauge: "Gauge") -> Reply:
    """Answer how the queue stands."""
    return Reply(
        {
            "depth": {
                "ready": gauge.waiting,
                "delayed": gauge.delayed,
                "running": gauge.leased,
            },
            "oldest_seconds": _seconds(gauge.oldest_ms),
            "workers": gauge.workers,
            "slots": gauge.slots,
            "throughput_per_minute": gauge.per_minute,
            "mean_run_seconds": _seconds(gauge.run_ms),
            "dead_letters": gauge.dead,
        }
    )


def dead_letters(page: "JobPage", limit: int) -> Reply:
    """Answer a page of dead letters, with a link to the next one where there may be one."""
    listed = {"jobs": [_dead_letter(job) for job in page.jobs]}
    return Reply(listed, headers=next_page(page.cursor, limit, {}))


def redriven(ids: list[str], refused: list[tuple[str, str]]) -> Reply:
    """Answer what became of each dead letter that was named."""
    told = [{"id": job_id, "code": code} for job_id, code in refused]
    return Reply({"redriven": ids, "refused": told}, 202)


def worker_leased(call: Call, told: "Awaited[Claim | None]", lease_seconds: float) -> Reply:
    """Answer a worker's lease: the job, or 204 when none is ready."""
    headers = applied(call, waited=told.waited)
    if told.value is None:
        return Reply(status=204, headers=headers)
    job = told.value.job
    body = {
        "id": job.id,
        "tenant": job.tenant,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "request": job.request,
        "created_at": job.created_at,
        "deadline_at": job.deadline_at,
        "traceparent": job.traceparent,
    }
    return Reply({"job": body, "lease_seconds": lease_seconds}, headers=headers)


def _dead_letter(job: Job) -> JsonObject:
    return {
        "id": job.id,
        "tenant": job.tenant,
        "version": job.version,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "model": job.model,
        "created_at": moment(job.created_at),
        "ended_at": moment(job.ended_at),
        "error": job.error,
    }


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _check(status: str, kind: str, **told: object) -> JsonObject:
    return {"status": status, "componentType": kind, **told}


def _count(status: str, value: int, unit: str) -> JsonObject:
    return _check(status, "component", observedValue=value, observedUnit=unit)
