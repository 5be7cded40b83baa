"""The use cases of API keys: registered, listed and revoked, by whom may do so. No HTTP itself.

It reads signed keys, which brings the cryptography: the API's function loads this module with the
first call of such a route.
"""

from dataclasses import dataclass

from chalicelib.api_keys import ApiKey, ApiKeys
from chalicelib.calls import Caller
from chalicelib.errors import ApiKeyEnded, FieldError, InvalidBody, TokenRejected
from chalicelib.key_records import KeyPage, KeyRecord, KeyRecords

_OF_ANY_TENANT = "queue:admin"


@dataclass(frozen=True)
class KeyDesk:
    """Serves the routes of API keys. Raises StoreUnavailable.

    Without *api_keys* none is taken: none can be read here.
    """

    records: KeyRecords
    api_keys: ApiKeys | None

    def register(self, caller: Caller, text: str) -> tuple[KeyRecord, bool]:
        """Register the signed key *text*; returns its record, and whether it was known before.

        Raises InvalidBody for one that does not hold, ApiKeyEnded, ApiKeysFull, KeysUnavailable,
        and TokenRejected ``scope_insufficient`` as ``revoke`` does.
        """
        key = self._read(text)
        _whose(caller, key.tenant)
        return self.records.register(key)

    def list(self, caller: Caller, tenant: str | None, cursor: int, limit: int) -> KeyPage:
        """Return a page of the *tenant*'s keys, the caller's own without one. Raises as above."""
        return self.records.list(_whose(caller, tenant), cursor, limit)

    def revoke(self, caller: Caller, tenant: str | None, key_id: str, grace_seconds: int) -> None:
        """End a key of the *tenant*, the caller's own without one.

        Raises ApiKeyNotFound, and TokenRejected ``scope_insufficient`` where it is another tenant
        than the caller's, who is no operator.
        """
        self.records.revoke(_whose(caller, tenant), key_id, grace_seconds)

    def _read(self, text: str) -> ApiKey:
        if self.api_keys is None:
            raise _refused("no API keys are set up here")
        try:
            return self.api_keys.read(text)
        except TokenRejected as error:
            if error.code == "token_expired":
                raise ApiKeyEnded("the key has expired: have a new one signed") from None
            raise _refused(f"{error.code}: {error.detail or error.title}") from None


def _whose(caller: Caller, tenant: str | None) -> str:
    """Return whose keys are meant. Raises TokenRejected where the caller may not touch them."""
    if tenant is None or tenant == caller.tenant:
        return caller.tenant
    if _OF_ANY_TENANT not in caller.scopes:
        detail = f"another tenant's keys need the scope {_OF_ANY_TENANT} too"
        raise TokenRejected("scope_insufficient", detail)
    return tenant


def _refused(why: str) -> InvalidBody:
    return InvalidBody(errors=[FieldError("/key", why)])
