"""Workers that die, freeze, end, or share a name."""

import signal
import time
from dataclasses import dataclass

from chalicelib.jobs import Job
from chalicelib.queueing import JobQueue
from chaos import moves
from chaos.audit import Audit, Entry
from chaos.config import LEASE_SECONDS, queue_settings
from chaos.engine import EvilEngine
from chaos.ledger import Ledger, Load
from chaos.processes import Group
from chaos.proxy import Hold, Proxy
from chaos.registry import scenario
from chaos.stand import Stand, wait_for
from tests.servers import Server

# A second is what is promised on top of the lease; the rest is this machine's noise.
_RERUN_SECONDS = LEASE_SECONDS + 1
_NOISE_SECONDS = 0.75
_WORDS = "one two three four five six"


@dataclass(frozen=True)
class _Moment:
    """When a worker is killed: at a move of its job, or after *pieces* of the engine's answer."""

    name: str
    move: str = ""
    carried_out: bool = False
    pieces: int = 0
    attempts: int = 2


_MOMENTS = (
    _Moment("claim on its way", moves.TAKE, attempts=1),
    _Moment("claim carried out, reply lost", moves.TAKE, carried_out=True, attempts=1),
    _Moment("record about to be opened", moves.OPEN, attempts=1),
    _Moment("record opened, reply lost", moves.OPEN, carried_out=True),
    _Moment("engine asked, no text yet", pieces=0),
    _Moment("first text on its way", moves.APPEND),
    _Moment("first text stored, reply lost", moves.APPEND, carried_out=True),
    _Moment("in mid-stream", pieces=4),
    _Moment("finish on its way", moves.FINISH),
    _Moment("finish carried out, reply lost", moves.FINISH, carried_out=True, attempts=1),
)


class _Duel:
    """A worker to be killed, behind a proxy, and one that stands by frozen until then."""

    def __init__(self, stand: Stand) -> None:
        self.server: Server = stand.server()
        self.engine: EvilEngine = stand.engine()
        self.proxy: Proxy = stand.proxy(self.server.socket)
        self.queue = JobQueue(stand.connect(self.server.url), queue_settings())
        self.ledger: Ledger = stand.ledger(self.server.url)
        self._stand = stand
        self._heir: Group = stand.worker(self.server.url, engine_url=self.engine.url)
        self._heir.await_log("worker.started")
        self._heir.freeze()

    def die_at(self, moment: _Moment) -> tuple[Entry, float]:
        """Kill a worker at *moment*: its job, and the seconds until it ran again (0: it ended)."""
        hold = Hold(moment.move, carried_out=moment.carried_out) if moment.move else None
        self.engine.stop_at(None if hold else moment.pieces)
        entry = self.ledger.submit(_WORDS)
        self.proxy.hold = hold
        victim = self._stand.worker(self.proxy.url, engine_url=self.engine.url)
        assert (hold or self.engine).reached.wait(20), moment.name  # noqa: S101 - ends the attack
        victim.kill()
        killed = _now(self.server)
        self.proxy.hold = None
        # Before it is let go: what was on its way must not arrive.
        self.proxy.cut()
        (hold or self.engine).go.set()
        self._heir.thaw()
        ended = wait_for(lambda: self._ended(entry), f"an end after: {moment.name}")
        self._heir.freeze()
        started = (ended.started_at or 0) / 1000
        return entry, max(0.0, started - killed)

    def attempts(self, entry: Entry) -> int:
        """Return how often the job was opened."""
        return self.queue.fetch(entry.tenant, str(entry.id)).attempt

    def _ended(self, entry: Entry) -> Job | None:
        job = self.queue.fetch(entry.tenant, str(entry.id))
        return job if job.state.ended else None


def _now(server: Server) -> float:
    with server.client() as raw:
        seconds, microseconds = raw.time()
    return int(seconds) + int(microseconds) / 1_000_000


@scenario(
    "workers",
    "kill -9 of a worker's process group at ten moments of a job",
    f"it runs again within {_RERUN_SECONDS:g} s (lease + 1 s), and has one end",
)
def killed_at_ten_moments(stand: Stand) -> Audit:
    """Kill one worker at each moment while another stands by."""
    duel = _Duel(stand)
    audit, slowest = Audit(), 0.0
    for moment in _MOMENTS * stand.pick(1, 5):
        entry, seconds = duel.die_at(moment)
        slowest = max(slowest, seconds)
        attempts = duel.attempts(entry)
        audit.expect(
            seconds <= _RERUN_SECONDS + _NOISE_SECONDS,
            f"{moment.name}: ran again after {seconds:.1f} s",
        )
        audit.expect(attempts == moment.attempts, f"{moment.name}: {attempts} attempts")
    audit.told.append(f"slowest rerun {slowest:.1f} s after the kill, lease {LEASE_SECONDS:g} s")
    return audit.add(stand.audit(duel.ledger, duel.server.url))


@scenario(
    "workers",
    "kill -9 of workers under load, one after another",
    "every acknowledged job ends once",
)
def killed_under_load(stand: Stand) -> Audit:
    """Kill one of two workers again and again while callers submit."""
    server, evil = stand.server(), stand.engine()
    ledger = stand.ledger(server.url)

    def hire() -> Group:
        return stand.worker(server.url, "--concurrency", "8", engine_url=evil.url)

    workers = [hire(), hire()]
    kills = stand.pick(3, 40)
    with Load(ledger, words="slow* words of an answer", per_second=20):
        for number in range(kills):
            time.sleep(1.2)
            workers[number % 2].kill()
            workers[number % 2] = hire()
    audit = stand.audit(ledger, server.url)
    audit.told.append(f"{kills} workers killed, {sum(evil.calls.values())} runs of the engine")
    return audit


@scenario(
    "workers",
    "a worker frozen beyond its lease wakes up",
    "it is refused: one end, by the worker that took over",
)
def frozen_beyond_its_lease(stand: Stand) -> Audit:
    """Freeze a worker in mid-job, let another finish the job, thaw the first."""
    server, evil = stand.server(), stand.engine()
    ledger = stand.ledger(server.url)
    late = stand.worker(server.url, "--concurrency", "8", engine_url=evil.url)
    entries = [ledger.submit("slow* words of an answer") for _ in range(stand.pick(4, 40))]
    wait_for(lambda: evil.calls[entries[3].key], "the engine is asked")
    late.freeze()
    stand.worker(server.url, "--concurrency", "8", engine_url=evil.url)
    audit = stand.audit(ledger, server.url)
    late.thaw()
    late.await_log("lease.lost")
    return stand.audit(ledger, server.url) if audit.held else audit


@scenario(
    "workers",
    "SIGTERM in mid-job",
    "what can end in the drain time does; the rest is given back at no attempt's cost",
)
def terminated_in_mid_job(stand: Stand) -> Audit:
    """Terminate a worker that runs a job it can finish and one that it cannot."""
    server, evil = stand.server(), stand.engine()
    ledger = stand.ledger(server.url)
    queue = JobQueue(stand.connect(server.url), queue_settings())
    leaving = stand.worker(server.url, "--drain-seconds", "2", engine_url=evil.url)
    quick, stuck = ledger.submit("slow* words"), ledger.submit("stall*1 in the stream")
    wait_for(lambda: evil.calls[quick.key] and evil.calls[stuck.key], "both jobs run")
    time.sleep(0.2)

    code = leaving.terminate()
    given_back = queue.fetch(stuck.tenant, str(stuck.id))
    ended = queue.fetch(quick.tenant, str(quick.id))

    stand.worker(server.url, engine_url=evil.url)
    audit = stand.audit(ledger, server.url)
    again = queue.fetch(stuck.tenant, str(stuck.id))
    audit.expect(code == 0, f"exit code {code}")
    audit.expect((ended.state, ended.attempt) == ("succeeded", 1), f"drained job {ended.state}")
    audit.expect(given_back.state == "queued", f"the rest is {given_back.state} after the exit")
    left = again.max_attempts - again.attempt
    full = given_back.max_attempts - given_back.attempt
    audit.expect(left + 1 == full == queue_settings().max_attempts, "the release cost an attempt")
    return audit


@scenario(
    "workers",
    "two workers of one name",
    "each job is run by one of them, none by both; nothing is lost when one dies",
)
def two_of_one_name(stand: Stand) -> Audit:
    """Run twins, kill one in the middle."""
    server, evil = stand.server(), stand.engine()
    ledger = stand.ledger(server.url)
    twins = [
        stand.worker(server.url, "--name", "twin", "--concurrency", "4", engine_url=evil.url)
        for _ in range(2)
    ]
    for twin in twins:
        twin.await_log("worker.started")
    for _ in range(stand.pick(24, 400)):
        ledger.submit("slow*1 two three")
    audit = stand.audit(ledger, server.url)
    runs, jobs = sum(evil.calls.values()), len(ledger.entries)
    shares = [twin.logged("job.claimed") for twin in twins]
    audit.expect(runs == jobs, f"{runs} runs of {jobs} jobs")
    audit.expect(all(shares), f"one twin did nothing: {shares}")
    with Load(ledger, words="slow* words", per_second=20):
        time.sleep(1)
        twins[0].signal(signal.SIGKILL)
        time.sleep(stand.pick(1, 10))
    return stand.audit(ledger, server.url) if audit.held else audit
