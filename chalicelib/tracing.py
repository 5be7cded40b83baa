"""Traces: the W3C header ``traceparent``, read and begun. Pure but for the ids it draws.

Source: https://www.w3.org/TR/trace-context-2/, section 3.2. The router records no spans of its own:
it hands the caller's trace on, to the job's record, to the worker and to the engine.
"""

import re
import secrets
from dataclasses import dataclass

HEADER = "traceparent"

_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_FORBIDDEN = "ff"
_FIRST = "00"
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
# Those that the version written here knows: sampled, and a trace id that is random.
_KNOWN_FLAGS = 0x03
_SAMPLED = 0x01


@dataclass(frozen=True)
class Trace:
    """One step of a trace; its text is a ``traceparent`` of version 00, 55 characters."""

    trace_id: str
    span_id: str
    flags: int = _SAMPLED

    def __str__(self) -> str:
        return f"{_FIRST}-{self.trace_id}-{self.span_id}-{self.flags:02x}"

    def step(self) -> "Trace":
        """Return a new step of the same trace, as whoever sends the header on names itself."""
        return Trace(self.trace_id, secrets.token_hex(8), self.flags)


def begin() -> Trace:
    """Return a new trace, sampled: whoever comes after is to record it as the logs do."""
    return Trace(secrets.token_hex(16), secrets.token_hex(8))


def parse(header: str) -> Trace | None:
    """Return what *header* says, or None for one that is not valid and must be passed over.

    A later version than 00 is read as that, as far as it goes (section 3.2.4 of level 2).
    """
    found = _FORM.fullmatch(header.strip(" \t"))
    if not found:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == _FORBIDDEN or (version == _FIRST and more):
        return None
    if trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return Trace(trace_id, span_id, int(flags, 16) & _KNOWN_FLAGS)


def of_request(header: str | None) -> Trace:
    """Return the caller's trace, a new one where there is none or none that is valid."""
    return parse(header or "") or begin()
