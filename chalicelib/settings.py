"""The environment, read in this module alone.

A setting is the variable ``TINYLLAMA_<NAME>``, else its line in ``.env.dev`` beside ``app.py``.
That file is tracked, holds no secret, and is never read inside Lambda. An empty value and an
unresolved ``${...}`` (Terraform syntax that Chalice copies through) count as unset.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalicelib import limits
from chalicelib.errors import NotConfigured
from chalicelib.scopes import SCOPES

PREFIX = "TINYLLAMA_"
PROJECT = Path(__file__).resolve().parent.parent
LOCAL = "local"
_SCOPE_FORM = re.compile(r"[a-z]{1,16}([/:][a-z]{1,16}){1,2}")


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


def number(name: str, default: float, least: float) -> float:
    """Return a number of at least *least*. Raises NotConfigured naming the variable."""
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


def whole(name: str, default: int, least: int) -> int:
    """Return a count; a fraction is refused, since cut off it may mean another thing, as 0 does."""
    value = number(name, default, least)
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
    """Whose tokens are accepted. ``jwks`` is a path or an https address; None means discovery.

    A token's scopes are its own and those of ``group_scopes`` for its groups.
    """

    issuer: str
    audiences: Sequence[str]
    jwks: str | None
    tenant_claim: str
    leeway_seconds: float
    scope_prefix: str = ""
    groups_claim: str = "cognito:groups"
    group_scopes: Mapping[str, frozenset[str]] = field(default_factory=dict)


def token_settings() -> TokenSettings:
    """Read what the authorizer needs. Raises NotConfigured naming the first missing variable."""
    return TokenSettings(
        issuer=required("issuer"),
        audiences=audiences(),
        jwks=variable("jwks"),
        tenant_claim=variable("tenant_claim") or "sub",
        leeway_seconds=number("leeway_seconds", 5, 0),
        scope_prefix=variable("scope_prefix") or "",
        groups_claim=variable("groups_claim") or "cognito:groups",
        group_scopes=_group_scopes(),
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name comes twice")
    return dict(pairs)


def _scope_names(told: Any) -> frozenset[str]:
    """Return the scopes that a text or a list of texts names. Raises ValueError."""
    names = told.split() if isinstance(told, str) else told
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise ValueError("no names")
    return frozenset(names)


def _group_scopes() -> dict[str, frozenset[str]]:
    """Return the scopes that membership in each group brings. Raises NotConfigured."""
    name = f"{PREFIX}GROUP_SCOPES"
    try:
        found = json.loads(variable("group_scopes") or "{}", object_pairs_hook=_once)
        granted = {group: _scope_names(told) for group, told in found.items()}
    except (ValueError, AttributeError, RecursionError):
        told = f'{name} must be a JSON object as {{"group": "scope scope"}}'
        raise NotConfigured(told) from None
    unknown = min(frozenset[str]().union(*granted.values()) - SCOPES, default=None)
    if unknown is not None:
        # What has no scope's form may be a secret that was put in the wrong place.
        shown = f": {unknown}" if _SCOPE_FORM.fullmatch(unknown) else ""
        raise NotConfigured(f"{name} names a scope that there is not{shown}")
    return granted


@dataclass(frozen=True)
class KeySettings:
    """Whose API keys are accepted: those of *environment* that a key of *jwks* signed.

    ``jwks`` is a JWK set's text, which begins with ``{``, or a path; without it there are none.
    """

    environment: str
    jwks: str | None


def key_settings() -> KeySettings:
    """Read what API keys are verified with. Raises NotConfigured naming a missing variable."""
    return KeySettings(environment(), variable("key_jwks"))


def audiences() -> list[str]:
    """Return whom tokens may be for, the router's own name first. Raises NotConfigured."""
    if found := required("audience").replace(",", " ").split():
        return found
    raise NotConfigured(f"{PREFIX}AUDIENCE names nobody")


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
    return whole("store_replicas", 0, 0)


def tick_seconds() -> float:
    """Return how often the local system does what is due. Raises NotConfigured for a bad one."""
    return number("tick_seconds", limits.TICK_SECONDS, 0.1)


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
        timeout_seconds=number("engine_timeout_seconds", 120, 0.1),
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
