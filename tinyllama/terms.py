"""The terms of a local system: the settings its store, worker and tick were started with.

They keep them until their last user has ended, whatever a later one has set for itself.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from urllib.parse import urlsplit

from chalicelib import bounds, settings
from tinyllama.state import Home

NOTE = "terms"


def present() -> dict[str, object]:
    """Return a note of this process's settings: digests by variable, and whose engine is asked.

    Raises NotConfigured for a bad one.
    """
    engine = settings.engine_settings()
    return {"digests": _digests(), "engine": without_secrets(engine.url) if engine.url else ""}


def differing(home: Home) -> list[str]:
    """Return the variables that the local system in *home* was started with other values of."""
    noted = home.read_note(NOTE).get("digests")
    if not isinstance(noted, dict):  # an earlier release's keeper writes none
        return []
    return [name for name, digest in _digests().items() if noted.get(name) != digest]


def engine(home: Home) -> str:
    """Return the address of the engine its worker asks, ``""`` when that is echo or not known."""
    return str(home.read_note(NOTE).get("engine", ""))


def without_secrets(url: str) -> str:
    """Return *url* without what may be one: name and password, query, fragment."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _digests() -> Mapping[str, str]:
    # What only the API heeds is missing: each command serves one with settings of its own.
    queue = bounds.queue_settings()
    found = {f"engine_{name}": value for name, value in asdict(settings.engine_settings()).items()}
    found |= asdict(bounds.retention_settings())
    found |= {
        "lease_seconds": queue.lease_seconds,
        "tick_seconds": settings.tick_seconds(),
        "store_replicas": settings.store_replicas(),
        "local_worker": settings.variable("local_worker") == "off",
    }
    return {
        settings.PREFIX + name.upper(): hashlib.sha256(repr(value).encode()).hexdigest()[:16]
        for name, value in found.items()
    }
