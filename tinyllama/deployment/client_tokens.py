"""Tokens for calling a deployed API: those of the stage's machine clients, or one in a file."""

from collections.abc import Mapping
from pathlib import Path

from chalicelib import settings
from tinyllama.deployment.failures import DeploymentFailed
from worker import grant
from worker.credential import TOKEN
from worker.grant import GrantFailed


def has_secret(role: str) -> bool:
    """Whether the surroundings hold the secret of the machine client *role*."""
    names = f"{role}_client_secret", f"{role}_client_secret_file"
    return any(settings.variable(name) for name in names)


def granted(role: str, client_id: str, ids: Mapping[str, str]) -> str:
    """Return a new token of the machine client *role*, asked for where *ids* tell.

    Raises DeploymentFailed where none comes, and NotConfigured.
    """
    secret = f"{role}_client_secret"
    client = settings.machine_client(client_id, secret, ids.get("token_url"))
    try:
        return grant.ask(client).token
    except GrantFailed as failure:
        raise DeploymentFailed(f"the {role} client gets no token: {failure}") from None


def read(file: Path) -> str:
    """Return the token in *file*. Raises DeploymentFailed where there is none."""
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        token = ""
    if not TOKEN.fullmatch(token):
        raise DeploymentFailed(f"{file.name} holds no token, or cannot be read")
    return token
