"""`tinyllama keys`: a router that lies has nothing signed for it, and steers no terminal."""

import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tinyllama import key_making
from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.key_calls import KeyCalls, Unanswered
from tinyllama.key_places import Place
from tinyllama.key_terms import Wanted

OLD = f"key_{'a' * 32}"
RECORD = {
    "id": OLD, "tenant": "acme", "name": "the shop", "scopes": ["infer:write", "jobs:read"],
    "state": "active", "created_at": "2026-05-01T10:00:01.234Z",
    "expires_at": "2026-05-01T12:00:00.000Z",
}  # fmt: skip
WANTED = Wanted(f"key_{'b' * 32}", "acme", "the shop", ["jobs:read"], 3600)
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


def place(router: Router | None, url: str | None = None) -> Place:
    """Return where *router* is; None for one that nobody may ask."""
    return Place(router or cast("KeyCalls", None), lambda _: "tlk_signed", None, url)


def rotate(
    router: Router,
    tenant: str | None = "acme",
    stage: str | None = None,
    life_seconds: int | None = 3600,
) -> tuple[list[Wanted], str | None]:
    """Return what was signed, and what was told of a failure."""
    asked: list[Wanted] = []

    def sign(wanted: Wanted) -> str:
        asked.append(wanted)
        return "tlk_signed"

    try:
        key_making.rotate(Place(router, sign, stage), OLD, tenant, 0, life_seconds)
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
    assert first == f"A key of acme for infer:write jobs:read replaces {OLD} and lives 1h."


def test_a_new_key_lives_as_long_as_the_old_one_was_to(capsys: pytest.CaptureFixture[str]) -> None:
    (signed,), _ = rotate(Router(), life_seconds=None)

    assert signed.life_seconds == 7200
    assert f"replaces {OLD} and lives 2h, as that one was to.\n" in capsys.readouterr().err


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
    rotate(Router(expires_at=STEERING, revoked_at=STEERING))
    key_making.revoke(place(Router(expires_at=STEERING, revoked_at=STEERING)), OLD, "acme", 60)

    lines = capsys.readouterr().err.splitlines()
    assert all(line.isprintable() for line in lines)
    assert any("registered until 2027[2J]0;pwned now." in line for line in lines)
    assert any("works on until 2027[2J]0;pwned now (UTC)" in line for line in lines)


@pytest.mark.parametrize(
    ("told", "grace_seconds", "words"),
    [
        ({}, 0, "is revoked: it opens nothing from now on."),
        ({"state": "revoked"}, 0, "had ended before: it opens nothing."),
        ({"state": "expired"}, 3600, "had ended before: it opens nothing."),
        (
            {"revoked_at": "2026-05-01T11:00:00.000Z"},
            3600,
            "works on until 2026-05-01T11:00:00.000Z (UTC), then it opens nothing.",
        ),
        (
            {"revoked_at": "2026-05-01T13:00:00.000Z"},
            3600,
            "works on until 2026-05-01T12:00:00.000Z (UTC), then it opens nothing.",
        ),
        ({"id": "another"}, 60, "ends within 1m, then it opens nothing."),
    ],
)
def test_what_is_said_of_a_revoked_key_is_when_it_ends(
    told: dict[str, Any], grace_seconds: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key_making.revoke(place(Router(**told)), OLD, "acme", grace_seconds)

    assert capsys.readouterr().err == f"{OLD} {words}\n"


@pytest.mark.parametrize(
    ("tenant", "whose"),
    [("acme", "tenant acme"), (None, "the caller's own tenant (--tenant names another)")],
)
def test_where_there_is_no_such_key_the_tenant_is_told(tenant: str | None, whose: str) -> None:
    class Without(Router):
        def revoke(self, key_id: str, tenant: str | None, grace_seconds: int) -> None:
            del key_id, tenant, grace_seconds
            raise DeploymentFailed("the router refuses it (404, api_key_not_found)")

    with pytest.raises(DeploymentFailed) as raised:
        key_making.revoke(place(Without()), OLD, tenant, 0)

    assert str(raised.value) == f"there is no key {OLD} of {whose}"


def test_a_key_is_revoked_although_it_cannot_be_looked_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Blind(Router):
        def keys(self, tenant: str | None) -> Iterator[dict[str, Any]]:
            raise DeploymentFailed(f"the router refuses it: {tenant}")

    key_making.revoke(place(Blind()), OLD, "acme", 0)

    assert "is revoked" in capsys.readouterr().err


def test_a_key_for_a_file_is_there_alone_and_for_its_owner_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "acme.key"

    key_making.create(place(Router()), WANTED, file)

    told = capsys.readouterr()
    assert file.read_text() == "tlk_signed\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
    assert told.out == ""
    assert f" It is kept in {file} alone.\n" in told.err
    assert f"{WANTED.id} of acme for jobs:read is registered until 2026-05-01T12" in told.err


@pytest.mark.parametrize(
    "deed",
    [
        lambda file: key_making.create(place(None), WANTED, file),
        lambda file: key_making.rotate(place(None), OLD, "acme", 0, 3600, file),
    ],
    ids=["create", "rotate"],
)
@pytest.mark.parametrize("kind", ["file", "dangling link", "no folder"])
def test_a_key_goes_to_a_new_file_or_is_not_made(
    tmp_path: Path, deed: Callable[[Path], None], kind: str
) -> None:
    file = tmp_path / "acme.key"
    if kind == "file":
        file.write_text("the key in use")
    elif kind == "dangling link":
        file.symlink_to(tmp_path / "elsewhere")
    else:
        file = tmp_path / "absent" / "acme.key"
    before = sorted(tmp_path.iterdir())

    with pytest.raises(DeploymentFailed, match=r"name a new file|cannot be made"):
        deed(file)

    assert sorted(tmp_path.iterdir()) == before
    assert kind != "file" or file.read_text() == "the key in use"


def test_a_file_that_came_meanwhile_stays_and_the_key_can_be_ended(tmp_path: Path) -> None:
    file = tmp_path / "acme.key"

    class Meanwhile(Router):
        def register(self, signed: str) -> dict[str, Any]:
            file.write_text("another's")
            return super().register(signed)

    with pytest.raises(DeploymentFailed, match=f"keys revoke {WANTED.id} --tenant acme` ends it"):
        key_making.create(place(Meanwhile()), WANTED, file)

    assert file.read_text() == "another's"
    assert list(tmp_path.iterdir()) == [file]


def test_no_file_is_left_where_the_router_did_not_register_the_key(tmp_path: Path) -> None:
    with pytest.raises(DeploymentFailed, match=r"--url http://127\.0\.0\.1:9` makes sure"):
        key_making.create(
            place(Router(Unanswered), "http://127.0.0.1:9"), WANTED, tmp_path / "acme.key"
        )

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("refuses", [DeploymentFailed, Unanswered])
def test_a_command_that_is_told_can_be_pasted(refuses: type[DeploymentFailed]) -> None:
    tenant = "a|b"

    _, failed = rotate(Router(refuses, tenant=tenant), tenant, "dev")

    assert failed is not None
    assert "--tenant 'a|b' --stage dev`" in failed
