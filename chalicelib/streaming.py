"""What a running job has said so far, read along without polling."""

import re
from dataclasses import dataclass, replace
from typing import Any

from chalicelib import keyspace, limits
from chalicelib.carriage import carried_bytes
from chalicelib.jobs import Job, JobState
from chalicelib.store import Store

_CURSOR = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")


@dataclass(frozen=True)
class Cursor:
    """Up to where a reader has read: an attempt, and how many of its chunks."""

    attempt: int
    chunks: int

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read what ``str`` wrote. Raises ValueError."""
        found = _CURSOR.fullmatch(text)
        if not found:
            raise ValueError("a cursor is <attempt>-<chunks>")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.attempt}-{self.chunks}"


START = Cursor(0, 0)


@dataclass(frozen=True)
class TokenPage:
    """Text since a cursor. *reset*: an earlier attempt's text is void and this begins anew.

    *complete*: the job has ended and nothing follows *cursor*. *legible*: what is said can be read
    here; a worker of 0.1.0 wrote it down otherwise.
    """

    attempt: int
    reset: bool
    text: str
    cursor: Cursor
    state: JobState
    complete: bool
    legible: bool = True


class TokenStreams:
    """Reads what jobs say. Thread-safe; raises StoreUnavailable when the store is away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, job: Job, after: Cursor) -> TokenPage:
        """Return what *job*, as just fetched, has said since *after*."""
        # A reader of an earlier attempt begins anew; so does one whose cursor is none of ours.
        start = after if after.attempt == job.attempt else Cursor(job.attempt, 0)
        key = keyspace.job_tokens(job.id)
        (state, attempt, appended), found = self._store.read(
            ("HMGET", keyspace.job(job.id), "state", "attempt", "appended"),
            ("XRANGE", key, f"({start}", "+", "COUNT", limits.STREAM_ENTRIES),
        )
        if attempt == str(start.attempt) and start.chunks > int(appended or 0):
            # More than was ever said: whatever the reader has, it is not this attempt's text.
            return replace(self.read(job, Cursor(job.attempt, 0)), reset=True)
        # All of one attempt: a new one begins with an empty stream.
        said = [each for each in found if each[0].startswith(f"{job.attempt}-")]
        entries = _carried(said)
        cursor = Cursor.parse(entries[-1][0]) if entries else start
        now = JobState(state) if state else job.state
        whole = len(entries) == len(said) < limits.STREAM_ENTRIES
        last = whole and attempt in {None, str(job.attempt)}
        return TokenPage(
            attempt=job.attempt,
            reset=after.attempt not in {0, job.attempt},
            text="".join(fields["text"] for _, fields in entries),
            cursor=cursor,
            state=now,
            complete=now.ended and last,
            legible=len(said) == len(found),
        )

    def await_text(self, job: Job, page: TokenPage, seconds: float) -> None:
        """Block until *job* says more than *page* holds or changes otherwise, or time is over."""
        streams = {keyspace.job_bell(job.id): f"{job.version}-0"}
        if page.legible:
            streams[keyspace.job_tokens(job.id)] = str(page.cursor)
        self._store.await_entry(streams, seconds)


def _carried(entries: list[Any]) -> list[Any]:
    """Return the first of *entries*, as many as Lambda can carry; one at least, if there is any."""
    room = limits.PAGE_BYTES
    for number, (_, fields) in enumerate(entries):
        room -= carried_bytes(fields["text"])
        if room < 0 and number:
            return entries[:number]
    return entries
