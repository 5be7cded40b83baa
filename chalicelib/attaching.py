"""Which jobs' answers no caller has had: a call that is sent again goes on with the job it had.

Clients of the OpenAI API send no key of their own. What they send again is known by tenant, API
key, path and the bytes of the body, and by the header that counts their tries.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass

from chalicelib import keyspace, limits
from chalicelib.charging import asking_key
from chalicelib.scripts import Script
from chalicelib.store import Store

_ATTACH = Script("attach", "undelivered")
_ATTEND = Script("attend", "undelivered")
_DELIVER = Script("deliver", "undelivered")

_KEPT_MS = limits.UNDELIVERED_SECONDS * 1000
_TOLD_MS = limits.TOLD_SECONDS * 1000
_PUT_OFF_MS = limits.PUT_OFF_SECONDS * 1000
# Nobody waits for longer, nor is anything told for longer.
_LIVE_MOST_MS = 60_000


def call_of(sent: str) -> str:
    """Return the digest that names a call: what was *sent*, and by which API key."""
    return hashlib.sha256(f"{asking_key()}\0{sent}".encode()).hexdigest()


@dataclass(frozen=True)
class Attendance:
    """One call that waits for the tenant's job; *known* where an earlier call asked for the job.

    *call* names what was sent, *waiter* the wait: a later one takes the job from it.
    """

    tenant: str
    call: str
    job_id: str
    waiter: str
    known: bool = True

    @property
    def key(self) -> str:
        """Return where the job is listed."""
        return keyspace.undelivered(self.tenant, self.call)


class Undelivered:
    """The jobs whose answers no caller has had. Thread-safe; all moves are safe to repeat.

    At most ``limits.UNDELIVERED`` of one call, for an hour after the last change. Those whose
    answer was told give way first, then the oldest that nobody waits for. Where all are waited for
    a new one is not listed: none that is held for its caller is lost, and the new one only where
    its call must be sent again. All raise StoreUnavailable when the store is away.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def attach(
        self, tenant: str, call: str, job_id: str, seconds: float, *, retried: bool
    ) -> Attendance:
        """Wait *seconds* for the new job *job_id*, or for one that the same *call* had before.

        Only one that is *retried* is given an earlier one's job: the oldest that nobody waits for,
        else the latest whose answer was told within ``limits.TOLD_SECONDS``, once, since a reply
        that was lost was not delivered. The new job's id names the wait.
        """
        given = {
            "id": job_id,
            "waiter": job_id,
            "retried": retried,
            "live_ms": round(seconds * 1000),
            "live_most_ms": _LIVE_MOST_MS,
            "kept_ms": _KEPT_MS,
            "most": limits.UNDELIVERED,
        }
        keys = (keyspace.undelivered(tenant, call),)
        found, known = self._store.run(_ATTACH, keys, (json.dumps(given),))
        return Attendance(tenant, call, found, waiter=job_id, known=bool(known))

    def follow(self, tenant: str, call: str, job_id: str, seconds: float) -> Attendance:
        """Wait *seconds* for the job behind a redirect, in place of whoever waited before."""
        attendance = Attendance(tenant, call, job_id, secrets.token_hex(8))
        self._attend(attendance, seconds, takes=True, retry=True)
        return attendance

    def leave(self, attendance: Attendance) -> None:
        """Wait no longer: the call that is sent again has the job."""
        self._attend(attendance, 0, takes=False, retry=False)

    def put_off(self, attendance: Attendance) -> None:
        """Keep the place of a call that was refused for now: sent again it is no other call.

        For ``limits.PUT_OFF_SECONDS`` where nothing else is listed: nothing of it is stored.
        """
        self._attend(attendance, 0, takes=False, retry=False, alone_ms=_PUT_OFF_MS)

    def deliver(self, attendance: Attendance) -> bool:
        """Tell whether the job's answer is for this wait, which tells it now."""
        return self._deliver(attendance, _TOLD_MS)

    def withdraw(self, attendance: Attendance) -> None:
        """Forget a job that there is not: no later call is given it."""
        self._deliver(attendance, 0)

    def _deliver(self, attendance: Attendance, told_ms: int) -> bool:
        given = {
            "id": attendance.job_id,
            "waiter": attendance.waiter,
            "told_ms": told_ms,
            "kept_ms": _KEPT_MS,
        }
        terms = (json.dumps(given),)
        return bool(self._store.run(_DELIVER, (attendance.key,), terms, retry=False))

    def _attend(
        self,
        attendance: Attendance,
        seconds: float,
        *,
        takes: bool,
        retry: bool,
        alone_ms: int = _KEPT_MS,
    ) -> None:
        given = {
            "id": attendance.job_id,
            "waiter": attendance.waiter,
            "takes": takes,
            "live_ms": round(seconds * 1000),
            "kept_ms": _KEPT_MS,
            "alone_ms": alone_ms,
        }
        self._store.run(_ATTEND, (attendance.key,), (json.dumps(given),), retry=retry)
