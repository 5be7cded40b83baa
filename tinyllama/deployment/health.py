"""Whether a deployed API answers, and what it says of itself."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from tinyllama.deployment.failures import DeploymentFailed

# A gateway tells of a new deployment within a minute; a function's first start takes seconds.
_PATIENCE_SECONDS = 90.0
_CALL_SECONDS = 15.0
_PAUSE_SECONDS = 3.0


@dataclass(frozen=True)
class Health:
    """What the API said: pass, or warn where it takes prompts that no worker runs yet."""

    status: str
    version: str

    @property
    def sentence(self) -> str:
        """What it means for whoever deploys."""
        if self.status == "pass":
            return f"healthy: {self.version} answers, and a worker is live"
        return f"healthy: {self.version} answers, but no worker is live, so prompts wait for one"


def wait_for(
    endpoint_url: str,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Health:
    """Return what ``GET /health`` says, once it is sound. Raises DeploymentFailed after 90 s."""
    url = f"{endpoint_url.rstrip('/')}/health"
    ends = clock() + _PATIENCE_SECONDS
    with httpx2.Client(timeout=_CALL_SECONDS) as client:
        while True:
            found, fault = _ask(client, url)
            if found is not None:
                return found
            if clock() + _PAUSE_SECONDS >= ends:
                raise DeploymentFailed(f"{url} is not healthy: {fault}")
            pause(_PAUSE_SECONDS)


def _ask(client: httpx2.Client, url: str) -> tuple[Health | None, str]:
    """Return what is told, or else why it is not taken."""
    try:
        reply = client.get(url)
    except (httpx2.RequestError, httpx2.InvalidURL) as error:
        return None, f"it is not reached ({type(error).__name__})"
    told = _object(reply)
    if reply.status_code == httpx2.codes.OK and told.get("status") in {"pass", "warn"}:
        return Health(str(told["status"]), str(told.get("version", "an unknown version"))), ""
    if told.get("status") == "fail":
        return None, "the API answers, and does not reach its store"
    return None, f"it answers {reply.status_code} {told.get('message', '')}".rstrip()


def _object(reply: httpx2.Response) -> dict[str, Any]:
    try:
        body = reply.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
