"""The commands ``tinyllama jobs``: one's own jobs, listed, shown, read, ended and run again."""

from typing import TYPE_CHECKING, Annotated

import typer

from chalicelib.jobs import JobState
from tinyllama import screen
from tinyllama.infer_command import show_answer
from tinyllama.outlook import progress
from tinyllama.reaching import Address, AsJson, ProfileName, router

if TYPE_CHECKING:
    from tinyllama.client import Job

app = typer.Typer()
jobs_app = typer.Typer(
    no_args_is_help=True, help="Your jobs: list, show, tail, cancel, retry, erase."
)
app.add_typer(jobs_app, name="jobs")

JobId = Annotated[str, typer.Argument(help="The job's id: job_ and 32 digits.")]


@jobs_app.command("list")
def list_jobs(
    state: Annotated[JobState | None, typer.Option(help="Those that stand so.")] = None,
    model: Annotated[str | None, typer.Option(help="Those for this model.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The most to list.")] = 20,
    *,
    as_json: AsJson = False,
    profile: ProfileName = None,
    url: Address = None,
) -> None:
    """List your jobs, the newest first."""
    with router(profile, url) as client:
        found = list(client.jobs(state=state, model=model, limit=limit))
    if as_json:
        screen.document([job.document for job in found])
        return
    rows = ((job.id, job.state, job.model, job.created_at, job.ended_at) for job in found)
    screen.table(("id", "state", "model", "created", "ended"), rows, cut=("model",))
    if not found:
        screen.say("There are no jobs.")


@jobs_app.command("show")
def show_job(
    job_id: JobId,
    *,
    as_json: AsJson = False,
    profile: ProfileName = None,
    url: Address = None,
) -> None:
    """Show how a job stands, and its answer once it has one."""
    with router(profile, url) as client:
        _show(client.job(job_id).job, as_json=as_json)


@jobs_app.command("tail")
def tail_job(
    job_id: JobId,
    *,
    as_json: AsJson = False,
    profile: ProfileName = None,
    url: Address = None,
) -> None:
    """Print what a job says as it says it, from its beginning; --json: a line for each piece."""
    with router(profile, url) as client:
        show_answer(client.job(job_id), client.url, stream=True, as_json=as_json)


@jobs_app.command("cancel")
def cancel_job(
    job_id: JobId,
    *,
    as_json: AsJson = False,
    profile: ProfileName = None,
    url: Address = None,
) -> None:
    """Cancel a job that waits, or ask the worker of one that runs; again is fine."""
    with router(profile, url) as client:
        job = client.job(job_id).cancel()
    ended = "is cancelled" if job.ended else "is asked to stop"
    _told(job, f"{job.id} {ended}.", as_json=as_json)


@jobs_app.command("retry")
def retry_job(
    job_id: JobId,
    *,
    as_json: AsJson = False,
    profile: ProfileName = None,
    url: Address = None,
) -> None:
    """Run a job again that failed or expired."""
    with router(profile, url) as client:
        job = client.job(job_id).retry()
    _told(job, f"{job.id} is queued again.", as_json=as_json)


@jobs_app.command("erase")
def erase_job(job_id: JobId, profile: ProfileName = None, url: Address = None) -> None:
    """Remove a job that has ended, its prompt and its answer; again is fine."""
    with router(profile, url) as client:
        client.erase(job_id)
    screen.say(f"{job_id} is erased.")


def _told(job: "Job", words: str, *, as_json: bool) -> None:
    if as_json:
        screen.document(job.document)
    else:
        screen.say(words)


def _show(job: "Job", *, as_json: bool) -> None:
    if as_json:
        screen.document(job.document)
        return
    told = {
        "id": job.id,
        "state": job.state,
        "attempt": f"{job.attempt} of {job.max_attempts}",
        "model": job.model,
        "priority": job.priority,
        "created": job.created_at,
        "started": job.started_at,
        "ended": job.ended_at,
        "progress": None if job.ended else progress(job),
        "timings": dict(job.timings),
        "usage": job.usage,
        "metadata": job.metadata,
        "error": job.error,
        "text": job.text if not screen.on_terminal() else None,
    }
    screen.fields({name: value for name, value in told.items() if value is not None})
    if screen.on_terminal() and job.text is not None:
        screen.line(f"\n{job.text}")
    if job.error:
        from tinyllama.exits import tell_cure  # noqa: PLC0415

        tell_cure(str(job.error.get("code", "")))
