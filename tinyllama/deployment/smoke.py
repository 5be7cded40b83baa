"""The smoke test: a deployed API exercised from outside, pass or fail for each call."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic

import typer

from chalicelib import settings
from tinyllama.deployment import env_public, smoke_steps, smoke_tokens
from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.deployment.smoke_calls import Made, Target
from worker.wire import safe_address

TIMEOUT_SECONDS = 85.0


@dataclass(frozen=True)
class Wish:
    """How the smoke test goes about it.

    *timeout* is how many seconds a worker has to answer; *lease_jobs* whether a real job may be
    leased for a moment; *token_file* and *client_id* tell whose tokens are shown.
    """

    timeout: float = TIMEOUT_SECONDS
    token_file: Path | None = None
    client_id: str | None = None
    lease_jobs: bool = False


def smoke(url: str | None, wish: Wish, *, as_json: bool) -> None:
    """Exercise the router at *url*, without it the one of .env_public, and print how it went.

    Exits with 1 where a call failed. Raises DeploymentFailed where there is nothing to exercise,
    and NotConfigured.
    """
    ids = _ids()
    found = url or ids.get("api_url")
    if found is None:
        raise DeploymentFailed(
            "no address was given: name the API's, or run `tinyllama env sync STAGE` first"
        )
    root = safe_address(found, "the API's address")
    tokens = smoke_tokens.find(root, ids, wish.token_file, wish.client_id)
    api = Target(root, tokens, (lambda _: None) if as_json else _tell)
    began = monotonic()
    try:
        answered = smoke_steps.run(api, wish.timeout, lease_jobs=wish.lease_jobs)
    finally:
        api.close()
    seconds = round(monotonic() - began, 1)
    failed = [made for made in api.made if not made.passed]
    if as_json:
        calls = [asdict(made) for made in api.made]
        report = {"url": root, "passed": not failed, "seconds": seconds}
        typer.echo(json.dumps({**report, "answered_seconds": answered, "calls": calls}, indent=2))
    else:
        told = f"{len(failed)} of {len(api.made)} failed" if failed else f"all {len(api.made)} pass"
        typer.echo(f"\n{root}: {told}, in {seconds:g} s")
    if failed:
        raise typer.Exit(1)


def _ids() -> dict[str, str]:
    """Return the ids that count: the environment's variables, then those of .env_public."""
    names = ("api_url", "token_url", "app_client_id", "operator_client_id", "worker_client_id")
    given = {name: settings.variable(name) for name in names}
    return env_public.read() | {name: value for name, value in given.items() if value}


def _tell(made: Made) -> None:
    told = "pass" if made.passed else "FAIL"
    status = "   " if made.status is None else made.status
    line = f"{told}  {status}  {made.milliseconds:6} ms  {made.method:6} {made.route:27} {made.why}"
    typer.echo(line.rstrip())
