"""The three measurements: a killed worker, lost replies, a killed store."""

import time
from collections import Counter
from dataclasses import dataclass

from bench.queues.contenders import SLOTS, Contender
from bench.queues.proxy import LossyProxy
from bench.queues.stage import CallerProcess, Stage, Supervised, wait_until
from bench.queues.work import Held

JOBS = SLOTS
FIRST_RUN_SECONDS = 5.0
BOUND_SECONDS = 150.0
TRICKLE_SECONDS = 10.0
START_SECONDS = 60.0
SETTLED_SECONDS = 2.0
LOOK_SECONDS = 2.0
EMPTY_LOOKS = 3

LOST_REPLIES = 11

KILLS = 3
BETWEEN_KILLS_SECONDS = 2.0
AWAY_SECONDS = 1.0
LOAD_SECONDS = KILLS * (BETWEEN_KILLS_SECONDS + AWAY_SECONDS) + BETWEEN_KILLS_SECONDS
LOAD_RATE = 60.0
SETTLE_SECONDS = 120.0


@dataclass(frozen=True)
class WorkerKilled:
    """What became of ``JOBS`` accepted jobs whose worker was killed while it ran *running* of them.

    *seconds* are those from the kill to the second start of each that started again in time.
    *ended* counts the jobs that ran to their end, *held* what the library still had of the others;
    those in neither are lost.
    """

    running: int
    seconds: list[float]
    ended: int
    held: Held


def kill_worker(contender: Contender, *, tuned: bool) -> WorkerKilled:
    """Kill a worker in mid-job, start another, and watch for at most ``BOUND_SECONDS``."""
    with Stage(contender, tuned=tuned, first_run_seconds=FIRST_RUN_SECONDS) as stage:
        caller = stage.caller()
        victim = stage.worker()
        _warm_up(stage, caller)
        markers = [f"job-{number:04}" for number in range(JOBS)]
        for marker in markers:
            caller.ask("enqueue", marker=marker, own_id=False)
        if not wait_until(lambda: len(_running(stage)) >= contender.slots, START_SECONDS):
            raise RuntimeError(f"too few started: {_running(stage)}\n{stage.logs()}")
        victim.kill()
        killed_at = time.monotonic()
        running = _running(stage)
        stage.worker()
        _await_end(stage, caller, set(markers), BOUND_SECONDS)
        again = {
            entry.marker: entry.at - killed_at
            for entry in reversed(stage.journal())
            if entry.deed == "start" and entry.at > killed_at and entry.marker in running
        }
        ended = len(stage.ended() & set(markers))
        return WorkerKilled(len(running), sorted(again.values()), ended, caller.held())


def _running(stage: Stage) -> set[str]:
    return {entry.marker for entry in stage.journal()} - stage.ended()


def _warm_up(stage: Stage, caller: CallerProcess) -> None:
    """Wait until the worker has run a job and is done with what it does when it starts."""
    caller.ask("enqueue", marker="warming", own_id=False)
    if not wait_until(lambda: "warming" in stage.ended(), START_SECONDS):
        raise RuntimeError(f"nothing ran\n{stage.logs()}")
    time.sleep(SETTLED_SECONDS)


def _await_end(stage: Stage, caller: CallerProcess, markers: set[str], seconds: float) -> None:
    """Wait until *markers* ended, until the library has nothing left, or for *seconds*.

    Now and then another job comes: some libraries look for abandoned work only then.
    """
    deadline = time.monotonic() + seconds
    trickled = empty_looks = 0
    while time.monotonic() < deadline and empty_looks < EMPTY_LOOKS:
        if markers <= stage.ended():
            return
        if time.monotonic() > deadline - seconds + (trickled + 1) * TRICKLE_SECONDS:
            caller.ask("enqueue", marker=f"trickle-{trickled:04}", own_id=False)
            trickled += 1
        time.sleep(LOOK_SECONDS)
        empty_looks = empty_looks + 1 if caller.held().to_run == 0 else 0


@dataclass(frozen=True)
class RepliesLost:
    """What came of one job whose enqueuing lost its first *lost* replies.

    *tries* is how often the caller called until the library took the job, *jobs* how many were then
    in the queue, *runs* how often they ran.
    """

    lost: int
    tries: int
    jobs: int
    runs: int


def lose_replies(contender: Contender, *, own_id: bool) -> RepliesLost:
    """Enqueue one job while the first ``LOST_REPLIES`` replies to that are lost; count its runs.

    *own_id* has the caller tell the library an id for the job, the same in each try.
    """
    with (
        Stage(contender, tuned=False, first_run_seconds=0.0) as stage,
        LossyProxy(stage.port) as proxy,
    ):
        caller = stage.caller(proxy.url)
        caller.ask("enqueue", marker="warming", own_id=own_id)
        proxy.lose("the-job", LOST_REPLIES)
        answer = caller.ask("enqueue", marker="the-job", own_id=own_id)
        if not answer["accepted"]:
            raise RuntimeError(f"never accepted\n{stage.logs()}")
        jobs = caller.held().to_run - 1
        stage.worker()
        runs = _settled_runs(stage)
        return RepliesLost(proxy.lost, answer["tries"], jobs, runs["the-job"])


def lose_request(contender: Contender) -> int:
    """Enqueue one job whose request is cut off before it arrives; how many are in the queue then.

    The caller tries again if the library raises, so that none means it said nothing.
    """
    with (
        Stage(contender, tuned=False, first_run_seconds=0.0) as stage,
        LossyProxy(stage.port) as proxy,
    ):
        caller = stage.caller(proxy.url)
        caller.ask("enqueue", marker="warming", own_id=False)
        proxy.lose("the-job", 1, carried_out=False)
        caller.ask("enqueue", marker="the-job", own_id=False)
        return caller.held().to_run - 1


def _settled_runs(stage: Stage) -> Counter[str]:
    """Wait until the queue is worked off, that is until nothing starts for a while."""
    wait_until(lambda: len(stage.ended()) > 1, START_SECONDS)
    quiet_seconds = 5.0
    wait_until(
        lambda: time.monotonic() - max(entry.at for entry in stage.journal()) > quiet_seconds,
        SETTLE_SECONDS,
    )
    return Counter(entry.marker for entry in stage.journal() if entry.deed == "start")


@dataclass(frozen=True)
class StoreKilled:
    """What became of the jobs accepted while the store was killed and came back.

    *ended* of the *accepted* ran to their end, *twice* counts those that ran more than once. *held*
    is what the library still had then, *exits* how often its worker ended itself.
    """

    accepted: int
    ended: int
    twice: int
    held: Held
    exits: int


def kill_store(contender: Contender, *, tuned: bool) -> StoreKilled:
    """Kill the store ``KILLS`` times while jobs come and run; a worker that ends is replaced."""
    with Stage(contender, tuned=tuned, first_run_seconds=0.0) as stage:
        caller = stage.caller()
        with Supervised(stage.worker) as worker:
            _warm_up(stage, caller)
            caller.tell("load", prefix="job", seconds=LOAD_SECONDS, rate=LOAD_RATE)
            for _ in range(KILLS):
                time.sleep(BETWEEN_KILLS_SECONDS)
                stage.server.kill()
                time.sleep(AWAY_SECONDS)
                stage.server.start()
            accepted = set(caller.answer()["accepted"])
            _await_end(stage, caller, accepted, SETTLE_SECONDS)
        starts = Counter(entry.marker for entry in stage.journal() if entry.deed == "start")
        ended = stage.ended() & accepted
        twice = sum(starts[marker] > 1 for marker in accepted)
        return StoreKilled(len(accepted), len(ended), twice, caller.held(), worker.exits)
