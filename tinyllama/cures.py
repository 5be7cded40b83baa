"""What each error code means and what helps: the one source of docs/errors.md and the commands.

Codes are those of ``chalicelib.errors``, ``tinyllama.gateway_errors`` and a job's own ``error``.
A backtick marks what is typed or sent as it stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Cure:
    """Why a code is answered, and what its reader can do: a plain sentence or two each."""

    cause: str
    cure: str


_AGAIN = "Try again after the seconds that `Retry-After` names."
_FRESH = "Get a token from the issuer of this router; on a laptop `tinyllama token` prints one."

# What is wrong with a call, wherever it goes.
_CALLS = {
    "bad_request": Cure(
        "API Gateway does not take the request, and says no more.",
        "Look at the path, the query and the headers: one of them is not well formed.",
    ),
    "invalid_json": Cure(
        "The body is not one JSON text in UTF-8, or holds what JSON cannot carry safely.",
        "Mend the body where the refusal says: at a line and column, or in a field.",
    ),
    "invalid_parameter": Cure(
        "A query parameter or a header has a value that the route does not take.",
        "The refusal names the parameter and what it may be: send that, or leave it out.",
    ),
    "invalid_body": Cure(
        "The body is JSON, but a field of it is missing, unknown or out of bounds.",
        "Each field that is wrong is named by its JSON pointer: mend those.",
    ),
    "body_too_large": Cure(
        "The body is over 256 KiB, or over 4 MiB where the route takes so much.",
        "Send less: a shorter prompt or payload, or an address in place of the thing itself.",
    ),
    "unsupported_media_type": Cure(
        "The `Content-Type` is missing, or not one that the route reads.",
        "Send `Content-Type: application/json`, or one of those that are named.",
    ),
    "route_not_found": Cure(
        "There is no such path. Behind API Gateway it may also be the method that there is not.",
        "Check the path, and the stage in front of it (`/dev`); `GET /openapi.json` has all.",
    ),
    "method_not_allowed": Cure(
        "The path exists, the method on it does not.",
        "Use one of the methods that the `Allow` header names.",
    ),
    "idempotency_key_reused": Cure(
        "The same `Idempotency-Key`, or a CloudEvent's source and id, came with another body.",
        "Take a new key for a new request. For a repeat, send the first body unchanged.",
    ),
}

# Why nobody got in.
_TOKENS = {
    "unauthorized": Cure(
        "The token is missing, unreadable, expired or not yet valid: API Gateway has one answer "
        "for all four.",
        "Send `Authorization: Bearer` with a fresh token; if it is fresh, check its clock.",
    ),
    "token_missing": Cure("The call has no bearer token.", "Send `Authorization: Bearer <token>`."),
    "token_malformed": Cure(
        "The token is not a signed JWT, or lacks a claim that it needs.",
        "Send it exactly as it was issued: in one line, without quotes. " + _FRESH,
    ),
    "token_expired": Cure(
        "The token's time is over.",
        _FRESH + " A program that runs for long takes an API key.",
    ),
    "token_not_yet_valid": Cure(
        "The token begins to hold later than now, by the router's clock.",
        "Wait a moment. If that does not help, whoever runs the issuer sets its clock.",
    ),
    "signature_invalid": Cure(
        "The signature does not fit the token, or its algorithm is not accepted.",
        _FRESH,
    ),
    "key_unknown": Cure(
        "The token is signed with a key that this router does not know: the issuer no longer "
        "publishes it, or the token or API key is of another environment.",
        "Take a fresh token of this environment. Send an API key whole, with its `tlk_`.",
    ),
    "issuer_untrusted": Cure(
        "The token comes from an issuer that this router does not trust.",
        "Get one from the right issuer; the operator knows it (`TINYLLAMA_ISSUER`).",
    ),
    "audience_invalid": Cure(
        "The token was made for another service.",
        "Ask the issuer for a token for this router; the operator knows the audience "
        "(`TINYLLAMA_AUDIENCE`).",
    ),
    "token_use_invalid": Cure(
        "The token is no access token: an id token, for one.",
        "Send the access token that came with it.",
    ),
    "scope_insufficient": Cure(
        "The token is good, but lacks the scope that this route needs.",
        "Ask the operator for the scope; docs/clients.md tells which opens what.",
    ),
    "key_revoked": Cure(
        "The API key is not registered, was revoked, or has ended.",
        "Use another key. An operator makes one with `tinyllama keys create`.",
    ),
    "keys_unavailable": Cure(
        "The router cannot get the issuer's keys now, so it cannot tell whether the token is good.",
        _AGAIN + " If it lasts, the operator looks whether the issuer can be reached.",
    ),
    "forbidden": Cure(
        "API Gateway refuses the caller, whatever the token: a firewall's rule, for one.",
        "Ask the operator. If you are the operator, look at the gateway's log and its rules.",
    ),
}

# Jobs, events and API keys that are not there, or not as the call wants them.
_THINGS = {
    "job_not_found": Cure(
        "There is no such job: the id is wrong, its time is over, or it is another tenant's.",
        "Check the id, and whether the token is of the tenant that sent the job.",
    ),
    "job_gone": Cure(
        "The job was there and is removed: somebody erased it, or its time is over.",
        "Submit it again, under a new `Idempotency-Key`. Read results within 24 hours.",
    ),
    "job_ended": Cure(
        "The job has already ended, so there is nothing to cancel.",
        "Read the job: its result or its `error` is there.",
    ),
    "job_running": Cure(
        "The job still runs, and a running job is not erased.",
        "Cancel it, and erase it once it has ended.",
    ),
    "not_retryable": Cure(
        "Only a job that failed or expired runs again, and only a dead letter is redriven.",
        "Read its state. Submit the prompt again if you want another answer.",
    ),
    "version_conflict": Cure(
        "The job has changed since the version that you named.",
        "Read it again, and retry with the version that it has now if you still want to.",
    ),
    "lease_lost": Cure(
        "The lease lapsed, or never held what the call names: somebody else may have it now.",
        "Drop what you hold and lease anew, for longer or with `extend` in good time.",
    ),
    "event_not_found": Cure(
        "There is no such event: the id is wrong, its time is over, or it is another tenant's.",
        "Check the id, and whether the token is of the tenant whose inbox it is.",
    ),
    "event_gone": Cure(
        "The event that this `Idempotency-Key` made has been removed.",
        "Publish under a new `Idempotency-Key`.",
    ),
    "api_key_not_found": Cure(
        "There is no such API key, or it is another tenant's.",
        "Check the id with `tinyllama keys list --tenant <name>`.",
    ),
    "api_key_ended": Cure(
        "The API key was revoked or has expired, and neither is taken back.",
        "The operator makes a new one: `tinyllama keys create`.",
    ),
    "api_keys_full": Cure(
        "The tenant has as many API keys as it may; ended ones count until a day after they "
        "expire.",
        "The operator revokes those that nobody needs, and makes new ones with shorter lives.",
    ),
}

# What only callers of the OpenAI API are told.
_OPENAI = {
    "model_not_found": Cure(
        "No worker that is up offers a model of that name.",
        "`tinyllama models` and `GET /v1/models` list those there are. The operator starts a "
        "worker that has it.",
    ),
    "response_not_found": Cure(
        "There is no such response: the id is wrong, its time is over, or it is another tenant's.",
        "Check the id, and whether the key is of the tenant that asked for it.",
    ),
    "job_failed": Cure(
        "The job behind the call failed, expired or was cancelled; `message` says which and why.",
        "Mend what it names (a job's own codes), then call again: that makes a new job.",
    ),
    "still_running": Cure(
        "The answer takes longer than a call can be held, even over redirects; or no place to wait "
        "was free.",
        "Call again with the same body: a client that retries goes on waiting for the same job.",
    ),
}

# Too much, too often, or a part of the router is away.
_ROOM = {
    "rate_limited": Cure(
        "The tenant or the API key calls more often, or brings in more, than it may.",
        _AGAIN + " `RateLimit-Policy` tells what is allowed; the operator can allow more.",
    ),
    "throttled": Cure(
        "All callers together call more often than API Gateway takes.",
        _AGAIN + " If it lasts, the operator raises the stage's throttle.",
    ),
    "too_many_jobs": Cure(
        "The tenant or the API key has as many jobs under way as it may.",
        "Let some end or cancel them; then try again.",
    ),
    "inbox_full": Cure(
        "The tenant's unacknowledged events take all the room they may.",
        "Acknowledge events that were handled; `tinyllama inbox list` shows them.",
    ),
    "queue_full": Cure(
        "As many jobs wait as the queue takes.",
        _AGAIN + " If it lasts, the operator adds workers.",
    ),
    "store_full": Cure(
        "The store's memory is nearly used up; what is stored goes on.",
        _AGAIN + " The operator makes room: a larger store, or shorter retention.",
    ),
    "store_unavailable": Cure(
        "The store cannot be reached or refuses writes. Nothing was accepted.",
        _AGAIN + " If it lasts, the operator looks at the store; `GET /health` tells of it.",
    ),
    "not_configured": Cure(
        "A setting is missing or unusable.",
        "The operator sets the variable that is named, and starts the router again.",
    ),
    "internal": Cure(
        "A fault of the router's own.",
        "Try again. If it stays, report the `request_id`: the operator finds it in the log.",
    ),
    "router_unavailable": Cure(
        "API Gateway did not reach the router, or not its answer. What you asked may be done.",
        _AGAIN + " Send the same `Idempotency-Key`, so that nothing is done twice.",
    ),
    "timed_out": Cure(
        "API Gateway waited 29 seconds in vain. What you asked may still be done.",
        "Try again with the same `Idempotency-Key`, and wait for less: `Prefer: wait=20`.",
    ),
}

JOB_CURES: Mapping[str, Cure] = {
    "engine_unavailable": Cure(
        "The model's server could not be reached, or answered with an error of its own, four "
        "times in one attempt.",
        "The operator looks whether it runs where `TINYLLAMA_ENGINE_URL` says, and at its log.",
    ),
    "engine_rate_limited": Cure(
        "The model's server answered 429, four times in one attempt.",
        "Send less at once. The operator gives it more room, or the worker fewer slots.",
    ),
    "engine_refused": Cure(
        "The model's server refused the request: a `model` that it has not, a prompt that is too "
        "long for it, one without a chat template. Or no model was named and it lists none.",
        "Read what it answered. Name a model that it has (`tinyllama models` and `GET /v1/models` "
        "list them), or send less. The operator finds its reason in its own log.",
    ),
    "engine_timeout": Cure(
        "The model's server was silent for longer than it may.",
        "Ask for less, or try later. The operator raises `TINYLLAMA_ENGINE_TIMEOUT_SECONDS`.",
    ),
    "engine_interrupted": Cure(
        "The answer of the model's server broke off.",
        "Run the job again. If it stays, the operator looks at the server's log and memory.",
    ),
    "engine_garbage": Cure(
        "The model's server answered with something that is no stream of chat completions.",
        "The operator checks `TINYLLAMA_ENGINE_URL`: it mostly ends in `/v1`.",
    ),
    "result_too_large": Cure(
        "The answer is longer than 1 MiB, or mostly control characters and too long to carry.",
        "Set `max_tokens` (`--max-tokens`), or ask for less at a time.",
    ),
    "router_outdated": Cure(
        "A worker over HTTPS is newer than the router, which would have dropped tool calls or a "
        "refusal.",
        "The operator upgrades the API; then run the job again.",
    ),
    "attempts_exhausted": Cure(
        "Every worker that ran the job was lost before it had an answer.",
        "The operator looks why in the workers' logs; then the job can run again.",
    ),
    "deadline_exceeded": Cure(
        "The job did not end before its deadline.",
        "Give it more: `deadline_seconds`, or `--deadline`. If jobs wait for long, the operator "
        "adds workers.",
    ),
    "worker_error": Cure(
        "A fault of the worker's own.",
        "The operator finds the place in the worker's log (`job.crashed`): report it.",
    ),
}
"""Why a job failed or expired: the codes of its ``error``."""

CURES: Mapping[str, Cure] = {**_CALLS, **_TOKENS, **_THINGS, **_OPENAI, **_ROOM, **JOB_CURES}
"""Every code that a caller can see."""
