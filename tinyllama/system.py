"""The whole router on one machine: its server as a child process, tried out with one prompt."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from chalicelib import bounds, keysources, settings, store
from chalicelib.errors import KeysUnavailable, NotConfigured
from tinyllama import devkeys, listening, local, showing
from tinyllama.exits import Exit
from tinyllama.state import bound, home

START_SECONDS = 30.0
WORKER_SECONDS = 120.0  # somebody copies the command into another terminal
POLL_SECONDS = 0.3
END_SECONDS = 15.0
LOG_SECONDS = 10.0  # between two looks at how long the log has grown
MOST_PORT = 65_535

# No proxy: a machine that has one for the world may not except loopback from it.
_loopback = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class CallFailed(Exception):
    """The router answered with a problem, or not at all; the message tells which."""


@dataclass(frozen=True)
class Router:
    """A router at *url*, called with a development token."""

    url: str
    token: str

    def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Return the answer's JSON, None when it has no body. Raises CallFailed."""
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(  # noqa: S310 - an address of our own on loopback
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={**sent, **(headers or {})},
            method=method,
        )
        try:
            with _loopback.open(request, timeout=40) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            told = _told(error.read())
            raise CallFailed(f"{method} {path} answered {error.code}: {told}") from None
        except OSError as error:
            raise CallFailed(f"{method} {path} was not answered: {error}") from None
        return json.loads(text) if text else None


def _told(body: bytes) -> str:
    """Return what a problem document or a failing health check says, else *body* as it is."""
    try:
        document = json.loads(body)
        return str(document.get("detail") or document["checks"]["store:reachable"][0]["output"])
    except (ValueError, AttributeError, LookupError):
        return body.decode(errors="replace")


def up(port: int) -> None:
    """Run the router until Ctrl-C, after one prompt has shown whether it answers."""
    if not 0 <= port <= MOST_PORT:
        raise NotConfigured(f"--port is 0 to {MOST_PORT}, not {port}; 0 takes a free one")
    serving = _serving(port, "dev", quiet=False)
    with serving as (router, server), listening.noted(router.url):
        _try_prompt(router)
        showing.show_console(router.url)
        showing.show_curl(router.url)
        try:
            # In here: who reads it may press Ctrl-C at once.
            typer.echo("\nReady. Ctrl-C stops it; what is queued and unread stays.")
            code = _end_of(server)
        except KeyboardInterrupt:
            showing.show_end()
            return
        raise CallFailed(f"chalice local ended with exit code {code}")


def demo() -> None:
    """Show a prompt, its answer, its event and the acknowledgement; then stop everything."""
    tenant = f"demo-{secrets.token_hex(4)}"  # a new one: its inbox holds this event alone
    with _serving(0, tenant, quiet=True) as (router, _):
        _await_worker(router, WORKER_SECONDS)
        typer.echo(f"As the tenant {tenant}, whose jobs no other token finds:")
        _show_prompt(router)
        (event,) = router.call("GET", "/inbox")["events"]
        typer.echo(f"\nIts event in the inbox:\n  {event['event_type']}  {event['payload']}")
        router.call("DELETE", f"/inbox/{event['event_id']}")
        left = router.call("GET", "/inbox")["events"]
        typer.echo(f"Acknowledged: {len(left)} events are left in the inbox.")
    deadline = time.monotonic() + END_SECONDS
    while local.running():
        if local.used():
            typer.echo("Stopped. The store goes on for whoever else uses it.")
            return
        if time.monotonic() > deadline:
            typer.echo("tinyllama: the embedded store did not end; see its log", err=True)
            raise typer.Exit(1)
        time.sleep(0.1)
    typer.echo("Everything is stopped; what the store holds stays for the next start.")


@contextmanager
def _serving(
    port: int, tenant: str, *, quiet: bool
) -> Iterator[tuple[Router, "subprocess.Popen[bytes]"]]:
    """Run ``chalice local`` and end it, whatever comes; a failed call is exit code 1."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Before the server: what fails between its start and the try below would leave it running.
    _check_settings()
    showing.show_others()
    token = devkeys.make_token(sub=tenant, expires_in=12 * 3600)
    chosen = _free_port(port)
    if port not in (0, chosen):
        typer.echo(f"Port {port} is busy: taking {chosen}.")
    server = _start_server(chosen, quiet=quiet)
    router = Router(f"http://127.0.0.1:{chosen}", token)
    try:
        _await_router(router, server)
        typer.echo(f"Router at {router.url}\n")
        yield router, server
    except KeyboardInterrupt:
        showing.show_end()
        raise typer.Exit(Exit.INTERRUPTED) from None
    except CallFailed as error:
        typer.echo(f"tinyllama: {error}", err=True)
        raise typer.Exit(1) from None
    finally:
        server.terminate()
        server.wait()


def _start_server(port: int, *, quiet: bool) -> "subprocess.Popen[bytes]":
    """Start ``chalice local``, its lines written to the log, its errors too where *quiet*.

    A folder that cannot be written leaves no log. Our Ctrl-C is not the server's: we end it.
    """
    chalice = Path(sys.executable).with_name("chalice")
    log = subprocess.DEVNULL
    with suppress(OSError):
        home().folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        bound(home().api_log)
        log = os.open(home().api_log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    ours = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.Popen(  # noqa: S603 - no shell, our own words
            [chalice, "local", "--no-autoreload", "--port", str(port)],
            cwd=settings.PROJECT,
            stdout=log,
            stderr=log if quiet else None,
        )
    finally:
        signal.signal(signal.SIGINT, ours)
        if log != subprocess.DEVNULL:
            os.close(log)


def _end_of(server: "subprocess.Popen[bytes]") -> int:
    """Return the exit code of *server* once it ends, holding its log short until then."""
    while True:
        with suppress(subprocess.TimeoutExpired):
            return server.wait(LOG_SECONDS)
        bound(home().api_log)


def _check_settings() -> None:
    """Raise NotConfigured for what would keep server, worker, store or tick from starting."""
    settings.token_settings()
    _check_api_keys()
    bounds.queue_settings()
    bounds.request_settings()
    bounds.relay_seconds()
    bounds.engine_options()
    bounds.retention_settings()
    settings.engine_settings()
    settings.tick_seconds()
    local_store = settings.environment() == settings.LOCAL and not settings.variable("store_url")
    where = settings.store_settings(home().url if local_store else None)
    store.connect(where.url, where.replicas, where.sign_in)


def _check_api_keys() -> None:
    """Raise NotConfigured for keys that the API could read no API key with, or no token at all."""
    source = keysources.api_key_source(settings.key_settings())
    if isinstance(source, keysources.FileKeys):
        try:
            source.read()
        except KeysUnavailable as error:
            raise NotConfigured(error.detail) from None


def _try_prompt(router: Router) -> None:
    """Show one prompt, or why there is no answer: a model may be loading, a worker be started."""
    if not _worker_lives(router):
        typer.echo(
            f"No worker lives on its store, so no prompt is tried. Start one:\n"
            f"  {showing.worker_command()}"
        )
        return
    try:
        _show_prompt(router)
    except CallFailed as error:
        typer.echo(f"tinyllama: {error}", err=True)
        typer.echo("The router stays up all the same; try again when that is mended.")


def _await_router(router: Router, server: "subprocess.Popen[bytes]") -> None:
    """Return once the router answers and, where it has one of its own, a worker lives.

    Raises CallFailed.
    """
    deadline, told = time.monotonic() + START_SECONDS, "chalice local did not start"
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if _worker_lives(router) or not showing.own_worker():
                return
        except CallFailed as error:
            told = str(error)
        else:
            told = f"no worker came up; {home().keeper_log} tells more"
        time.sleep(POLL_SECONDS)
    raise CallFailed(told)


def _await_worker(router: Router, seconds: float) -> None:
    """Return once a worker of the user's own lives, saying at once how. Raises CallFailed."""
    if _worker_lives(router):
        return
    typer.echo(f"Waiting for a worker on its store. Start one:\n  {showing.worker_command()}\n")
    deadline = time.monotonic() + seconds
    while not _worker_lives(router):
        if time.monotonic() > deadline:
            raise CallFailed(f"no worker came to the store within {seconds:g} seconds")
        time.sleep(POLL_SECONDS)


def _worker_lives(router: Router) -> bool:
    return bool(router.call("GET", "/health")["status"] == "pass")


def _show_prompt(router: Router) -> None:
    """Send one prompt and print its answer. Raises CallFailed."""
    typer.echo(f"Prompt:  {showing.PROMPT}")
    job = router.call("POST", "/infer", {"prompt": showing.PROMPT}, {"Prefer": "wait=20"})
    while job["state"] in ("queued", "running"):
        job = router.call("GET", f"/jobs/{job['id']}", headers={"Prefer": "wait=20"})
    if job["state"] != "succeeded":
        raise CallFailed(showing.failure(job))
    showing.show_answer(job)


def _free_port(wanted: int) -> int:
    """Return *wanted* if nobody listens there, else a port that is free."""
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise CallFailed("no port is free on 127.0.0.1")
