"""`tinyllama smoke`: every route from outside, pass or fail for each call, nothing left behind."""

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import tinyllama
from chalicelib.settings import PROJECT
from chalicelib.store import Store
from tests import leaks
from tests.api import doors, stage_proxy
from tests.api.stage_proxy import Passing, StageProxy
from tests.contract_check import CONTRACT, operations
from tests.worker import issuer_server
from tests.worker.routers import Router
from tinyllama import cli
from tinyllama.deployment import env_public

pytestmark = pytest.mark.slow  # a router and a worker as processes of their own
NEVER = "never called: what it needs failed, or the router is newer than this test"
CALLER = "infer:write jobs:read jobs:write events:write inbox:read inbox:ack"


@pytest.fixture
def stage(router: Router, store_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[StageProxy]:
    """The router behind a stage's prefix, on an empty store; what is set elsewhere is not."""
    del store_url
    for name in ("TINYLLAMA_TOKEN", "TINYLLAMA_API_URL", "TINYLLAMA_APP_CLIENT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(env_public, "FILE", PROJECT / "build" / "no.env_public")
    with stage_proxy.serving(router.url) as proxy:
        yield proxy


@pytest.fixture
def worker(stage: StageProxy, store_url: str) -> Iterator[None]:
    """An echo worker on the same store."""
    environment = {**os.environ, "TINYLLAMA_STORE_URL": store_url, "TINYLLAMA_ENGINE_URL": ""}
    with leaks.output("worker") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "worker", "--drain-seconds", "1"],
            cwd=PROJECT,
            env=environment,
            stdout=output,
        )
    deadline = time.monotonic() + 30
    while ask(stage, "/health", "")["status"] != "pass":
        assert time.monotonic() < deadline, "the worker does not come up"
        time.sleep(0.05)
    yield
    process.terminate()
    process.wait(timeout=20)


def ask(stage: StageProxy, path: str, token: str) -> Any:
    """Return what the router itself says, past the stage."""
    connection = http.client.HTTPConnection("127.0.0.1", stage.port, timeout=40)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
    body = connection.getresponse().read()
    connection.close()
    return json.loads(body)


class Smoke:
    """Runs the command and keeps what it printed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        """Return the exit code."""
        self._monkeypatch.setattr(sys, "argv", ["tinyllama", "smoke", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        self.out, self.err = self._capsys.readouterr()
        return int(ended.value.code or 0)

    def report(self, *arguments: str) -> Any:
        """Return the report that ``--json`` prints."""
        self(*arguments, "--json")
        return json.loads(self.out)


@pytest.fixture
def smoke(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Smoke:
    """The command."""
    return Smoke(monkeypatch, capsys)


def failures(report: Any) -> list[tuple[str, str, str]]:
    return [
        (call["method"], call["route"], call["why"])
        for call in report["calls"]
        if not call["passed"]
    ]


def nothing_left(stage: StageProxy, tenant: str = "smoke") -> bool:
    """Whether the tenant has neither jobs nor pending events."""
    token = tinyllama.make_token(sub=tenant)
    jobs, inbox = ask(stage, "/jobs", token), ask(stage, "/inbox", token)
    return not jobs["jobs"] and not inbox["events"]


@pytest.mark.usefixtures("worker")
def test_every_route_behind_a_stage_passes_and_nothing_is_left(
    smoke: Smoke, stage: StageProxy
) -> None:
    code = smoke(stage.url)

    assert code == 0, smoke.out
    lines = [line.split() for line in smoke.out.splitlines() if line.startswith("pass")]
    called = {(line[4], line[5]) for line in lines}
    assert {(method, path) for method, path, _ in operations()} <= called
    assert "FAIL" not in smoke.out
    assert "by the engine echo" in smoke.out
    assert f"all {len(lines)} pass" in smoke.out
    assert nothing_left(stage)


@pytest.mark.usefixtures("worker")
def test_json_is_one_document_with_every_call(smoke: Smoke, stage: StageProxy) -> None:
    report = smoke.report(f"{stage.url}/", "--lease-jobs")

    assert (report["url"], report["passed"], failures(report)) == (stage.url, True, [])
    assert 0 < report["answered_seconds"] < report["seconds"]
    leased = [call["status"] for call in report["calls"] if call["route"] == "/worker/lease"]
    assert leased == [204]


def test_no_worker_within_the_time_fails_and_nothing_is_left(
    smoke: Smoke, stage: StageProxy
) -> None:
    report = smoke.report(stage.url, "--timeout", "2")

    expected = ("GET", "/jobs/{job_id}", "no worker answered within 2 s")
    assert failures(report) == [expected]
    assert report["answered_seconds"] is None
    assert nothing_left(stage)


def test_a_job_that_is_leased_on_request_is_given_back(
    smoke: Smoke, stage: StageProxy, router: Router
) -> None:
    other = tinyllama.make_token(sub="other")
    post(router, "/infer", other, {"prompt": "mine"})

    report = smoke.report(stage.url, "--timeout", "1", "--lease-jobs")

    statuses = [c["status"] for c in report["calls"] if c["route"] == "/worker/release"]
    assert statuses == [204, 409]
    (job,) = ask(stage, "/jobs", other)["jobs"]
    assert job["state"] == "queued"


def post(router: Router, path: str, token: str, body: object) -> Any:
    """Call the router past the stage."""
    port = urlsplit(router.url).port
    connection = http.client.HTTPConnection("127.0.0.1", port or 0, timeout=40)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("POST", path, json.dumps(body), headers)
    found = json.loads(connection.getresponse().read())
    connection.close()
    return found


@pytest.mark.parametrize("count", [3, 230])
def test_others_events_stay_where_they_are(
    smoke: Smoke, stage: StageProxy, store: Store, count: int
) -> None:
    token = tinyllama.make_token(sub="smoke")
    event = {"event_type": "order.created", "payload": {}, "source": "shop"}
    publish = doors.door(store).publish
    before = [publish("smoke", event, None).event.id for _ in range(count)]

    report = smoke.report(stage.url, "--timeout", "1")

    assert [why for _, _, why in failures(report)] == ["no worker answered within 1 s"]
    pending = ask(stage, "/inbox?limit=200", token)["events"]
    last = ask(stage, f"/events/{before[-1]}", token)
    assert [one["event_id"] for one in pending] == before[:200]
    assert last["delivered"] is False


@pytest.mark.usefixtures("worker")
def test_a_callers_token_is_refused_where_it_lacks_the_scope_and_that_passes(
    smoke: Smoke, stage: StageProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tinyllama.make_token(sub="caller", scope=CALLER)
    monkeypatch.setenv("TINYLLAMA_TOKEN", token)

    report = smoke.report(stage.url)

    assert failures(report) == []
    refused = {(c["route"], c["status"]) for c in report["calls"] if "lacks" in c["why"]}
    assert refused == {
        *((route, 403) for route in ("/dead-letters", "/dead-letters/redrive", "/metrics")),
        *((route, 403) for route in ("/keys", "/keys/{key_id}")),
        *((f"/worker/{move}", 403) for move in ("lease", "append", "extend", "finish", "release")),
    }
    assert nothing_left(stage, "caller")
    assert token not in smoke.out


@pytest.mark.usefixtures("worker")
def test_machine_clients_of_the_stage_give_each_route_the_token_it_needs(
    smoke: Smoke, stage: StageProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    operators = "keys:admin metrics:read queue:admin"
    scopes = {"operator": operators, "worker": "worker:run", "app": CALLER}
    file = tmp_path / "secret"
    file.write_text(f"{issuer_server.SECRET}\n", encoding="utf-8")
    with issuer_server.serving() as issuer:
        for role, scope in scopes.items():
            monkeypatch.setenv(f"TINYLLAMA_{role.upper()}_CLIENT_ID", issuer_server.CLIENT)
            monkeypatch.setenv(f"TINYLLAMA_{role.upper()}_CLIENT_SECRET_FILE", str(file))
            token = tinyllama.make_token(sub="machine", scope=scope)
            granted = {"access_token": token, "expires_in": 3600}
            issuer.replies.append((200, {}, json.dumps(granted).encode()))
        monkeypatch.setenv("TINYLLAMA_TOKEN_URL", issuer.url)
        monkeypatch.setenv("TINYLLAMA_API_URL", stage.url)

        report = smoke.report()

    assert failures(report) == []
    assert not [call for call in report["calls"] if "lacks" in call["why"]]
    assert len(issuer.forms) == 3


def test_a_client_without_a_token_is_a_sentence(
    smoke: Smoke, stage: StageProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    with issuer_server.serving() as issuer:
        monkeypatch.setenv("TINYLLAMA_APP_CLIENT_SECRET", "wrong secret")
        monkeypatch.setenv("TINYLLAMA_TOKEN_URL", issuer.url)
        code = smoke(stage.url, "--client-id", issuer_server.CLIENT)

    assert (code, smoke.out) == (1, "")
    assert smoke.err == (
        "tinyllama: the app client gets no token: the issuer refuses the client (invalid_client)\n"
    )


def test_a_wrong_token_fails_every_route_with_a_scope_and_leaves_nothing(
    smoke: Smoke, stage: StageProxy, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(tinyllama.make_token(sub="smoke", aud="another"))

    report = smoke.report(stage.url, "--token-file", str(file), "--timeout", "1")

    assert not report["passed"]
    assert ("POST", "/infer", "expected 202, got audience_invalid") in failures(report)
    assert {c["route"] for c in report["calls"] if c["passed"]} == {
        "/openapi.json", "/health", "/status", "/console", "/queue", "/no-such-route"
    }  # fmt: skip
    assert file.read_text() not in smoke.out
    assert nothing_left(stage)


def html(passing: Passing) -> None:
    passing.headers["Content-Type"] = "text/html"
    passing.body = b"<html>"


def absolute(passing: Passing) -> None:
    if "Location" in passing.headers:
        passing.headers["Location"] = f"/{passing.headers['Location']}"


def newer(passing: Passing) -> None:
    if passing.path == "/openapi.json":
        contract = json.loads(passing.body)
        contract["paths"]["/later"] = {"get": {"responses": {}}}
        passing.body = json.dumps(contract).encode()


def failing(passing: Passing) -> None:
    if passing.path == "/queue" and passing.status == 200:
        passing.status, passing.body = 502, b'{"message": "Internal server error"}'


def in_production(passing: Passing) -> None:
    if passing.path == "/metrics" and passing.status == 200:
        problem = CONTRACT["components"]["examples"]["route_not_found"]["value"]
        passing.status, passing.body = 404, json.dumps(problem).encode()
        passing.headers["Content-Type"] = "application/problem+json"


def without_metrics(passing: Passing) -> None:
    if passing.path == "/metrics" and passing.status == 200:
        passing.body = b"up 1\n"


def other_text(passing: Passing) -> None:
    if passing.path.endswith("/stream"):
        passing.body = passing.body.replace(b"hello", b"hullo")


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (absolute, {("POST", "/infer", "Location leads elsewhere")}),
        (newer, {("GET", "/later", NEVER)}),
        (failing, {("GET", "/queue", "expected 200")}),
        (other_text, {("GET", "/jobs/{job_id}/stream", "it does not tell the job's text")}),
        (in_production, set()),
        (without_metrics, {("GET", "/metrics", "it tells no metrics")}),
    ],
    ids=["absolute Location", "newer router", "502", "other text", "production", "no metrics"],
)  # fmt: skip
def test_what_is_wrong_with_an_answer_is_told_with_its_route(
    smoke: Smoke,
    stage: StageProxy,
    spoil: Callable[[Passing], None],
    told: set[tuple[str, str, str]],
) -> None:
    stage.spoil = spoil

    report = smoke.report(stage.url)

    assert set(failures(report)) == told
    assert nothing_left(stage)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("method", "route"),
    [
        *(("GET", route) for route in ("/queue", "/dead-letters", "/jobs/{job_id}")),
        *(("GET", route) for route in ("/events/{event_id}", "/inbox/{event_id}")),
        *(("POST", route) for route in ("/events", "/inbox/lease", "/inbox/extend")),
    ],
)
def test_an_answer_that_lacks_what_the_contract_says_fails_its_route(
    smoke: Smoke, stage: StageProxy, method: str, route: str
) -> None:
    path = re.compile(re.sub(r"{\w+}", r"[^/?]+", route) + r"(\?.*)?")

    def empty(passing: Passing) -> None:
        called = passing.method == method and path.fullmatch(passing.path)
        if called and passing.status < 300:
            passing.body = b"{}"

    stage.spoil = empty

    report = smoke.report(stage.url, "--timeout", "1")

    assert (method, route, "the answer is not what the contract says") in failures(report)


@pytest.mark.usefixtures("worker")
def test_another_event_than_the_one_that_was_asked_for_fails(
    smoke: Smoke, stage: StageProxy
) -> None:
    def another(passing: Passing) -> None:
        if passing.method == "GET" and passing.path.startswith("/events/"):
            event = json.loads(passing.body) | {"event_id": f"evt_{0:032x}"}
            passing.body = json.dumps(event).encode()

    stage.spoil = another

    report = smoke.report(stage.url)

    assert failures(report) == [("GET", "/events/{event_id}", "it is another event")]


def test_an_api_that_falls_silent_ends_the_test(smoke: Smoke, stage: StageProxy) -> None:
    def hang_up(passing: Passing) -> None:
        if len(stage.passed) > 6:
            passing.status = 0

    stage.spoil = hang_up

    report = smoke.report(stage.url, "--timeout", "1")

    assert [why for _, _, why in failures(report)] == ["no answer", "no answer"]
    assert len(report["calls"]) == 8


def test_an_address_where_nothing_answers_is_a_sentence_of_its_own(smoke: Smoke) -> None:
    code = smoke("http://127.0.0.1:1")

    assert code == 1
    assert "nothing answers at http://127.0.0.1:1: check the address" in smoke.err
    assert smoke.out.startswith("FAIL")


@pytest.mark.parametrize("address", ["html", "no stage"])
def test_an_address_that_is_no_routers_is_a_sentence(
    smoke: Smoke, stage: StageProxy, address: str
) -> None:
    stage.spoil = html
    elsewhere = {"no stage": stage.url.removesuffix("/dev")}

    code = smoke(elsewhere.get(address, stage.url))

    assert code == 1
    assert "is no address of a router" in smoke.err
    assert smoke.out.startswith("FAIL")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "no address was given"),
        (("http://router.example",), "must be an https address"),
        (("https://router.example/dev",), "there is no token to call with"),
        (("https://router.example", "--token-file", "absent"), "absent holds no token"),
    ],
)
@pytest.mark.usefixtures("stage")
def test_what_is_missing_is_a_sentence(smoke: Smoke, arguments: tuple[str, ...], told: str) -> None:
    code = smoke(*arguments)

    assert code in {1, 2}
    assert smoke.out == ""
    assert told in smoke.err
    assert smoke.err.count("\n") == 1


@pytest.mark.usefixtures("worker")
def test_without_an_address_that_of_the_synced_stage_is_called(
    smoke: Smoke, stage: StageProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(env_public, "FILE", tmp_path / ".env_public")
    env_public.sync("dev", {"api_url": stage.url})

    assert smoke() == 0
    assert f"{stage.url}: all" in smoke.out
