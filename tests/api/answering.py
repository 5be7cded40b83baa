"""Models at work while a call waits for what they say."""

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chalicelib.leasing import Claim, Outcome
from tests.calls import HandWorker

USAGE = {"prompt_tokens": 12, "completion_tokens": 9, "total_tokens": 21}
ERROR = {"code": "engine_unavailable", "detail": "the engine did not answer"}


def outcome(text: str = "Hello to you", **more: Any) -> Outcome:
    """Return what a run comes to whose model says *text*."""
    plain = {"text": text, "finish_reason": "stop", "engine": "openai", "model": "tiny"}
    return Outcome(result=plain | {"usage": USAGE} | more)


@contextmanager
def at_work(worker: HandWorker, *outcomes: Outcome) -> Iterator[list[Claim]]:
    """Bring the next jobs to these *outcomes* as they come; yields the claims made so far."""
    claims: list[Claim] = []

    def run() -> None:
        for each in outcomes:
            claims.append(awaited(worker))
            worker.leases.finish(claims[-1], each)

    thread = threading.Thread(target=run)
    thread.start()
    yield claims
    thread.join()


def awaited(worker: HandWorker) -> Claim:
    """Claim the next job, which comes within ten seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if claim := worker.leases.claim(secrets.token_hex(16)):
            return claim
        time.sleep(0.01)
    raise AssertionError("no job came")
