"""Functions on moto's Lambda, deployed as Terraform does: code, a version, the alias."""

import io
import zipfile
from typing import Any

import boto3

from tinyllama.deployment import functions

REGION = "us-east-1"
KEYS = ("api_handler", "jwt_authorizer", "tick")


def zipped(code: str) -> bytes:
    """Return a zip whose bytes depend on *code* alone."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("app.py"), code)
    return packed.getvalue()


class Deployed:
    """The stage dev on moto."""

    def __init__(self) -> None:
        self.client: Any = boto3.client("lambda", region_name=REGION)
        self.names = functions.names("dev")
        iam = boto3.client("iam", region_name=REGION)
        role = iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        for name in self.names.values():
            self.client.create_function(
                FunctionName=name,
                Runtime="python3.13",
                Role=role,
                Handler="app.app",
                Architectures=["arm64"],
                Code={"ZipFile": zipped("nothing")},
            )

    def release(self, code: str, keys: tuple[str, ...] = KEYS, **settings: str) -> dict[str, int]:
        """Publish *code* with *settings* and let the alias name it; return the versions."""
        published: dict[str, int] = {}
        for key in keys:
            name = self.names[key]
            self.client.update_function_configuration(
                FunctionName=name, Environment={"Variables": settings}
            )
            self.client.update_function_code(FunctionName=name, ZipFile=zipped(code))
            version = self.client.publish_version(FunctionName=name)["Version"]
            self._alias(name, version)
            published[key] = int(version)
        return published

    def live(self) -> dict[str, int]:
        """Return the version that the alias of each function names."""
        return {
            key: int(self.client.get_alias(FunctionName=name, Name="live")["FunctionVersion"])
            for key, name in self.names.items()
        }

    def tamper(self, key: str) -> None:
        """Change the code of a function without a version, as a console does."""
        self.client.update_function_code(FunctionName=self.names[key], ZipFile=zipped("evil"))

    def _alias(self, name: str, version: str) -> None:
        which = {"FunctionName": name, "Name": "live", "FunctionVersion": version}
        try:
            self.client.update_alias(**which)
        except self.client.exceptions.ResourceNotFoundException:
            self.client.create_alias(**which)
