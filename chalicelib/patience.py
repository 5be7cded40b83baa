"""How long a caller waits: until there is something to tell, while there is room to wait."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.waiting import WaitingRoom


@dataclass(frozen=True)
class Awaited[T]:
    """What there is to tell; *waited* is False where the caller found no place to wait for it."""

    value: T
    waited: bool = True


@dataclass(frozen=True)
class Patience:
    """Lets callers wait. *clock* counts seconds and never goes back. Thread-safe."""

    room: WaitingRoom
    clock: Callable[[], float]

    def until(self, seconds: float) -> float:
        """Return when a wait of *seconds* that begins now is over, by the clock."""
        return self.clock() + seconds

    def wait[T](
        self, until: float, value: T, settled: Callable[[T], bool], again: Callable[[T, float], T]
    ) -> Awaited[T]:
        """Return *value* as *again* tells it anew, once it is *settled* or the time is over.

        *again* takes the last value and the seconds left, and blocks until something changes. What
        it raises ends the wait.
        """
        left = until - self.clock()
        if left <= 0 or settled(value):
            return Awaited(value)
        with self.room.wait(left) as admitted:
            while admitted and not settled(value) and (left := until - self.clock()) > 0:
                value = again(value, left)
        return Awaited(value, admitted)
