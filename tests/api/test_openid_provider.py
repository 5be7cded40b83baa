"""Tokens of an OpenID provider that others wrote: found by discovery, its keys by HTTP."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from chalicelib.errors import RouterError
from chalicelib.keysources import key_source
from chalicelib.settings import TokenSettings
from chalicelib.tokens import Verifier
from tests.api import openid_provider
from tests.api.openid_provider import Provider
from tests.worker.routers import Router

pytestmark = pytest.mark.slow  # servers of their own

CLIENT = "router"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """A provider."""
    with openid_provider.running() as started:
        yield started


@pytest.fixture
def verifier(provider: Provider) -> Verifier:
    """What the authorizer asks, knowing nothing but the issuer's address."""
    settings = TokenSettings(provider.issuer, [CLIENT], None, "sub", 5)
    return Verifier(settings, key_source(settings))


@pytest.fixture(scope="module")
def router(provider: Provider, valkey_url: str, own_state: Path) -> Iterator[Router]:
    """``chalice local`` with that issuer; as in a deployed stage no development key counts."""
    del own_state
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYLLAMA_ENV", "provider")
        patch.setenv("TINYLLAMA_ISSUER", provider.issuer)
        patch.setenv("TINYLLAMA_AUDIENCE", CLIENT)
        started = Router(valkey_url, 30)
    yield started
    started.stop()


def judged(verifier: Verifier, token: str) -> str:
    """Return who calls, or why nobody believes it."""
    try:
        return verifier.verify(f"Bearer {token}").principal
    except RouterError as error:
        return error.code


def submit(router: Router, token: str | None) -> tuple[int, str]:
    """Return status and code of the answer."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    body = {"prompt": "Hello"}
    answer = httpx2.post(f"{router.url}/infer", json=body, headers=headers, timeout=20)
    return answer.status_code, answer.json().get("code", "")


def test_a_token_is_believed_by_what_discovery_leads_to(
    provider: Provider, verifier: Verifier
) -> None:
    principal = verifier.verify(f"Bearer {provider.sign_in(CLIENT)}")

    assert (principal.tenant, principal.principal) == ("alice", "alice")
    assert principal.scopes == {"infer:write", "jobs:read"}
    assert 3500 < principal.expires_at - time.time() <= 3600


def test_a_token_for_another_client_is_refused(provider: Provider, verifier: Verifier) -> None:
    assert judged(verifier, provider.sign_in("another")) == "audience_invalid"


def test_a_rotation_is_followed_at_once_and_ends_the_old_key(
    provider: Provider, verifier: Verifier
) -> None:
    before = provider.sign_in(CLIENT)
    assert judged(verifier, before) == "alice"

    provider.rotate()
    after = provider.sign_in(CLIENT)

    assert judged(verifier, after) == "alice"
    assert judged(verifier, before) == "key_unknown"


def test_known_keys_serve_while_the_provider_is_away_and_nobody_else_believes_them(
    provider: Provider, verifier: Verifier
) -> None:
    token = provider.sign_in(CLIENT)
    assert judged(verifier, token) == "alice"
    settings = TokenSettings(provider.issuer, [CLIENT], None, "sub", 5)

    provider.stop()
    told = judged(verifier, token), judged(Verifier(settings, key_source(settings)), token)
    provider.start()

    assert told == ("alice", "keys_unavailable")


def test_the_router_takes_what_the_provider_signs_and_follows_its_rotation(
    provider: Provider, router: Router
) -> None:
    before = provider.sign_in(CLIENT)
    first = submit(router, before)
    others = [submit(router, token) for token in (None, provider.sign_in("another"))]

    provider.rotate()
    after = submit(router, provider.sign_in(CLIENT))
    withdrawn = [submit(router, token) for token in (before, router.token)]

    assert first == after == (202, "")
    assert others == [(401, "token_missing"), (403, "audience_invalid")]
    assert withdrawn == [(403, "key_unknown")] * 2
