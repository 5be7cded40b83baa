"""Programs that the commands run beside themselves."""

import shutil

from tinyllama.deployment.failures import DeploymentFailed

_FROM = {
    "terraform": "https://developer.hashicorp.com/terraform/install",
    "git": "your system's packages",
}


def find(program: str) -> str:
    """Return the path of *program*. Raises DeploymentFailed saying where it comes from."""
    found = shutil.which(program)
    if found is None:
        raise DeploymentFailed(f"{program} is not on PATH: install it from {_FROM[program]}")
    return found
