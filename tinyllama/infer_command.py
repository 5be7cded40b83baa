"""``tinyllama infer``: a prompt goes in, its answer comes out."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chalicelib.jobs import Priority
from tinyllama import screen
from tinyllama.reaching import Address, AsJson, ProfileName, router

if TYPE_CHECKING:
    from tinyllama.awaiting import Workers
    from tinyllama.client import Client, Handle, Options

app = typer.Typer()

_LOOK_SECONDS = 2  # how old the position may be that a spinner shows


@app.command()
def infer(  # noqa: PLR0913 - one for each option
    prompt: Annotated[
        str | None, typer.Argument(help="What to answer; - or nothing reads standard input.")
    ] = None,
    *,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Read the prompt from a file.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Which model; else the engine's.")] = None,
    system: Annotated[str | None, typer.Option(help="How the model is to behave.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="The most tokens of the answer.")] = None,
    temperature: Annotated[float | None, typer.Option(help="0 is greedy, 2 is wild.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Sample from the likeliest share.")] = None,
    stop: Annotated[list[str] | None, typer.Option(help="Where to end; up to four.")] = None,
    seed: Annotated[int | None, typer.Option(help="Makes sampling repeatable.")] = None,
    priority: Annotated[Priority | None, typer.Option(help="Which of your own go first.")] = None,
    deadline: Annotated[
        float | None, typer.Option(help="How many seconds it may take, waiting included.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same key within a day is the same job.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait for the answer, or print the job's id.")] = True,
    stream: Annotated[bool, typer.Option("--stream", help="Print it as it is said.")] = False,
    as_json: AsJson = False,
    profile: ProfileName = None,
    url: Address = None,
) -> None:
    """Send a prompt and print its answer.

    With --json the job is printed; with --stream, too, first a line for each piece.

    Ctrl-C leaves the job to go on.
    """
    from tinyllama import given  # noqa: PLC0415
    from tinyllama.client import Unusable  # noqa: PLC0415

    if stream and not wait:
        raise Unusable("--stream waits for the answer: it cannot go with --no-wait")
    text = given.prompt(prompt, file)
    options: Options = {
        "model": model,
        "max_tokens": max_tokens,
        "temperature": temperature,
        "top_p": top_p,
        "stop": stop or None,
        "seed": seed,
        "priority": priority,
        "deadline_seconds": deadline,
    }
    with router(profile, url) as client:
        handle = _submitted(client, text, system, idempotency_key, options)
        if wait:
            show_answer(handle, client.url, stream=stream, as_json=as_json)
        elif as_json:
            screen.document(handle.job.document)
        else:
            screen.line(handle.id)


def show_answer(handle: "Handle", url: str, *, stream: bool, as_json: bool) -> None:
    """Print the answer of a job once it has one, or as it is said. Exits with 8 without any.

    *url* is the job's router's.
    """
    from tinyllama.exits import Exit, tell_ending  # noqa: PLC0415

    with _interruptible(handle.id):
        if stream:
            with _telling(url):
                _stream(handle, as_json=as_json)
        else:
            _await(handle, url)
    job = handle.job
    if as_json and stream:
        screen.record({"job": job.document})
    elif as_json:
        screen.document(job.document)
    elif job.text is not None and not stream:
        screen.line(job.text)
    if job.text is None:
        tell_ending(job)
        raise typer.Exit(Exit.NO_ANSWER)
    if (job.result or {}).get("finish_reason") == "length":
        screen.say("The answer was cut at its greatest length: --max-tokens allows more.")


def _submitted(
    client: "Client", text: str, system: str | None, key: str | None, options: "Options"
) -> "Handle":
    from tinyllama.exits import Exit  # noqa: PLC0415

    said = {"role": "user", "content": text}
    try:
        with screen.waiting("Sending"):
            if system is None:
                return client.submit(text, idempotency_key=key, **options)
            messages = [{"role": "system", "content": system}, said]
            return client.submit(messages=messages, idempotency_key=key, **options)
    except KeyboardInterrupt:
        screen.say("\nStopped before an answer came: `tinyllama jobs list` tells if it is there.")
        raise typer.Exit(Exit.INTERRUPTED) from None


def _await(handle: "Handle", url: str) -> None:
    from tinyllama.awaiting import IDLE, Workers  # noqa: PLC0415
    from tinyllama.outlook import Outlook  # noqa: PLC0415

    if not sys.stderr.isatty():
        with _telling(url):
            handle.wait()
        return
    outlook = Outlook(handle.job)
    with Workers(url) as workers, screen.waiting(outlook.words()) as show:
        show(lambda: f"{outlook.words()}{f', {IDLE}' if workers.none else ''}")
        while not handle.job.ended:
            outlook.look(handle.look(wait_seconds=_LOOK_SECONDS))


def _telling(url: str) -> "Workers":
    """Say on standard error, while the block lasts, that nobody works."""
    from tinyllama.awaiting import IDLE, Workers  # noqa: PLC0415

    return Workers(url, lambda: screen.say(f"{IDLE[0].upper()}{IDLE[1:]}."))


def _stream(handle: "Handle", *, as_json: bool) -> None:
    begun = ended = False
    attempt = 0
    for piece in handle.stream():
        if as_json:
            told = {"text": piece.text, "attempt": piece.attempt, "reset": piece.reset}
            screen.record(told)
            continue
        if piece.reset and begun:
            screen.write("\n")
            lost = f"That attempt was lost; number {piece.attempt} begins anew:"
            screen.say("The whole answer is:" if piece.attempt == attempt else lost)
        attempt = piece.attempt
        begun, ended = True, piece.text.endswith("\n")
        screen.write(piece.text)
    if begun and not ended:
        screen.write("\n")


@contextmanager
def _interruptible(job_id: str) -> Iterator[None]:
    """Say on Ctrl-C, and where the router is lost, that the job goes on; Ctrl-C exits with 130."""
    from tinyllama.client_errors import Unreachable  # noqa: PLC0415
    from tinyllama.exits import Exit  # noqa: PLC0415

    try:
        yield
    except Unreachable as error:
        error.add_note(f"{job_id} is kept: `tinyllama jobs tail {job_id}` goes on reading.")
        raise
    except KeyboardInterrupt:
        screen.say(
            f"\n{job_id} goes on without you. `tinyllama jobs tail {job_id}` looks on,"
            f" `tinyllama jobs cancel {job_id}` ends it."
        )
        raise typer.Exit(Exit.INTERRUPTED) from None
