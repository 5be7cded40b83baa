"""What `make run` and `make demo` print: addresses without secrets, commands that can be copied."""

import shlex
import sys
from pathlib import Path
from urllib.parse import urlsplit

import typer

from chalicelib import settings
from chalicelib.jobs import JsonObject
from tinyllama import local, terms
from tinyllama.state import home

PROMPT = "Why do llamas hum?"


def own_store() -> bool:
    """Whether the store is the local system's, not one of the user's own."""
    return not settings.variable("store_url")


def own_worker() -> bool:
    """Whether the local system starts a worker."""
    return own_store() and settings.variable("local_worker") != "off"


def store_address() -> str:
    """Return where workers find the store; the variable's name where the address holds a secret."""
    given = settings.variable("store_url")
    if given is None:
        return home().url
    parts = urlsplit(given)
    return "$TINYLLAMA_STORE_URL" if "@" in parts.netloc or parts.query else given


def worker_command() -> str:
    """Return the command that starts a worker on the store."""
    address = store_address()
    quoted = f'"{address}"' if address.startswith("$") else shlex.quote(address)
    return f"TINYLLAMA_STORE_URL={quoted} {_beside('python')} -m worker"


def show_others() -> None:
    """Say when the local system runs already and was started with other settings than ours."""
    if not (own_store() and local.running()):
        return
    others, names = local.users(), terms.differing(home())
    if others and names:
        processes = ", ".join(str(pid) for pid in others)
        typer.echo(
            f"tinyllama: the local system of this clone runs already, with another"
            f" {' and '.join(names)}. It keeps what it was started with until all who use it have"
            f" ended (process {processes}): stop them first to have yours.\n",
            err=True,
        )


def show_answer(job: JsonObject) -> None:
    """Print the answer of a job that has succeeded, and which engine gave it."""
    result = job["result"]
    typer.echo(f"Answer:  {result['text']}\n         ({job['id']}, engine {result['engine']})")
    if result["engine"] == "echo" and not settings.variable("engine_url"):
        whose = "Set" if own_worker() else "Give its worker"
        typer.echo(f"         {whose} TINYLLAMA_ENGINE_URL to let a model answer instead.")


def failure(job: JsonObject) -> str:
    """Return in a sentence how a job ended that has not succeeded, and where to look."""
    if job["error"] is None:
        return f"the job {job['state']}"
    code, detail = job["error"]["code"], job["error"]["detail"]
    told = f"the job {job['state']} with {code}: {detail}"
    if not code.startswith("engine_"):
        return told
    address = terms.engine(home()) if own_worker() else ""
    return f"{told}. Look at the engine" + (f" at {address}" if address else " of its worker")


def show_console(url: str) -> None:
    """Print where the web console of the router at *url* is, and how to get in."""
    typer.echo(
        f"\nThe console is at {url}/console\n"
        f"  sign in with the token that this prints: {_beside('tinyllama')} token"
    )


def show_curl(url: str) -> None:
    """Print what to try on the router at *url* from another terminal."""
    typer.echo(
        f"""
Try it from another terminal:
  TOKEN=$({_beside("tinyllama")} token)
  curl -s {url}/infer -H "Authorization: Bearer $TOKEN" \\
       -H "Content-Type: application/json" -H "Prefer: wait=20" -d '{{"prompt": "{PROMPT}"}}'
  curl -s {url}/inbox -H "Authorization: Bearer $TOKEN"
  {_beside("tinyllama")} infer "{PROMPT}"
  {_beside("tinyllama")} keys create --tenant dev --name "Try it" \\
       --scope "infer:write jobs:read" --out dev.key

Its store is at {store_address()}"""
    )
    whose = "API, store and worker" if own_store() else "the API"
    typer.echo(f"Logs of {whose} lie in {home().folder}")


def show_end() -> None:
    """Say that Ctrl-C was heard, and what becomes of jobs that run."""
    typer.echo("\nStopping.")
    if own_worker():
        typer.echo("A job that still runs is given back: it runs again at the next start.")


def _beside(name: str) -> str:
    """Return the command *name* of this environment, short where it lies below the folder."""
    command = Path(sys.executable).with_name(name)
    near = command.is_relative_to(Path.cwd())
    return str(command.relative_to(Path.cwd()) if near else command)
