"""What may be asked of an API key: for how long, for whom, for what. All is checked before signing.

Raises Misused with a sentence that says what would do, DeploymentFailed for what a router tells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from chalicelib import api_keys, claims, limits
from tinyllama import devkeys, durations, signing_keys
from tinyllama.deployment.failures import DeploymentFailed, Misused

MOST_SECONDS = 2 * 365 * 86400
_NO_ROUTER = "what answers is no router, or an older one: is the address right?"


@dataclass(frozen=True)
class Wanted:
    """What an API key is to say, and for how many seconds it lives."""

    id: str
    tenant: str
    name: str
    scopes: Sequence[str]
    life_seconds: int


def wanted(tenant: str, name: str, scope: str, expires_in: str) -> Wanted:
    """Return a new key's terms, each checked."""
    return Wanted(
        id=signing_keys.new_key_id(),
        tenant=require_tenant(tenant),
        name=_name(name),
        scopes=require_scopes(scope),
        life_seconds=life_seconds(expires_in),
    )


def like(record: Mapping[str, Any], tenant: str | None, seconds: int) -> Wanted:
    """Return the terms of a new key like one that a router tells of, asked for the *tenant*'s.

    A router may tell what it likes, and is signed nothing that could not be asked for.
    """
    told, name, scopes = (record.get(field) for field in ("tenant", "name", "scopes"))
    listed: list[Any] = scopes if isinstance(scopes, list) else [None]
    if not all(isinstance(each, str) for each in (told, name, *listed)):
        raise DeploymentFailed(_NO_ROUTER)
    try:
        owner = require_tenant(str(told))
        named, opened = _name(str(name)), require_scopes(" ".join(listed))
    except Misused as error:
        # The router's words, not the caller's.
        raise DeploymentFailed(str(error)) from None
    if tenant not in {None, owner}:
        raise DeploymentFailed(f"asked for {tenant}'s key, the router tells one of {owner}")
    return Wanted(signing_keys.new_key_id(), owner, named, opened, seconds)


def life_seconds(text: str) -> int:
    """Return for how many seconds a key lives that ``--expires-in`` *text* asks for."""
    seconds = durations.seconds("--expires-in", text)
    _require_at_most("--expires-in", text, seconds, MOST_SECONDS)
    if not seconds:
        raise Misused(f"--expires-in is 1s to {MOST_SECONDS // 86400}d, not {text}")
    return seconds


def life_of(record: Mapping[str, Any]) -> int:
    """Return for how many seconds a key was to live that a router tells of, two years at most.

    Rounded up to a minute: a key is registered a moment after it was signed.
    """
    try:
        began, ends = (
            datetime.fromisoformat(record[field]) for field in ("created_at", "expires_at")
        )
        minutes = -((began - ends).total_seconds() // 60)
    except (LookupError, TypeError, ValueError, OverflowError):
        raise DeploymentFailed(_NO_ROUTER) from None
    if minutes < 1:
        raise DeploymentFailed(_NO_ROUTER)
    return min(int(minutes) * 60, MOST_SECONDS)


def grace_seconds(text: str) -> int:
    """Return for how many seconds a key goes on working after ``--grace`` *text*; 0m for none."""
    seconds = durations.seconds("--grace", text)
    _require_at_most("--grace", text, seconds, limits.KEY_GRACE_SECONDS)
    return seconds


def _require_at_most(option: str, text: str, seconds: int, most: int) -> None:
    if seconds > most:
        raise Misused(f"{option} {text} is longer than {most // 86400}d, the most")


def require_scopes(text: str) -> list[str]:
    """Return the scopes that *text* names, separated by spaces or commas; each is one."""
    names, known = sorted(set(text.replace(",", " ").split())), devkeys.SCOPES
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            told = f" (did you mean {near[0]}?)" if near else f": there are {', '.join(known)}"
            raise Misused(f"{name!r} is no scope{told}")
    if not names:
        raise Misused(f"--scope names none: there are {', '.join(known)}")
    return names


def require_tenant(text: str) -> str:
    """Return *text* if a tenant may be called so."""
    if not claims.TENANT.fullmatch(text):
        raise Misused(f"{text!r} is no tenant: 1 to 128 letters, digits and ._:@|/+-")
    return text


def whose(text: str | None) -> str | None:
    """Return a tenant that was named, or None."""
    return None if text is None else require_tenant(text)


def _name(text: str) -> str:
    """Return *text* if a key may be called so."""
    if not api_keys.NAME.fullmatch(text):
        raise Misused("--name is 1 to 128 characters, none of them a control character")
    return text


def key_id(text: str) -> str:
    """Return *text* if it is a key's id."""
    if not api_keys.KEY_ID.fullmatch(text):
        told = ", not the key itself" if text.startswith(api_keys.PREFIX) else ""
        raise Misused(f"a key is named by its id, key_ and 32 hexadecimal digits{told}")
    return text
