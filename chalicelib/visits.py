"""Who is served now, for as long as one request lasts: what the store must know of its caller.

The edge begins a visit, the store alone reads it: no move can forget the caller's API key, or what
a request costs (docs/adr/0010-visits.md). Workers on the store, the tick and commands have none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from chalicelib.refusals import Rate


@dataclass
class Visit:
    """One request: whose it is, by which API key (``""`` where none was shown), what it costs.

    *quota* and *key_quota* are the requests a minute that tenant and key may make, 0 where this
    one is not charged. It is charged once, with the first that it asks of the store; *rates* then
    says what is left. *key_digest* is of the key's text: without it no key stands. *traceparent* is
    the request's trace (``tracing``).
    """

    tenant: str
    key_id: str = ""
    quota: int = 0
    key_quota: int = 0
    key_digest: str = ""
    traceparent: str = ""
    rates: list[Rate] = field(default_factory=list)
    _charged: bool = False

    @property
    def guarded(self) -> bool:
        """Whether the store has anything to look at."""
        return bool(self.key_id or self.quota or self.key_quota)

    def charge(self) -> tuple[int, int]:
        """Return both quotas, but 0 from the second time on: what is sent again costs no more."""
        due = (0, 0) if self._charged else (self.quota, self.key_quota)
        self._charged = True
        return due

    def spare(self) -> None:
        """Charge with the next that is sent: the last was not done, and whoever says so knows."""
        self._charged = False


_CURRENT: ContextVar[Visit | None] = ContextVar("visit", default=None)


def current() -> Visit | None:
    """Return the visit that this thread serves, None outside of one."""
    return _CURRENT.get()


def traceparent() -> str:
    """Return the trace of the request that is served now, ``""`` where none is."""
    visit = current()
    return visit.traceparent if visit else ""


@contextmanager
def serving(visit: Visit | None) -> Iterator[None]:
    """Let *visit* be the current one inside the block; with None nobody's."""
    before = _CURRENT.set(visit)
    try:
        yield
    finally:
        _CURRENT.reset(before)
