"""``tinyllama queue``, ``models`` and ``health``: how a router is."""

import typer

from tinyllama import screen
from tinyllama.reaching import Address, AsJson, ProfileName, router

app = typer.Typer()


@app.command()
def queue(
    *,
    as_json: AsJson = False,
    profile: ProfileName = None,
    url: Address = None,
) -> None:
    """Show how long the queue is, who works on it and how fast."""
    with router(profile, url) as client:
        told = dict(client.queue())
    if as_json:
        screen.document(told)
        return
    depth = told.pop("depth")
    screen.fields({**depth, **told})


@app.command()
def models(
    *,
    as_json: AsJson = False,
    profile: ProfileName = None,
    url: Address = None,
) -> None:
    """List the models that live workers offer; `infer --model` takes one."""
    with router(profile, url) as client:
        found = client.models()
    if as_json:
        screen.document(found)
        return
    screen.table(("model",), [(name,) for name in found])
    if not found:
        screen.say("No live worker tells of a model.")


@app.command()
def health(
    *,
    as_json: AsJson = False,
    profile: ProfileName = None,
    url: Address = None,
) -> None:
    """Show whether the router can do its work; exit code 6 if it cannot. Needs no token."""
    from tinyllama.exits import Exit  # noqa: PLC0415

    with router(profile, url) as client:
        told = client.health()
    if as_json:
        screen.document(told)
    else:
        screen.fields({"status": told["status"], "version": told.get("version")})
        for name, checks in told["checks"].items():
            for check in checks:
                said = (check.get("status"), check.get("observedValue"), check.get("output"))
                screen.row((name, *(each for each in said if each is not None)))
    if told["status"] == "fail":
        raise typer.Exit(Exit.BUSY)
