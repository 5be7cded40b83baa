"""The Postman collection: covers routes and codes, and passes against ``chalice local``."""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import app
import tinyllama
from chalicelib import errors, openai_errors
from chalicelib.settings import PROJECT
from tests import leaks
from tests.contract_check import CONTRACT, codes_of, operations
from tinyllama import devkeys, gateway_errors

COLLECTION = PROJECT / "postman" / "tinyllama.postman_collection.json"
NEWMAN = PROJECT / "node_modules" / ".bin" / "newman"
NAME = re.compile(r"([A-Z]+) (/\S*) → (\d{3})(?: ([a-z_]+))?(?:, (.+))?")
# Codes that no call from outside brings about on a router that works.
EXCUSED = {
    **dict.fromkeys(
        (
            "bad_request",
            "forbidden",
            "route_not_found",
            "router_unavailable",
            "throttled",
            "timed_out",
        ),
        "API Gateway says it by itself: test_gateway_responses.py",
    ),
    "unauthorized": "API Gateway's one word for every 401: test_gateway_responses.py",
    "api_keys_full": "a tenant must have all that it may: test_contract_answers.py",
    "event_gone": "an event's record must have been removed: test_contract_answers.py",
    "inbox_full": "the inbox's cap must be reached: test_contract_answers.py",
    "internal": "a fault in our own code: test_contract_answers.py",
    "keys_unavailable": "the issuer must be away: test_contract_answers.py",
    "not_configured": "a setting must be missing: test_contract_answers.py",
    "queue_full": "the queue's cap must be reached: test_contract_answers.py",
    "rate_limited": "the rate must be used up: test_contract_answers.py",
    "too_many_jobs": "the tenant's share must be used up: test_contract_answers.py",
    "store_full": "the store's memory must be used up: test_contract_answers.py",
    "store_unavailable": "the store must be away: test_contract_answers.py",
}
# Folders that play the worker themselves.
WITHOUT_WORKER = ("Moves", "Dead letters", "OpenAI API, slow", "Workers")


def requests(*, alone: bool | None = None) -> list[dict[str, Any]]:
    """Return the collection's requests, folder by folder; those for a router *alone*, or others."""
    return [
        request
        for folder in json.loads(COLLECTION.read_text(encoding="utf-8"))["item"]
        for request in folder["item"]
        if alone in {None, folder["name"] in WITHOUT_WORKER}
    ]


def named(request: Mapping[str, Any]) -> tuple[str, str, str, str | None, str | None]:
    """Return method, path, status, code and remark that a request's name tells."""
    found = NAME.fullmatch(request["name"])
    assert found, request["name"]
    method, path, status, code, remark = found.groups()
    return method, path, status, code, remark


@pytest.mark.parametrize("request_", requests(), ids=lambda request: request["name"])
def test_a_request_does_what_its_name_says_and_the_contract_allows(
    request_: dict[str, Any],
) -> None:
    method, path, status, code, remark = named(request_)
    address = request_["request"]["url"].removeprefix("{{base_url}}").partition("?")[0]

    assert request_["request"]["method"] == method
    assert re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), address)
    if code != "method_not_allowed":
        response = CONTRACT["paths"][path][method.lower()]["responses"][status]
        assert code in codes_of(response) if code else int(status) < 400 or remark == "by the host"


def test_every_route_is_called_with_success() -> None:
    called = {named(request)[:2] for request in requests() if named(request)[2] < "400"}

    assert called == {(row.method, row.path) for row in app.route.table}


def test_every_code_of_every_route_is_brought_about_or_excused() -> None:
    tokens = errors.TOKEN_REASONS.keys()
    asked = {named(request)[:4] for request in requests()}
    missing = [
        f"{method} {path} → {status} {code}"
        for method, path, operation in operations()
        for status, response in operation["responses"].items()
        for code in codes_of(response)
        if (method, path, status, code) not in asked and code not in tokens | EXCUSED.keys()
    ]

    assert missing == []


def test_every_code_there_is_is_brought_about_or_excused() -> None:
    there_are = {**vars(errors), **vars(gateway_errors), **vars(openai_errors)}.values()
    kinds = [kind for kind in there_are if isinstance(kind, type)]
    codes = {kind.code for kind in kinds if issubclass(kind, errors.RouterError)}
    asked = {named(request)[3] for request in requests()} - {None}

    assert asked.isdisjoint(EXCUSED)
    assert asked | EXCUSED.keys() == codes | errors.TOKEN_REASONS.keys()


def test_every_scoped_route_is_called_without_its_scope() -> None:
    refused = {named(r)[:2] for r in requests() if named(r)[3] == "scope_insufficient"}

    assert refused == {(row.method, row.path) for row in app.route.table if row.scope}


def test_the_lock_file_names_no_host_but_every_hash() -> None:
    lock = json.loads((PROJECT / "package-lock.json").read_text(encoding="utf-8"))
    packages = [package for where, package in lock["packages"].items() if where]

    assert all("integrity" in package and "resolved" not in package for package in packages)
    wanted = {"axe-core": "4.14.1", "newman": "6.2.2"}
    assert lock["packages"][""]["devDependencies"] == wanted


def require_newman() -> None:
    """Skip, in CI fail, naming the command that installs what is missing."""
    if shutil.which("node") is None:
        missing = "node is missing: install Node.js 18 or later (apt-get install nodejs npm)"
    elif not NEWMAN.exists():
        missing = "newman is missing: npm ci"
    else:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


def tokens() -> dict[str, str]:
    """Return what the collection wants to be given, for a tenant of its own."""

    def token(**claims: Any) -> str:
        return tinyllama.make_token(sub="postman", **claims)

    return {
        "token": token(),
        "expired_token": token(expires_in=-60),
        "early_token": token(nbf=time.time() + 600),
        "scopeless_token": token(scope="other:read"),
        "foreign_audience_token": token(aud="other"),
        "foreign_issuer_token": token(iss="https://other.example"),
        "id_token": token(token_use="id"),  # noqa: S106
        "api_key": devkeys.make_api_key(tenant="postman", scope="jobs:read"),
    }


@pytest.fixture
def newman() -> str:
    """Return newman's command."""
    require_newman()
    return str(NEWMAN)


@pytest.fixture(params=[False, True], ids=["with a worker", "alone"])
def alone(request: pytest.FixtureRequest) -> bool:
    """Whether the router has no worker of its own."""
    return bool(request.param)


@pytest.fixture
def router(store_url: str, own_state: Path, *, alone: bool) -> Iterator[str]:
    """``chalice local``, with an echo worker of its own unless *alone*; its address."""
    del own_state
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "TINYLLAMA_STORE_URL": store_url, "TINYLLAMA_ENGINE_URL": ""}
    if alone:
        environment["TINYLLAMA_RELAY_SECONDS"] = "0.2"
    chalice = str(Path(sys.executable).with_name("chalice"))
    commands = [[chalice, "local", "--no-autoreload", "--port", str(port)]]
    if not alone:
        commands.append([sys.executable, "-m", "worker", "--drain-seconds", "1"])
    with leaks.output("newmans-router") as output:
        processes = [
            subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=output)  # noqa: S603
            for command in commands
        ]
    try:
        await_status(port, "warn" if alone else "pass")
        yield f"http://127.0.0.1:{port}"
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=20)


def await_status(port: int, status: str) -> None:
    """Return once the router is as healthy as that."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/health")
            if json.loads(connection.getresponse().read())["status"] == status:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.1)
    pytest.fail("the router did not get ready in 30 s")


@pytest.mark.slow
def test_the_collection_passes_against_chalice_local(
    newman: str, router: str, tmp_path: Path, *, alone: bool
) -> None:
    report = tmp_path / "report.json"
    folders = [folder["name"] for folder in json.loads(COLLECTION.read_text())["item"]]
    wanted = [name for name in folders if (name in WITHOUT_WORKER) == alone]
    given = {"base_url": router, **tokens()}
    command = [
        newman, "run", str(COLLECTION), "--reporters", "cli,json", "--color", "off",
        "--reporter-json-export", str(report), "--timeout-request", "40000",
        *(part for name in wanted for part in ("--folder", name)),
        *(part for name, value in given.items() for part in ("--env-var", f"{name}={value}")),
    ]  # fmt: skip

    run = subprocess.run(  # noqa: S603
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
    )

    assert run.returncode == 0, run.stdout
    executions = json.loads(report.read_text(encoding="utf-8"))["run"]["executions"]
    assert [done["item"]["name"] for done in executions] == [
        one["name"] for one in requests(alone=alone)
    ]
    for done in executions:
        assert done["assertions"], done["item"]["name"]
        assert all("error" not in assertion for assertion in done["assertions"])


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail), ("", pytest.skip)])
def test_a_missing_tool_is_named_with_its_command_and_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: Any
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PATH", "")

    with pytest.raises(outcome.Exception, match="apt-get install nodejs npm"):
        require_newman()
