"""What lies in a Parameter Store, past the product, and how a command on it ended."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import pytest


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


type Run = Callable[..., Ran]


def put(ssm: Any, path: str, value: str, kind: str = "String", tier: str = "Standard") -> None:
    """Write a parameter past the product."""
    ssm.put_parameter(Name=path, Value=value, Type=kind, Tier=tier, Overwrite=True)


def listen(monkeypatch: pytest.MonkeyPatch, event: str, handler: Callable[..., Any]) -> None:
    """Let *handler* hear an event of botocore's in whatever session a command works."""
    setup = boto3.setup_default_session

    def with_ears(**how: Any) -> None:
        setup(**how)
        assert boto3.DEFAULT_SESSION is not None
        boto3.DEFAULT_SESSION.events.register(event, handler)

    monkeypatch.setattr(boto3, "setup_default_session", with_ears)


def held(ssm: Any, environment: str) -> dict[str, str]:
    """Return what an environment holds, decrypted."""
    pages = ssm.get_paginator("get_parameters_by_path").paginate(
        Path=f"/tinyllama/{environment}/", WithDecryption=True
    )
    return {
        entry["Name"].rpartition("/")[2]: entry["Value"]
        for page in pages
        for entry in page["Parameters"]
    }
