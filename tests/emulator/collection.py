"""The Postman collection through the gateway, which refuses some calls in words of its own."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.api.test_newman import COLLECTION, NEWMAN, WITHOUT_WORKER

_SECONDS = 240.0
# Nobody has signed a key for the emulated stage.
_UNSIGNED = ("API keys",)


def for_the_gateway(folder: Path, *, alone: bool) -> Path:
    """Write the collection with what it expects of a gateway, for a router *alone* or not.

    A token's 401 never reaches the API, and all share one answer; a path or method that is not
    offered is none of the API's either. All else is expected as it is of ``chalice local``.
    """
    document = json.loads(COLLECTION.read_text(encoding="utf-8"))
    parts = [f for f in document["item"] if f["name"] not in _UNSIGNED]
    document["item"] = [f for f in parts if (f["name"] in WITHOUT_WORKER) == alone]
    for part in document["item"]:
        for request in part["item"]:
            expected = _expected(request["name"])
            if expected != request["name"]:
                # What it asks beyond its name, it asks of the API's own refusal.
                request.pop("event", None)
            request["name"] = expected
    written = folder / "collection.json"
    written.write_text(json.dumps(document), encoding="utf-8")
    return written


def _expected(name: str) -> str:
    call, _, answer = name.partition(" → ")
    if answer.startswith("401"):
        return f"{call} → 401 unauthorized"
    if answer.startswith("405"):
        return f"{call} → 404 route_not_found"
    return name


def run(
    collection: Path, url: str, variables: Mapping[str, str], report: Path
) -> tuple[Sequence[str], Sequence[str]]:
    """Return the names of all requests that newman sent, and what failed of them."""
    given = {"base_url": url, **variables}
    command = [
        str(NEWMAN), "run", str(collection), "--reporters", "json", "--color", "off",
        "--reporter-json-export", str(report), "--timeout-request", "60000",
        *(part for name, value in given.items() for part in ("--env-var", f"{name}={value}")),
    ]  # fmt: skip
    subprocess.run(  # noqa: S603
        command,
        check=False,
        capture_output=True,
        timeout=_SECONDS,
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
    )
    told: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))["run"]
    failures = [
        f"{failure['source']['name']}: {failure['error']['message']}"
        for failure in told["failures"]
    ]
    return [done["item"]["name"] for done in told["executions"]], failures


def names(collection: Path) -> list[str]:
    """Return the names of all requests in a collection, in order."""
    parts = json.loads(collection.read_text(encoding="utf-8"))["item"]
    return [request["name"] for part in parts for request in part["item"]]
