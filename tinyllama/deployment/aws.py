"""A session with AWS for the commands, and AWS' refusals as sentences."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
)

from chalicelib import settings
from tinyllama.deployment.failures import DeploymentFailed, Misused

# botocore would wait five minutes for an address that does not answer.
_PATIENCE = Config(connect_timeout=3, read_timeout=60)
_AWAY = (EndpointConnectionError, ConnectTimeoutError)
_AWAY_ATTEMPTS = 2
_NO_REGION = "no AWS region is set: export AWS_DEFAULT_REGION=us-east-1, say"

_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})


def client(service: str, attempts: int = 3) -> Any:
    """Return a client of *service* with the surroundings' own credentials and region.

    What is throttled or fails is tried so many times in all, ever more slowly; what cannot be
    connected to twice, within some seconds. Raises DeploymentFailed where there is no region, or
    what says where AWS is cannot be read.
    """
    retries = {"mode": "adaptive", "total_max_attempts": attempts}
    with told():
        try:
            made = boto3.client(service, config=_PATIENCE.merge(Config(retries=retries)))
        except ValueError as error:  # botocore has no error of its own for AWS_ENDPOINT_URL
            raise DeploymentFailed(f"{error}: mend AWS_ENDPOINT_URL or the region") from None
    made.meta.events.register_first("needs-retry", _give_up)
    return made


def _give_up(attempts: int, caught_exception: Exception | None, **_: Any) -> None:
    """Raise what kept botocore from connecting, before it would try a third time."""
    if attempts >= _AWAY_ATTEMPTS and isinstance(caught_exception, _AWAY):
        raise caught_exception


def region() -> str:
    """Return the region that commands work in. Raises DeploymentFailed where none is set."""
    with told():
        found = (boto3.DEFAULT_SESSION or boto3.session.Session()).region_name
    if not found:
        raise Misused(_NO_REGION)
    return str(found)


def work_in(name: str) -> None:
    """Let all clients of this process work in the region *name*, which a stage's file told.

    Raises DeploymentFailed where AWS_DEFAULT_REGION or AWS_REGION names another.
    """
    for variable in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        other = settings.foreign_variable(variable)
        if other and other != name:
            raise Misused(
                f"{variable} is {other}, the stage's region is {name}: unset it, or mend the stage"
            )
    with told():
        boto3.setup_default_session(region_name=name)


def account_id() -> str:
    """Return the account that the credentials belong to. Raises DeploymentFailed without any."""
    with told():
        return str(client("sts").get_caller_identity()["Account"])


@contextmanager
def told() -> Iterator[None]:
    """Turn what botocore raises into DeploymentFailed; Misused where a setting lacks.

    A ClientError's code stays in the text.
    """
    try:
        yield
    except NoRegionError:
        raise Misused(_NO_REGION) from None
    except NoCredentialsError:
        raise Misused(
            "no AWS credentials were found: run aws configure, or export AWS_PROFILE"
        ) from None
    except _AWAY as error:
        raise DeploymentFailed(
            f"AWS is not reached: check the network, or unset AWS_ENDPOINT_URL ({error})"
        ) from None
    except ClientError as error:
        if error.response["Error"]["Code"] in _EXPIRED:
            raise Misused(
                "the AWS credentials have expired: sign in again (aws sso login, say)"
            ) from None
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        raise DeploymentFailed(
            f"AWS refused {error.operation_name}: {code}, {message}".rstrip(", ")
        ) from None
    except BotoCoreError as error:
        raise DeploymentFailed(f"AWS could not be asked: {error}") from None
