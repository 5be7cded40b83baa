"""Which router a caller means, and with which token: what is given, the environment, a profile."""

from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib import settings
from tinyllama import profiles
from tinyllama.client_errors import Unusable
from worker.loopback import plain

type Token = str | Callable[[], str]

_DEVELOPMENT_SECONDS = 24 * 3600
_FOR_NOBODY = (
    "there is a token, but no router that it is for: name its address in TINYLLAMA_URL or with"
    " --url, or keep both with `tinyllama login`"
)


@dataclass(frozen=True)
class Access:
    """An address, what opens it (None: nothing does) and in words where that is from."""

    url: str
    token: Token | None = field(repr=False)
    by: str = "the token that was given"


def find(url: str | None = None, token: Token | None = None, profile: str | None = None) -> Access:
    """Return the router that is meant; see ``tinyllama.Client`` for the order of what counts.

    A profile's token goes to the profile's address alone, a development token nowhere but to this
    machine, any other token to no address but one that was named with it. Raises Unusable where no
    router is meant, the token is for none that is, or the profile will not do.
    """
    # Who names a profile means it, whatever the environment says.
    variable = settings.variable if profile is None else lambda _: None
    url = url or variable("url")
    if token is not None:
        url = url or _address(profile)
        if url is None:
            raise Unusable(_FOR_NOBODY)
        return Access(url, token)
    if profile is None and (token := given_token(url)) is not None and url is not None:
        return Access(url, token, "the token of TINYLLAMA_TOKEN")
    kept = profiles.chosen(profile)
    if url is None:
        url = kept.url if kept else _local()
    if kept is not None and kept.url.rstrip("/") == url.rstrip("/"):
        return Access(url, kept.token, f"the token of the profile {kept.name}")
    return _development(url)


def given_token(url: str | None) -> str | None:
    """Return the token of the environment, if any, for the router that is named at *url*.

    Raises Unusable where there is one and no router is named: nobody can tell whom it is for.
    """
    token = settings.variable("token")
    if token is not None and url is None:
        raise Unusable(_FOR_NOBODY)
    return token


def _address(profile: str | None) -> str | None:
    kept = None if profile is None else profiles.chosen(profile)
    return kept.url if kept else None


def _local() -> str:
    """Return where the router of this clone is. Raises Unusable where there is none."""
    if settings.variable("env") != settings.LOCAL:
        raise Unusable(
            "no router is named: `tinyllama login` keeps one, TINYLLAMA_URL names one for a command"
        )
    from tinyllama import listening  # noqa: PLC0415 - no other router is looked for

    return listening.address() or listening.LAPTOP


def _development(url: str) -> Access:
    """Return the access of a developer to a router on this machine; to others none."""
    if settings.variable("env") != settings.LOCAL or not plain(url):
        return Access(url, None)
    from tinyllama import devkeys  # noqa: PLC0415 - brings the cryptography

    token = devkeys.make_token(expires_in=_DEVELOPMENT_SECONDS)
    return Access(url, token, "a development token of this machine")
