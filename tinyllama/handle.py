"""A job in its caller's hand: waited for, read as it speaks, cancelled, retried, erased."""

from collections.abc import Iterator

from tinyllama.calling import LATER, Answer, Calling, part, query
from tinyllama.client_errors import ProblemError, StillRunning, Unreachable
from tinyllama.told import Job, Piece, require

# Under the 25 seconds that a router grants, and what API Gateway bears.
WAIT_SECONDS = 20
_WAY_SECONDS = 0.5


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

        Raises StillRunning after *timeout* seconds, however slow, busy or silent the router is; the
        job goes on. Sooner it raises only what repeating a call did not mend, or cannot.
        """
        clock = self._calling.repeating.clock
        until = float("inf") if timeout is None else clock() + timeout
        while not self.job.ended:
            # Not <=: what is no number is over, too.
            if not until - clock() > 0:
                raise StillRunning(self.job)
            try:
                self._await_change(until)
            except Unreachable:
                if clock() < until:
                    raise
            except ProblemError as error:
                if clock() < until or error.status not in LATER:
                    raise
        return self.job

    def stream(self) -> Iterator[Piece]:
        """Yield what the job says as it says it, from its beginning; then ``job`` is its end.

        A piece with ``reset`` voids all before it: the job was begun anew on another attempt. The
        pieces make up the job's ``text``, also where the worker told it at the end alone.
        """
        said, asked = "", ""
        while True:
            path = f"{self._path}/stream{asked}"
            answer = self._calling.call("GET", path, wait_seconds=WAIT_SECONDS)
            told = answer.json()
            require(told, text=str, attempt=int, reset=bool, cursor=str, complete=bool)
            if told["text"] or told["reset"]:
                said = told["text"] if told["reset"] else said + told["text"]
                yield Piece(told["text"], told["attempt"], told["reset"])
            if told["complete"]:
                yield from self._unsaid(said)
                return
            if not told["text"]:
                rest(self._calling, answer)
            asked = f"?{query({'after': told['cursor']})}"

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

    def _await_change(self, until: float) -> None:
        """Look at the job again once it has changed, or some of the time *until* then is over."""
        left = until - self._calling.repeating.clock()
        seen = {"If-None-Match": f'W/"{self.job.version}"'}
        # The answer needs some time as well.
        wait_seconds = int(min(WAIT_SECONDS, max(0.0, left - _WAY_SECONDS)))
        answer = self._calling.call(
            "GET", self._path, headers=seen, wait_seconds=wait_seconds, within=left
        )
        if answer.body:
            self.job = Job.read(answer.json())
        else:
            rest(self._calling, answer, until)

    def _unsaid(self, said: str) -> Iterator[Piece]:
        """Yield what is missing of the job's text, all of it where that was *said* otherwise."""
        job = self.look()
        if job.text is None or job.text == said:
            return
        goes_on = job.text.startswith(said)
        yield Piece(job.text[len(said) :] if goes_on else job.text, job.attempt, reset=not goes_on)

    @property
    def _path(self) -> str:
        return f"/jobs/{part(self.id)}"


def rest(calling: Calling, answer: Answer, until: float = float("inf")) -> None:
    """Wait where the router did not, *until* then at the latest: it has no place to wait in.

    Whatever pause it asks for, no longer than the time between two tries.
    """
    how = calling.repeating
    if "preference-applied" not in answer.headers:
        pause = min(answer.retry_after or 0.0, how.most_seconds)
        how.sleep(max(0.0, min(until - how.clock(), max(1.0, pause))))
