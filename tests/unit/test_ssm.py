"""The registry: a setting first, then the Parameter Store, remembered for a while."""

import ast
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSRequest, AWSResponse
from moto import mock_aws

from chalicelib import settings, ssm
from chalicelib.errors import NotConfigured
from chalicelib.ssm import ENTRIES, LIFE_SECONDS, Registry

pytestmark = pytest.mark.slow  # moto, which takes a second to come up


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Counting:
    """Connects to the Parameter Store and counts what is asked of it."""

    def __init__(self) -> None:
        self.connections = 0
        self.asked: list[dict[str, Any]] = []

    def connect(self) -> Any:
        self.connections += 1
        client = boto3.client("ssm")
        client.meta.events.register(
            "provide-client-params.ssm.GetParameter", lambda params, **_: self.asked.append(params)
        )
        return client

    @property
    def paths(self) -> list[str]:
        return [params["Name"] for params in self.asked]


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counting]:
    monkeypatch.setenv("TINYLLAMA_ENV", "dev")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        yield Counting()


def put(path: str, value: str, kind: str = "String") -> None:
    boto3.client("ssm").put_parameter(Name=path, Value=value, Type=kind, Overwrite=True)


def test_an_id_comes_from_the_environments_path(counting: Counting) -> None:
    put("/tinyllama/dev/vpc_id", "vpc-1")
    put("/tinyllama/prod/vpc_id", "vpc-2")

    assert Registry(counting.connect).get_id("vpc_id") == "vpc-1"
    assert counting.paths == ["/tinyllama/dev/vpc_id"]


def test_a_setting_wins_and_nothing_is_asked(
    counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_VPC_ID", "vpc-3")

    assert Registry(counting.connect).get_id("vpc_id") == "vpc-3"
    assert counting.connections == 0


@pytest.mark.parametrize("unset", ["", "  ", "${data.aws_vpc.id}"])
def test_an_empty_or_unresolved_setting_counts_as_unset(
    counting: Counting, monkeypatch: pytest.MonkeyPatch, unset: str
) -> None:
    monkeypatch.setenv("TINYLLAMA_VPC_ID", unset)
    put("/tinyllama/dev/vpc_id", "vpc-1")

    assert Registry(counting.connect).get_id("vpc_id") == "vpc-1"


def test_a_secure_string_is_decrypted(counting: Counting) -> None:
    put("/tinyllama/dev/signing_key", "open sesame", "SecureString")

    assert Registry(counting.connect).get_id("signing_key") == "open sesame"
    assert counting.asked[0]["WithDecryption"] is True


def test_an_id_is_remembered_for_its_life_and_no_longer(counting: Counting) -> None:
    clock = Clock()
    registry = Registry(counting.connect, clock)
    put("/tinyllama/dev/vpc_id", "vpc-1")
    registry.get_id("vpc_id")
    put("/tinyllama/dev/vpc_id", "vpc-2")

    clock.now = LIFE_SECONDS - 1
    assert registry.get_id("vpc_id") == "vpc-1"

    clock.now = LIFE_SECONDS
    assert registry.get_id("vpc_id") == "vpc-2"
    assert counting.connections == 1


class Echo:
    """Knows every parameter: its value is the last word of its path. Counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get_parameter(self, *, Name: str, WithDecryption: bool) -> dict[str, Any]:  # noqa: N803 - AWS's
        assert WithDecryption
        self.asked.append(Name)
        return {"Parameter": {"Value": Name.rpartition("/")[2]}}


def test_the_least_recently_used_of_too_many_ids_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TINYLLAMA_ENV", "dev")
    echo = Echo()
    registry = Registry(lambda: echo, Clock())
    for number in range(ENTRIES):
        registry.get_id(f"id_{number}")
    registry.get_id("id_0")

    registry.get_id(f"id_{ENTRIES}")

    assert registry.get_id("id_0") == "id_0"
    assert len(echo.asked) == ENTRIES + 1
    assert registry.get_id("id_1") == "id_1"
    assert len(echo.asked) == ENTRIES + 2


def test_two_environments_do_not_share_what_is_remembered(
    counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(counting.connect, Clock())
    put("/tinyllama/dev/vpc_id", "vpc-1")
    put("/tinyllama/prod/vpc_id", "vpc-2")
    registry.get_id("vpc_id")

    monkeypatch.setenv("TINYLLAMA_ENV", "prod")

    assert registry.get_id("vpc_id") == "vpc-2"


def test_an_absent_id_is_named_with_its_path_and_its_variable(counting: Counting) -> None:
    with pytest.raises(NotConfigured) as caught:
        Registry(counting.connect).get_id("vpc_id")

    assert "/tinyllama/dev/vpc_id" in str(caught.value)
    assert "TINYLLAMA_VPC_ID" in str(caught.value)


def test_an_absent_id_is_asked_for_again(counting: Counting) -> None:
    registry = Registry(counting.connect, Clock())
    with pytest.raises(NotConfigured):
        registry.get_id("vpc_id")

    put("/tinyllama/dev/vpc_id", "vpc-1")

    assert registry.get_id("vpc_id") == "vpc-1"


def test_an_unresolved_parameter_counts_as_absent_and_is_not_repeated(counting: Counting) -> None:
    put("/tinyllama/dev/vpc_id", "${aws_vpc.main.id}")

    with pytest.raises(NotConfigured) as caught:
        Registry(counting.connect).get_id("vpc_id")
    assert "${" not in str(caught.value)


def test_a_laptop_never_asks_aws(counting: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLLAMA_ENV", "local")

    with pytest.raises(NotConfigured, match="TINYLLAMA_VPC_ID is not set"):
        Registry(counting.connect).get_id("vpc_id")
    assert counting.connections == 0


@pytest.mark.parametrize("name", ["", "../prod/vpc_id", "prod/vpc_id", "vpc id", "vpc_id\n", "*"])
def test_a_name_cannot_leave_its_environment(counting: Counting, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Registry(counting.connect).get_id(name)
    assert counting.connections == 0


def test_threads_share_one_client_and_agree(counting: Counting) -> None:
    put("/tinyllama/dev/vpc_id", "vpc-1")
    registry = Registry(counting.connect)
    found: list[str] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        found.append(registry.get_id("vpc_id"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == ["vpc-1"] * 8
    assert counting.connections == 1


def test_requests_are_signed_with_the_roles_session_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "ASIAROLE",
        "AWS_SECRET_ACCESS_KEY": "role-secret",
        "AWS_SESSION_TOKEN": "role-session",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "TINYLLAMA_ENV": "dev",
        # What an unlucky deployment once set: none of it may reach boto3.
        "TINYLLAMA_AWS_ACCESS_KEY_ID": "AKIASTRAY",
        "TINYLLAMA_AWS_SECRET_ACCESS_KEY": "stray",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    sent: list[AWSRequest] = []

    def answer(request: AWSRequest, **_: object) -> AWSResponse:
        sent.append(request)
        response = AWSResponse(request.url, 200, {}, None)
        response._content = b'{"Parameter": {"Value": "vpc-1"}}'  # noqa: SLF001
        return response

    def connect() -> Any:
        client = ssm._connect()  # noqa: SLF001 - the product's own connection is what is tested
        client.meta.events.register("before-send.ssm.GetParameter", answer)
        return client

    assert Registry(connect).get_id("vpc_id") == "vpc-1"

    headers = sent[0].headers
    assert headers["X-Amz-Security-Token"] == b"role-session"
    assert b"Credential=ASIAROLE/" in headers["Authorization"]


def test_nowhere_are_credentials_given_to_boto3() -> None:
    given = {
        (path.name, keyword.arg)
        for folder in ("chalicelib", "worker", "tinyllama")
        for path in (settings.PROJECT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg is not None and keyword.arg.startswith("aws_")
    }

    assert given == set()


def test_the_module_offers_get_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLLAMA_VPC_ID", "vpc-4")

    assert ssm.get_id("vpc_id") == "vpc-4"
