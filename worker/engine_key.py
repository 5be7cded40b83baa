"""The engine's API key: the environment's, else a secret of the registry's that a setting names."""

from collections.abc import Callable
from dataclasses import replace

from chalicelib import settings, ssm
from chalicelib.errors import NotConfigured
from chalicelib.settings import PREFIX, EngineSettings


def found(engine: EngineSettings, get_id: Callable[[str], str] = ssm.get_id) -> EngineSettings:
    """Return *engine* with its API key, read from the Parameter Store where a parameter is named.

    Without one the Parameter Store is never asked. Raises NotConfigured, in the local environment
    too, where the key can only be a variable.
    """
    name = engine.api_key_parameter
    if engine.api_key is not None or name is None:
        return engine
    named = f"{PREFIX}ENGINE_API_KEY_PARAMETER"
    if settings.environment() == settings.LOCAL:
        raise NotConfigured(f"{named} is for deployed workers: set {PREFIX}ENGINE_API_KEY here")
    try:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as in ssm
    except ImportError:
        raise NotConfigured(f"{named} is set, and boto3 is not installed: install it") from None
    try:
        return replace(engine, api_key=get_id(name))
    except ValueError:
        why = "its name or AWS_DEFAULT_REGION is none"
    except ClientError as error:
        why = error.response["Error"]["Code"]
    except BotoCoreError as error:
        why = type(error).__name__
    raise NotConfigured(f"the parameter that {named} names cannot be read: {why}")
