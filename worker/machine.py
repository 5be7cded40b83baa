"""A machine client's token, asked for anew before it expires."""

import threading
from collections.abc import Callable
from math import inf

from chalicelib import signals
from chalicelib.errors import NotConfigured
from chalicelib.settings import MachineClient
from worker import grant
from worker.credential import AHEAD_SECONDS, expiry
from worker.grant import Granted, GrantFailed

# Issuers charge for tokens and limit how many they give.
AGAIN_SECONDS = 30.0
RETRY_SECONDS = 5.0


class MachineCredential:
    """The token that the issuer gives to *client*. Thread-safe.

    From a minute before its end, or a third of its life if that is less, one thread asks for the
    next, and the others go on with what they have as long as it holds. While the issuer does not
    answer, the token stays as it was. Raises NotConfigured when the first one does not come. *now*
    tells seconds since the epoch.
    """

    def __init__(
        self,
        client: MachineClient,
        now: Callable[[], float],
        ask: Callable[[MachineClient], Granted] = grant.ask,
    ) -> None:
        self._client = client
        self._now = now
        self._ask = ask
        self._asking = threading.Lock()
        self._failing = False
        try:
            self._take(ask(client))
        except GrantFailed as failure:
            raise NotConfigured(f"the worker gets no token: {failure}") from None

    @property
    def fixed(self) -> bool:
        """Never: another is asked for."""
        return False

    def token(self) -> str:
        """Return the token as it is now."""
        now = self._now()
        if now >= self._due and self._asking.acquire(blocking=now >= self._expires):
            try:
                if self._now() >= self._due:
                    self._renew()
            finally:
                self._asking.release()
        return self._token

    def reread(self) -> str:
        """Ask for another, unless this one is new, because it was refused; return the token."""
        with self._asking:
            if not 0 <= self._now() - self._asked < AGAIN_SECONDS:
                self._renew()
            return self._token

    def _renew(self) -> None:
        try:
            self._take(self._ask(self._client))
        except (GrantFailed, NotConfigured) as failure:
            final = isinstance(failure, GrantFailed) and failure.final
            self._asked = self._now()
            self._due = self._asked + (AGAIN_SECONDS if final else RETRY_SECONDS)
            if not self._failing:
                signals.log("credential.unavailable", reason=str(failure))
            self._failing = True
        else:
            self._failing = False

    def _take(self, granted: Granted) -> None:
        self._asked = now = self._now()
        if granted.seconds is None:
            end = expiry(granted.token)
            life = inf if end is None else max(0.0, end - now)
        else:
            life = granted.seconds  # needs no clock that agrees with the issuer's
        self._token = granted.token
        self._expires = now + life
        self._due = self._expires - min(AHEAD_SECONDS, life / 3)
