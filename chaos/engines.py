"""Engines that hang, die, refuse, or say what no engine should."""

import time

from chaos.audit import SUCCEEDED, Audit
from chaos.registry import scenario
from chaos.stand import Stand

_EITHER = frozenset({"succeeded", "failed"})
_FAILED = frozenset({"failed"})
_PEAK_MIB = 256
_SILENCE_SECONDS = "1.5"


@scenario(
    "engines",
    "engine hangs, stalls, dies in mid-stream, answers 429 and 500, then recovers",
    "jobs succeed once it has; those beside them are not held up",
)
def recovers(stand: Stand) -> Audit:
    """Misbehave once or twice for each job."""
    server, evil = stand.server(), stand.engine()
    ledger = stand.ledger(server.url)
    wide = ("--concurrency", "8")
    stand.worker(server.url, *wide, engine_url=evil.url, engine_timeout_seconds=_SILENCE_SECONDS)
    for _ in range(stand.pick(2, 20)):
        for deed in ("busy*1", "busy*2", "error*2", "die*1", "die*2"):
            ledger.submit(f"{deed} one two three", ends=SUCCEEDED)
        for deed in ("hang*1", "stall*1", "garbage*1"):
            ledger.submit(f"{deed} one two three", ends=_EITHER)
        ledger.submit("slow* four five", ends=SUCCEEDED)
    audit = stand.audit(ledger, server.url)
    audit.told.append(f"{sum(evil.calls.values())} calls of the engine")
    return audit


@scenario(
    "engines",
    "engine hangs, stalls, dies, answers 429, 500 and garbage for good",
    "each job fails once, with one event, after its attempts; healthy ones succeed",
)
def never_recovers(stand: Stand) -> Audit:
    """Misbehave for ever, with three attempts for each job."""
    server, evil = stand.server(), stand.engine()
    ledger = stand.ledger(server.url, max_attempts=3)
    wide = ("--concurrency", "16")
    stand.worker(server.url, *wide, engine_url=evil.url, engine_timeout_seconds=_SILENCE_SECONDS)
    for _ in range(stand.pick(1, 5)):
        for deed in ("hang", "stall", "die", "busy", "error", "garbage"):
            ledger.submit(f"{deed}* one two three", ends=_FAILED)
        ledger.submit("well one two three", ends=SUCCEEDED)
    audit = stand.audit(ledger, server.url, seconds=180)
    audit.told.append(f"{sum(evil.calls.values())} calls of the engine")
    return audit


@scenario(
    "engines",
    "engine answers 50 MB, in pieces and in one line",
    f"the job fails, the worker keeps under {_PEAK_MIB} MiB and runs the others",
)
def floods(stand: Stand) -> Audit:
    """Answer far more than a result may hold, while healthy jobs run."""
    server, evil = stand.server(), stand.engine()
    ledger = stand.ledger(server.url, max_attempts=2)
    worker = stand.worker(server.url, engine_url=evil.url, engine_timeout_seconds="10")
    for _ in range(stand.pick(1, 5)):
        ledger.submit("flood* one", ends=_FAILED)
        ledger.submit("line* one", ends=_FAILED)
        ledger.submit("slow* two three", ends=SUCCEEDED)
    time.sleep(0.5)
    audit = stand.audit(ledger, server.url)
    peak = worker.peak_mib()
    audit.expect(peak < _PEAK_MIB, f"the worker held {peak} MiB")
    audit.told.append(f"the worker held {peak} MiB at most")
    return audit
