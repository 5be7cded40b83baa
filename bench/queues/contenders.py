"""Who is compared: how each one's worker is started, and with which settings."""

import subprocess
import sys
import venv
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from chalicelib import __version__
from chalicelib.settings import PROJECT

HERE = Path(__file__).parent
ENVIRONMENTS = PROJECT / "build" / "queues"
SLOTS = 10


@dataclass(frozen=True)
class Contender:
    """A library, or ours. *command* starts a worker of ``SLOTS`` jobs at once, where it can.

    In the command ``{url}`` stands for the store's address. *slots* is how many jobs its worker
    runs at once. *tuned_options* are added to the command in the tuned run; *default* and *tuned*
    say in words what the two runs are set to.
    """

    name: str
    command: tuple[str, ...]
    default: str
    tuned: str
    slots: int = SLOTS
    tuned_options: tuple[str, ...] = ()

    @property
    def python(self) -> Path:
        """Return the interpreter of its own environment; ours runs in this one."""
        return Path(sys.executable) if self.name == "ours" else self._folder / "bin" / "python"

    @property
    def versions(self) -> str:
        """Return what was installed, as far as it matters here."""
        if self.name == "ours":
            return f"{__version__}, redis {version('redis')}"
        wanted = (self.name, "taskiq-redis", "kombu", "redis")
        pins = self._requirements.read_text(encoding="utf-8").splitlines()
        return ", ".join(
            pin.replace("==", " ") for name in wanted for pin in pins if pin.startswith(f"{name}==")
        )

    def install(self) -> None:
        """Make its environment unless it is there."""
        if self.name == "ours" or self.python.exists():
            return
        venv.create(self._folder, with_pip=True)
        command = ("-m", "pip", "install", "--quiet", "--requirement", self._requirements)
        subprocess.run([self.python, *command], check=True)  # noqa: S603 - pinned beside this

    def worker(self, url: str, *, tuned: bool) -> list[str]:
        """Return the command that starts one worker process."""
        options = self.tuned_options if tuned else ()
        program, *rest = (part.replace("{url}", url) for part in (*self.command, *options))
        return [str(self.python.parent / program), *rest]

    @property
    def _folder(self) -> Path:
        return ENVIRONMENTS / self.name

    @property
    def _requirements(self) -> Path:
        return HERE / "requirements" / f"{self.name}.txt"


OURS = Contender(
    "ours",
    ("python", "-m", "worker", "--concurrency", str(SLOTS)),
    "lease 30 s",
    "lease 10 s (renewed while the worker lives, so jobs may last longer)",
)

CONTENDERS = (
    OURS,
    Contender(
        "arq",
        ("arq", "bench.queues.with_arq.WorkerSettings"),
        "job_timeout 300 s",
        "job_timeout 60 s",
    ),
    Contender(
        "rq",
        ("rq", "worker", "--url", "{url}"),
        "no retry",
        "Retry(max=3), worker-ttl 20, maintenance-interval 5, job-monitoring-interval 5",
        slots=1,
        tuned_options=(
            *("--worker-ttl", "20"),
            *("--maintenance-interval", "5"),
            *("--job-monitoring-interval", "5"),
        ),
    ),
    Contender(
        "celery",
        ("celery", "-A", "bench.queues.with_celery", "worker", "-c", str(SLOTS)),
        "acknowledged at the start, visibility_timeout 1 h",
        "acks_late, reject_on_worker_lost, prefetch_multiplier 1, visibility_timeout 60 s, "
        "unacked_restore_interval and _throttle 1",
    ),
    Contender(
        "dramatiq",
        ("dramatiq", "bench.queues.with_dramatiq", "-p", "1", "-t", str(SLOTS)),
        "heartbeat_timeout 60 s, maintenance with 0.1 % of commands",
        "heartbeat_timeout 10 s, maintenance with each command",
    ),
    Contender(
        "taskiq",
        (
            *("taskiq", "worker", "bench.queues.with_taskiq:broker"),
            *("--workers", "1", "--max-async-tasks", str(SLOTS)),
        ),
        "RedisStreamBroker, idle_timeout 600 s",
        "RedisStreamBroker, idle_timeout 60 s, unacknowledged_lock_timeout 10 s",
    ),
    Contender(
        "saq",
        ("saq", "bench.queues.with_saq.settings"),
        "retries 1, timeout 10 s, sweep 60 s",
        "retries 3, timeout 60 s, heartbeat 10 s (the job itself calls update()), sweep 1 s",
    ),
)
