"""How a refusal is told, by the dialect of the route that refuses."""

from typing import Any

from chalicelib import openai_errors
from chalicelib.errors import RouterError
from chalicelib.routing import Dialect, Reply

PROBLEM = "application/problem+json"


def status(error: RouterError, dialect: Dialect) -> int:
    """Return the HTTP status that *error* is answered with."""
    return openai_errors.status(error) if dialect is Dialect.OPENAI else error.status


def told(error: RouterError, request_id: str, dialect: Dialect) -> Reply:
    """Return *error* as an answer of that dialect."""
    if dialect is Dialect.OPENAI:
        body = {"error": openai_errors.member(error)}
        return Reply(body, openai_errors.status(error), openai_errors.headers(error))
    return Reply(error.problem(request_id), error.status, error.headers, PROBLEM)


def problem_for_all(error: RouterError, request_id: str) -> dict[str, Any]:
    """Return *error* as a problem document that clients of the OpenAI API understand as well.

    For who refuses without knowing which route was meant (RFC 9457, section 3.2).
    """
    return error.problem(request_id) | {"error": openai_errors.member(error)}
