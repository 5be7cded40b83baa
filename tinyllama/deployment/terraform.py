"""Terraform, run in a stage's built folder: what it plans, what it does, what it answers."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any, NoReturn

import typer

from chalicelib import settings
from tinyllama.deployment import terraform_words, tools
from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.deployment.stages import Stage

LEAST_VERSION = (1, 11)
# What -detailed-exitcode says of a plan.
_NO_CHANGE, _CHANGES = 0, 2


@dataclass(frozen=True)
class Backend:
    """Where the state of a stage lies, in a bucket and under a lock that `make bootstrap` made."""

    bucket: str
    key: str
    region: str
    lock_table: str = "tinyllama-tflock"

    @staticmethod
    def of(stage: Stage, account_id: str) -> "Backend":
        """Return where *stage* keeps its state in that account."""
        bucket = f"tinyllama-tfstate-{account_id}-{stage.region}"
        return Backend(bucket, f"{stage.name}/terraform.tfstate", stage.region)

    def arguments(self) -> list[str]:
        """Return what `terraform init` is told.

        Terraform 1.11 calls dynamodb_table deprecated, and keeps it: one lock, on a table that
        locks in every release there was. A lock file beside it would be a second lock to release.
        """
        given = {
            "bucket": self.bucket,
            "key": self.key,
            "region": self.region,
            "dynamodb_table": self.lock_table,
            "encrypt": "true",
        }
        return [f"-backend-config={name}={value}" for name, value in given.items()]


@dataclass(frozen=True)
class Change:
    """What a plan does to one resource; *action* is create, update, replace or delete."""

    address: str
    kind: str
    action: str

    @property
    def destroys(self) -> bool:
        """Whether what is there now will be gone."""
        return self.action in {"replace", "delete"}


@dataclass(frozen=True)
class Plan:
    """What Terraform would do, saved for it to do exactly that."""

    file: Path
    changes: tuple[Change, ...]
    empty: bool

    @property
    def counts(self) -> dict[str, int]:
        """How many resources are added, changed and destroyed; a replaced one is both."""
        actions = [change.action for change in self.changes]
        replaced = actions.count("replace")
        return {
            "add": actions.count("create") + replaced,
            "change": actions.count("update"),
            "destroy": actions.count("delete") + replaced,
        }


class Terraform:
    """Terraform at work on one stage. What it says is told on stderr; all of it is in its log."""

    def __init__(self, stage: Stage, program: str | None = None) -> None:
        """Take the *program* on PATH. Raises DeploymentFailed without one that is new enough."""
        self._stage = stage
        self._program = program or tools.find("terraform")
        # Beside the built folder, which each packaging replaces.
        state = stage.folder.parent / ".terraform"
        self.data, self._plan = state / stage.name, state / f"{stage.name}.tfplan"
        self.log = state / f"{stage.name}.log"
        state.mkdir(parents=True, exist_ok=True)
        # A plan holds what Terraform's state does.
        state.chmod(0o700)
        self._require_version()

    def init(self, backend: Backend | None) -> None:
        """Take the providers, and the state from *backend*; without one, from that of the files."""
        self.log.unlink(missing_ok=True)
        folder = settings.foreign_variable("TF_PLUGIN_DIR")
        from_folder = [f"-plugin-dir={folder}"] if folder else []
        given = backend.arguments() if backend else []
        self._run("init", ["-reconfigure", *from_folder, *given])

    def plan(self) -> Plan:
        """Return what would be done, saved. Raises DeploymentFailed for a setting nobody reads."""
        changes: list[Change] = []

        def note(message: Mapping[str, Any]) -> None:
            if message.get("type") == "planned_change":
                change = message["change"]
                kind = change["resource"]["resource_type"]
                changes.append(Change(change["resource"]["addr"], kind, change["action"]))
            terraform_words.refuse_unread_setting(message, self._stage.name)

        self.discard()
        arguments = ["-detailed-exitcode", f"-out={self._plan}"]
        code = self._run("plan", arguments, note, fine=(_NO_CHANGE, _CHANGES))
        resources = tuple(
            c for c in changes if c.action in {"create", "update", "replace", "delete"}
        )
        return Plan(self._plan, resources, empty=code == _NO_CHANGE)

    def show(self, plan: Plan) -> None:
        """Tell every attribute that *plan* changes; secret ones stay hidden."""
        shown = self._captured(["show", "-no-color", str(plan.file)])
        typer.echo(shown, err=True)

    def planned_outputs(self, plan: Plan) -> dict[str, Any]:
        """Return the values of those outputs that *plan* knows already."""
        told = json.loads(self._captured(["show", "-json", str(plan.file)]))["planned_values"]
        return {name: o["value"] for name, o in told["outputs"].items() if "value" in o}

    def apply(self, plan: Plan) -> None:
        """Do what *plan* says, nothing else; it can be done once."""
        try:
            self._run("apply", [str(plan.file)])
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove a saved plan."""
        self._plan.unlink(missing_ok=True)

    def outputs(self) -> dict[str, Any]:
        """Return the values of all outputs."""
        told = json.loads(self._captured(["output", "-json"]))
        return {name: output["value"] for name, output in told.items()}

    def _require_version(self) -> None:
        told = json.loads(self._captured(["version", "-json"], folder=self.log.parent))
        version = str(told["terraform_version"])
        if tuple(int(part) for part in version.split(".")[:2]) < LEAST_VERSION:
            least = ".".join(map(str, LEAST_VERSION))
            raise DeploymentFailed(
                f"Terraform {version} is too old: install {least} or later from"
                " https://developer.hashicorp.com/terraform/install"
            )

    def _environment(self) -> dict[str, str]:
        ours = {
            "TF_DATA_DIR": str(self.data.absolute()),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            # Another workspace would be another state: a second copy of the stage.
            "TF_WORKSPACE": "default",
        }
        machine = settings.child_environment(ours)
        # What a stage is stands in its file, not in a shell.
        found = {name: v for name, v in machine.items() if not name.startswith("TF_VAR_")}
        if not Path(found.get("TF_CLI_CONFIG_FILE", os.devnull)).exists():
            found["TF_CLI_CONFIG_FILE"] = os.devnull  # else each command warns of it
        return found

    def _captured(self, arguments: Sequence[str], folder: Path | None = None) -> str:
        run = subprocess.run(  # noqa: S603 - no shell, our own words
            [self._program, *arguments],
            cwd=folder or self._stage.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if run.returncode:
            self._note(run.stderr)
            raise DeploymentFailed(f"terraform {arguments[0]} failed: all it said is in {self.log}")
        return run.stdout

    def _run(
        self,
        command: str,
        arguments: Sequence[str],
        note: Callable[[Mapping[str, Any]], None] = lambda _message: None,
        fine: tuple[int, ...] = (0,),
    ) -> int:
        """Run *command*, telling as it goes; return its exit code. Raises DeploymentFailed."""
        errors: list[Mapping[str, Any]] = []
        with self._started([command, "-json", "-no-color", *arguments]) as lines:
            for line in lines:
                self._note(line)
                message = terraform_words.read(line)
                note(message)
                errors += terraform_words.errors(message)
                terraform_words.tell(message, planned=command == "apply")
            code = lines.code
        if lines.interrupted:
            raise DeploymentFailed(
                f"terraform {command} was interrupted: it kept its state, so run this again"
            )
        if code not in fine:
            self._give_up(command, errors)
        return code

    @contextmanager
    def _started(self, arguments: Sequence[str]) -> Iterator["_Lines"]:
        if not self._stage.folder.is_dir():
            raise DeploymentFailed(
                f"{self._stage.name} is not built: make package STAGE={self._stage.name}"
            )
        process = subprocess.Popen(  # noqa: S603 - no shell, our own words
            [self._program, *arguments],
            cwd=self._stage.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            # Ctrl-C is ours to pass on, once: of a second one Terraform loses its state.
            process_group=0,
        )
        with process, _terminated_as_interrupted():
            lines = _Lines(process)
            try:
                yield lines
            except BaseException:
                lines.stop()
                raise

    def _give_up(self, command: str, errors: Iterable[Mapping[str, Any]]) -> NoReturn:
        sentence = terraform_words.explain(list(errors), self._stage.name, self._stage.region)
        if sentence is None:
            sentence = f"terraform {command} failed"
        raise DeploymentFailed(f"{sentence} (all it said is in {self.log})")

    def _note(self, text: str) -> None:
        with self.log.open("a", encoding="utf-8") as log:
            log.write(text)


class _Lines:
    """What a process says, until it has ended; an interrupt asks it to end, and goes on reading."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.interrupted = False
        self.code = 0

    def __iter__(self) -> Iterator[str]:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        while (line := self._next(self._process.stdout)) != "":
            yield line
        self.code = self._process.wait()

    def stop(self) -> None:
        """Ask the process to end in order."""
        self.interrupted = True
        self._process.send_signal(signal.SIGINT)

    def _next(self, stream: IO[str]) -> str:
        while True:
            try:
                return stream.readline()
            except KeyboardInterrupt:
                self.stop()


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM, which a CI's cancel sends, end Terraform as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
