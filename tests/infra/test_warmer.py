"""The event by which the schedule keeps the API warm, fed to the API's own function."""

import json

import pytest

from chalicelib.settings import PROJECT
from tests.infra.gateway import proxy_event
from tests.infra.runtime_api import Function

EVENT = json.loads((PROJECT / "terraform-extras" / "templates" / "warm.json").read_text())


@pytest.mark.slow
def test_the_api_answers_the_warmer_as_it_answers_the_gateway(api_function: Function) -> None:
    expected = api_function.invoke(proxy_event("GET", "/health"))

    answer = api_function.invoke(EVENT)

    assert answer["statusCode"] == expected["statusCode"] == 200
    assert json.loads(answer["body"])["status"] == json.loads(expected["body"])["status"]


def test_the_warmers_event_has_the_form_of_the_gateways() -> None:
    gateways = proxy_event("GET", "/health")

    assert set(EVENT) == set(gateways)
    assert (EVENT["httpMethod"], EVENT["path"], EVENT["resource"]) == ("GET", "/health", "/health")


def test_the_warmers_event_is_short_enough_for_a_schedule() -> None:
    # EventBridge, PutTargets: an input has at most 8192 characters.
    assert len(json.dumps(EVENT)) <= 8192
