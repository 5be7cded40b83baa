"""Official clients, unmodified and with their default settings, against the router as it is.

They all run at the same time, each in a process of its own; each case is a tenant of its own, so
that its jobs can be counted. Seconds are those of the case alone.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from tests.clients.catalogue import CLIENTS, MODEL, SLOW, SLOW_SECONDS, tenant
from tests.clients.plays import Play, Told
from tests.clients.routers import Router

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 200
# All clients share two cores; but nobody was answered by a second try's own minute.
LATE_SECONDS = 2 * SLOW_SECONDS
TOKENS = 12
# What a background's client erases, and what is begun twice, have tests of their own.
SLOWLY_ANSWERED = {*SLOW} - {"background", "restart"}
# What a user sees of a refusal: class, status and code, where they differ from openai's own.
SEEN: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "openai": {
        "expired": ("AuthenticationError", 401, "token_expired"),
        "foreign": ("PermissionDeniedError", 403, "issuer_untrusted"),
        "unscoped": ("PermissionDeniedError", 403, "scope_insufficient"),
        "bad_body": ("BadRequestError", 400, "invalid_body"),
        "other_model": ("UnprocessableEntityError", 422, "job_failed"),
        "no_model": ("NotFoundError", 404, "model_not_found"),
        "absent": ("NotFoundError", 404, "response_not_found"),
        "limited": ("RateLimitError", 429, "rate_limited"),
    },
    "litellm": {
        "expired": ("AuthenticationError", 401, None),
        "foreign": ("APIError", 403, None),
        "other_model": ("BadRequestError", 422, "job_failed"),
        "router_other_model": ("BadRequestError", 422, "job_failed"),
    },
    "LangChain": {
        "expired": ("OpenAIAuthenticationError", 401, "token_expired"),
        "foreign": ("OpenAIPermissionDeniedError", 403, "issuer_untrusted"),
        "bad_body": ("OpenAIInvalidRequestError", 400, "invalid_body"),
    },
    # A command: its exit code, and a message.
    "llm": dict.fromkeys(("expired", "foreign", "other_model"), (1, None, None)),
    "AI SDK": {
        "expired": ("AI_APICallError", 401, "token_expired"),
        "foreign": ("AI_APICallError", 403, "issuer_untrusted"),
        "bad_body": ("AI_APICallError", 400, "invalid_body"),
        "other_model": ("AI_APICallError", 422, "job_failed"),
    },
}


def playing(*cases: str, clients: Iterable[str] = CLIENTS) -> pytest.MarkDecorator:
    """Run a test for each of *clients* that plays one of *cases*."""
    pairs = [(name, case) for name in clients for case in CLIENTS[name].cases if case in cases]
    return pytest.mark.parametrize(("client", "case"), pairs)


@pytest.fixture
def told(client: str, case: str, plays: Mapping[str, Play]) -> Told:
    """What the client saw of the case, which has ended."""
    return plays[client].told(case, PATIENCE_SECONDS)


@pytest.fixture
def jobs(told: Told, router: Router, client: str, case: str) -> list[Any]:
    """The jobs there are of the case once it has ended."""
    del told
    return router.jobs(tenant(client, case))


def seen_of(client: str, case: str) -> tuple[Any, ...]:
    """Return what a user of *client* sees of the refusal."""
    return SEEN.get(client, {}).get(case) or SEEN["openai"][case]


# What takes no minute comes first: the minute passes meanwhile.


@playing("models")
def test_models_are_listed_and_one_is_found_by_a_name_with_a_slash(told: Told) -> None:
    assert told.seen == {"listed": [MODEL], "one": MODEL}


@playing("expired", "foreign", "unscoped", "bad_body", "no_model", "absent")
def test_a_refusal_is_told_in_the_clients_own_words_and_makes_no_job(
    client: str, case: str, told: Told, jobs: list[Any]
) -> None:
    seen = tuple(told.seen.get(name) for name in ("raised", "status", "code"))

    assert seen == seen_of(client, case), told.seen
    assert told.seen["message"]
    assert jobs == []


@playing("bad_body")
def test_a_bad_body_names_the_parameter(told: Told) -> None:
    assert told.seen["param"] == "temperature"


@playing("limited")
def test_a_limit_says_when_to_come_again(client: str, case: str, told: Told) -> None:
    seen = tuple(told.seen.get(name) for name in ("raised", "status", "code"))

    assert seen == seen_of(client, case), told.seen
    assert 1 <= int(told.seen["retry_after"]) <= 30


@playing("waits_its_turn")
def test_a_client_over_the_limit_waits_as_it_is_told_and_is_answered(
    told: Told, jobs: list[Any]
) -> None:
    assert told.seen.get("text"), told.seen
    assert [job["state"] for job in jobs] == ["succeeded"] * 3


@playing("other_model", "router_other_model")
def test_a_failed_job_is_told_and_not_tried_again(
    client: str, case: str, told: Told, jobs: list[Any]
) -> None:
    seen = tuple(told.seen.get(name) for name in ("raised", "status", "code"))

    assert seen == seen_of(client, case), told.seen
    assert "engine_refused" in told.seen["message"]
    assert [job["state"] for job in jobs] == ["failed"]


@playing("tools")
def test_a_tool_is_called_and_what_it_told_is_heard(told: Told, jobs: list[Any]) -> None:
    heard = {"name": "weather", "arguments": {"town": "Lima"}, "text": "I hear of rain in Lima"}

    assert told.seen == heard
    assert len(jobs) == 2


@playing("structured")
def test_an_answer_keeps_to_the_schema_that_was_asked_for(told: Told, jobs: list[Any]) -> None:
    assert told.seen == {"town": "Lima"}
    assert len(jobs) == 1


@playing("conversation")
def test_a_response_goes_on_from_another(told: Told, jobs: list[Any]) -> None:
    assert told.seen.get("previous"), told.seen
    assert told.seen["longer_by"] > 4  # what was asked and answered before, and a word
    assert len(jobs) == 2


@playing("stream_other_model")
def test_a_stream_tells_that_its_job_failed(told: Told, jobs: list[Any]) -> None:
    assert (told.seen.get("raised"), told.seen.get("code")) == ("APIError", "job_failed")
    assert [job["state"] for job in jobs] == ["failed"]


@playing("cancel")
def test_a_response_is_called_off(told: Told, jobs: list[Any]) -> None:
    assert (told.seen.get("status"), told.seen.get("same")) == ("cancelled", True), told.seen
    assert [job["state"] for job in jobs] == ["cancelled"]
    assert told.seconds < SLOW_SECONDS


@playing(*SLOWLY_ANSWERED)
def test_an_answer_of_a_minute_arrives_whole_and_is_one_job(
    told: Told, jobs: list[Any], router: Router, client: str, case: str
) -> None:
    assert "text" in told.seen, told.seen
    assert SLOW_SECONDS <= told.seconds < LATE_SECONDS
    assert [job["state"] for job in jobs] == ["succeeded"]
    job = router.ask("GET", f"/jobs/{jobs[0]['id']}", tenant(client, case))
    assert told.seen["text"] == job["result"]["text"]
    assert told.seen.get("tokens", TOKENS) == TOKENS


@playing("responses_stream", clients=("openai", "openai for Node"))
def test_a_responses_stream_counts_its_events_and_goes_on_after_any_of_them(told: Told) -> None:
    numbers = told.seen["numbers"]

    assert numbers == list(range(len(numbers)))
    assert told.seen["again"] == numbers[told.seen["after"] + 1 :] != []


@playing("background")
def test_a_response_in_the_background_is_looked_for_until_it_is_there(
    client: str, case: str, told: Told, jobs: list[Any]
) -> None:
    assert told.seen.get("first") in {"queued", "in_progress"}, told.seen
    assert told.seen["status"] == "incomplete"  # of twelve tokens, and the model never ends
    assert told.seen["text"]
    assert SLOW_SECONDS <= told.seconds < LATE_SECONDS
    if "gone" in told.seen:
        assert (told.seen["gone"], jobs) == ("response_not_found", [])
    else:
        assert [job["state"] for job in jobs] == ["succeeded"], (client, case)


def test_a_chain_of_redirects_that_ends_too_early_is_begun_again(
    plays: Mapping[str, Play],
) -> None:
    told = plays["openai"].told("beyond_the_hops", PATIENCE_SECONDS)

    assert told.seen["retries"] >= 1


@playing("restart")
def test_a_router_that_is_killed_in_the_middle_costs_a_second_job_at_most_and_no_answer(
    told: Told, jobs: list[Any]
) -> None:
    assert told.seen.get("text"), told.seen
    assert told.seen.get("retries", 1) == 1
    # Two where the client was quicker than the wait that was killed would have ended: to the store
    # somebody waits for the first one still.
    assert len(jobs) in {1, 2}
