"""The functions of a stage on AWS: their code, their versions, and the alias that callers reach."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import WaiterError

from tinyllama.deployment import aws
from tinyllama.deployment.failures import DeploymentFailed

ALIAS = "live"
API = "api_handler"
_LATEST = "$LATEST"
# botocore's waiter knows no such state, and waits for the end of its time.
_ASLEEP = "Inactive"
# Lambda is seldom longer than a minute; the first time in a VPC it may be.
_WAIT = {"Delay": 2, "MaxAttempts": 150}


@dataclass(frozen=True)
class Version:
    """What a function is at one version, 0 for what was deployed last and published or not.

    *sha256* is of its zip, in base64; *published* is when it was last changed; *layers* are the
    names of what else Lambda lays beside the zip.
    """

    number: int
    sha256: str
    published: datetime
    architecture: str = ""
    layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Alias:
    """The version that callers reach, and what else a share of them reaches: nothing, normally."""

    number: int
    others: tuple[str, ...]


def names(stage: str) -> dict[str, str]:
    """Return the names of a stage's functions, those that Chalice gives, by their Terraform key."""
    return {
        API: f"tinyllama-{stage}",
        "jwt_authorizer": f"tinyllama-{stage}-jwt_authorizer",
        "tick": f"tinyllama-{stage}-tick",
    }


class Functions:
    """The functions of one stage. Every call raises DeploymentFailed where AWS refuses it."""

    def __init__(self, stage: str, client: Any = None) -> None:
        self.names = names(stage)
        self._client = client or aws.client("lambda")

    def version(self, name: str, number: int = 0) -> Version | None:
        """Return the function *name* at a version; None where there is none."""
        qualifier = str(number) if number else _LATEST
        found = self._find(self._client.get_function, name, Qualifier=qualifier)
        return None if found is None else _version(found["Configuration"])

    def alias(self, name: str) -> Alias | None:
        """Return what the alias of the function *name* reaches; None where there is none."""
        found = self._find(self._client.get_alias, name, Name=ALIAS)
        if found is None:
            return None
        shares = found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        return Alias(int(found["FunctionVersion"]), tuple(sorted(shares)))

    def versions(self, name: str) -> list[Version]:
        """Return the published versions of the function *name*, oldest first."""
        entries = self._pages("list_versions_by_function", "Versions", name)
        found = [_version(entry) for entry in entries if entry["Version"] != _LATEST]
        return sorted(found, key=lambda version: version.number)

    def settings(self, name: str, number: int) -> Mapping[str, str]:
        """Return the environment of the function *name* at a version."""
        with aws.told():
            found = self._client.get_function_configuration(
                FunctionName=name, Qualifier=str(number)
            )
        variables: Mapping[str, str] = found.get("Environment", {}).get("Variables", {})
        return variables

    def point(self, name: str, number: int) -> None:
        """Let all callers of the function *name* reach a version; again is fine."""
        with aws.told():
            self._client.update_alias(
                FunctionName=name,
                Name=ALIAS,
                FunctionVersion=str(number),
                RoutingConfig={"AdditionalVersionWeights": {}},
            )

    def restore(self, name: str, code: bytes, architecture: str) -> None:
        """Give the function *name* the zip *code*, published, and let callers reach it.

        For code that somebody changed on AWS: Terraform compares what it uploaded, not what is
        there, and takes the newest version for its own, whoever published it.
        """
        with aws.told():
            published = self._client.update_function_code(
                FunctionName=name, ZipFile=code, Publish=True, Architectures=[architecture]
            )
        self._wait("function_updated_v2", FunctionName=name)
        self.point(name, int(published["Version"]))

    def wait(self) -> None:
        """Return when all functions take calls, the version behind the alias too.

        One that sleeps, for nobody called it for weeks, is left to its next call, which wakes it:
        docs.aws.amazon.com/lambda, "Lambda function states".
        """
        for name in self.names.values():
            self._wait("function_updated_v2", FunctionName=name)
            with aws.told():
                found = self._client.get_function_configuration(FunctionName=name, Qualifier=ALIAS)
            if found.get("State") != _ASLEEP:
                self._wait("published_version_active", FunctionName=name, Qualifier=ALIAS)

    def prune(self, keep: int) -> int:
        """Delete versions beyond the newest *keep* of each function; return how many.

        What an alias names stays.
        """
        removed = 0
        for name in self.names.values():
            named = self._named_by_an_alias(name)
            for version in self.versions(name)[:-keep]:
                if version.number not in named:
                    with aws.told():
                        self._client.delete_function(
                            FunctionName=name, Qualifier=str(version.number)
                        )
                    removed += 1
        return removed

    def _named_by_an_alias(self, name: str) -> set[int]:
        found: set[int] = set()
        for alias in self._pages("list_aliases", "Aliases", name):
            shares = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
            numbers = (alias["FunctionVersion"], *shares)
            found |= {int(number) for number in numbers if number != _LATEST}
        return found

    def _pages(self, operation: str, key: str, name: str) -> Iterator[Mapping[str, Any]]:
        with aws.told():
            for page in self._client.get_paginator(operation).paginate(FunctionName=name):
                yield from page[key]

    def _find(self, ask: Callable[..., Any], name: str, **which: str) -> Mapping[str, Any] | None:
        with aws.told():
            try:
                found: Mapping[str, Any] = ask(FunctionName=name, **which)
            except self._client.exceptions.ResourceNotFoundException:
                return None
        return found

    def _wait(self, what: str, **which: str) -> None:
        try:
            self._client.get_waiter(what).wait(**which, WaiterConfig=_WAIT)
        except WaiterError as error:
            raise DeploymentFailed(
                f"{which['FunctionName']} does not become active: {_reason(error)}"
            ) from None


def _reason(error: WaiterError) -> str:
    answer = error.last_response.get("Configuration", error.last_response)
    reasons = [answer.get(key) for key in ("LastUpdateStatusReason", "StateReason")]
    return next((str(reason) for reason in reasons if reason), str(error))


def _version(configuration: Mapping[str, Any]) -> Version:
    number = configuration["Version"]
    return Version(
        number=0 if number == _LATEST else int(number),
        sha256=str(configuration["CodeSha256"]),
        published=datetime.fromisoformat(str(configuration["LastModified"])),
        architecture=next(iter(configuration.get("Architectures", [])), ""),
        layers=tuple(layer["Arn"] for layer in configuration.get("Layers", [])),
    )
