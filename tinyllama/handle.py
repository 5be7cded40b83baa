"""A job in its caller's hand: waited for, read as it speaks, cancelled, retried, erased."""

from collections.abc import Iterator
from urllib.parse import quote, urlencode

from tinyllama.calling import Answer, Calling
from tinyllama.client_errors import StillRunning
from tinyllama.told import Job, Piece, require

# Under the 25 seconds that a router grants, and what API Gateway bears.
WAIT_SECONDS = 20


class Handle:
    """A job that was submitted: *job* is how it stood when it was last asked for."""

    def __init__(self, calling: Calling, job: Job) -> None:
        self._calling = calling
        self.id = job.id
        self.job = job

    def __repr__(self) -> str:
        """Return the id and the state: never a prompt or an answer."""
        return f"<Handle {self.id} {self.job.state}>"

    def look(self, *, wait_seconds: int = 0) -> Job:
        """Ask how the job stands; waits so long (25 at most) for its end."""
        answer = self._calling.call("GET", self._path, wait_seconds=wait_seconds)
        self.job = Job.read(answer.json())
        if wait_seconds and not self.job.ended:
            rest(self._calling, answer)
        return self.job

    def wait(self, timeout: float | None = None) -> Job:
        """Return the job once it has ended, however it did: look at ``state``, ``text``, ``error``.

        Raises StillRunning after *timeout* seconds; the job goes on.
        """
        clock = self._calling.repeating.clock
        until = None if timeout is None else clock() + timeout
        while not self.job.ended:
            left = WAIT_SECONDS if until is None else min(WAIT_SECONDS, int(until - clock()))
            if until is not None and clock() >= until:
                raise StillRunning(self.job)
            seen = {"If-None-Match": f'W/"{self.job.version}"'}
            answer = self._calling.call("GET", self._path, headers=seen, wait_seconds=max(1, left))
            if answer.body:
                self.job = Job.read(answer.json())
            else:
                rest(self._calling, answer)
        return self.job

    def stream(self) -> Iterator[Piece]:
        """Yield what the job says as it says it, from its beginning; then ``job`` is its end.

        A piece with ``reset`` voids all before it: the job was begun anew on another attempt.
        """
        query = ""
        while True:
            path = f"{self._path}/stream{query}"
            answer = self._calling.call("GET", path, wait_seconds=WAIT_SECONDS)
            told = answer.json()
            require(told, text=str, attempt=int, reset=bool, cursor=str, complete=bool)
            if told["text"] or told["reset"]:
                yield Piece(told["text"], told["attempt"], told["reset"])
            if told["complete"]:
                self.look()
                return
            if not told["text"]:
                rest(self._calling, answer)
            query = f"?{urlencode({'after': told['cursor']})}"

    def cancel(self) -> Job:
        """Cancel a job that waits, or ask the worker of one that runs; again is fine."""
        self.job = Job.read(self._calling.call("POST", f"{self._path}/cancel").json())
        return self.job

    def retry(self) -> Job:
        """Run a job again that failed or expired, unless it has changed since it was seen."""
        body = {"version": self.job.version}
        self.job = Job.read(self._calling.call("POST", f"{self._path}/retry", body).json())
        return self.job

    def erase(self) -> None:
        """Remove the job as ``Client.erase`` does."""
        self._calling.call("DELETE", self._path)

    @property
    def _path(self) -> str:
        return f"/jobs/{quote(self.id, safe='')}"


def rest(calling: Calling, answer: Answer) -> None:
    """Wait where the router did not: it has no place left to wait in."""
    if "preference-applied" not in answer.headers:
        calling.repeating.sleep(max(1.0, answer.retry_after or 0.0))
