"""One line in the log for each request, and one count for each refusal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from chalicelib import signals
from chalicelib.errors import RouterError
from chalicelib.openai_errors import StillRunning
from chalicelib.routing import Route
from chalicelib.signals import Level

_NO_REFUSALS = ("", StillRunning.code)


@dataclass
class Entry:
    """What became of a request: the *status* it was answered with, the refusal's *code* if any."""

    status: int = 0
    code: str = ""


class Journal:
    """Keeps the log of requests; *clock* counts seconds, *count* takes the code of a refusal."""

    def __init__(self, clock: Callable[[], float], count: Callable[[str], None]) -> None:
        self._clock = clock
        self._count = count

    @contextmanager
    def request(self, route: Route, request_id: str, traceparent: str) -> Iterator[Entry]:
        """Log what is entered inside the block when it ends.

        At DEBUG for a public route, and for a worker's call that went well: both come by the clock.

        Every line that is written inside has the request's id and trace. The line names the route
        as the contract does: a path holds ids. Refusals of public routes, which anybody can bring
        about, are not counted, nor is what refuses nothing: an answer that is on its way.
        """
        entry, started = Entry(), self._clock()
        with signals.within(request_id=request_id, traceparent=traceparent):
            yield entry
            self._log(route, entry, started)
            if entry.code not in _NO_REFUSALS and route.scope is not None:
                # There may be no store to count in: the answer is the same.
                with suppress(RouterError):
                    self._count(entry.code)

    def _log(self, route: Route, entry: Entry, started: float) -> None:
        refusal = {"code": entry.code} if entry.code else {}
        routine = route.scope is None or (route.of_workers and not entry.code)
        signals.log(
            "request",
            Level.DEBUG if routine else Level.INFO,
            method=route.method,
            route=route.path,
            status=entry.status,
            **refusal,
            duration_ms=round((self._clock() - started) * 1000, 1),
        )
