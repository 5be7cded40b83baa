"""A stage on an emulated AWS: from an empty account to a deployed API, through changes, to none.

One story told in order. Each test needs the steps before it, which its fixtures take.
"""

import json
import re
import subprocess
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import pytest

from chalicelib.settings import PROJECT
from tests.emulator import collection
from tests.emulator.aws import Emulator
from tests.emulator.clients import Clients
from tests.emulator.project import STAGE, Project, Ran
from tests.emulator.secure_store import SecureStore
from tests.infra.policy_audit import policies, wildcards

pytestmark = pytest.mark.slow

FUNCTIONS = {f"tinyllama-{STAGE}{suffix}" for suffix in ("", "-jwt_authorizer", "-tick")}
NEXT = "0.0.0+emulated"


def test_no_policy_has_a_wildcard_that_aws_does_not_force(first_plan: dict[str, Any]) -> None:
    found = wildcards(first_plan)

    assert len(policies(first_plan)) > 10
    assert found == []


def test_checkov_finds_nothing_but_what_is_skipped_with_a_reason(
    first_plan: dict[str, Any], checkov: str, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(first_plan), encoding="utf-8")
    command = [checkov, "-m", "checkov.main", "-f", str(plan), "--framework", "terraform_plan",
               "--skip-download", "--quiet", "--compact", "--output", "json"]  # fmt: skip

    ran = subprocess.run(  # noqa: S603
        command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )

    told = json.loads(ran.stdout)
    assert told["summary"]["passed"] > 200
    failed = {check["check_id"] for check in told["results"]["failed_checks"]}
    assert failed == skipped_checks()


def skipped_checks() -> set[str]:
    """Return the checks that .checkov.yaml skips; each must have its reason beside it."""
    text = (PROJECT / "terraform-extras" / ".checkov.yaml").read_text(encoding="utf-8")
    entries = re.findall(r"^  - (CKV\w+)(.*)$", text, re.MULTILINE)
    assert all(re.match(r" +# \S", reason) for _, reason in entries)
    return {check for check, _ in entries}


def test_deploy_applies_all_verifies_the_code_and_finds_the_api_healthy(
    deployed: dict[str, Any],
) -> None:
    assert deployed["applied"]
    assert deployed["plan"]["add"] > 150
    assert deployed["verified"]["same"]
    assert {one["function"] for one in deployed["verified"]["functions"]} == FUNCTIONS
    assert deployed["health"] == "warn"  # There is no worker yet.


def test_a_second_plan_changes_nothing(project: Project, deployed: dict[str, Any]) -> None:
    del deployed

    planned = project.tinyllama("deploy", STAGE, "--plan-only", "--json").document()

    assert planned["plan"] == {"add": 0, "change": 0, "destroy": 0, "changes": [], "loses": []}


def test_each_role_signs_in_to_the_store_as_its_own_user(
    url: str, emulator: Emulator, secure_store: SecureStore
) -> None:
    emulator.client("lambda").invoke(FunctionName=f"tinyllama-{STAGE}-tick", Payload=b"{}")

    reply = httpx2.get(f"{url}/health", timeout=30)

    with secure_store.client() as client:
        users = {one["user"] for one in client.client_list()}
    assert reply.status_code == 200
    assert users >= {f"tinyllama-{STAGE}-api-handler", f"tinyllama-{STAGE}-tick"}


def test_the_collection_passes_through_the_gateway_with_a_machines_token(
    url: str, clients: Clients, worker: str, tmp_path: Path
) -> None:
    del worker
    written = collection.for_the_gateway(tmp_path, alone=False)

    sent, failures = collection.run(
        written, url, clients.collection_variables(), tmp_path / "report.json"
    )

    assert sent == collection.names(written)
    assert failures == []


def test_the_collection_that_plays_the_worker_passes_through_the_gateway(
    url: str, clients: Clients, secure_store: SecureStore, tmp_path: Path
) -> None:
    with secure_store.client() as client:
        client.flushall()  # No job of another test may be leased here.
    written = collection.for_the_gateway(tmp_path, alone=True)

    sent, failures = collection.run(
        written, url, clients.collection_variables(), tmp_path / "report.json"
    )

    assert sent == collection.names(written)
    assert failures == []


def test_a_worker_over_https_answers_a_prompt(url: str, clients: Clients, worker: str) -> None:
    headers = {"Authorization": f"Bearer {clients.token('app')}", "Prefer": "wait=20"}
    body = {"prompt": "Is anybody there?"}

    reply = httpx2.post(f"{url}/infer", json=body, headers=headers, timeout=40)

    assert worker
    assert reply.status_code == 200, reply.text
    assert reply.json()["state"] == "succeeded"
    assert reply.json()["result"]["engine"] == "echo"


def test_smoke_passes_from_outside(
    project: Project, url: str, clients: Clients, worker: str
) -> None:
    del worker
    secrets = {
        f"TINYLLAMA_{role.upper()}_CLIENT_SECRET": clients.secret(role)
        for role in ("app", "operator", "worker")
    }

    ran = project.tinyllama("smoke", url, **secrets)

    assert ran.code == 0, ran.out + ran.err


def test_the_registry_tells_what_terraform_wrote(
    project: Project, deployed: dict[str, Any], clients: Clients
) -> None:
    listed = project.tinyllama("registry", "list", "--env", STAGE, "--json").document()
    pool = project.tinyllama("registry", "get", "user_pool_id", "--env", STAGE)

    assert deployed["endpoint_url"] in json.dumps(listed)
    assert pool.out.strip() == clients.pool


def test_env_sync_writes_the_ids_that_the_registry_holds(
    project: Project, deployed: dict[str, Any]
) -> None:
    file = project.folder / ".env_public"
    written_by_deploy = file.read_text(encoding="utf-8")
    file.unlink()

    ran = project.tinyllama("env", "sync", STAGE)

    assert ran.code == 0, ran.err
    assert file.read_text(encoding="utf-8") == written_by_deploy
    assert deployed["endpoint_url"] in written_by_deploy


@pytest.fixture(scope="module")
def signing_key(project: Project, deployed: dict[str, Any]) -> Ran:
    """A key that signs API keys: private in Parameter Store, public in the stage's file."""
    del deployed
    return project.tinyllama("keys", "signing-key", "create", STAGE)


@pytest.fixture(scope="module")
def changed(
    project: Project, signing_key: Ran, deploy: Callable[[str], dict[str, Any]]
) -> dict[str, Any]:
    """Other code and the signing key's public half deployed; what ``deploy`` told.

    The code tells another version of itself.
    """
    del signing_key
    module = project.folder / "chalicelib" / "__init__.py"
    text = module.read_text(encoding="utf-8")
    module.write_text(
        re.sub(r'__version__ = "[^"]+"', f'__version__ = "{NEXT}"', text), encoding="utf-8"
    )
    written = project.python("-m", "tinyllama.contract")
    assert written.code == 0, written.err
    project.commit()
    return deploy("changed code")


def test_changed_code_goes_live_and_verify_says_so(
    project: Project, changed: dict[str, Any], url: str
) -> None:
    ran = project.tinyllama("verify", STAGE, "--json")

    assert changed["plan"]["destroy"] <= 1  # The gateway's deployment, where the document changed.
    assert httpx2.get(f"{url}/health", timeout=30).json()["version"] == NEXT
    assert ran.document()["same"]
    assert {one["live"] for one in ran.document()["functions"]} == {2}


def test_an_api_key_opens_the_gateway_from_its_registration_to_its_revocation(
    project: Project,
    changed: dict[str, Any],
    signing_key: Ran,
    url: str,
    clients: Clients,
    emulator: Emulator,
) -> None:
    del changed
    where = ("--stage", STAGE, "--tenant", "acme")
    operator = {"TINYLLAMA_OPERATOR_CLIENT_SECRET": clients.secret("operator")}

    def use(key: str) -> tuple[int, str]:
        reply = httpx2.get(f"{url}/jobs", headers={"Authorization": f"Bearer {key}"}, timeout=30)
        return reply.status_code, reply.json().get("code", "")

    made = project.tinyllama(
        "keys", "create", *where, "--name", "CI", "--scope", "jobs:read", **operator
    )
    (key,) = made.out.splitlines() or [made.err]
    opened = use(key)
    (record,) = json.loads(project.tinyllama("keys", "list", *where, "--json", **operator).out)
    revoked = project.tinyllama("keys", "revoke", record["id"], *where, **operator)

    assert signing_key.code == made.code == revoked.code == 0, made.err + revoked.err
    assert (record["tenant"], record["name"], record["state"]) == ("acme", "CI", "active")
    assert opened == (200, "")
    assert use(key) == (403, "key_revoked")
    private = emulator.client("ssm").get_parameter(
        Name=f"/tinyllama-operator/{STAGE}/api_key_signing_key", WithDecryption=True
    )["Parameter"]
    assert private["Type"] == "SecureString"
    told = signing_key.out + signing_key.err + made.err + revoked.err
    assert not any(line in told for line in private["Value"].splitlines())


def test_a_function_that_was_tampered_with_is_found_out_and_the_next_deployment_mends_it(
    project: Project,
    changed: dict[str, Any],
    emulator: Emulator,
    deploy: Callable[[str], dict[str, Any]],
) -> None:
    del changed
    name = f"tinyllama-{STAGE}-jwt_authorizer"
    foreign = BytesIO()
    with zipfile.ZipFile(foreign, "w") as archive:
        archive.writestr("app.py", "def jwt_authorizer(*_):\n    return 'anybody'\n")
    emulator.client("lambda").update_function_code(FunctionName=name, ZipFile=foreign.getvalue())

    found = project.tinyllama("verify", STAGE, "--json")

    assert found.code == 1
    faults = {one["function"]: one["fault"] for one in json.loads(found.out)["functions"]}
    assert {function for function, fault in faults.items() if fault} == {name}
    assert deploy("tampered function")["verified"]["same"]


def test_rollback_brings_the_first_release_back_by_the_alias(
    project: Project, changed: dict[str, Any], url: str
) -> None:
    del changed

    ran = project.tinyllama("rollback", STAGE, "--to", "1", "--yes", "--json")

    moves = ran.document()["functions"].values()
    assert {move["to"] for move in moves} == {1}
    assert all(move["from"] > 1 for move in moves)
    assert httpx2.get(f"{url}/health", timeout=30).json()["version"] != NEXT
    assert project.tinyllama("verify", STAGE).code == 1  # The build is the later one.


def test_destroy_leaves_nothing_behind(
    project: Project, changed: dict[str, Any], emulator: Emulator
) -> None:
    del changed
    ours = f"tinyllama-{STAGE}", f"/tinyllama/{STAGE}/", f"/aws/lambda/tinyllama-{STAGE}"
    there = emulator.remaining(*ours)

    ran = project.terraform("destroy", "-auto-approve", "-no-color")

    assert ran.code == 0, ran.out[-3000:] + ran.err
    assert len(there) > 50
    assert emulator.remaining(*ours) == []
    assert project.terraform("state", "list").out == ""
