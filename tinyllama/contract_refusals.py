"""The refusals of the contract: which each route can answer, and how they are told."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from chalicelib import dialects, errors, openai_errors
from chalicelib.errors import RouterError, TokenRejected
from chalicelib.routing import JSON, Dialect, Route
from tinyllama import gateway_errors
from tinyllama.contract_words import CHECKED, MEDIA_TYPES, Node, reference

REQUEST_ID = "2b1f0c7e5d3a4b6c8e9f0a1b2c3d4e5f"

# Who refuses before a route is reached says it to clients of the OpenAI API as well.
_BEFORE = {*gateway_errors.ANYWHERE, gateway_errors.Unauthorized, errors.KeysUnavailable}
_EITHER = {
    RouterError,
    TokenRejected,
    errors.BodyTooLarge,
    errors.NotConfigured,
    errors.UnsupportedMediaType,
}


@dataclass(frozen=True)
class Refusal:
    """A failure as it is told, in the words of *dialect*."""

    error: RouterError
    dialect: Dialect

    @property
    def status(self) -> int:
        """The HTTP status."""
        return dialects.status(self.error, self.dialect)

    @property
    def example(self) -> str:
        """The name of its example."""
        code = self.error.code
        return f"openai_{code}" if self.dialect is Dialect.OPENAI else code


def told(route: Route) -> Iterator[Refusal]:
    """Yield each refusal of *route* one for each form that it is told in; codes may come twice."""
    for error in _failures(route):
        if route.dialect is Dialect.OPENAI and type(error) not in _BEFORE:
            yield Refusal(error, Dialect.OPENAI)
        if route.dialect is Dialect.PROBLEM or type(error) in _BEFORE | _EITHER:
            yield Refusal(error, Dialect.PROBLEM)


def content(refusals: Sequence[Refusal]) -> Node:
    """Return the forms of *refusals*, which share a status, with an example of each code."""
    found: Node = {}
    for dialect in Dialect:
        named = {each.error.code: each for each in refusals if each.dialect is dialect}
        if named:
            codes = sorted(named)
            shown = {code: reference("examples", named[code].example) for code in codes}
            media_type, schema = _form(dialect, refusals[0].status, codes)
            found[media_type] = {"schema": schema, "examples": shown}
    return found


def examples(table: Iterable[Route]) -> Node:
    """Return an example of every refusal of *table*, by name."""
    found = {each.example: {"value": _example(each)} for row in table for each in told(row)}
    return {name: found[name] for name in sorted(found)}


def _failures(route: Route) -> Iterator[RouterError]:
    """Yield each refusal that *route* can answer; a code may come twice."""
    kinds: list[type[RouterError]] = [RouterError, *gateway_errors.ANYWHERE, *route.raises]
    if route.body:
        kinds += [errors.InvalidJson, errors.BodyTooLarge]
        kinds += [errors.UnsupportedMediaType, errors.InvalidBody]
    if not CHECKED.isdisjoint(route.takes):
        kinds.append(errors.InvalidParameter)
    if route.counted:
        kinds.append(errors.RateLimited)
    if route.scope:
        kinds += [errors.KeysUnavailable, gateway_errors.Unauthorized]
        yield from (TokenRejected(reason) for reason in errors.TOKEN_REASONS)
        kinds += [errors.NotConfigured, errors.StoreUnavailable]
    elif errors.StoreUnavailable.status in route.answers:
        # It tells of the store in words of its own.
        kinds.append(errors.NotConfigured)
    yield from (kind() for kind in kinds)


def _form(dialect: Dialect, status: int, codes: Sequence[str]) -> tuple[str, Node]:
    """Return the media type and the schema of refusals with one of *codes*."""
    code: Node = {"code": {"enum": codes}}
    if dialect is Dialect.OPENAI:
        narrowed: Node = {"properties": {"error": {"properties": code}}}
        return JSON, {"allOf": [reference("schemas", "openai_error"), narrowed]}
    narrowed = {"properties": {"status": {"const": status}, **code}}
    return MEDIA_TYPES["problem"], {"allOf": [reference("schemas", "problem"), narrowed]}


def _example(refusal: Refusal) -> Node:
    error = refusal.error
    if isinstance(error, errors.InvalidBody):
        error = errors.InvalidBody(errors=[errors.FieldError("/temperature", "must be at most 2")])
    if refusal.dialect is Dialect.OPENAI:
        return {"error": openai_errors.member(error)}
    if type(error) in _BEFORE:
        return dialects.problem_for_all(error, REQUEST_ID)
    return error.problem(REQUEST_ID)
