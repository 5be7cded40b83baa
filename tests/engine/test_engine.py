"""A prompt meets a real model: router, queue, worker, streamed tokens, result and inbox.

Each is a process of its own, and the model's server is one that nobody here wrote.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from chalicelib import keyspace
from chalicelib.jobs import JsonObject
from tests.engine import model_server
from tests.engine.router import Caller, Router, routing
from tests.servers import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LONG = 400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where model, keys and logs lie."""
    return tmp_path_factory.mktemp("engine")


@pytest.fixture(scope="module")
def engine_url(folder: Path) -> Iterator[str]:
    """The address of a random Llama's server."""
    python = model_server.interpreter()
    model_server.make_model(python, folder)
    with model_server.serving(python, folder) as url:
        yield url


@pytest.fixture(scope="module")
def router(valkey_url: str, engine_url: str, folder: Path) -> Iterator[Router]:
    """A router whose worker asks the random Llama."""
    with routing(valkey_url, engine_url, folder) as router:
        yield router


@pytest.fixture
def caller(router: Router, request: pytest.FixtureRequest) -> Caller:
    """A tenant of the test's own."""
    return router.caller(request.node.name)


@pytest.fixture
def bystander(valkey: Server) -> Iterator["redis.Redis"]:
    """A client of the store that is not the product's."""
    with valkey.client() as client:
        yield client


def test_prompt_comes_back_as_a_result_and_an_event(caller: Caller) -> None:
    job_id = caller.submit({"prompt": "Why is the sky blue?", "max_tokens": 24, "seed": 7})

    job = caller.outcome(job_id)
    (event,) = caller.inbox()
    acknowledged = caller.ask("DELETE", f"/inbox/{event['event_id']}")

    assert (job["state"], job["attempt"], job["error"]) == ("succeeded", 1, None)
    assert job["result"]["engine"] == "openai"
    assert job["result"]["model"].startswith(model_server.MODEL)
    assert job["result"]["text"]
    assert_spoke_to_the_end(job, asked=24)
    assert 0 <= job["timings"]["first_token_ms"] <= job["timings"]["run_ms"]
    assert event["event_type"] == "job.succeeded"
    assert event["payload"] == {"job_id": job_id, "state": "succeeded", "attempt": 1}
    assert acknowledged.status == 204
    assert caller.inbox() == []


def test_tokens_are_stored_while_the_model_still_speaks(
    caller: Caller, bystander: "redis.Redis"
) -> None:
    job_id = caller.submit({"prompt": "Go on.", "max_tokens": LONG, "seed": 4})

    job = caller.outcome(job_id)
    entries: Any = bystander.xrange(keyspace.job_tokens(job_id))
    record: Any = bystander.hgetall(keyspace.job(job_id))

    assert_spoke_to_the_end(job, asked=LONG)
    assert "".join(fields["text"] for _, fields in entries) == job["result"]["text"]
    assert {cursor.partition("-")[0] for cursor, _ in entries} == {"1"}
    assert len(entries) > 2
    assert int(record["first_token_at"]) < int(record["ended_at"])


def test_messages_reach_the_model_one_after_the_other(caller: Caller) -> None:
    words = [{"role": "user", "content": "Good morning!"}]
    more = [{"role": "system", "content": "Be brief, and be kind to the small llama."}, *words]

    short, long = (
        caller.outcome(caller.submit({"messages": messages, "max_tokens": 4, "seed": 1}))
        for messages in (words, more)
    )

    assert (short["result"]["engine"], long["result"]["engine"]) == ("openai", "openai")
    assert long["usage"]["prompt_tokens"] > short["usage"]["prompt_tokens"] + 8


def test_same_seed_says_the_same_and_another_does_not(caller: Caller) -> None:
    def say(seed: int) -> str:
        body: JsonObject = {"prompt": "Tell me a story.", "max_tokens": 16, "seed": seed}
        return str(caller.outcome(caller.submit(body))["result"]["text"])

    first, again, other = say(11), say(11), say(12)

    assert first == again != other


def test_stop_ends_the_answer_early(caller: Caller) -> None:
    body = {"prompt": "Spell.", "max_tokens": LONG, "seed": 2, "stop": ["a", "e", "o", " "]}

    job = caller.outcome(caller.submit(body))

    assert (job["state"], job["result"]["engine"]) == ("succeeded", "openai")
    assert job["result"]["finish_reason"] == "stop"
    assert job["usage"]["completion_tokens"] < LONG


def test_model_that_the_engine_does_not_serve_fails_the_job_and_says_so(caller: Caller) -> None:
    job_id = caller.submit({"prompt": "Why is the sky blue?", "model": "gpt-9"})

    job = caller.outcome(job_id)
    (event,) = caller.inbox()

    assert (job["state"], job["attempt"], job["result"]) == ("failed", 1, None)
    assert job["error"]["code"] == "engine_refused"
    assert "400" in job["error"]["detail"]
    assert "sky" not in job["error"]["detail"]
    assert event["event_type"] == "job.failed"
    assert event["payload"]["job_id"] == job_id


def test_prompts_at_once_each_get_their_own_answer(caller: Caller) -> None:
    asked = {
        caller.submit({"prompt": f"Count to {number}.", "max_tokens": number}): number
        for number in range(1, 13)
    }

    jobs = {job_id: caller.outcome(job_id) for job_id in asked}

    assert {job["state"] for job in jobs.values()} == {"succeeded"}
    for job_id, job in jobs.items():
        assert_spoke_to_the_end(job, asked=asked[job_id])
    told = [event["payload"]["job_id"] for event in caller.inbox()]
    assert sorted(told) == sorted(asked)


def assert_spoke_to_the_end(job: JsonObject, asked: int) -> None:
    """The model never ends by itself: it spoke exactly as long as it was asked to."""
    usage = job["usage"]
    assert usage["completion_tokens"] == asked
    assert usage["prompt_tokens"] > 0
    assert usage["total_tokens"] == usage["prompt_tokens"] + asked
    assert job["result"]["finish_reason"] == "length"
