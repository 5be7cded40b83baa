"""What an account and region need once: the stages' states, their lock, the gateway's log role.

All are described in ``bootstrap/``. Run again it changes nothing; what an earlier run made and
this machine does not know of is taken over.
"""

import json
import shutil
from http import HTTPStatus
from pathlib import Path

import typer
from botocore.exceptions import ClientError

from chalicelib.settings import PROJECT
from tinyllama.deployment import asking, aws, swapping, terraform, tools
from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.deployment.stages import Stage

_NAME = "bootstrap"


def place(region: str | None) -> Stage:
    """Return what is built and applied, in *region* or the one that AWS' own variables name.

    Raises DeploymentFailed where there is none, or two that differ.
    """
    where = region or aws.region()
    aws.work_in(where)
    return Stage(_NAME, "arm64", None, {"stage": _NAME, "region": where})


def bootstrap(stage: Stage, *, yes: bool) -> None:
    """Make bucket, lock table and log role, or bring them to what ``bootstrap/`` says.

    Shows what it will do and asks, unless *yes*. Raises DeploymentFailed, also where it would
    delete anything.
    """
    tools.find("terraform")
    if not yes:
        asking.require_terminal(asking.unasked(f"bootstrap --region {stage.region}"))
    account_id = aws.account_id()
    backend = terraform.Backend.of(stage, account_id)
    _lay(stage, backend, account_id)
    program = terraform.Terraform(stage)
    program.init(None)
    plan = program.plan()
    if any(change.destroys for change in plan.changes):
        raise DeploymentFailed(
            f"bootstrap would delete something of {backend.bucket}: see it by"
            f" terraform plan in {stage.folder}"
        )
    if plan.empty:
        typer.echo(f"{backend.bucket}, {backend.lock_table} and the rest are as they should be.")
        return
    if not yes:
        program.show(plan)
        counts = ", ".join(f"{number} to {verb}" for verb, number in plan.counts.items())
        asking.confirm(f"Do this in {stage.region}: {counts}?")
    program.apply(plan)
    typer.echo(f"State lies in {backend.bucket}, locks in {backend.lock_table}.")


def _lay(stage: Stage, backend: terraform.Backend, account_id: str) -> None:
    """Lay Terraform's files and what is known of AWS into the built folder."""
    # A file for each account and region: they share this machine, not their state.
    state = stage.folder.parent / ".terraform" / f"{backend.bucket}.tfstate"
    variables = {
        "region": backend.region,
        "adopt_bucket": _has_bucket(backend.bucket, account_id),
        "adopt_lock_table": _has_table(backend.lock_table),
        **_gateway(f"tinyllama-gateway-logs-{backend.region}"),
    }
    with swapping.replaced(stage.folder) as new:
        for path in sorted((PROJECT / "bootstrap").glob("*.tf")):
            shutil.copy(path, new)
        _write(new / "bootstrap.auto.tfvars.json", variables)
        local = {"terraform": {"backend": {"local": {"path": str(state.absolute())}}}}
        _write(new / "backend.tf.json", local)


def _has_bucket(name: str, account_id: str) -> bool:
    """Whether there is the bucket. Raises DeploymentFailed for one of another account's.

    All accounts share the names of buckets, and this one can be guessed: whoever made it first,
    and opened it, would be given the stages' states.
    """
    s3 = aws.client("s3")
    with aws.told():
        try:
            s3.head_bucket(Bucket=name, ExpectedBucketOwner=account_id)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == HTTPStatus.FORBIDDEN:
                raise DeploymentFailed(
                    f"{name} belongs to another account, or you may not look at it: take a role"
                    " that may, or another region"
                ) from None
            if status != HTTPStatus.NOT_FOUND:
                raise
            return False
    return True


def _has_table(name: str) -> bool:
    dynamodb = aws.client("dynamodb")
    with aws.told():
        try:
            dynamodb.describe_table(TableName=name)
        except dynamodb.exceptions.ResourceNotFoundException:
            return False
    return True


def _gateway(role: str) -> dict[str, bool]:
    """Return whether API Gateway's logs may go by our *role*, and whether there is one already."""
    with aws.told():
        given = aws.client("apigateway").get_account().get("cloudwatchRoleArn") or ""
    other = bool(given) and not given.endswith(f":role/{role}")
    if other:
        typer.echo(f"API Gateway writes its logs by {given}, which stays.")
    return {"gateway_logs": not other, "adopt_gateway_role": _has_role(role)}


def _has_role(name: str) -> bool:
    iam = aws.client("iam")
    with aws.told():
        try:
            iam.get_role(RoleName=name)
        except iam.exceptions.NoSuchEntityException:
            return False
    return True


def _write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
