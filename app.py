"""The API's table of contents: each route, its promise, one call. The parts are wired below it."""

import sys

# The file poller of `chalice local` watches already, and takes the opening of this very file for a
# change of it. Nothing counts until the mend is in, which knows what does.
if poller := sys.modules.get("chalice.cli.filewatch.eventbased"):
    poller.WatchdogRestarter.on_any_event = lambda *_: None

from chalicelib import settings

if not settings.in_lambda():
    from tinyllama import reloading

    reloading.only_for_changed_code()

import dataclasses
import functools
import importlib
import time
from typing import TYPE_CHECKING

from chalice.app import AuthRequest, Chalice, CloudWatchEvent, Rate

from chalicelib import answers, edge, limits, signals
from chalicelib.authorizer import Decision, Gate, Gateway, Host, Laptop
from chalicelib.edge import Call, Reply
from chalicelib.errors import (
    EventGone,
    EventNotFound,
    IdempotencyKeyReused,
    JobGone,
    JobNotFound,
    NotConfigured,
    QueueFull,
    StoreUnavailable,
)

if TYPE_CHECKING:
    from chalicelib.service import FrontDoor
    from chalicelib.upkeep import Upkeep

app = Chalice(app_name="tinyllama", configure_logs=False)


@app.authorizer(ttl_seconds=60)
def jwt_authorizer(request: AuthRequest) -> Decision:
    """Decide by the bearer token which routes a caller may use."""
    try:
        return gate().decide(request)
    except NotConfigured as error:
        # Unless it is refused in the host's words, a laptop's host drops the connection.
        return host().refuse(error, request)


route = edge.Routes(app, jwt_authorizer, now=time.time)  # noqa: TID251 - the clock handed out


@route("GET /health", scope=None, answers={200: "health", 503: "health"})
@route("GET /status", scope=None, answers={200: "health", 503: "health"})
def tell_health(_call: Call) -> Reply:
    """Tell whether the router can do its work, each dependency apart."""
    try:
        return answers.health(door().gauge())
    except StoreUnavailable as error:
        return answers.health(error)


@route("GET /openapi.json", scope=None, answers={200: None})
def tell_contract(_call: Call) -> Reply:
    """Tell the API's contract, OpenAPI 3.1."""
    return Reply(contract())


@route(
    "POST /infer",
    scope="infer:write",
    body="infer",
    takes=("idempotency_key", "wait_seconds"),
    answers={202: "job", 200: "job"},
    raises=(IdempotencyKeyReused, JobGone, QueueFull),
)
def submit_job(call: Call) -> Reply:
    """Queue a prompt for the model; 200 when it ended within `Prefer: wait`, else 202."""
    job, known = door().submit(call.tenant, call.body, call.idempotency_key, call.wait_seconds)
    return answers.submitted(call, job, known=known)


@route(
    "GET /jobs/{job_id}",
    scope="jobs:read",
    takes=("seen_version", "wait_seconds"),
    answers={200: "job", 304: None},
    raises=(JobNotFound,),
)
def fetch_job(call: Call, job_id: str) -> Reply:
    """Tell how a job stands, and its result once it has one."""
    wanted = answers.require_job_id(job_id)
    job = door().fetch(call.tenant, wanted, call.seen_version, call.wait_seconds)
    return answers.fetched(call, job)


@route(
    "POST /events",
    scope="events:write",
    body="event",
    takes=("idempotency_key",),
    answers={201: "accepted_event", 200: "accepted_event"},
    raises=(IdempotencyKeyReused, EventGone),
)
def publish_event(call: Call) -> Reply:
    """Put an event into the tenant's inbox; 200 when the same call came before."""
    event, known = door().publish(call.tenant, call.body, call.idempotency_key)
    return answers.published(event, known=known)


@route(
    "GET /inbox",
    scope="inbox:read",
    takes=("limit", "cursor"),
    answers={200: "inbox_page"},
)
def page_inbox(call: Call) -> Reply:
    """Page through the events that nobody has acknowledged, oldest first."""
    limit = call.integer("limit", limits.PAGE_EVENTS, 1, limits.PAGE_EVENTS_MAX)
    after = call.integer("cursor", 0, 0, 10**15)
    return answers.page(door().inbox.page(call.tenant, after, limit), limit)


@route(
    "GET /inbox/{event_id}",
    scope="inbox:read",
    answers={200: "inbox_event"},
    raises=(EventNotFound,),
)
@route(
    "GET /events/{event_id}",
    scope="inbox:read",
    answers={200: "inbox_event"},
    raises=(EventNotFound,),
)
def read_event(call: Call, event_id: str) -> Reply:
    """Tell one event, acknowledged or not."""
    wanted = answers.require_event_id(event_id)
    return answers.one_event(door().inbox.read(call.tenant, wanted))


@route(
    "DELETE /inbox/{event_id}",
    scope="inbox:ack",
    answers={204: None},
    raises=(EventNotFound,),
)
@route(
    "DELETE /events/{event_id}",
    scope="inbox:ack",
    answers={204: None},
    raises=(EventNotFound,),
)
def acknowledge_event(call: Call, event_id: str) -> Reply:
    """Take an event out of the inbox; again is fine."""
    wanted = answers.require_event_id(event_id)
    door().inbox.acknowledge(call.tenant, wanted)
    return Reply(status=204)


@app.schedule(Rate(1, unit=Rate.MINUTES), name="tick", description="Does what is due")
def tick(_event: CloudWatchEvent) -> None:
    """Do what is due and tell CloudWatch how the router stands; a store that is away is an error.

    A function of its own. `chalice local` runs no schedules: there the local system ticks.
    """
    report = upkeep().tick()
    signals.metrics(settings.environment(), report.metrics())


# Wiring. Each Lambda function loads what its own role needs, while it starts; anywhere else all is
# loaded with this module, for the file poller takes whatever is opened later for a change.


@functools.cache
def door() -> "FrontDoor":
    """Return the use cases on the store. Raises NotConfigured naming a missing variable."""
    from chalicelib import inbox, queueing, service, store

    where = settings.store_settings(_store_url())
    connection = store.connect(where.url, where.replicas)
    queue, retention = settings.queue_settings(), settings.retention_settings()
    return service.FrontDoor(
        queueing.JobQueue(connection, queue, retention),
        inbox.Inbox(connection, queue, retention),
        time.monotonic,
    )


@functools.cache
def upkeep() -> "Upkeep":
    """Return what does what is due. Raises NotConfigured naming a missing variable."""
    from chalicelib import store, upkeep

    where = settings.store_settings(_store_url())
    connection = store.connect(where.url, where.replicas)
    queue, retention = settings.queue_settings(), settings.retention_settings()
    return upkeep.Upkeep(connection, queue, retention, time.monotonic)


@functools.cache
def gate() -> Gate:
    """Return what decides over tokens. Raises NotConfigured naming a missing variable."""
    from chalicelib import keysources, tokens

    accepted = _token_settings()
    verifier = tokens.Verifier(accepted, keysources.key_source(accepted))
    return Gate(verifier, route, host())


def host() -> Host:
    """Return how the host that calls us hears of a refusal."""
    return Gateway() if settings.in_lambda() else Laptop(route)


@functools.cache
def contract() -> str:
    """Return the text of ``openapi.json``."""
    return (settings.PROJECT / "chalicelib" / "openapi.json").read_text(encoding="utf-8")


def _store_url() -> str:
    """Return the store's address; under `chalice local` alone, the embedded store's."""
    address = settings.variable("store_url")
    if address:
        return address
    if settings.environment() != settings.LOCAL:
        return settings.required("store_url")
    from chalice.local import LocalChalice

    from tinyllama import local

    # Never for a test or a packaging, which may load this module in the same environment.
    return local.start() if isinstance(app, LocalChalice) else settings.required("store_url")


def _token_settings() -> settings.TokenSettings:
    """Return whose tokens count; on a laptop without a key set, the development keys'."""
    accepted = settings.token_settings()
    if accepted.jwks or settings.environment() != settings.LOCAL:
        return accepted
    from tinyllama import devkeys

    return dataclasses.replace(accepted, jwks=str(devkeys.development_jwks_path()))


# Inside Lambda a missing setting stops the start here, not a caller's request.
settings.environment()
if settings.lambda_role() == "app":
    door()
elif settings.lambda_role() == "jwt_authorizer":
    gate()
elif settings.lambda_role() == "tick":
    upkeep()
elif not settings.in_lambda():
    contract()
    for module in (
        "chalice.local",
        "chalicelib.keysources",
        "chalicelib.service",
        "chalicelib.tokens",
        "tinyllama.devkeys",
        "tinyllama.local",
    ):
        importlib.import_module(module)
