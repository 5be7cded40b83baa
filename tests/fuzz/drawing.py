"""What schemathesis makes of the contract: cases of every operation, sound and unsound ones."""

import random
from collections.abc import Iterator
from typing import Any

import hypothesis
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.generation import GenerationMode
from schemathesis.generation.drivers import CoverageGenerator
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.generation.overrides import Override

from tests.contract_check import CONTRACT

# What http.server, which `chalice local` is made of, has a method for.
_SPOKEN = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
_BATCH = 40
_COVERAGE_SHARE = 0.25


def operations() -> list[Any]:
    """Return every operation of the contract, as schemathesis has them.

    Tokens are the fuzzing's own business: a case without one would be all that is tried else.
    """
    contract = {**CONTRACT, "paths": {}}
    for path, offered in CONTRACT["paths"].items():
        contract["paths"][path] = {
            method: {name: part for name, part in operation.items() if name != "security"}
            for method, operation in offered.items()
        }
    schema = schemathesis.openapi.from_dict(contract)
    # A failure is to be repeated: all of it is told but the token.
    schema.config.output.sanitization.keys_to_sanitize = ("authorization",)
    schema.config.output.sanitization.sensitive_markers = ("authorization",)
    return [found.ok() for found in schema.get_all_operations()]


def cases(operation: Any, count: int, chance: random.Random) -> Iterator[Any]:
    """Yield *count* cases of *operation*: edges that schemathesis enumerates, and drawn ones."""
    made = 0
    edges = _edges(operation)
    chance.shuffle(edges)
    for case in edges[: max(1, int(count * _COVERAGE_SHARE))]:
        if made < count:
            yield case
            made += 1
    while made < count:
        for case in _drawn(operation, min(_BATCH, count - made), chance):
            if made < count:
                yield case
                made += 1


def _edges(operation: Any) -> list[Any]:
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    config = operation.schema.config.generation_for(operation=operation, phase="coverage")
    found = CoverageGenerator(
        operation=operation,
        generation_modes=modes,
        generation_config=config,
        auth_storage=None,
        override=Override(),
        feedback=NO_FEEDBACK,
    )
    return [case for case in found if case.method.upper() in _SPOKEN]


def _drawn(operation: Any, count: int, chance: random.Random) -> list[Any]:
    """Return about *count* cases, half of them unsound, where an operation can be called so."""
    found: list[Any] = []
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

        @hypothesis.seed(chance.getrandbits(64))
        @hypothesis.settings(
            max_examples=max(1, count // 2),
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def draw(case: Any) -> None:
            found.append(case)

        try:
            draw()
        except hypothesis.errors.Unsatisfiable:
            continue  # what takes nothing cannot be called wrongly
    chance.shuffle(found)
    return found
