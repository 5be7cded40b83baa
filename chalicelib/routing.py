"""The rows of the API, and what a view answers: values for edge, contract and tests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chalicelib import cloudevents, limits
from chalicelib.errors import RateLimited, RouterError

type Body = Mapping[str, Any] | str
type View = Callable[..., "Reply"]

JSON = "application/json"
# Workers append and renew as often as the models behind them speak.
_WORKERS = "worker:run"


class RouteNotFound(RouterError):
    """No such path, or none that is offered here; the gateway says so of a method, too."""

    status = 404
    code = "route_not_found"
    title = "There is no such route"


class Dialect(StrEnum):
    """How a route tells a refusal."""

    PROBLEM = "problem"  # a problem document, RFC 9457
    OPENAI = "openai"  # {"error": {…}}, as clients of the OpenAI API expect it


@dataclass(frozen=True)
class Route:
    """One row of the API: what it needs, what it takes, what it answers.

    A *scope* of None makes it public. *body* and the values of *answers* name JSON Schemas; an
    answer with a slash in it is text of that media type. *takes* names what else of a Call the view
    heeds: its properties and query parameters. A route that takes a ``cloudevent`` has a body of
    that schema where one came. A call that has the query parameter *body_unless* came with a body
    before: this one is passed over.
    """

    method: str
    path: str
    scope: str | None
    view: View
    answers: Mapping[int, str | None]
    body: str | None = None
    body_bytes: int = limits.BODY_BYTES
    body_unless: str | None = None
    takes: tuple[str, ...] = ()
    raises: tuple[type[RouterError], ...] = ()
    dialect: Dialect = Dialect.PROBLEM

    @property
    def counted(self) -> bool:
        """Whether a call counts as a request; it has a rate of its own else, or is a worker's.

        One of the OpenAI API does whatever it comes to: most are no new job, and cost the same.
        """
        own = RateLimited in self.raises and self.dialect is not Dialect.OPENAI
        return self.scope is not None and not own and not self.of_workers

    @property
    def of_workers(self) -> bool:
        """Whether workers call it, who serve every tenant."""
        return self.scope == _WORKERS

    @property
    def media_types(self) -> list[str]:
        """In which forms the body may come."""
        if not self.body:
            return []
        return [JSON, cloudevents.MEDIA_TYPE] if "cloudevent" in self.takes else [JSON]


@dataclass(frozen=True)
class Reply:
    """What a view answers; *body* is JSON, or text when *content_type* says so."""

    body: Body = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON
