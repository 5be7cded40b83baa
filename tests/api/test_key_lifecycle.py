"""`tinyllama keys` on a running router: a key is made, used, replaced and revoked from outside."""

import http.client
import json
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.api import stage_proxy
from tests.api.stage_proxy import Passing, StageProxy
from tests.leaks import LEDGER
from tests.worker.routers import Router
from tinyllama import cli, devkeys, key_calls

pytestmark = pytest.mark.slow  # a router as a process of its own

CREATE = ("--tenant", "acme", "--name", "Build server", "--scope", "jobs:read infer:write")
REVOKED = (403, "key_revoked")


@pytest.fixture
def stage(router: Router, store_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[StageProxy]:
    """The router on an empty store, behind what may lose its answers."""
    del store_url
    monkeypatch.delenv("TINYLLAMA_TOKEN", raising=False)
    with stage_proxy.serving(router.url) as proxy:
        yield proxy


class Keys:
    """Runs ``tinyllama keys`` on a router and keeps what it printed."""

    def __init__(self, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self._url = url
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        """Return the exit code."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["tinyllama", "keys", *arguments, "--url", self._url])
            with pytest.raises(SystemExit) as ended:
                cli.main()
        self.out, self.err = self._capsys.readouterr()
        return int(ended.value.code or 0)

    def made(self, *arguments: str) -> str:
        """Return the key that a command printed, alone."""
        assert self(*arguments) == 0, self.err
        (key,) = self.out.splitlines()
        return LEDGER.note_token(key)

    def listed(self, tenant: str = "acme") -> list[dict[str, Any]]:
        """Return the tenant's keys as ``--json`` prints them."""
        assert self("list", "--tenant", tenant, "--json") == 0, self.err
        found: list[dict[str, Any]] = json.loads(self.out)
        return found


@pytest.fixture
def keys(stage: StageProxy, capsys: pytest.CaptureFixture[str]) -> Keys:
    """The commands on the stage."""
    return Keys(stage.url, capsys)


def use(stage: StageProxy, key: str, path: str = "/jobs") -> tuple[int, str]:
    """Return status and code of a call with the key."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(stage.url).port, timeout=40)
    prefix = stage_proxy.PREFIX
    connection.request("GET", prefix + path, headers={"Authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    return answer.status, body.get("code", "")


def test_a_key_is_printed_once_alone_and_opens_what_it_says(keys: Keys, stage: StageProxy) -> None:
    key = keys.made("create", *CREATE, "--expires-in", "90d")

    (record,) = keys.listed()
    assert key.startswith("tlk_eyJ")
    assert use(stage, key) == (200, "")
    assert use(stage, key, "/inbox") == (403, "scope_insufficient")
    assert (record["tenant"], record["name"]) == ("acme", "Build server")
    assert (record["scopes"], record["state"]) == (["infer:write", "jobs:read"], "active")
    assert "key" not in record


def test_the_list_in_a_pipe_has_a_line_of_tabs_for_each_key(keys: Keys) -> None:
    keys.made("create", *CREATE)
    keys.made("create", *CREATE)

    code = keys("list", "--tenant", "acme")

    rows = [line.split("\t") for line in keys.out.splitlines()]
    assert code == 0
    assert [row[1] for row in rows] == ["active", "active"]
    assert all(re.fullmatch(r"20\d\d-[0-9T:-]{14}Z", row[2]) for row in rows)
    assert all(row[4:] == ["-", "Build server", "infer:write jobs:read"] for row in rows)


def test_a_list_goes_on_over_all_pages(
    keys: Keys, stage: StageProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_calls, "PAGE_KEYS", 2)
    for _ in range(5):
        keys.made("create", *CREATE)
    stage.passed.clear()

    listed = keys.listed()

    assert len({record["id"] for record in listed}) == 5
    assert len(stage.passed) == 3


def test_a_tenant_without_keys_is_told_so(keys: Keys) -> None:
    assert keys("list", "--tenant", "nobody") == 0
    assert (keys.out, keys.err) == ("", "There are no keys of tenant nobody.\n")


def test_a_revoked_key_opens_nothing_at_once(keys: Keys, stage: StageProxy) -> None:
    key = keys.made("create", *CREATE)
    (record,) = keys.listed()

    first = keys("revoke", record["id"], "--tenant", "acme")
    told = keys.err
    again = keys("revoke", record["id"], "--tenant", "acme")

    assert (first, again, keys.out) == (0, 0, "")
    assert ("is revoked" in told, "had ended before" in keys.err) == (True, True)
    assert use(stage, key) == REVOKED
    assert keys.listed()[0]["state"] == "revoked"


def test_a_rotated_key_works_beside_its_successor_until_the_grace_is_over(
    keys: Keys, stage: StageProxy
) -> None:
    old = keys.made("create", *CREATE)
    (record,) = keys.listed()

    new = keys.made("rotate", record["id"], "--tenant", "acme", "--grace", "1h")

    assert use(stage, old) == use(stage, new) == (200, "")
    successor = next(each for each in keys.listed() if each["id"] != record["id"])
    assert successor["name"] == record["name"]
    assert successor["scopes"] == record["scopes"]
    assert keys("revoke", record["id"], "--tenant", "acme") == 0
    assert use(stage, old) == REVOKED
    assert use(stage, new) == (200, "")


def test_a_rotation_into_a_file_keeps_the_old_keys_life_and_tells_its_end(
    keys: Keys, stage: StageProxy, tmp_path: Path
) -> None:
    keys.made("create", *CREATE, "--expires-in", "10d")
    (record,) = keys.listed()
    file = tmp_path / "new.key"

    code = keys("rotate", record["id"], "--tenant", "acme", "--grace", "1h", "--out", str(file))

    out, told = keys.out, keys.err
    old, new = sorted(keys.listed(), key=lambda each: each["id"] != record["id"])
    assert (code, out) == (0, "")
    assert use(stage, LEDGER.note_token(file.read_text().strip())) == (200, "")
    assert "lives 10d, as that one was to" in told
    assert old["revoked_at"] > record["created_at"]
    assert f"works on until {old['revoked_at']} (UTC)" in told
    assert new["expires_at"] >= record["expires_at"]


def test_scopes_are_named_one_by_one_or_together(keys: Keys) -> None:
    scopes = ("--scope", "inbox:read,inbox:ack", "--scope", "events:write")

    keys.made("create", *CREATE, *scopes)

    (record,) = keys.listed()
    assert set(record["scopes"]) == {
        *("infer:write", "jobs:read", "inbox:read", "inbox:ack", "events:write"),
    }


def test_a_rotation_without_a_grace_ends_the_old_key_at_once(keys: Keys, stage: StageProxy) -> None:
    old = keys.made("create", *CREATE)
    (record,) = keys.listed()

    new = keys.made("rotate", record["id"], "--tenant", "acme", "--grace", "0m")

    assert use(stage, old) == REVOKED
    assert use(stage, new) == (200, "")


def test_a_new_key_is_shown_even_where_the_old_one_could_not_be_ended(
    keys: Keys, stage: StageProxy
) -> None:
    old = keys.made("create", *CREATE)
    (record,) = keys.listed()
    stage.spoil = lambda passing: refuse(passing, "DELETE")

    code = keys("rotate", record["id"], "--tenant", "acme", "--grace", "0m")

    new = LEDGER.note_token(keys.out.strip())
    assert code == 5
    assert "the old key still works: the router refuses it (400, invalid_request)" in keys.err
    assert f"keys revoke {record['id']} --tenant acme --url {stage.url}`" in keys.err
    assert new != old
    assert use(stage, new) == (200, "")


def refuse(passing: Passing, method: str) -> None:
    """Answer every call of *method* with a refusal."""
    if passing.method == method:
        passing.status, passing.body = 400, b'{"code": "invalid_request", "detail": "No."}'


def test_a_key_that_has_ended_or_never_was_is_not_rotated(keys: Keys) -> None:
    keys.made("create", *CREATE)
    (record,) = keys.listed()
    keys("revoke", record["id"], "--tenant", "acme")

    ended = keys("rotate", record["id"], "--tenant", "acme")
    told_ended = keys.err
    foreign = keys("rotate", record["id"], "--tenant", "another")

    assert (ended, foreign, keys.out) == (1, 1, "")
    assert f"{record['id']} is revoked: tinyllama keys create makes another" in told_ended
    assert f"there is no key {record['id']} of tenant another" in keys.err
    assert len(keys.listed()) == 1


def test_a_lost_answer_is_asked_for_again_and_there_is_one_key(
    keys: Keys, stage: StageProxy
) -> None:
    lost: list[Passing] = []

    def lose(passing: Passing) -> None:
        if passing.method == "POST" and len(lost) < 3:
            lost.append(passing)
            passing.status = 0

    stage.spoil = lose
    key = keys.made("create", *CREATE)

    assert len(lost) == 3
    assert len(keys.listed()) == 1
    assert use(stage, key) == (200, "")


def test_nothing_is_printed_while_it_is_not_known_whether_the_key_is_registered(
    keys: Keys, stage: StageProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_calls, "WAIT_SECONDS", 0.01)

    def lose(passing: Passing) -> None:
        passing.status = 0

    stage.spoil = lose
    code = keys("create", *CREATE)
    told = keys.err

    stage.spoil = lambda _: None
    (record,) = keys.listed()
    assert (code, told.count("\n")) == (7, 1)
    assert f"tinyllama: no router answers at {stage.url}" in told
    again = f"tinyllama keys revoke {record['id']} --tenant acme --url {stage.url}`"
    assert f"{again} makes sure" in told


def test_where_nobody_listens_no_key_can_have_been_left_behind(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_calls, "WAIT_SECONDS", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    keys = Keys(f"http://127.0.0.1:{port}", capsys)

    code = keys("create", *CREATE)

    assert (code, keys.out) == (7, "")
    assert keys.err == (
        f"tinyllama: no router answers at http://127.0.0.1:{port} (ConnectError):"
        " start it, or name its address with --url\n"
    )


def test_nothing_is_printed_where_the_router_refuses_the_key(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TINYLLAMA_ENV", "staging")
        code = keys("create", *CREATE)

    assert (code, keys.out, keys.err.count("\n")) == (5, "", 2)
    assert "tinyllama: the router refuses it (422, invalid_body)" in keys.err
    assert "another environment" in keys.err
    assert keys.listed() == []


def test_who_may_not_make_keys_is_told_the_scope(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_TOKEN", devkeys.make_token(scope="jobs:read"))

    code = keys("create", *CREATE)

    assert (code, keys.out) == (3, "")
    assert "scope_insufficient" in keys.err
    assert "What helps: " in keys.err


def test_a_mistake_is_told_before_the_router_is_asked(keys: Keys, stage: StageProxy) -> None:
    code = keys("create", "--tenant", "acme", "--name", "x", "--scope", "infer:wrote")

    assert (code, keys.out, stage.passed) == (2, "", [])
    assert "did you mean infer:write?" in keys.err
