"""`tinyllama keys`: a router that lies has nothing signed for it, and steers no terminal."""

from collections.abc import Iterator
from typing import Any

import pytest

from tinyllama import key_making
from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.key_calls import KeyCalls, Unanswered
from tinyllama.key_places import Place
from tinyllama.key_terms import Wanted

OLD = f"key_{'a' * 32}"
RECORD = {
    "id": OLD, "tenant": "acme", "name": "the shop", "scopes": ["infer:write", "jobs:read"],
    "state": "active", "expires_at": "2026-05-01T12:00:00.000Z",
}  # fmt: skip
STEERING = "2027\x1b[2J\x1b]0;pwned\x07\u202e now"


class Router(KeyCalls):
    """Tells what it was given."""

    def __init__(self, refuses: type[DeploymentFailed] | None = None, **told: Any) -> None:
        self._told = RECORD | told
        self._refuses = refuses

    def register(self, signed: str) -> dict[str, Any]:
        del signed
        if self._refuses is Unanswered:
            raise Unanswered("no router answers")
        return dict(self._told)

    def keys(self, tenant: str | None) -> Iterator[dict[str, Any]]:
        del tenant
        yield dict(self._told)

    def revoke(self, key_id: str, tenant: str | None, grace_seconds: int) -> None:
        del key_id, tenant, grace_seconds
        if self._refuses:
            raise self._refuses("the router refuses it")


def rotate(
    router: Router, tenant: str | None = "acme", stage: str | None = None
) -> tuple[list[Wanted], str | None]:
    """Return what was signed, and what was told of a failure."""
    asked: list[Wanted] = []

    def sign(wanted: Wanted) -> str:
        asked.append(wanted)
        return "tlk_signed"

    try:
        key_making.rotate(Place(router, sign, stage), OLD, tenant, 0, 3600)
    except DeploymentFailed as error:
        return asked, str(error)
    return asked, None


def test_the_new_key_is_like_the_old_one_and_shown_before_it_is_made(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (signed,), failed = rotate(Router())

    told = capsys.readouterr()
    assert failed is None
    assert (signed.tenant, signed.name, signed.life_seconds) == ("acme", "the shop", 3600)
    assert (list(signed.scopes), signed.id != OLD) == (["infer:write", "jobs:read"], True)
    assert told.out == "tlk_signed\n"
    first = told.err.splitlines()[0]
    assert first == f"A key of acme for infer:write jobs:read replaces {OLD}."


@pytest.mark.parametrize("tenant", ["acme", None])
@pytest.mark.parametrize(
    "lie",
    [
        {"tenant": "acme; rm"},
        {"tenant": ""},
        {"tenant": None},
        {"tenant": ["acme"]},
        {"name": STEERING},
        {"name": ""},
        {"name": 7},
        {"scopes": ["everything"]},
        {"scopes": [STEERING]},
        {"scopes": []},
        {"scopes": "queue:admin"},
        {"scopes": [["queue:admin"]]},
        {"state": STEERING},
        {"state": None},
    ],
)
def test_what_nobody_could_ask_for_is_not_signed(
    lie: dict[str, Any], tenant: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    signed, failed = rotate(Router(**lie), tenant)

    assert signed == []
    assert failed is not None
    assert failed.isprintable()
    assert capsys.readouterr().out == ""


def test_a_key_of_another_tenant_than_was_asked_for_is_not_signed() -> None:
    signed, failed = rotate(Router(tenant="victim"))

    assert signed == []
    assert failed == "asked for acme's key, the router tells one of victim"


def test_no_time_that_a_router_tells_steers_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    rotate(Router(expires_at=STEERING))

    lines = capsys.readouterr().err.splitlines()
    assert all(line.isprintable() for line in lines)
    assert any("registered until 2027[2J]0;pwned now." in line for line in lines)


@pytest.mark.parametrize("refuses", [DeploymentFailed, Unanswered])
def test_a_command_that_is_told_can_be_pasted(refuses: type[DeploymentFailed]) -> None:
    tenant = "a|b"

    _, failed = rotate(Router(refuses, tenant=tenant), tenant, "dev")

    assert failed is not None
    assert "--tenant 'a|b' --stage dev`" in failed
