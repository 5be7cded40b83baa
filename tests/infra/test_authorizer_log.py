"""What the alarm of the authorizer counts: its log tells a refused token from a failure."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

import tinyllama
from chalicelib.settings import PROJECT
from tests.infra.gateway import token_event
from tests.infra.runtime_api import Function, FunctionFailed, StartFunction

pytestmark = pytest.mark.slow  # the functions' zip, and Lambda's runtime around it


def _counted(line: Mapping[str, Any]) -> bool:
    """Whether the first half of alarms.tf's filter takes *line*."""
    return line.get("level") == "ERROR" and line.get("errorMessage") != "Unauthorized"


def _raised(function: Function, token: str) -> list[Mapping[str, Any]]:
    """Return what the runtime logged of the error that *token* met."""
    with pytest.raises(FunctionFailed):
        function.invoke(token_event(token))
    written = [line for line in function.written().splitlines() if line.startswith("{")]
    return [line for line in map(json.loads, written) if "errorMessage" in line]


def test_the_filter_reads_these_fields() -> None:
    alarms = (PROJECT / "terraform-extras" / "alarms.tf").read_text()

    assert r"($.level = \"ERROR\" && $.errorMessage != \"Unauthorized\")" in alarms


def test_a_401_is_logged_as_an_error_that_the_filter_leaves_out(
    start_function: StartFunction,
) -> None:
    function = start_function("app.jwt_authorizer", AWS_LAMBDA_LOG_FORMAT="JSON")

    raised = _raised(function, "")

    assert [line["errorMessage"] for line in raised] == ["Unauthorized"]
    assert not any(_counted(line) for line in raised)


def test_missing_keys_are_an_error_that_the_filter_counts(start_function: StartFunction) -> None:
    function = start_function(
        "app.jwt_authorizer", AWS_LAMBDA_LOG_FORMAT="JSON", TINYLLAMA_JWKS="/nowhere/keys.json"
    )

    raised = _raised(function, tinyllama.make_token())

    assert [line["errorMessage"] for line in raised] == ["keys_unavailable"]
    assert all(_counted(line) for line in raised)
