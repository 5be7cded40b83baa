"""A deployment, from the stage's file to an API that answers.

1. Look, before anything is built: the stage, the programs, the region, the credentials, the state.
2. Package, and let Terraform plan against the stage's state.
3. Ask, and apply exactly that plan.
4. Rewrite ``.env_public``, wait until the functions take calls, verify their code, ask for health.

Each step finds what the one before left, so a deployment that was cut off is run again.
"""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from typing import Any

import typer
from botocore.exceptions import ClientError

from tinyllama.deployment import (
    asking,
    aws,
    env_public,
    health,
    packaging,
    terraform,
    tools,
    understood,
    verifying,
)
from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.deployment.functions import Functions
from tinyllama.deployment.stages import Stage

# Lambda keeps 75 GB of code for a region; these are what `rollback` can go back to.
KEPT_VERSIONS = 10
# What holds what nobody can make again.
_HOLDS_DATA = frozenset(
    {
        *("aws_elasticache_replication_group", "aws_elasticache_serverless_cache"),
        *("aws_memorydb_cluster", "aws_cognito_user_pool", "aws_dynamodb_table"),
        *("aws_s3_bucket", "aws_ecr_repository", "aws_sqs_queue"),
    }
)


@dataclass(frozen=True)
class Consent:
    """What was agreed to beforehand: the plan whatever it is, and even the loss of data."""

    plan: bool
    data_loss: bool


@dataclass
class _Steps:
    """The steps of one deployment, told as they begin, with how long each took in seconds."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        typer.secho(f"{name} ...", bold=True, err=True)
        begun = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - begun, 1)
        typer.echo(f"{name}: {self.seconds[name]} s", err=True)


def deploy(
    stage: Stage,
    consent: Consent,
    *,
    plan_only: bool,
    as_json: bool,
    build: Callable[[Stage], Any] = packaging.package,
) -> None:
    """Bring *stage* to AWS as it is in this folder, and print what was done; JSON *as_json*.

    Raises DeploymentFailed with what to do; whatever failed, running it again is right.
    """
    steps = _Steps()
    with contextlib.redirect_stdout(sys.stderr):
        backend = _look(stage, consent, plan_only=plan_only, steps=steps)
        with steps.step("package"):
            build(stage)
        with steps.step("plan"):
            program = terraform.Terraform(stage)
            program.init(backend)
            plan = program.plan()
        try:
            understood.check(stage.name, stage.variables, program.planned_outputs(plan)["settings"])
            done = _planned(plan) | {"stage": stage.name, "applied": False}
            if not plan_only:
                done |= _carry_out(stage, program, plan, consent, steps)
            elif not as_json and not plan.empty:
                program.show(plan)
        finally:
            program.discard()
    if as_json:
        typer.echo(json.dumps(done | {"seconds": steps.seconds}, indent=2))


def losses(plan: terraform.Plan) -> list[str]:
    """Return the addresses of all that *plan* destroys, or makes anew, and that holds data."""
    return [c.address for c in plan.changes if c.destroys and c.kind in _HOLDS_DATA]


def _look(stage: Stage, consent: Consent, *, plan_only: bool, steps: _Steps) -> terraform.Backend:
    """Find what would stop the deployment later. Raises DeploymentFailed."""
    with steps.step("look"):
        if not (plan_only or consent.plan):
            asking.require_terminal(asking.unasked(f"deploy {stage.name}"))
        for program in ("git", "terraform"):
            tools.find(program)
        aws.work_in(stage.region)
        backend = terraform.Backend.of(stage, aws.account_id())
        _require_bucket(backend.bucket, stage.region)
    return backend


def _require_bucket(bucket: str, region: str) -> None:
    with aws.told():
        s3 = aws.client("s3")
        try:
            s3.head_bucket(Bucket=bucket)
        except ClientError as error:
            # A pipeline's role may not look at the bucket itself; what it may do, Terraform tries.
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.NOT_FOUND:
                raise DeploymentFailed(
                    f"there is no bucket {bucket} for the state: make bootstrap REGION={region}"
                    " makes it, once for an account and region"
                ) from None


def _planned(plan: terraform.Plan) -> dict[str, Any]:
    changes = [asdict(change) for change in plan.changes]
    return {"plan": {**plan.counts, "changes": changes, "loses": losses(plan)}}


def _carry_out(
    stage: Stage,
    program: terraform.Terraform,
    plan: terraform.Plan,
    consent: Consent,
    steps: _Steps,
) -> dict[str, Any]:
    if plan.empty:
        typer.echo("Nothing is to be changed: AWS is as the files say.", err=True)
    else:
        _ask(stage, program, plan, consent)
        with steps.step("apply"):
            program.apply(plan)
    return {"applied": not plan.empty} | _finish(stage, program.outputs(), steps)


def _ask(
    stage: Stage, program: terraform.Terraform, plan: terraform.Plan, consent: Consent
) -> None:
    lost = losses(plan)
    if lost and not consent.data_loss:
        warning = f"This plan DESTROYS what holds data: {', '.join(lost)}"
        asking.confirm_by_name(warning, stage.name, "--lose-data")
    if consent.plan:
        return
    program.show(plan)
    counts = ", ".join(f"{number} to {verb}" for verb, number in plan.counts.items())
    asking.confirm(f"Apply this to {stage.name} in {stage.region}: {counts}?")


def _finish(stage: Stage, outputs: dict[str, Any], steps: _Steps) -> dict[str, Any]:
    with steps.step("ids"):
        env_public.sync(stage.name, outputs["registry"])
    functions = Functions(stage.name)
    with steps.step("wait"):
        functions.wait()
    with steps.step("verify"):
        verified = _verify(stage, functions)
    with steps.step("health"):
        found = _health(stage, str(outputs["endpoint_url"]))
        typer.echo(f"{outputs['endpoint_url']} is {found.sentence}", err=True)
    with steps.step("prune"):
        pruned = functions.prune(KEPT_VERSIONS)
        typer.echo(f"{pruned} old versions deleted, {KEPT_VERSIONS} of each kept", err=True)
    told = {"endpoint_url": outputs["endpoint_url"], "health": found.status, "pruned": pruned}
    return told | {"verified": verified}


def _verify(stage: Stage, functions: Functions) -> dict[str, Any]:
    sha256 = verifying.built_sha256(stage.folder)
    findings = verifying.compare(functions, sha256, stage.architecture)
    restored: list[str] = []
    if any(finding.fault for finding in findings):
        restored = verifying.restore(functions, stage, findings)
        functions.wait()
        findings = verifying.compare(functions, sha256, stage.architecture)
    verifying.show(findings, err=True)
    if any(finding.fault for finding in findings):
        raise DeploymentFailed(
            f"AWS runs other code than was built: find out who else deploys {stage.name}, and"
            f" make deploy STAGE={stage.name} once more"
        )
    return verifying.document(sha256, findings) | {"restored": restored}


def _health(stage: Stage, endpoint_url: str) -> health.Health:
    try:
        return health.wait_for(endpoint_url)
    except DeploymentFailed as error:
        raise DeploymentFailed(
            f"{error}; the new code is live: look at its log, or tinyllama rollback {stage.name}"
        ) from None
