"""Signs in to the store with AWS credentials: a token made here, without a call or a kept secret.

The token is a request for ``Action=connect`` presigned with Signature Version 4, its scheme cut
off: docs.aws.amazon.com/AmazonElastiCache and docs.aws.amazon.com/memorydb, "Authenticating with
IAM"; docs.aws.amazon.com/IAM, "Create a signed AWS API request". botocore's signer says the same
(``tests/unit/test_signing.py``) but takes 60 to 80 ms to import, which every cold start would pay.
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import SplitResult, quote, unquote, urlencode

from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError

from chalicelib import settings
from chalicelib.errors import NotConfigured

_SETTING: Final = f"{settings.PREFIX}STORE_SIGN_IN"
_URL: Final = f"{settings.PREFIX}STORE_URL"
_ALGORITHM: Final = "AWS4-HMAC-SHA256"
# The most that AWS takes. It matters at sign-in alone: connections outlive their token.
_EXPIRES_SECONDS: Final = 900
# What a setting begins with, the service that signs, and what the token says beside that.
_KINDS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "elasticache": ("elasticache", {}),
    "elasticache-serverless": ("elasticache", {"ResourceType": "ServerlessCache"}),
    "memorydb": ("memorydb", {}),
}
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,254}")


@dataclass(frozen=True)
class Credentials:
    """An AWS identity's keys; a role's are worth nothing without their session token."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(repr=False)


@dataclass(frozen=True)
class Identity:
    """Which user signs in to which store: ``kind`` is one of ``_KINDS``, ``name`` AWS' name."""

    kind: str
    name: str
    region: str
    user: str

    @classmethod
    def of(cls, setting: str, address: SplitResult) -> "Identity":
        """Read ``<kind>:<name>``; the user is the *address*'s. Raises NotConfigured."""
        kind, _, name = setting.partition(":")
        if kind not in _KINDS or not _NAME.fullmatch(name):
            raise NotConfigured(f"{_SETTING} must be {', '.join(_KINDS)}, then a colon and a name")
        if address.scheme != "rediss":
            raise NotConfigured(f"{_URL} must begin with rediss:// where {_SETTING} is set")
        if not address.username or address.password is not None:
            raise NotConfigured(f"{_URL} must name a user and no password where {_SETTING} is set")
        return cls(kind, name, _region(), unquote(address.username))


def _region() -> str:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if region := settings.foreign_variable(name):
            return region
    raise NotConfigured(f"AWS_REGION is not set, and {_SETTING} needs it")


def token(identity: Identity, credentials: Credentials, now: datetime) -> str:
    """Return what the store takes for the user's password for 900 seconds from *now*, in UTC."""
    service, more = _KINDS[identity.kind]
    host, time = identity.name.lower(), now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{time[:8]}/{identity.region}/{service}/aws4_request"
    terms = {
        "Action": "connect",
        "User": identity.user,
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": time,
        "X-Amz-Expires": str(_EXPIRES_SECONDS),
        "X-Amz-SignedHeaders": "host",
        **more,
    }
    if credentials.session_token:
        terms["X-Amz-Security-Token"] = credentials.session_token
    query = urlencode(sorted(terms.items()), quote_via=quote, safe="")
    request = "\n".join(("GET", "/", query, f"host:{host}", "", "host", _digest("")))
    text = "\n".join((_ALGORITHM, time, scope, _digest(request)))
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = _mac(key, part)
    return f"{host}/?{query}&X-Amz-Signature={_mac(key, text).hex()}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def credential_source() -> Callable[[], Credentials]:
    """Return where this process has its role's credentials from, session token included.

    In Lambda that is the environment; elsewhere whatever botocore finds, kept fresh by it. Raises
    NotConfigured where there are none.
    """
    if settings.in_lambda():
        found = _lambda_credentials()
        return lambda: found
    try:
        from botocore import exceptions  # noqa: PLC0415 - never in Lambda: see above
        from botocore.session import get_session  # noqa: PLC0415
    except ImportError:
        raise NotConfigured(f"{_SETTING} needs botocore: pip install boto3") from None
    try:
        kept: Any = get_session().get_credentials()
    except exceptions.BotoCoreError as error:
        raise NotConfigured(f"{_SETTING} needs AWS credentials: {type(error).__name__}") from None
    if kept is None:
        raise NotConfigured(f"{_SETTING} needs AWS credentials, and there are none")

    def fresh() -> Credentials:
        try:
            keys = kept.get_frozen_credentials()
        except (exceptions.BotoCoreError, exceptions.ClientError, RuntimeError) as error:
            # As if the store had refused them: redis-py closes the connection that it began.
            refused = AuthenticationError(f"AWS credentials: {type(error).__name__}")
            raise refused from None
        return Credentials(keys.access_key, keys.secret_key, keys.token)

    return fresh


def _lambda_credentials() -> Credentials:
    """Return the role's keys as Lambda hands them out; a function outlives no keys of its own."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    found = {name: settings.foreign_variable(name) or "" for name in names}
    for name, value in found.items():
        if not value:
            raise NotConfigured(f"{name} is not set, and {_SETTING} needs it")
    return Credentials(*found.values())


class IamSignIn(CredentialProvider):
    """Tells redis-py, for each new connection, who signs in and with which token."""

    def __init__(
        self,
        identity: Identity,
        source: Callable[[], Credentials],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._identity = identity
        self._source = source
        self._clock = clock

    def get_credentials(self) -> tuple[str, str]:
        """Return the user and a new token. Raises redis-py's AuthenticationError without one."""
        return self._identity.user, token(self._identity, self._source(), self._clock())
