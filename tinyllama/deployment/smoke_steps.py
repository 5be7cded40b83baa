"""What the smoke test does, in order: every route of the target's contract, at least once."""

import secrets

from tinyllama.deployment.smoke_calls import NOBODY, Answer, Made, Silent, Target
from tinyllama.deployment.smoke_inbox import Inbox
from tinyllama.deployment.smoke_jobs import Jobs
from tinyllama.deployment.smoke_openai import OpenAi

_NO_JOB = f"job_{0:032x}"
_NO_KEY = f"key_{0:032x}"
_TENANT = "smoke"


def run(api: Target, timeout: float, *, lease_jobs: bool) -> float | None:
    """Take every step; return after how many seconds a worker answered, None if none did.

    What was made is removed again, also after an interruption. Raises DeploymentFailed where the
    address is no router's; once it does not answer any more, the rest is left out.
    """
    api.open()
    jobs = Jobs(api, timeout)
    openai = OpenAi(api, jobs.made)
    inbox = Inbox(api, jobs.made)
    try:
        _health(api)
        _refusals(api)
        jobs.run()
        openai.run(answered=jobs.answered_seconds is not None)
        inbox.run()
        _operate(api)
        _look_at_keys(api)
        _work(api, lease_jobs=lease_jobs)
        _cover(api)
    except Silent:
        pass  # it is noted with the last calls
    finally:
        left = [*jobs.clean_up(), *openai.clean_up(), *inbox.clean_up()]
    if left:
        api.keep(Made("DELETE", "", None, 0, passed=False, why=f"it stays: {', '.join(left)}"))
    return jobs.answered_seconds


def _health(api: Target) -> None:
    def check(answer: Answer) -> str:
        return "" if answer.body["status"] in {"pass", "warn"} else "it says that it fails"

    def guards(answer: Answer) -> str:
        told = answer.headers["content-security-policy"]
        return "" if "script-src 'sha256-" in told else "its policy allows scripts by no hash"

    for route in ("/health", "/status"):
        api.call("GET", route, {200}, check=check)
    api.call("GET", "/console", {200}, check=guards)


def _refusals(api: Target) -> None:
    def names_field(answer: Answer) -> str:
        return "" if answer.body["errors"][0]["detail"] else "it names no field"

    wrong = "no.such.token"
    api.call("GET", "/queue", {401}, token=NOBODY, note="without a token")
    api.call("GET", "/queue", {401, 403}, token=wrong, note="with a token that is none")
    api.call("POST", "/infer", {422}, body={}, check=names_field, note="without a prompt")
    api.call("POST", "/infer", {400}, body=b'{"prompt"', note="half a body")
    api.call("GET", "/jobs/{job_id}", {404}, job_id=_NO_JOB, note="a job that is not there")
    api.call("GET", "/no-such-route", {403, 404}, token=NOBODY, note="a route that is not there")


def _operate(api: Target) -> None:
    """Look at queue and dead letters; redrive one that is not there."""

    def refused(answer: Answer) -> str:
        return "" if answer.body["redriven"] == [] else "it ran a job again"

    def measures(answer: Answer) -> str:
        if answer.code:  # in production
            return "" if answer.code == "route_not_found" else "it is neither offered nor not"
        return "" if "tinyllama_info" in answer.body else "it tells no metrics"

    api.call("GET", "/queue", {200})
    api.call("GET", "/metrics", {200, 404}, check=measures)
    api.call("GET", "/dead-letters", {200}, limit="1")
    absent = {"jobs": [{"tenant": _TENANT, "id": _NO_JOB, "version": 1}]}
    api.call(
        "POST", "/dead-letters/redrive", {202}, body=absent, check=refused, note="of no such job"
    )


def _look_at_keys(api: Target) -> None:
    """List API keys; register one that nobody signed, revoke one that is not there."""
    api.call("GET", "/keys", {200}, limit="1")
    unsigned = {"key": "tlk_no.such.key"}
    api.call("POST", "/keys", {422}, body=unsigned, note="a key that nobody signed")
    api.call("DELETE", "/keys/{key_id}", {404}, key_id=_NO_KEY, note="a key that is not there")


def _work(api: Target, *, lease_jobs: bool) -> None:
    """Make a worker's moves under a lease that never was; lease a real job only where asked."""
    token = secrets.token_hex(16)
    about = {"worker": _TENANT, "slots": 1}
    if lease_jobs:
        _lease_job(api, token, about)
    else:
        note = "with no usable token: it may be another's job that it takes (--lease-jobs)"
        api.call("POST", "/worker/lease", {422}, body={"token": "none", **about}, note=note)
    held = {"job_id": _NO_JOB, "tenant": _TENANT, "token": token}
    moves: dict[str, dict[str, object]] = {
        "append": {"offset": 0, "chunks": ["x"]},
        "extend": {},
        "finish": {"outcome": {"error": {"code": "smoke", "detail": "none"}}},
        "release": {},
    }
    for move, more in moves.items():
        body = {**held, **more}
        api.call("POST", f"/worker/{move}", {409}, body=body, note="under a lease that never was")


def _lease_job(api: Target, token: str, about: dict[str, object]) -> None:
    """Take the job whose turn it is, whoever's, and give it back at once: that costs it nothing."""
    leased = api.call("POST", "/worker/lease", {200, 204}, body={"token": token, **about})
    if leased is None or leased.body is None:
        return
    job = leased.body["job"]
    held = {"job_id": job["id"], "tenant": job["tenant"], "token": token}
    api.call("POST", "/worker/release", {204}, body=held, note="the job that was leased")


def _cover(api: Target) -> None:
    """Note each route of the contract that no step has called."""
    called = {(made.method, made.route) for made in api.made}
    for route, operations in api.contract.items():
        for method in operations:
            if (method.upper(), route) not in called:
                why = "never called: what it needs failed, or the router is newer than this test"
                api.keep(Made(method.upper(), route, None, 0, passed=False, why=why))
