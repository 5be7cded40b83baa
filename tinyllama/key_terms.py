"""What may be asked of an API key: for how long, for whom, for what. All is checked before signing.

Raises DeploymentFailed with a sentence that says what would do.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from chalicelib import api_keys, claims, limits
from tinyllama import devkeys, signing_keys
from tinyllama.deployment.failures import DeploymentFailed

_DURATION = re.compile(r"([0-9]{1,9})([mhd])")
_UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86400}
MOST_SECONDS = 2 * 365 * 86400


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
        scopes=_scopes(scope, devkeys.SCOPES),
        life_seconds=life_seconds(expires_in),
    )


def like(record: Mapping[str, Any], tenant: str | None, seconds: int) -> Wanted:
    """Return the terms of a new key like one that a router tells of, asked for the *tenant*'s.

    A router may tell what it likes, and is signed nothing that could not be asked for.
    """
    told, name, scopes = (record.get(field) for field in ("tenant", "name", "scopes"))
    listed: list[Any] = scopes if isinstance(scopes, list) else [None]
    if not all(isinstance(each, str) for each in (told, name, *listed)):
        raise DeploymentFailed("what answers is no router, or an older one: is the address right?")
    owner = require_tenant(str(told))
    if tenant not in {None, owner}:
        raise DeploymentFailed(f"asked for {tenant}'s key, the router tells one of {owner}")
    return Wanted(
        id=signing_keys.new_key_id(),
        tenant=owner,
        name=_name(str(name)),
        scopes=_scopes(" ".join(listed), devkeys.SCOPES),
        life_seconds=seconds,
    )


def life_seconds(text: str) -> int:
    """Return for how many seconds a key lives that ``--expires-in`` *text* asks for."""
    seconds = _seconds("--expires-in", text)
    if not 0 < seconds <= MOST_SECONDS:
        raise DeploymentFailed(f"--expires-in is 1m to {MOST_SECONDS // 86400}d, not {text}")
    return seconds


def grace_seconds(text: str) -> int:
    """Return for how many seconds a key goes on working after ``--grace`` *text*; 0m for none."""
    seconds = _seconds("--grace", text)
    if seconds > limits.KEY_GRACE_SECONDS:
        raise DeploymentFailed(f"--grace is 0m to {limits.KEY_GRACE_SECONDS // 86400}d, not {text}")
    return seconds


def _scopes(text: str, known: Iterable[str]) -> list[str]:
    """Return the scopes that *text* names, separated by spaces or commas; each is *known*."""
    names, known = sorted(set(text.replace(",", " ").split())), list(known)
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            told = f" (did you mean {near[0]}?)" if near else f": there are {', '.join(known)}"
            raise DeploymentFailed(f"{name!r} is no scope{told}")
    if not names:
        raise DeploymentFailed(f"--scope names none: there are {', '.join(known)}")
    return names


def require_tenant(text: str) -> str:
    """Return *text* if a tenant may be called so."""
    if not claims.TENANT.fullmatch(text):
        raise DeploymentFailed(f"{text!r} is no tenant: 1 to 128 letters, digits and ._:@|/+-")
    return text


def whose(text: str | None) -> str | None:
    """Return a tenant that was named, or None."""
    return None if text is None else require_tenant(text)


def _name(text: str) -> str:
    """Return *text* if a key may be called so."""
    if not api_keys.NAME.fullmatch(text):
        raise DeploymentFailed("--name is 1 to 128 characters, none of them a control character")
    return text


def key_id(text: str) -> str:
    """Return *text* if it is a key's id."""
    if not api_keys.KEY_ID.fullmatch(text):
        told = ", not the key itself" if text.startswith(api_keys.PREFIX) else ""
        raise DeploymentFailed(f"a key is named by its id, key_ and 32 hexadecimal digits{told}")
    return text


def _seconds(option: str, text: str) -> int:
    found = _DURATION.fullmatch(text)
    if not found:
        raise DeploymentFailed(f"{option} is a number and a unit, 30m, 12h or 90d, not {text!r}")
    return int(found[1]) * _UNIT_SECONDS[found[2]]
