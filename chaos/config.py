"""How the router is set while it is attacked: short leases, attempts enough for many deaths."""

from chalicelib.bounds import QueueSettings

LEASE_SECONDS = 1.0
MAX_ATTEMPTS = 50
QUEUE_LENGTH = 100_000


def queue_settings(max_attempts: int = MAX_ATTEMPTS) -> QueueSettings:
    """Return what submits and audits go by; workers get the same as variables."""
    return QueueSettings(LEASE_SECONDS, max_attempts, QUEUE_LENGTH, rate_per_minute=0)


def variables() -> dict[str, str]:
    """Return the same settings as a process of the router reads them."""
    return {
        "TINYLLAMA_LEASE_SECONDS": str(LEASE_SECONDS),
        "TINYLLAMA_MAX_ATTEMPTS": str(MAX_ATTEMPTS),
        "TINYLLAMA_QUEUE_LENGTH": str(QUEUE_LENGTH),
        "TINYLLAMA_RATE_PER_MINUTE": "0",
        "TINYLLAMA_TENANT_BYTES_PER_DAY": "0",
        "TINYLLAMA_TENANT_QUEUE_LENGTH": "0",
        "TINYLLAMA_ENGINE_URL": "",
        "NO_PROXY": "127.0.0.1",
        # A clock is wrong by an offset; what measures durations is not touched.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
