"""The environment, read in this module alone.

A setting is the variable ``TINYLLAMA_<NAME>``, else its line in ``.env.dev`` beside ``app.py``.
That file is tracked, holds no secret, and is never read inside Lambda. An empty value and an
unresolved ``${...}`` (Terraform syntax that Chalice copies through) count as unset.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chalicelib import limits
from chalicelib.errors import NotConfigured

PREFIX = "TINYLLAMA_"
PROJECT = Path(__file__).resolve().parent.parent
LOCAL = "local"


def in_lambda() -> bool:
    """Whether this process is a Lambda function; Lambda reserves the variable that says so."""
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ


def lambda_role() -> str:
    """Return the attribute of ``app.py`` that this Lambda function serves, ``""`` elsewhere."""
    return os.environ.get("_HANDLER", "").rpartition(".")[2] if in_lambda() else ""


def _read_defaults(path: Path) -> dict[str, str]:
    """Return what *path* sets, nothing without it; lines that cannot be read are logged."""
    if not path.is_file():
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415 - never inside Lambda, which has no such file

    # Not interpolated: an unresolved ${...} is Terraform's and counts as unset.
    found = dotenv_values(path, interpolate=False, encoding="utf-8")
    return {name: value or "" for name, value in found.items()}


# Read once, at import: the file poller of `chalice local` takes a later look for a change.
_DEFAULTS = {} if in_lambda() else _read_defaults(PROJECT / ".env.dev")


def variable(name: str) -> str | None:
    """Return the setting ``TINYLLAMA_<NAME>``, or None when it is unset."""
    key = PREFIX + name.upper()
    for source in (os.environ, _DEFAULTS):
        value = source.get(key, "").strip()
        if value and "${" not in value:
            return value
    return None


def required(name: str) -> str:
    """Return the setting, or raise ``NotConfigured`` naming its variable."""
    value = variable(name)
    if value is None:
        raise NotConfigured(f"{PREFIX}{name.upper()} is not set")
    return value


def _number(name: str, default: float, least: float) -> float:
    text = variable(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value < float("inf"):
        raise NotConfigured(f"{PREFIX}{name.upper()} must be a number of at least {least:g}")
    return value


def _whole(name: str, default: int, least: int) -> int:
    """Return a count; a fraction is refused, since cut off it may mean another thing, as 0 does."""
    value = _number(name, default, least)
    if not value.is_integer():
        raise NotConfigured(f"{PREFIX}{name.upper()} must be a whole number of at least {least}")
    return int(value)


def environment() -> str:
    """Return the environment's name, ``local`` on a laptop only. Raises NotConfigured."""
    name = required("env")
    if name == LOCAL and in_lambda():
        raise NotConfigured(f"{PREFIX}ENV must not be {LOCAL} inside Lambda")
    return name


@dataclass(frozen=True)
class TokenSettings:
    """Whose tokens are accepted. ``jwks`` is a path or an https address; None means discovery."""

    issuer: str
    audiences: Sequence[str]
    jwks: str | None
    tenant_claim: str
    leeway_seconds: float
    scope_prefix: str = ""


def token_settings() -> TokenSettings:
    """Read what the authorizer needs. Raises NotConfigured naming the first missing variable."""
    return TokenSettings(
        issuer=required("issuer"),
        audiences=audiences(),
        jwks=variable("jwks"),
        tenant_claim=variable("tenant_claim") or "sub",
        leeway_seconds=_number("leeway_seconds", 5, 0),
        scope_prefix=variable("scope_prefix") or "",
    )


def audiences() -> list[str]:
    """Return whom tokens may be for, the router's own name first. Raises NotConfigured."""
    if found := required("audience").replace(",", " ").split():
        return found
    raise NotConfigured(f"{PREFIX}AUDIENCE names nobody")


@dataclass(frozen=True)
class QueueSettings:
    """How the queue behaves: leases, attempts, and how much is taken before it is refused.

    ``queue_length`` counts jobs that wait, ``queue_bytes`` the requests of all that have not
    ended, ``inbox_bytes`` one tenant's pending events. ``rate_per_minute`` is what one tenant may
    submit and publish, 0 for no limit; ``waiters`` how many calls may wait for an answer at once.
    """

    lease_seconds: float
    max_attempts: int
    queue_length: int
    queue_bytes: int = limits.QUEUE_BYTES
    inbox_bytes: int = limits.INBOX_BYTES
    rate_per_minute: int = 0
    waiters: int = limits.WAITERS

    @property
    def waiting_callers(self) -> int:
        """How many of the waiters may be callers: a quarter of the places is left to workers."""
        return self.waiters - self.waiters // 4


def queue_settings() -> QueueSettings:
    """Read the queue's settings. Raises NotConfigured naming a bad one."""
    return QueueSettings(
        lease_seconds=_number("lease_seconds", 30, 0.1),
        max_attempts=_whole("max_attempts", limits.MAX_ATTEMPTS, 1),
        queue_length=_whole("queue_length", limits.QUEUE_LENGTH, 1),
        queue_bytes=_whole("queue_bytes", limits.QUEUE_BYTES, limits.BODY_BYTES),
        inbox_bytes=_whole("inbox_bytes", limits.INBOX_BYTES, limits.BODY_BYTES),
        rate_per_minute=_whole("rate_per_minute", limits.RATE_PER_MINUTE, 0),
        waiters=_whole("waiters", limits.WAITERS, 0),
    )


@dataclass(frozen=True)
class RequestSettings:
    """How many requests a tenant, and one API key, may make a minute; 0 for no limit.

    Those that have a rate of their own (``QueueSettings.rate_per_minute``) are not counted.
    """

    per_minute: int = 0
    key_per_minute: int = 0


def request_settings() -> RequestSettings:
    """Read the limits on requests. Raises NotConfigured naming a bad one."""
    return RequestSettings(
        per_minute=_whole("requests_per_minute", limits.REQUESTS_PER_MINUTE, 0),
        key_per_minute=_whole("key_requests_per_minute", 0, 0),
    )


@dataclass(frozen=True)
class RetentionSettings:
    """How long things are kept, in seconds: ended jobs, tombstones, events, keys of callers."""

    result_seconds: float = limits.RESULT_SECONDS
    tombstone_seconds: float = limits.TOMBSTONE_SECONDS
    event_seconds: float = limits.EVENT_SECONDS
    acknowledged_seconds: float = limits.ACKNOWLEDGED_SECONDS
    idempotency_seconds: float = limits.IDEMPOTENCY_SECONDS


def retention_settings() -> RetentionSettings:
    """Read how long things are kept. Raises NotConfigured naming a bad one."""
    return RetentionSettings(
        result_seconds=_number("result_seconds", limits.RESULT_SECONDS, 1),
        tombstone_seconds=_number("tombstone_seconds", limits.TOMBSTONE_SECONDS, 1),
        event_seconds=_number("event_seconds", limits.EVENT_SECONDS, 1),
        acknowledged_seconds=_number("acknowledged_seconds", limits.ACKNOWLEDGED_SECONDS, 1),
        idempotency_seconds=_number("idempotency_seconds", limits.IDEMPOTENCY_SECONDS, 1),
    )


@dataclass(frozen=True)
class StoreSettings:
    """Where the store is, how many replicas must have each write, what its user signs in to."""

    url: str
    replicas: int
    sign_in: str | None = None


def store_settings(url: str | None = None) -> StoreSettings:
    """Read the store's settings; *url* stands for an address that is known otherwise."""
    return StoreSettings(url or required("store_url"), store_replicas(), variable("store_sign_in"))


def store_replicas() -> int:
    """Return how many replicas must have each write. Raises NotConfigured for a bad one."""
    return _whole("store_replicas", 0, 0)


def tick_seconds() -> float:
    """Return how often the local system does what is due. Raises NotConfigured for a bad one."""
    return _number("tick_seconds", limits.TICK_SECONDS, 0.1)


@dataclass(frozen=True)
class EngineSettings:
    """Where the model is served; without a ``url`` the built-in echo engine answers.

    Without an ``api_key`` of the environment's, ``api_key_parameter`` names the secret that is it.
    """

    url: str | None
    api_key: str | None
    model: str | None
    timeout_seconds: float
    api_key_parameter: str | None = None


def engine_settings() -> EngineSettings:
    """Read the worker's engine settings. Raises NotConfigured naming a bad one."""
    url = variable("engine_url")
    if url is not None and not re.match(r"https?://[^/?#\s]", url):
        raise NotConfigured(f"{PREFIX}ENGINE_URL must be an http or https address")
    return EngineSettings(
        url=url,
        api_key=variable("engine_api_key"),
        api_key_parameter=variable("engine_api_key_parameter"),
        model=variable("engine_model"),
        timeout_seconds=_number("engine_timeout_seconds", 120, 0.1),
    )


@dataclass(frozen=True)
class MachineClient:
    """A client of the issuer's that stands for a program, and where it is given its tokens.

    The secret is *secret*, or what *secret_file* holds at the time.
    """

    id: str
    secret: str | None = field(repr=False)
    secret_file: Path | None
    token_url: str


@dataclass(frozen=True)
class WorkerCredential:
    """What a worker over HTTPS shows: a token, a file that holds it, or what *client* is given."""

    token: str | None = field(repr=False)
    file: Path | None
    client: MachineClient | None = None


def worker_credential() -> WorkerCredential:
    """Read where the worker's token is. Raises NotConfigured unless exactly one place is named."""
    token, file, client = _one_of("worker_token", "worker_token_file", "worker_client_id")
    machine = machine_client(client, "worker_client_secret") if client else None
    return WorkerCredential(token, _path(file), machine)


def machine_client(client_id: str, secret_name: str, token_url: str | None = None) -> MachineClient:
    """Read what belongs to a machine client. Raises NotConfigured unless it has just one secret."""
    secret, file = _one_of(secret_name, f"{secret_name}_file")
    where = token_url or required("token_url")
    return MachineClient(client_id, secret, _path(file), where)


def _one_of(*names: str) -> list[str | None]:
    """Return the settings of that name. Raises NotConfigured unless exactly one is set."""
    found = {PREFIX + name.upper(): variable(name) for name in names}
    named = [name for name, value in found.items() if value]
    if not named:
        raise NotConfigured(f"neither {' nor '.join(found)} is set: set one of them")
    if len(named) > 1:
        raise NotConfigured(f"both {' and '.join(named)} are set: set one of them alone")
    return list(found.values())


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None


def foreign_variable(name: str) -> str | None:
    """Return another program's variable *name*, as ``GITHUB_ENV``; None when it is unset."""
    return os.environ.get(name) or None


def chalice_reload_child() -> bool:
    """Whether ``chalice local`` started this process and will replace it when code changes."""
    return "CHALICE_WORKER" in os.environ


def child_environment(overrides: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with *overrides*, for a process started from here."""
    return {**os.environ, **overrides}
