"""Where the private key that signs an environment's API keys lies: in Parameter Store.

It is a SecureString below ``/tinyllama-operator/<environment>/``, which operators alone may read:
no role of the running router, and not the role that deploys.
"""

from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tinyllama import signing_keys
from tinyllama.deployment import aws, registry, secret_values
from tinyllama.deployment.failures import DeploymentFailed

NAME = "api_key_signing_key"


@dataclass(frozen=True)
class Held:
    """The signing key that is current, as a version of its parameter, and since when it is."""

    private: Ed25519PrivateKey = field(repr=False)
    version: int
    since: datetime

    @property
    def jwk(self) -> dict[str, str]:
        """Its public key."""
        return signing_keys.public_jwk(self.private)


def path(environment: str) -> str:
    """Return the parameter's path. Raises DeploymentFailed for a bad name."""
    return f"/tinyllama-operator{registry.folder(environment).removeprefix('/tinyllama')}{NAME}"


def find(environment: str) -> Held | None:
    """Return the current signing key, None without one.

    Raises DeploymentFailed where AWS refuses, and where something else lies there.
    """
    ssm = registry.client()
    with aws.told():
        try:
            found = ssm.get_parameter(Name=path(environment), WithDecryption=True)["Parameter"]
        except ssm.exceptions.ParameterNotFound:
            return None
    try:
        private = signing_keys.read_pem(str(found["Value"]).encode())
    except ValueError:
        raise DeploymentFailed(
            f"{path(environment)} holds no signing key: an earlier version of it may"
        ) from None
    return Held(private, int(found["Version"]), found["LastModifiedDate"])


def require(environment: str) -> Held:
    """Return the current signing key. Raises DeploymentFailed as ``find``, and without one."""
    held = find(environment)
    if held is None:
        raise DeploymentFailed(
            f"{environment} has no signing key in {aws.region()}:"
            f" tinyllama keys signing-key create {environment} makes one"
        )
    return held


def write_first(environment: str) -> Held:
    """Make the first signing key. Raises DeploymentFailed where there is one."""
    # What came to be since the look is not overwritten.
    _put(environment, Overwrite=False, Tags=registry.tags(environment))
    return require(environment)


def write_next(environment: str) -> Held:
    """Make another signing key the current one; the one before stays as a version of its own."""
    _put(environment, Overwrite=True)
    # Asked for, not taken for granted: another operator's may have come after ours.
    return require(environment)


def label_previous(environment: str, held: Held) -> None:
    """Label the version before *held* as the previous one; where it is so already, again."""
    if held.version > 1:
        secret_values.label_previous(path(environment), held.version - 1)


def _put(environment: str, **how: object) -> None:
    text = signing_keys.pem(signing_keys.create()).decode()
    secret_values.put(path(environment), text, **how)
