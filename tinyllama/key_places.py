"""Which router API keys are meant for, what opens its key routes, and whose key signs there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from chalicelib import settings
from tinyllama import access, devkeys, listening, signing_keys, signing_parameters
from tinyllama.client_errors import Unusable
from tinyllama.deployment import client_tokens, registry, stages
from tinyllama.deployment.failures import DeploymentFailed, Misused
from tinyllama.key_calls import KeyCalls
from tinyllama.key_terms import Wanted
from worker.loopback import plain

LAPTOP = listening.LAPTOP
_SCOPE = "keys:admin queue:admin"


@dataclass(frozen=True)
class Place:
    """A router, and a way to sign for it. *stage* is None on a laptop.

    *url* is its address where one was given; it holds no password.
    """

    calls: KeyCalls = field(repr=False)
    sign: Callable[[Wanted], str] = field(repr=False)
    stage: str | None
    url: str | None = None


@contextmanager
def reached(stage: str | None, url: str | None, clock: Callable[[], float]) -> Iterator[Place]:
    """Reach the router of *stage*, without one this machine's; *url* is another address of it.

    On this machine that is what TINYLLAMA_URL names, else where ``tinyllama up`` of this clone
    listens, else the usual address. The token of TINYLLAMA_TOKEN goes to a stage or an address that
    was named, and nowhere else.

    Raises Misused where nothing opens it, DeploymentFailed where there is none; and NotConfigured.
    """
    name = "--url"
    if url is None and stage is None:
        url, name = settings.variable("url"), "TINYLLAMA_URL"
    if url is not None:
        _check_form(url, name)
    place = _deployed(stage, url, clock) if stage else _laptop(url, clock)
    try:
        yield place
    finally:
        place.calls.close()


def _check_form(url: str, name: str) -> None:
    """Raise Misused, saying what is wrong, for a slip; it may hold a password."""
    if not url.lower().startswith(("http://", "https://")):
        raise Misused(f"{name} begins with http:// or https://")
    try:
        port = urlsplit(url).port
    except ValueError:
        port = 0
    if port == 0:
        raise Misused(f"{name} names a host, and a port of 1 to 65535 where it has one")


def _laptop(url: str | None, clock: Callable[[], float]) -> Place:
    if url is not None and not plain(url):
        raise Misused("name the stage whose API that is with --stage: its key signs")

    def sign(wanted: Wanted) -> str:
        return devkeys.make_api_key(
            tenant=wanted.tenant,
            name=wanted.name,
            scope=" ".join(wanted.scopes),
            expires_in=wanted.life_seconds,
            key_id=wanted.id,
            clock=clock,
        )

    try:
        given = access.given_token(url)
    except Unusable as error:
        raise Misused(str(error)) from None
    address = url or listening.address() or LAPTOP
    token = given or devkeys.make_token(scope=_SCOPE, clock=clock)
    return Place(KeyCalls(address, token), sign, None, url)


def _deployed(stage: str, url: str | None, clock: Callable[[], float]) -> Place:
    stages.load(stage)
    registry.work_where(stage)
    ids = registry.ids(stage)
    address = url or ids.get("api_url")
    if address is None:
        raise DeploymentFailed(f"{stage} has no address in the registry: deploy it first")

    def sign(wanted: Wanted) -> str:
        now = int(clock())
        return signing_keys.sign_api_key(
            signing_parameters.require(stage).private,
            environment=stage,
            tenant=wanted.tenant,
            name=wanted.name,
            scopes=wanted.scopes,
            issued_at=now,
            expires_at=now + wanted.life_seconds,
            key_id=wanted.id,
        )

    return Place(KeyCalls(address, _operators_token(ids)), sign, stage, url)


def _operators_token(ids: dict[str, str]) -> str:
    """Return a token with the scope keys:admin. Raises Misused without any."""
    client = ids.get("operator_client_id")
    if client is not None and client_tokens.has_secret("operator"):
        return client_tokens.granted("operator", client, ids)
    given = settings.variable("token")
    if given is None:
        raise Misused(
            "nothing opens the key routes: give the operator client's secret in"
            " TINYLLAMA_OPERATOR_CLIENT_SECRET_FILE, or a token with keys:admin in TINYLLAMA_TOKEN"
        )
    return given
