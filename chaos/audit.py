"""What was promised against what is there. Pure: both sides are given, nothing is read here."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

ENDS = frozenset({"succeeded", "failed", "cancelled", "expired"})
SUCCEEDED = frozenset({"succeeded"})


class Kind(StrEnum):
    """What a caller sent."""

    JOB = "job"
    EVENT = "event"


@dataclass
class Entry:
    """One call of a caller under one Idempotency-Key, however often it was sent.

    ``id`` is what the router acknowledged, None when it never did. ``unsure`` says that an answer
    was lost, so that the call may have been carried out; ``refused`` that the router said no.
    ``ends`` are the states that the job may end in.
    """

    kind: Kind
    key: str
    tenant: str
    text: str
    ends: frozenset[str] = SUCCEEDED
    id: str | None = None
    tries: int = 0
    unsure: bool = False
    refused: bool = False

    @property
    def answer(self) -> str:
        """What the engine says to it: its own words, or the first where it asks to be brief."""
        first, _, rest = self.text.partition(" ")
        return first if rest.startswith("brief*") else self.text


@dataclass(frozen=True)
class SeenJob:
    """A job as the store holds it; *tokens* is the last attempt's text, *error* a code.

    *listed* says whether its tenant's list of jobs names it.
    """

    id: str
    tenant: str
    key: str
    state: str
    result: str | None
    tokens: str
    listed: bool = True
    error: str | None = None


@dataclass(frozen=True)
class SeenEvent:
    """An event as its tenant's inbox shows it; *about* is a job's id or a publisher's key."""

    id: str
    tenant: str
    event_type: str
    about: str


@dataclass(frozen=True)
class Seen:
    """All that the store holds once everything came to rest."""

    jobs: Sequence[SeenJob]
    events: Sequence[SeenEvent]
    leased: int = 0
    waiting: int = 0
    request_bytes: int = 0


@dataclass
class Audit:
    """What came of a scenario. It held when *lost*, *doubled* and *wrong* are empty.

    Where nothing was *promised*, what was lost is told and breaks no word.
    """

    tried: int = 0
    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    promised: bool = True

    @property
    def held(self) -> bool:
        """Whether every promise held."""
        return not self.promised or not (self.lost or self.doubled or self.wrong)

    def expect(self, kept: object, broken: str) -> None:
        """Note *broken* unless *kept* is true."""
        if not kept:
            self.wrong.append(broken)

    def add(self, other: "Audit") -> Self:
        """Take *other* into this one."""
        self.tried += other.tried
        self.acknowledged += other.acknowledged
        for mine, theirs in (
            (self.lost, other.lost),
            (self.doubled, other.doubled),
            (self.wrong, other.wrong),
            (self.told, other.told),
        ):
            mine.extend(theirs)
        return self


def compare(entries: Iterable[Entry], seen: Seen) -> Audit:
    """Hold what was acknowledged against what is there."""
    entries = list(entries)
    audit = Audit(
        tried=sum(entry.tries for entry in entries),
        acknowledged=sum(entry.id is not None for entry in entries),
    )
    ends: defaultdict[str, list[SeenEvent]] = defaultdict(list)
    published: defaultdict[str, list[SeenEvent]] = defaultdict(list)
    for event in seen.events:
        (ends if event.event_type.startswith("job.") else published)[event.about].append(event)
    _jobs(audit, [entry for entry in entries if entry.kind is Kind.JOB], seen.jobs, ends)
    _events(audit, [entry for entry in entries if entry.kind is Kind.EVENT], published)
    stray = ends.keys() - {job.id for job in seen.jobs}
    audit.lost += [f"{job_id}: an end event, but no job" for job_id in sorted(stray)]
    audit.expect(not seen.leased, f"{seen.leased} leases are held by nobody")
    audit.expect(not seen.waiting, f"{seen.waiting} jobs wait though workers are free")
    under_way = seen.leased or seen.waiting
    audit.expect(under_way or not seen.request_bytes, f"{seen.request_bytes} bytes of no job")
    return audit


def _jobs(
    audit: Audit,
    entries: Sequence[Entry],
    jobs: Sequence[SeenJob],
    ends: Mapping[str, Sequence[SeenEvent]],
) -> None:
    by_id = {job.id: job for job in jobs}
    by_key = {entry.key: entry for entry in entries}
    for entry in entries:
        if entry.id is not None and entry.id not in by_id:
            audit.lost.append(f"{entry.id}: acknowledged, but there is no such job")
    for key, count in Counter(job.key for job in jobs).items():
        if count > 1:
            audit.doubled.append(f"{count} jobs for the key {key}")
    for job in jobs:
        if (sender := by_key.get(job.key)) is None:
            audit.wrong.append(f"{job.id}: nobody sent it")
            continue
        _one_job(audit, sender, job, ends.get(job.id, ()))


def _one_job(audit: Audit, entry: Entry, job: SeenJob, ends: Sequence[SeenEvent]) -> None:
    if job.state not in ENDS:
        known = entry.id == job.id
        name = "acknowledged" if known else "unacknowledged"
        (audit.lost if known else audit.wrong).append(f"{job.id}: {name}, still {job.state}")
        return
    if _refused(entry):
        audit.wrong.append(f"{job.id}: refused, and stored all the same")
    if not ends:
        audit.lost.append(f"{job.id}: {job.state} without an end event")
    if len(ends) > 1:
        audit.doubled.append(f"{job.id}: {len(ends)} end events")
    if not job.listed:
        audit.lost.append(f"{job.id}: not in its tenant's list")
    for end in ends:
        if end.event_type != f"job.{job.state}" or end.tenant != job.tenant:
            audit.wrong.append(f"{job.id}: {job.state}, but its event says {end.event_type}")
    _outcome(audit, entry, job)


def _outcome(audit: Audit, entry: Entry, job: SeenJob) -> None:
    if job.state not in entry.ends:
        told = f"{job.state} ({job.error})" if job.error else job.state
        audit.wrong.append(f"{job.id}: {told}, expected {'|'.join(sorted(entry.ends))}")
    if job.state == "succeeded" and job.result != entry.answer:
        audit.wrong.append(f"{job.id}: its result is not its own answer")
    if job.state == "succeeded" and job.tokens != job.result:
        audit.wrong.append(f"{job.id}: tokens and result differ")


def _refused(entry: Entry) -> bool:
    """Whether every answer was a no: then nothing may be stored."""
    return entry.id is None and entry.refused and not entry.unsure


def _events(
    audit: Audit, entries: Sequence[Entry], published: Mapping[str, Sequence[SeenEvent]]
) -> None:
    keys = {entry.key for entry in entries}
    for entry in entries:
        found = published.get(entry.key, ())
        if entry.id is not None and entry.id not in {event.id for event in found}:
            audit.lost.append(f"{entry.id}: acknowledged, but it is not in the inbox")
        if len(found) > 1:
            audit.doubled.append(f"{len(found)} events for the key {entry.key}")
        if found and _refused(entry):
            audit.wrong.append(f"{found[0].id}: refused, and stored all the same")
    audit.wrong += [f"an event of nobody: {about}" for about in sorted(published.keys() - keys)]
