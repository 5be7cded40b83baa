"""What no answer may be, whoever called."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests import contract_check
from tests.fuzz.callers import EXPIRED, FOREIGN, MAY, NOBODY, REVOKED, Plan

_TOLD_TO_COME_BACK = "still_running"
_OWED = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


@dataclass(frozen=True)
class Answer:
    """What came back to a request for *url*; header names are in lower case."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The refusal's code, in either form, ``-`` where the answer is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return "-"
        if not isinstance(found, dict) or self.status < 400:
            return "-"
        told = found if "code" in found else found.get("error", {})
        return str(told.get("code", "-"))

    @property
    def text(self) -> str:
        """All that it says."""
        return self.body.decode(errors="replace") + json.dumps(dict(self.headers))

    @property
    def path(self) -> str:
        """What was asked for, without the query."""
        return urlsplit(self.url).path


def mistakes(plan: Plan, operation: str, answer: Answer, *, public: bool) -> list[str]:
    """Return what is wrong with an answer to a case of *operation*."""
    found = [*_of_contract(answer), *_of_secrets(plan, answer)]
    if _offered(answer):
        found += _of_headers(answer)
        found += [] if public else _of_caller(plan, operation, answer)
    return found


def _of_contract(answer: Answer) -> Sequence[str]:
    if answer.status >= 500 and answer.code != _TOLD_TO_COME_BACK:
        return [f"answers {answer.status} {answer.code}"]
    try:
        contract_check.check(answer.method, answer.path, answer.status, answer.headers, answer.body)
    except (AssertionError, KeyError, ValueError) as error:
        return [f"is not in the contract: {type(error).__name__} {error}"[:300]]
    return []


def _of_caller(plan: Plan, operation: str, answer: Answer) -> Iterator[str]:
    """Yield what *answer* must not be for this caller, of a route that is not public."""
    told = f"is told {answer.status} {answer.code}"
    if plan.caller == EXPIRED and answer.code != "token_expired":
        yield f"an expired token {told}"
    if plan.caller == NOBODY and answer.status not in (401, 403):
        yield f"no token {told}"
    if plan.caller == REVOKED and answer.status < 400:
        yield f"a revoked API key {told}"
    if plan.caller in MAY and answer.code.startswith(("token_", "scope_", "key_")):
        yield f"a valid token {told}"
    if plan.caller == FOREIGN:
        names = plan.theirs
        if any(name in answer.text and name not in answer.url for name in names):
            yield "tells another tenant of a job or an event"
        if answer.status < 400 and any(name in answer.url for name in names):
            yield f"{operation} on another tenant's thing answers {answer.status}"


def _of_headers(answer: Answer) -> Iterator[str]:
    # chalice local refuses a call without Authorization in words of its own.
    if set(answer.headers) & {"x-request-id"} or answer.code != "-" or answer.status != 401:
        lacking = {name for name, value in _OWED.items() if answer.headers.get(name) != value}
        if lacking or not answer.headers.get("x-request-id"):
            yield f"lacks a header: {sorted(lacking)} or X-Request-Id"


def _of_secrets(plan: Plan, answer: Answer) -> Sequence[str]:
    # A token's signature is in no other text.
    if any(secret and secret.rpartition(".")[2] in answer.text for secret in plan.secrets):
        return ["repeats a token"]
    return []


def as_answer(method: str, response: Any) -> Answer:
    """Return schemathesis' response in our words."""
    headers = {name.lower(): ", ".join(values) for name, values in response.headers.items()}
    return Answer(
        method, str(response.request.url), response.status_code, headers, response.content
    )


def asked_for(answer: Answer, template: str) -> bool:
    """Whether the request went to the path *template*: a parameter may lead elsewhere."""
    pattern = re.sub(r"{\w+}", "[^/]+", template)
    return re.fullmatch(f"{pattern}/?", answer.path) is not None


def _offered(answer: Answer) -> bool:
    """Whether there is an operation that the request called: a plain path goes before a pattern."""
    for template, offered in contract_check.CONTRACT["paths"].items():
        if asked_for(answer, template):
            return answer.method.lower() in offered
    return False
