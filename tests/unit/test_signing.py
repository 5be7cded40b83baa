"""Sign-in to the store with AWS credentials: the token says what botocore's own signer says."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import botocore.auth
import botocore.session
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import CredentialRetrievalError
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import AuthenticationError

from chalicelib.errors import NotConfigured
from chalicelib.signing import Credentials, IamSignIn, Identity, credential_source, token

NOON = datetime(2026, 5, 17, 12, 0, 0, tzinfo=UTC)
KEYS = Credentials("AKIAEXAMPLE", "hidden-secret", "hidden+session/token==")
API = Identity("elasticache", "tinyllama-dev", "eu-central-1", "tinyllama-dev-api")
URL = urlsplit("rediss://tinyllama-dev-api@store.example:6379")

ALNUM = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
IDENTITIES = st.builds(
    Identity,
    kind=st.sampled_from(["elasticache", "elasticache-serverless", "memorydb"]),
    name=st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,49}", fullmatch=True),
    region=st.sampled_from(["us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1"]),
    user=st.text(min_size=1, max_size=40),
)
CREDENTIALS = st.builds(
    Credentials,
    access_key=st.text(ALNUM, min_size=16, max_size=20),
    secret_key=st.text(ALNUM + "+/", min_size=40, max_size=40),
    session_token=st.none() | st.text(ALNUM + "+/=", min_size=1, max_size=600),
)
TIMES = st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@pytest.fixture
def in_lambda(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment as Lambda makes it."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "api")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    for name, value in [
        ("AWS_ACCESS_KEY_ID", KEYS.access_key),
        ("AWS_SECRET_ACCESS_KEY", KEYS.secret_key),
        ("AWS_SESSION_TOKEN", KEYS.session_token),
    ]:
        monkeypatch.setenv(name, str(value))
    return monkeypatch


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> pytest.MonkeyPatch:
    """A machine that has no credentials yet, and where nobody asks for any."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return monkeypatch


def _signed_by_botocore(identity: Identity, credentials: Credentials, now: datetime) -> str:
    """Return the token as AWS' documentation has it made; its order of terms is botocore's."""
    service = identity.kind.removesuffix("-serverless")
    terms = {"Action": "connect", "User": identity.user}
    if identity.kind.endswith("-serverless"):
        terms["ResourceType"] = "ServerlessCache"
    request = AWSRequest("GET", f"http://{identity.name.lower()}/", params=terms)
    keys = (credentials.access_key, credentials.secret_key, credentials.session_token)
    signer = botocore.auth.SigV4QueryAuth(
        BotocoreCredentials(*keys), service, identity.region, expires=900
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda **_: now.replace(tzinfo=None))
        signer.add_auth(request)
    return str(request.prepare().url).removeprefix("http://")


def _read(text: str) -> tuple[str, str, dict[str, list[str]]]:
    parts = urlsplit(f"//{text}")
    return parts.netloc, parts.path, parse_qs(parts.query, keep_blank_values=True)


@given(IDENTITIES, CREDENTIALS, TIMES)
def test_token_says_what_botocore_says(
    identity: Identity, credentials: Credentials, now: datetime
) -> None:
    made = token(identity, credentials, now)

    assert _read(made) == _read(_signed_by_botocore(identity, credentials, now))


def test_token_is_for_the_user_the_store_and_a_quarter_of_an_hour() -> None:
    host, path, terms = _read(token(API, KEYS, NOON))

    assert (host, path) == ("tinyllama-dev", "/")
    assert terms["Action"] == ["connect"]
    assert terms["User"] == ["tinyllama-dev-api"]
    assert terms["X-Amz-Expires"] == ["900"]
    assert terms["X-Amz-Security-Token"] == [KEYS.session_token]
    assert terms["X-Amz-Credential"] == [
        "AKIAEXAMPLE/20260517/eu-central-1/elasticache/aws4_request"
    ]


def test_each_connection_has_a_token_of_its_own() -> None:
    times = iter([NOON, NOON.replace(minute=14)])
    sign_in = IamSignIn(API, lambda: KEYS, lambda: next(times))

    first, second = sign_in.get_credentials(), sign_in.get_credentials()

    assert first[0] == second[0] == "tinyllama-dev-api"
    assert first[1] != second[1]


def test_what_is_printed_of_credentials_is_no_secret() -> None:
    told = repr(KEYS) + repr(IamSignIn(API, lambda: KEYS))

    assert "hidden" not in told


@pytest.mark.parametrize("kind", ["elasticache", "elasticache-serverless", "memorydb"])
def test_identity_is_the_settings_store_and_the_addresss_user(
    in_lambda: pytest.MonkeyPatch, kind: str
) -> None:
    del in_lambda

    identity = Identity.of(f"{kind}:tinyllama-dev", URL)

    assert identity == Identity(kind, "tinyllama-dev", "eu-central-1", "tinyllama-dev-api")


@pytest.mark.parametrize(
    "setting",
    ["tinyllama-dev", "s3:bucket", "memorydb:", "memorydb:a b", "elasticache:a/b", ":", "x:a:b"],
)
def test_setting_that_names_no_store_is_refused(
    in_lambda: pytest.MonkeyPatch, setting: str
) -> None:
    del in_lambda

    with pytest.raises(NotConfigured, match="TINYLLAMA_STORE_SIGN_IN must be"):
        Identity.of(setting, URL)


@pytest.mark.parametrize(
    "url",
    [
        "redis://tinyllama-dev-api@store.example:6379",
        "unix://tinyllama-dev-api@/tmp/store.sock",
        "rediss://store.example:6379",
        "rediss://tinyllama-dev-api:password@store.example:6379",
        "rediss://:password@store.example:6379",
    ],
)
def test_token_is_sent_over_tls_for_a_user_without_a_password_only(
    in_lambda: pytest.MonkeyPatch, url: str
) -> None:
    del in_lambda

    with pytest.raises(NotConfigured, match="TINYLLAMA_STORE_URL") as refused:
        Identity.of("memorydb:tinyllama-dev", urlsplit(url))

    assert "store.example" not in str(refused.value)


def test_region_has_a_second_name(in_lambda: pytest.MonkeyPatch) -> None:
    in_lambda.delenv("AWS_REGION")
    in_lambda.setenv("AWS_DEFAULT_REGION", "us-east-2")

    identity = Identity.of("memorydb:tinyllama-dev", URL)

    assert identity.region == "us-east-2"


def test_no_region_is_told(in_lambda: pytest.MonkeyPatch) -> None:
    in_lambda.delenv("AWS_REGION")
    in_lambda.delenv("AWS_DEFAULT_REGION", raising=False)

    with pytest.raises(NotConfigured, match="AWS_REGION"):
        Identity.of("memorydb:tinyllama-dev", URL)


def test_function_signs_as_its_role(in_lambda: pytest.MonkeyPatch) -> None:
    del in_lambda

    credentials = credential_source()()

    assert credentials == KEYS


@pytest.mark.parametrize("name", ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"])
def test_function_never_signs_with_half_of_its_credentials(
    in_lambda: pytest.MonkeyPatch, name: str
) -> None:
    in_lambda.setenv(f"AWS_{name}", "")

    with pytest.raises(NotConfigured, match=f"AWS_{name}") as refused:
        credential_source()

    assert "hidden" not in str(refused.value)


def test_elsewhere_credentials_are_what_botocore_finds(elsewhere: pytest.MonkeyPatch) -> None:
    elsewhere.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    elsewhere.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    credentials = credential_source()()

    assert credentials == Credentials("AKIAOTHER", "secret", None)


def test_no_credentials_elsewhere_are_told(elsewhere: pytest.MonkeyPatch) -> None:
    del elsewhere

    with pytest.raises(NotConfigured, match="AWS credentials"):
        credential_source()


def test_credentials_that_cannot_be_read_are_told(elsewhere: pytest.MonkeyPatch) -> None:
    elsewhere.setenv("AWS_PROFILE", "nobody")

    with pytest.raises(NotConfigured, match="ProfileNotFound"):
        credential_source()


def test_missing_botocore_is_told(elsewhere: pytest.MonkeyPatch) -> None:
    elsewhere.setitem(sys.modules, "botocore.session", None)

    with pytest.raises(NotConfigured, match="botocore"):
        credential_source()


def _refreshed(renew: Any) -> RefreshableCredentials:
    return RefreshableCredentials(
        "old", "old", "old", NOON, renew, "test", time_fetcher=lambda: NOON
    )


def test_credentials_are_renewed_before_they_lapse(elsewhere: pytest.MonkeyPatch) -> None:
    renewed = {
        "access_key": "new",
        "secret_key": "s",
        "token": "t",
        "expiry_time": "2026-05-17T18:00:00Z",
    }
    elsewhere.setattr(
        botocore.session.Session, "get_credentials", lambda _: _refreshed(lambda: renewed)
    )

    credentials = credential_source()()

    assert credentials == Credentials("new", "s", "t")


def test_credentials_that_cannot_be_renewed_are_a_refused_sign_in(
    elsewhere: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> Any:
        raise CredentialRetrievalError(provider="iam-role", error_msg="hidden")

    caplog.set_level(logging.CRITICAL, "botocore.credentials")
    elsewhere.setattr(botocore.session.Session, "get_credentials", lambda _: _refreshed(fail))
    sign_in = IamSignIn(API, credential_source())

    with pytest.raises(AuthenticationError, match="CredentialRetrievalError") as refused:
        sign_in.get_credentials()

    assert "hidden" not in str(refused.value)
