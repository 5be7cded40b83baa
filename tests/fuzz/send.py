"""``python -m tests.fuzz.send PLAN TOLD``: send what one caller is to send, and judge each answer.

Runs in the environment that ../environment.sh makes, where schemathesis is.
"""

import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks as of_contract

from tests.contract_check import CONTRACT
from tests.fuzz import callers, drawing, judging
from tests.fuzz.callers import MAY, Plan, Told
from tests.fuzz.things import Things

_TIMEOUT_SECONDS = 30
_FAILURES = 10
_WAIT = re.compile(r"wait\s*=\s*\"?[0-9]+", re.IGNORECASE)
_CHECKS = [
    of_contract.status_code_conformance,
    of_contract.content_type_conformance,
    of_contract.response_headers_conformance,
    of_contract.response_schema_conformance,
]
# Those that take something have more ways to be called.
_WEIGHTS = ((0, 1), (1, 4), (2, 8))


class Sender:
    """Sends the cases of one plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._chance = random.Random(plan.seed)  # noqa: S311 - cases, not secrets
        self._things = Things(self._make, self._chance, plan.known)
        self.seen: Counter[str] = Counter()
        self.failures: list[str] = []
        self.sent = 0

    def run(self) -> None:
        """Send all cases, or fewer when too many answers were wrong."""
        while self.sent < self._plan.cases and len(self.failures) < _FAILURES:
            for operation, case in self._round():
                if self.sent == self._plan.cases or len(self.failures) >= _FAILURES:
                    return
                self._send(operation, case)

    def _round(self) -> Iterator[tuple[Any, Any]]:
        """Yield cases of all operations in turns, about as many as are left to send."""
        known = drawing.operations()
        weights = [_weight(operation) for operation in known]
        left = self._plan.cases - self.sent
        queues = [
            (each, drawing.cases(each, max(3, left * weight // sum(weights)), self._chance))
            for each, weight in zip(known, weights, strict=True)
        ]
        while queues:
            each = self._chance.randrange(len(queues))
            operation, cases = queues[each]
            case = next(cases, None)
            if case is None:
                del queues[each]
            else:
                yield operation, case

    def _send(self, operation: Any, case: Any) -> None:
        name = str(operation.definition.raw["operationId"])
        self._dress(name, case)
        try:
            # A redirect is an answer like another, and leads to what is asked for already.
            response = case.call(
                base_url=self._plan.url, timeout=_TIMEOUT_SECONDS, allow_redirects=False
            )
        except requests.exceptions.InvalidHeader:
            return  # nothing that HTTP can carry
        except requests.exceptions.RequestException as error:
            self._fail(name, case, [f"is not answered: {type(error).__name__}"])
            return
        self.sent += 1
        answer = judging.as_answer(case.method.upper(), response)
        declared = case.method.upper() == operation.method.upper()
        label = name if declared else f"{answer.method} {operation.path}"
        self.seen[f"{label} {answer.status} {answer.code}"] += 1
        public = CONTRACT["paths"][operation.path][operation.method]["security"] == []
        found = judging.mistakes(self._plan, name, answer, public=public)
        try:
            case.validate_response(response, checks=_CHECKS)
        except FailureGroup as group:
            if judging.asked_for(answer, operation.path):
                told = [f"{each.title}: {each.message}"[:400] for each in group.exceptions]
                # OpenAPI 3.1 knows no schema of one event; the contract's is that of the text.
                found += [each for each in told if not each.startswith("SSE event")]
        if found:
            self._fail(name, case, found)

    def _dress(self, name: str, case: Any) -> None:
        """Give *case* the caller's token, and often something real to be about."""
        plan = self._plan
        if plan.caller in MAY and self._chance.random() < 0.6:
            self._things.ground(name, case)
        elif self._chance.random() < 0.7:
            self._borrow(case)
        if plan.token:
            case.headers["Authorization"] = f"Bearer {plan.token}"
        elif self._chance.random() < 0.5:
            case.headers.pop("Authorization", None)
        else:
            words = (
                "",
                "Bearer",
                "Bearer ",
                "Basic YTpi",
                "Bearer a.b.c",
                "bearer tlk_",
                "Bearer é",
            )
            case.headers["Authorization"] = self._chance.choice(words)
        # The most that a call may wait is 25 s; here a second now and then is enough.
        waited = "wait=1" if self._chance.random() < 0.02 else "wait=0"
        if "Prefer" in case.headers:
            case.headers["Prefer"] = _WAIT.sub(waited, str(case.headers["Prefer"]))

    def _borrow(self, case: Any) -> None:
        """Let *case* name what the tenant of the valid token has."""
        known = self._plan.known
        for parameter, kind in (
            ("job_id", "job"),
            ("event_id", "event"),
            ("response_id", "response"),
        ):
            if parameter in case.path_parameters and known.get(kind):
                case.path_parameters[parameter] = self._chance.choice(known[kind])
        key_id, signed = self._chance.choice(known["api_key"])
        if "key_id" in case.path_parameters:
            case.path_parameters["key_id"] = key_id
        if isinstance(case.body, dict):
            named = {"lease": self._chance.choice(known.get("lease") or [""]), "key": signed}
            case.body |= {name: named[name] for name in named.keys() & case.body.keys()}

    def _make(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Any:
        """Make a call beside the cases and return what it answers."""
        sent = {"Authorization": f"Bearer {self._plan.token}", "Connection": "close", **headers}
        response = requests.request(
            method,
            self._plan.url + path,
            json=body,
            headers=sent,
            timeout=_TIMEOUT_SECONDS,
            allow_redirects=False,
        )
        found = response.json() if response.content else {}
        return found if isinstance(found, dict) else {}

    def _fail(self, name: str, case: Any, found: list[str]) -> None:
        told = case.as_curl_command(base_url=self._plan.url)
        self.failures.append(
            f"{self._plan.caller}, case {self.sent} of seed {self._plan.seed}, {name}: "
            + "; ".join(found)
            + f"\n    {told[:2000]}"
        )


def _weight(operation: Any) -> int:
    raw = operation.definition.raw
    takes = (1 if raw["parameters"] else 0) + (1 if "requestBody" in raw else 0)
    return dict(_WEIGHTS)[takes]


def main() -> int:
    """Do what the plan says and write what came of it."""
    plan = callers.read(Path(sys.argv[1]), Plan)
    began = time.monotonic()
    sender = Sender(plan)
    sender.run()
    told = Told(dict(sender.seen), sender.failures, plan.known, time.monotonic() - began)
    callers.write(Path(sys.argv[2]), told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
