"""The engine's API key: a variable's, else the secret that a setting names, read at the start."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib import settings, ssm
from chalicelib.errors import NotConfigured
from chalicelib.queueing import JobQueue
from tests.worker.engine_server import EngineServer
from tests.worker.harness import run_until_ended, submit
from worker import engine_key

pytestmark = pytest.mark.slow  # moto, which takes a second to come up


@pytest.fixture
def parameters(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The Parameter Store of an environment called keyed, with one secret."""
    monkeypatch.setenv("TINYLLAMA_ENV", "keyed")
    monkeypatch.setenv("TINYLLAMA_ENGINE_API_KEY_PARAMETER", "engine_api_key")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        client = boto3.client("ssm")
        path = "/tinyllama/keyed/engine_api_key"
        client.put_parameter(Name=path, Value="hush", Type="SecureString")
        yield client


def found() -> str | None:
    """Return the key that a worker which starts now has."""
    return engine_key.found(settings.engine_settings(), ssm.Registry().get_id).api_key


def test_the_named_secret_is_the_key(parameters: Any) -> None:
    del parameters

    assert found() == "hush"


def test_a_variable_wins(parameters: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    del parameters
    monkeypatch.setenv("TINYLLAMA_ENGINE_API_KEY", "mine")

    assert found() == "mine"


def test_where_none_is_named_aws_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLLAMA_ENV", "keyed")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)

    assert found() is None


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"TINYLLAMA_ENGINE_API_KEY_PARAMETER": "absent"}, "/tinyllama/keyed/absent"),
        ({"TINYLLAMA_ENGINE_API_KEY_PARAMETER": "a/b"}, "its name or"),
        ({"TINYLLAMA_ENV": "local"}, "set TINYLLAMA_ENGINE_API_KEY here"),
        ({"AWS_DEFAULT_REGION": ""}, "AWS_DEFAULT_REGION is none"),
    ],
)
def test_a_key_that_cannot_be_had_stops_the_start_in_one_sentence(
    parameters: Any,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    named: str,
) -> None:
    del parameters
    for name, value in changes.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(NotConfigured) as caught:
        found()

    assert named in caught.value.detail


def test_no_region_at_all_is_told(parameters: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    del parameters
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    with pytest.raises(NotConfigured, match=r"cannot be read: NoRegionError$"):
        found()


def test_what_aws_refuses_is_told_by_its_code(parameters: Any) -> None:
    def refuse(**_: Any) -> None:
        raise parameters.exceptions.InvalidKeyId(
            {"Error": {"Code": "InvalidKeyId", "Message": "secret words"}}, "GetParameter"
        )

    parameters.meta.events.register("provide-client-params.ssm.GetParameter", refuse)
    engine = settings.engine_settings()

    with pytest.raises(NotConfigured, match=r"cannot be read: InvalidKeyId$"):
        engine_key.found(engine, ssm.Registry(lambda: parameters).get_id)


def test_the_worker_shows_the_engine_the_key(
    parameters: Any,
    store_url: str,
    queue: JobQueue,
    engine_server: EngineServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    del parameters
    monkeypatch.setenv("TINYLLAMA_STORE_URL", store_url)
    monkeypatch.setenv("TINYLLAMA_ENGINE_URL", engine_server.url)
    job_id = submit(queue)

    code = run_until_ended(queue, job_id, [])

    assert code == 0
    assert engine_server.authorizations == {"Bearer hush"}
