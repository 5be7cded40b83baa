"""The registry: ids of other resources, by name; a setting first, then the Parameter Store."""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from chalicelib import settings
from chalicelib.errors import NotConfigured

ENTRIES = 128
LIFE_SECONDS = 300
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def _connect() -> Any:
    """Return a client that signs as the process's own role does, session token included."""
    # Inside: costs 0.1 to 0.3 s, and most processes that import this module never ask AWS.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    # botocore would wait five minutes where there is no route.
    patience = Config(connect_timeout=3, read_timeout=3, retries={"total_max_attempts": 2})
    return boto3.client("ssm", config=patience)


class Registry:
    """Looks names up at ``/tinyllama/<env>/<name>`` and remembers the last ``ENTRIES`` for a while.

    Nothing is connected before the first look-up that needs it. Safe to share between threads.
    """

    def __init__(
        self,
        connect: Callable[[], Any] = _connect,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._lock = threading.Lock()
        self._client: Any = None
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def get_id(self, name: str) -> str:
        """Return the id called *name*: the setting ``TINYLLAMA_<NAME>``, else the parameter.

        Raises NotConfigured naming variable and path when there is neither. In the local
        environment AWS is never asked.
        """
        if not _NAME.fullmatch(name):
            raise ValueError("an id's name is letters, digits, '_', '.' and '-'")
        value = settings.variable(name)
        if value is not None:
            return value
        environment = settings.environment()
        if environment == settings.LOCAL:
            return settings.required(name)
        path = f"/tinyllama/{environment}/{name}"
        return self._remembered(path) or self._look_up(path, name)

    def _remembered(self, path: str) -> str | None:
        with self._lock:
            value, until = self._known.get(path, ("", float("-inf")))
            if self._clock() >= until:
                return None
            self._known.move_to_end(path)
            return value

    def _look_up(self, path: str, name: str) -> str:
        with self._lock:
            # Under the lock: boto3's default session may not be shared while it makes a client.
            client = self._client = self._client or self._connect()
        try:
            parameter = client.get_parameter(Name=path, WithDecryption=True)["Parameter"]
        except client.exceptions.ParameterNotFound:
            parameter = {"Value": ""}
        value: str = parameter["Value"].strip()
        if not value or "${" in value:
            variable = f"{settings.PREFIX}{name.upper()}"
            raise NotConfigured(f"{variable} is not set, and there is no parameter {path}")
        with self._lock:
            self._known[path] = (value, self._clock() + LIFE_SECONDS)
            self._known.move_to_end(path)
            while len(self._known) > ENTRIES:
                self._known.popitem(last=False)
        return value


get_id = Registry().get_id
