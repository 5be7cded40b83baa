"""The deployment commands of ``tinyllama``: what each takes, and which module does it."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()
env_app = typer.Typer(no_args_is_help=True, help="A stage's ids as variables.")
registry_app = typer.Typer(no_args_is_help=True, help="The ids of each environment.")
secrets_app = typer.Typer(no_args_is_help=True, help="The secrets of each environment.")
app.add_typer(env_app, name="env")
app.add_typer(registry_app, name="registry")
app.add_typer(secrets_app, name="secrets")

StageName = Annotated[str, typer.Argument(help="A file of terraform-extras/stages, dev say.")]
Environment = Annotated[str, typer.Option("--env", help="An environment, dev say.")]
SecretName = Annotated[str, typer.Argument(help="How the secret is called, engine_api_key say.")]
SecretStage = Annotated[str, typer.Option("--stage", help="Whose secret it is, dev say.")]
SecretSource = Annotated[
    Path | None, typer.Option("--from-file", help="Holds the value; else a prompt or a pipe.")
]

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document for scripts.")]


@app.command()
def bootstrap(
    region: Annotated[str | None, typer.Option(help="Where; else AWS' own variables say.")] = None,
    *,
    yes: Yes = False,
) -> None:
    """Make where Terraform keeps its state, once for an account and region."""
    from tinyllama.deployment import bootstrapping, turn  # noqa: PLC0415

    with turn.alone(bootstrapping.place(region)) as stage:
        bootstrapping.bootstrap(stage, yes=yes)


@app.command()
def package(stage: StageName) -> None:
    """Build what is deployed into build/<stage>: the code, and Terraform's files."""
    from tinyllama.deployment import packaging, stages, turn  # noqa: PLC0415

    with turn.alone(stages.load(stage)) as found:
        packaging.package(found)


@app.command()
def deploy(
    stage: StageName,
    *,
    yes: Yes = False,
    lose_data: Annotated[
        bool, typer.Option("--lose-data", help="Even if that destroys a store, pool or bucket.")
    ] = False,
    plan_only: Annotated[
        bool, typer.Option("--plan-only", help="Build and plan; change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Build a stage, apply it, verify that its code runs, and ask for its health."""
    from tinyllama.deployment import deploying, stages, turn  # noqa: PLC0415

    consent = deploying.Consent(plan=yes, data_loss=lose_data)
    with turn.alone(stages.load(stage)) as found:
        deploying.deploy(found, consent, plan_only=plan_only, as_json=as_json)


@app.command()
def verify(stage: StageName, *, as_json: AsJson = False) -> None:
    """Compare what runs with what was built, function by function; exit with 1 if it differs."""
    from tinyllama.deployment import stages, verifying  # noqa: PLC0415

    verifying.verify(stages.load(stage), as_json=as_json)


@app.command()
def rollback(
    stage: StageName,
    to: Annotated[int | None, typer.Option(help="The API's version; else the one before.")] = None,
    *,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Let callers reach an earlier release again."""
    from tinyllama.deployment import rolling_back, stages  # noqa: PLC0415

    rolling_back.roll_back(stages.load(stage), to, yes=yes, as_json=as_json)


@app.command()
def smoke(
    url: Annotated[
        str | None, typer.Argument(help="The API's address; else that in .env_public.")
    ] = None,
    *,
    token_file: Annotated[
        Path | None, typer.Option(help="Holds the token to call with; else TINYLLAMA_TOKEN.")
    ] = None,
    client_id: Annotated[
        str | None, typer.Option(help="The machine client to call as; its secret is a variable.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=1, max=3600, help="Seconds within which a worker must answer.")
    ] = 85,
    lease_jobs: Annotated[
        bool, typer.Option("--lease-jobs", help="Take a real job for a moment as well.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Call every route of a deployed API from outside; exit with 1 if one fails."""
    from tinyllama.deployment import smoke as smoking  # noqa: PLC0415

    wish = smoking.Wish(timeout, token_file, client_id, lease_jobs)
    smoking.smoke(url, wish, as_json=as_json)


@env_app.command("sync")
def sync_env(
    stage: StageName,
    github: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--github", help="Give them to the job's further steps as well.")
    ] = False,
) -> None:
    """Write the ids of a stage into .env_public."""
    from tinyllama.deployment import aws, env_public, stages  # noqa: PLC0415

    aws.work_in(stages.load(stage).region)
    env_public.sync(stage, github=github)


@registry_app.command("list")
def list_ids(
    env: Environment,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,  # noqa: FBT002
) -> None:
    """Print the ids of an environment."""
    from tinyllama.deployment import registry  # noqa: PLC0415

    registry.work_where(env)
    registry.show(env, as_json=as_json)


@registry_app.command("get")
def get_id(
    name: Annotated[str, typer.Argument(help="The id's name, vpc_id say.")], env: Environment
) -> None:
    """Print one id of an environment."""
    from tinyllama.deployment import registry  # noqa: PLC0415

    registry.work_where(env)
    registry.get(name, env)


@registry_app.command("copy")
def copy_ids(
    source: Annotated[str, typer.Option("--from", help="Whose ids are copied.")],
    target: Annotated[str, typer.Option("--to", help="Who gets them.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing.")] = False,  # noqa: FBT002
    overwrite: Annotated[  # noqa: FBT002
        bool, typer.Option("--overwrite", help="Change ids that differ.")
    ] = False,
) -> None:
    """Give one environment the ids of another; secrets stay where they are."""
    from tinyllama.deployment import registry  # noqa: PLC0415

    registry.work_where(source, target)
    registry.copy(source, target, dry_run=dry_run, overwrite=overwrite)


@secrets_app.command("set")
def set_secret(name: SecretName, stage: SecretStage, from_file: SecretSource = None) -> None:
    """Write a secret that is not there yet; asks for its value twice, unseen."""
    from tinyllama.deployment import registry, secret_values  # noqa: PLC0415

    registry.work_where(stage)
    secret_values.set_first(name, stage, from_file)


@secrets_app.command("rotate")
def rotate_secret(name: SecretName, stage: SecretStage, from_file: SecretSource = None) -> None:
    """Give a secret a new value; the one before is kept as a version of its own."""
    from tinyllama.deployment import registry, secret_values  # noqa: PLC0415

    registry.work_where(stage)
    secret_values.rotate(name, stage, from_file)


@secrets_app.command("list")
def list_secrets(stage: SecretStage) -> None:
    """Print which secrets there are, their versions and dates; never a value."""
    from tinyllama.deployment import registry, secret_values  # noqa: PLC0415

    registry.work_where(stage)
    secret_values.show(stage)
