"""A session with AWS for the commands, and AWS' refusals as sentences."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
)

from tinyllama.deployment.failures import DeploymentFailed

# botocore would wait five minutes for an address that does not answer.
_PATIENCE = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 3})


def client(service: str) -> Any:
    """Return a client of *service* with the surroundings' own credentials and region.

    Raises DeploymentFailed where there is no region.
    """
    with told():
        return boto3.client(service, config=_PATIENCE)


def region() -> str:
    """Return the region that commands work in. Raises DeploymentFailed where none is set."""
    found = boto3.session.Session().region_name
    if not found:
        raise DeploymentFailed("no AWS region is set: export AWS_DEFAULT_REGION=eu-west-1, say")
    return str(found)


def account_id() -> str:
    """Return the account that the credentials belong to. Raises DeploymentFailed without any."""
    with told():
        return str(client("sts").get_caller_identity()["Account"])


@contextmanager
def told() -> Iterator[None]:
    """Turn what botocore raises into DeploymentFailed; a ClientError's code stays in the text."""
    try:
        yield
    except NoRegionError:
        raise DeploymentFailed(
            "no AWS region is set: export AWS_DEFAULT_REGION=eu-west-1, say"
        ) from None
    except NoCredentialsError:
        raise DeploymentFailed(
            "no AWS credentials were found: run aws configure, or export AWS_PROFILE"
        ) from None
    except EndpointConnectionError as error:
        raise DeploymentFailed(f"AWS is not reached: {error}") from None
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        raise DeploymentFailed(
            f"AWS refused {error.operation_name}: {code}, {message}".rstrip(", ")
        ) from None
    except BotoCoreError as error:
        raise DeploymentFailed(f"AWS could not be asked: {error}") from None
