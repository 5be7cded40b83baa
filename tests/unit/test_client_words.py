"""What a caller in Python reads of a slip, and what it does not."""

from pathlib import Path
from typing import Any

import pytest

from chalicelib import schemas
from tests.leaks import LEDGER
from tinyllama import given, key_calls
from tinyllama.client import Client, Handle, Job, ProblemError, Unusable

PROMPT = LEDGER.note("a prompt", "words about llamas that nobody repeats")


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Client:
    monkeypatch.setenv("TINYLLAMA_CONFIG_DIR", str(tmp_path))
    return Client("http://127.0.0.1:9", "x")


def slips(*names: str) -> dict[str, Any]:
    told = [{"pointer": f"/{name}" if name else "", "detail": "unknown field"} for name in names]
    return {"code": "invalid_body", "detail": "It will not do.", "errors": told}


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (slips(), "It will not do. (422 invalid_body)"),
        (slips("temprature"), "(422 invalid_body): /temprature: unknown field"),
        (slips(""), "(422 invalid_body): the body: unknown field"),
        (slips("a", "b"), ": /a: unknown field; /b: unknown field"),
        (slips("a", "b", "c", "d", "e"), "; /c: unknown field; and 2 more"),
    ],
)
def test_a_refusal_as_text_names_the_first_fields(told: dict[str, Any], text: str) -> None:
    assert str(ProblemError(422, told, None)).endswith(text)


OPENAI = {"message": "It calls too often.", "type": "rate_limit_error", "code": "rate_limited"}


@pytest.mark.parametrize(
    ("told", "code", "detail"),
    [
        ({"error": OPENAI}, "rate_limited", "It calls too often."),
        ({**slips(), "error": OPENAI}, "invalid_body", "It will not do."),
        ({"error": {"message": 1, "code": None}}, "unknown", ""),
        ({"error": "busy"}, "unknown", ""),
    ],
)
def test_a_refusal_in_openais_form_has_its_code_and_detail(
    told: dict[str, Any], code: str, detail: str
) -> None:
    error = ProblemError(429, told, None)

    assert (error.code, error.detail) == (code, detail)


def test_an_argument_that_there_is_not_is_a_type_error_and_nothing_is_sent(client: Client) -> None:
    with client, pytest.raises(TypeError, match=r"'temprature' \(did you mean temperature\?\)"):
        client.submit(PROMPT, temprature=1)  # type: ignore[call-arg]


def test_who_has_no_token_is_told_how_to_get_one() -> None:
    with Client("http://127.0.0.1:9", "") as client, pytest.raises(Unusable) as raised:
        client.queue()

    for way in ("`tinyllama login`", "TINYLLAMA_TOKEN", "`tinyllama token` prints one", "API key"):
        assert way in str(raised.value)


def test_a_refused_key_names_the_field_that_is_wrong() -> None:
    refused = key_calls.refused(ProblemError(422, slips("key", ""), None))

    assert str(refused).endswith("It will not do.; /key: unknown field; unknown field")


def test_a_handle_tells_its_id_and_state_and_no_prompt(client: Client) -> None:
    job = Job.read({"id": "job_1", "state": "queued", "version": 1, "prompt": PROMPT})

    with client:
        shown = repr(Handle(client._calling, job))  # noqa: SLF001 - no router is asked

    assert shown == "<Handle job_1 queued>"


def test_the_longest_prompt_is_what_the_router_takes() -> None:
    properties = schemas.load("infer")["properties"]

    assert properties["prompt"]["maxLength"] == given.PROMPT_CHARS
