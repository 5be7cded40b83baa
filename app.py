"""The API's table of contents: each route, its promise, one call."""

import sys

# The file poller of `chalice local` watches already, and takes the opening of this very file for a
# change of it. Nothing counts until the mend is in, which knows what does.
if poller := sys.modules.get("chalice.cli.filewatch.eventbased"):
    poller.WatchdogRestarter.on_any_event = lambda *_: None

from chalicelib import settings

if not settings.in_lambda():
    from tinyllama import reloading

    reloading.only_for_changed_code()

import functools
import time
from collections.abc import Mapping
from typing import Any

from chalice.app import AuthRequest, Chalice, CloudWatchEvent, Rate

from chalicelib import (
    answers,
    bounds,
    chat,
    chat_answers,
    edge,
    inbox_answers,
    key_answers,
    limits,
    metrics_answers,
    model_answers,
    openai_answers,
    openai_calls,
    queue_answers,
    response_answers,
    responses,
    signals,
    wiring,
)
from chalicelib.authorizer import Decision, Gate, Gateway, Host, Laptop
from chalicelib.calls import Call
from chalicelib.errors import (
    ApiKeyEnded,
    ApiKeyNotFound,
    ApiKeysFull,
    EventGone,
    EventNotFound,
    IdempotencyKeyReused,
    InboxFull,
    JobEnded,
    JobGone,
    JobNotFound,
    JobRunning,
    LeaseLost,
    NotConfigured,
    NotRetryable,
    QueueFull,
    RateLimited,
    StoreFull,
    StoreUnavailable,
    TooManyJobs,
    VersionConflict,
)
from chalicelib.jobs import JobState, JsonObject
from chalicelib.journal import Journal
from chalicelib.openai_errors import JobFailed, ModelNotFound, ResponseNotFound, StillRunning
from chalicelib.routing import Dialect, Reply, RouteNotFound
from chalicelib.wiring import (
    console,
    contract,
    door,
    key_desk,
    model_lists,
    relay,
    requests,
    response_desk,
    tally,
    upkeep,
    workshop,
)

# Behind every cursor there is.
_LAST = 10**15

app = Chalice(app_name="tinyllama", configure_logs=False)


@app.authorizer(ttl_seconds=60)
def jwt_authorizer(request: AuthRequest) -> Decision:
    """Decide by the bearer token which routes a caller may use."""
    try:
        return gate().decide(request)
    except NotConfigured as error:
        # Unless it is refused in the host's words, a laptop's host drops the connection.
        return host().refuse(error, request)


@functools.cache
def gate() -> Gate:
    """Return what decides over tokens. Raises NotConfigured naming a missing variable."""
    return Gate(wiring.verifier(), route, host())


def host() -> Host:
    """Return how the host that calls us hears of a refusal."""
    return Gateway() if settings.in_lambda() else Laptop(route)


def count_refusal(code: str) -> None:
    """Count a refusal by its code. Raises NotConfigured where there is no store to count in."""
    tally().refused(code)


journal = Journal(time.monotonic, count_refusal)
route = edge.Routes(app, jwt_authorizer, time.time, requests, journal)  # noqa: TID251 - handed out


@route("GET /health", scope=None, answers={200: "health", 503: "health"})
@route("GET /status", scope=None, answers={200: "health", 503: "health"})
def tell_health(_call: Call) -> Reply:
    """Tell whether the router can do its work, each dependency apart."""
    try:
        return queue_answers.health(door().gauge())
    except StoreUnavailable as error:
        return queue_answers.health(error)


@route("GET /openapi.json", scope=None, answers={200: None})
def tell_contract(_call: Call) -> Reply:
    """Tell the API's contract, OpenAPI 3.1."""
    return Reply(contract())


@route("GET /console", scope=None, answers={200: "text/html"})
def show_console(_call: Call) -> Reply:
    """Show the web console, one page that calls the routes beside it."""
    page = console()
    return Reply(page.document, headers=page.headers, content_type="text/html; charset=utf-8")


# Jobs


@route(
    "POST /infer",
    scope="infer:write",
    body="infer",
    takes=("idempotency_key", "wait_seconds"),
    answers={202: "job", 200: "job"},
    raises=(
        *(IdempotencyKeyReused, JobGone, RateLimited),
        *(TooManyJobs, InboxFull, QueueFull, StoreFull),
    ),
)
def submit_job(call: Call) -> Reply:
    """Queue a prompt for the model; 200 when it ended within `Prefer: wait`, else 202."""
    key, wait_seconds = call.idempotency_key, call.wait_seconds
    return answers.submitted(call, door().submit(call.tenant, call.body, key, wait_seconds))


@route(
    "GET /jobs",
    scope="jobs:read",
    takes=("state", "model", "limit", "cursor"),
    answers={200: "job_page"},
)
def list_jobs(call: Call) -> Reply:
    """Page through the tenant's jobs, newest first."""
    limit = call.integer("limit", limits.PAGE_EVENTS, 1, limits.PAGE_EVENTS_MAX)
    before = call.integer("cursor", _LAST, 0, _LAST)
    state, model = call.word("state"), call.word("model")
    wanted = JobState(state) if state else None
    return answers.jobs(call, door().lists.jobs(call.tenant, before, limit, wanted, model), limit)


@route(
    "GET /jobs/{job_id}",
    scope="jobs:read",
    takes=("seen_version", "wait_seconds"),
    answers={200: "job", 304: None},
    raises=(JobNotFound, JobGone),
)
def fetch_job(call: Call, job_id: str) -> Reply:
    """Tell how a job stands, and its result once it has one."""
    wanted = answers.require_job_id(job_id)
    seen, wait_seconds = call.seen_version, call.wait_seconds
    return answers.fetched(call, door().fetch(call.tenant, wanted, seen, wait_seconds))


@route(
    "GET /jobs/{job_id}/stream",
    scope="jobs:read",
    takes=("after", "wait_seconds"),
    answers={200: "job_text"},
    raises=(JobNotFound, JobGone),
)
def stream_job(call: Call, job_id: str) -> Reply:
    """Tell what a job has said since a cursor; a new attempt begins anew with `reset`."""
    wanted = answers.require_job_id(job_id)
    page = door().read_text(call.tenant, wanted, call.word("after"), call.wait_seconds)
    return answers.text(call, wanted, page)


@route(
    "POST /jobs/{job_id}/cancel",
    scope="jobs:write",
    answers={202: "job", 200: "job"},
    raises=(JobNotFound, JobGone, JobEnded),
)
def cancel_job(call: Call, job_id: str) -> Reply:
    """Cancel a job that waits (200), or ask the worker of one that runs (202); again is fine."""
    return answers.moved(call, door().queue.cancel(call.tenant, answers.require_job_id(job_id)))


@route(
    "POST /jobs/{job_id}/retry",
    scope="jobs:write",
    body="retry",
    answers={202: "job", 200: "job"},
    raises=(
        *(JobNotFound, JobGone, VersionConflict, NotRetryable, RateLimited),
        *(TooManyJobs, InboxFull, QueueFull, StoreFull),
    ),
)
def retry_job(call: Call, job_id: str) -> Reply:
    """Run a job again that failed or expired; 200 when a repeat finds it ended, else 202."""
    wanted = answers.require_job_id(job_id)
    told = door().queue.retry(call.tenant, wanted, call.body["version"])
    return answers.moved(call, told.job, told.rates)


@route(
    "DELETE /jobs/{job_id}",
    scope="jobs:write",
    answers={204: None},
    raises=(JobNotFound, JobRunning),
)
def erase_job(call: Call, job_id: str) -> Reply:
    """Erase a job, its input and its result; again is fine."""
    door().queue.erase(call.tenant, answers.require_job_id(job_id))
    return Reply(status=204)


# The queue


@route("GET /queue", scope="jobs:read", answers={200: "queue"})
def tell_queue(_call: Call) -> Reply:
    """Tell how the queue stands, all tenants together."""
    return queue_answers.queue(door().gauge())


@route("GET /metrics", scope="metrics:read", answers={200: "text/plain"}, raises=(RouteNotFound,))
def tell_metrics(_call: Call) -> Reply:
    """Tell Prometheus how the queue stands and what was done so far; 404 in production."""
    metrics_answers.require_offered()
    return metrics_answers.metrics(door().measure())


@route(
    "GET /dead-letters",
    scope="queue:admin",
    takes=("limit", "cursor"),
    answers={200: "dead_letters"},
)
def list_dead_letters(call: Call) -> Reply:
    """Page through the jobs of any tenant that ran out of attempts, the latest first."""
    limit = call.integer("limit", limits.PAGE_EVENTS, 1, limits.PAGE_EVENTS_MAX)
    before = call.integer("cursor", _LAST, 0, _LAST)
    return queue_answers.dead_letters(door().lists.dead_letters(before, limit), limit)


@route(
    "POST /dead-letters/redrive",
    scope="queue:admin",
    body="redrive",
    answers={202: "redriven"},
)
def redrive_dead_letters(call: Call) -> Reply:
    """Run dead letters again, each at the version that was seen; again is fine."""
    return queue_answers.redriven(*door().redrive(call.body["jobs"]))


# Events


@route(
    "POST /events",
    scope="events:write",
    body="event",
    takes=("idempotency_key", "cloudevent"),
    answers={201: "accepted_event", 200: "accepted_event"},
    raises=(IdempotencyKeyReused, EventGone, RateLimited, InboxFull, StoreFull),
)
def publish_event(call: Call) -> Reply:
    """Put an event or a CloudEvent into the tenant's inbox; 200 when it came before."""
    key = None if call.cloudevent else call.idempotency_key
    return inbox_answers.published(door().publish(call.tenant, call.body, key))


@route(
    "GET /inbox",
    scope="inbox:read",
    takes=("type", "limit", "cursor", "wait_seconds"),
    answers={200: "inbox_page"},
)
def page_inbox(call: Call) -> Reply:
    """Page through the events that nobody has acknowledged or leased, oldest first."""
    limit = call.integer("limit", limits.PAGE_EVENTS, 1, limits.PAGE_EVENTS_MAX)
    after, wanted = call.integer("cursor", 0, 0, _LAST), call.word("type")
    page = door().page(call.tenant, after, limit, wanted, call.wait_seconds)
    return inbox_answers.page(call, page, limit)


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
    return inbox_answers.one(door().inbox.read(call.tenant, wanted))


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
    """Take an event out of the inbox, leased or not; again is fine."""
    wanted = answers.require_event_id(event_id)
    door().inbox.acknowledge(call.tenant, wanted)
    return Reply(status=204)


@route(
    "POST /inbox/lease",
    scope="inbox:ack",
    body="events_lease",
    takes=("wait_seconds",),
    answers={200: "events_leased"},
    raises=(LeaseLost,),
)
def lease_events(call: Call) -> Reply:
    """Lease the oldest pending events, so that no other consumer sees them meanwhile."""
    lease = door().lease_events(call.tenant, call.body, call.wait_seconds)
    return inbox_answers.leased(call, lease)


@route(
    "POST /inbox/extend",
    scope="inbox:ack",
    body="events_extend",
    answers={200: "events_extended"},
    raises=(LeaseLost,),
)
def extend_events(call: Call) -> Reply:
    """Hold leased events for longer."""
    token, seconds = call.body["lease"], call.body["seconds"]
    return inbox_answers.extended(token, door().leases.extend(call.tenant, token, seconds))


@route(
    "POST /inbox/release",
    scope="inbox:ack",
    body="events_held",
    answers={204: None},
    raises=(LeaseLost,),
)
def release_events(call: Call) -> Reply:
    """Give leased events back: they are pending again, in their old places."""
    door().leases.release(call.tenant, call.body["lease"], call.body.get("event_ids"))
    return Reply(status=204)


@route(
    "POST /inbox/ack",
    scope="inbox:ack",
    body="events_held",
    answers={204: None},
    raises=(LeaseLost,),
)
def acknowledge_events(call: Call) -> Reply:
    """Take leased events out of the inbox, all that are named or none; again is fine."""
    door().leases.acknowledge(call.tenant, call.body["lease"], call.body.get("event_ids"))
    return Reply(status=204)


# API keys


@route(
    "POST /keys",
    scope="keys:admin",
    body="register",
    answers={201: "api_key", 200: "api_key"},
    raises=(ApiKeyEnded, ApiKeysFull),
)
def register_key(call: Call) -> Reply:
    """Register an API key that an operator signed; 200 when it was registered before.

    A key of another tenant's needs the scope `queue:admin` too.
    """
    record, known = key_desk().register(call.caller, call.body["key"])
    return key_answers.registered(record, known=known)


@route(
    "GET /keys",
    scope="keys:admin",
    takes=("tenant", "limit", "cursor"),
    answers={200: "api_key_page"},
)
def list_keys(call: Call) -> Reply:
    """Page through a tenant's API keys, the first to expire first; never the keys themselves."""
    limit = call.integer("limit", limits.PAGE_EVENTS, 1, limits.PAGE_EVENTS_MAX)
    cursor, tenant = call.integer("cursor", 0, 0, _LAST), call.word("tenant")
    return key_answers.keys(call, key_desk().list(call.caller, tenant, cursor, limit), limit)


@route(
    "DELETE /keys/{key_id}",
    scope="keys:admin",
    takes=("tenant", "grace_seconds"),
    answers={204: None},
    raises=(ApiKeyNotFound,),
)
def revoke_key(call: Call, key_id: str) -> Reply:
    """Revoke an API key, at once or after a grace; again is fine, and never lengthens its life."""
    wanted, tenant = key_answers.require_key_id(key_id), call.word("tenant")
    grace_seconds = call.integer("grace_seconds", 0, 0, limits.KEY_GRACE_SECONDS)
    key_desk().revoke(call.caller, tenant, wanted, grace_seconds)
    return Reply(status=204)


# The OpenAI API

_RELAYED: Mapping[str, Any] = {
    "scope": "infer:write",
    "body_unless": "job",
    "takes": ("job", "hop", "idempotency_key"),
    "raises": (
        *(IdempotencyKeyReused, JobNotFound, JobGone, RateLimited, TooManyJobs),
        *(InboxFull, QueueFull, StoreFull, JobFailed, StillRunning),
    ),
    "dialect": Dialect.OPENAI,
}


@route(
    "POST /v1/chat/completions",
    body="chat_completion_request",
    answers={200: "chat_completion or text/event-stream", 307: None},
    **_RELAYED,
)
def complete_chat(call: Call) -> Reply:
    """Answer a chat as the OpenAI API does: 200 once the model has, 307 to where to wait on.

    With `stream` the answer is server-sent events, all at once; they tell of a failed job, too.
    """
    asking = openai_calls.asking(call, relay().hold_seconds)
    options, body = bounds.engine_options(), call.body
    told = relay().answer(
        call.tenant, asking, lambda: chat.permitted(chat.job_request(body), options)
    )
    return openai_answers.relayed(call, asking, told, chat_answers.completed)


@route(
    "POST /v1/responses",
    body="response_request",
    answers={200: "response or text/event-stream", 307: None},
    **_RELAYED,
)
def create_response(call: Call) -> Reply:
    """Answer a response as the OpenAI API does: at once with `background`, else as a chat is.

    With `stream` the answer is server-sent events, all at once; they tell of a failed job, too.
    """
    asking = openai_calls.asking(call, relay().hold_seconds)
    desk, tenant, body = response_desk(), call.tenant, call.body

    def request() -> JsonObject:
        return desk.request(tenant, body)

    if responses.at_once(body):
        begun = relay().begin(tenant, asking, request)
        return openai_answers.replayed(response_answers.standing(begun.job), known=begun.known)
    told = relay().answer(tenant, asking, request)
    return openai_answers.relayed(call, asking, told, response_answers.answered)


@route(
    "GET /v1/responses/{response_id}",
    scope="infer:write",
    takes=("stream", "starting_after", "hop"),
    answers={200: "response or text/event-stream", 307: None},
    raises=(ResponseNotFound, StillRunning),
    dialect=Dialect.OPENAI,
)
def fetch_response(call: Call, response_id: str) -> Reply:
    """Tell a response as it stands; with `stream` its events, once it has ended."""
    if call.word("stream") != "true":
        return response_answers.standing(response_desk().find(call.tenant, response_id))
    after = call.integer("starting_after", -1, 0, _LAST)
    hops = openai_calls.hops(call, response_desk().hold_seconds)
    told = response_desk().follow(call.tenant, response_id, hops.hold_seconds)
    return response_answers.followed(call, hops, told, after)


@route(
    "POST /v1/responses/{response_id}/cancel",
    scope="infer:write",
    answers={200: "response"},
    raises=(ResponseNotFound,),
    dialect=Dialect.OPENAI,
)
def cancel_response(call: Call, response_id: str) -> Reply:
    """Cancel a response, in the background or not, and tell how it stands; again is fine."""
    return response_answers.standing(response_desk().cancel(call.tenant, response_id))


@route(
    "DELETE /v1/responses/{response_id}",
    scope="infer:write",
    answers={200: "response_deleted"},
    raises=(ResponseNotFound, JobRunning),
    dialect=Dialect.OPENAI,
)
def erase_response(call: Call, response_id: str) -> Reply:
    """Erase a response, its input and its answer."""
    response_desk().erase(call.tenant, response_id)
    return response_answers.deleted(response_id)


@route(
    "GET /v1/models",
    scope="infer:write",
    answers={200: "model_list"},
    dialect=Dialect.OPENAI,
)
def list_models(_call: Call) -> Reply:
    """List the models that live workers offer, as the OpenAI API does."""
    return model_answers.models(model_lists().models())


@route(
    "GET /v1/models/{model}",
    scope="infer:write",
    answers={200: "model"},
    raises=(ModelNotFound,),
    dialect=Dialect.OPENAI,
)
def tell_model(_call: Call, model: str) -> Reply:
    """Tell one model that live workers offer; its name is percent-encoded, a slash too."""
    return model_answers.model(model, model_lists().models())


# Workers, who serve every tenant


@route(
    "POST /worker/lease",
    scope="worker:run",
    body="worker_lease",
    takes=("wait_seconds",),
    answers={200: "worker_leased", 204: None},
)
def lease_job(call: Call) -> Reply:
    """Lease the job whose turn it is; 204 when none is ready. Tells that the worker lives."""
    claim = workshop().lease(call.body, call.wait_seconds)
    return queue_answers.worker_leased(call, claim, workshop().lease_seconds)


@route(
    "POST /worker/append",
    scope="worker:run",
    body="worker_append",
    body_bytes=limits.WORKER_BODY_BYTES,
    answers={200: "worker_appended"},
    raises=(LeaseLost,),
)
def append_output(call: Call) -> Reply:
    """Add output to a leased job; again is fine."""
    return Reply({"cancel": workshop().append(call.body)})


@route(
    "POST /worker/extend",
    scope="worker:run",
    body="worker_extend",
    answers={200: "worker_extended"},
    raises=(LeaseLost,),
)
def extend_job(call: Call) -> Reply:
    """Renew the lease on a job. Tells that the worker lives, where it names itself."""
    cancel = workshop().extend(call.body)
    return Reply({"cancel": cancel, "lease_seconds": workshop().lease_seconds})


@route(
    "POST /worker/finish",
    scope="worker:run",
    body="worker_finish",
    body_bytes=limits.WORKER_BODY_BYTES,
    answers={200: "worker_finished"},
    raises=(LeaseLost,),
)
def finish_job(call: Call) -> Reply:
    """Record what a run came to; again is fine."""
    return Reply({"state": workshop().finish(call.body)})


@route(
    "POST /worker/release",
    scope="worker:run",
    body="worker_release",
    answers={204: None},
    raises=(LeaseLost,),
)
def release_job(call: Call) -> Reply:
    """Give a job back unharmed: it is ready at once, and the attempt costs nothing."""
    workshop().release(call.body)
    return Reply(status=204)


@app.schedule(Rate(1, unit=Rate.MINUTES), name="tick", description="Does what is due")
def tick(_event: CloudWatchEvent) -> None:
    """Do what is due and tell CloudWatch how the router stands; a store that is away is an error.

    A function of its own. `chalice local` runs no schedules: there the local system ticks.
    """
    report = upkeep().tick()
    signals.metrics(settings.environment(), report.metrics())


# Inside Lambda a missing setting stops the start here, not a caller's request: each function loads
# what its own role needs. Anywhere else all is loaded with this module.
settings.environment()
signals.least()
if settings.lambda_role() == "app":
    tally()
    workshop()
    relay()
    response_desk()
    requests()
elif settings.lambda_role() == "jwt_authorizer":
    gate()
elif settings.lambda_role() == "tick":
    upkeep()
elif not settings.in_lambda():
    from tinyllama import laptop

    laptop.furnish(app, route)
