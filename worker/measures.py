"""What a worker counts of itself: nothing, unless somebody looks (worker.metrics)."""

from chalicelib.jobs import JsonObject


class Measures:
    """Counts nothing; whatever takes its place is thread-safe, and raises nothing."""

    def job_began(self) -> None:
        """Note that a run begins; each is over once job_over is called."""

    def job_over(self, outcome: str, code: str = "", seconds: float | None = None) -> None:
        """Note what a run came to: *seconds* long, where its end was recorded.

        *outcome* is the job's state then, or ``retried``, ``released``, ``lease_lost``,
        ``abandoned``; *code* is the error's.
        """

    def text_said(self, first_seconds: float | None) -> None:
        """Note a piece of text; *first_seconds* after the claim, where it is the run's first."""

    def tokens_used(self, usage: JsonObject) -> None:
        """Note what the engine counted for an answer."""

    def engine_failed(self, code: str) -> None:
        """Note that the engine did not answer."""

    def away(self, *, away: bool) -> None:
        """Note that the store, or the router in its place, went away or is back."""
