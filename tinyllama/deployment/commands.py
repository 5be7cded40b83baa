"""The deployment commands of ``tinyllama``: what each takes, and which module does it."""

from typing import Annotated

import typer

app = typer.Typer()

StageName = Annotated[str, typer.Argument(help="A file of terraform-extras/stages, dev say.")]


@app.command()
def package(stage: StageName) -> None:
    """Build what is deployed into build/<stage>: the code, and Terraform's files."""
    from tinyllama.deployment import packaging, stages  # noqa: PLC0415

    packaging.package(stages.load(stage))
