"""Every policy in a Terraform plan, read for wildcards that AWS does not force.

An action is never a wildcard. A resource may have one beside a name that is the stage's own; any
other needs its reason in ``forced_wildcards.py``.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.infra.forced_wildcards import FORCED

_WILD = re.compile(r"[*?]")
# Names and paths of one stage, tinyllama-dev or /tinyllama/dev; never tinyllama-*, of all stages.
_OWN = re.compile(r"[:/](?:tinyllama-|tinyllama/)[a-z](?:[a-z0-9-]*[a-z0-9])?(?=[-/:]|$)")


def wildcards(plan: Mapping[str, Any]) -> list[str]:
    """Return a line for each wildcard that nothing forces, and each policy that nobody can read.

    *plan* is what ``terraform show -json`` tells of a plan or of a state. A line names resource,
    action and what the wildcard covers. A policy of IAM that is only known after the apply is
    told too: an audit that skipped it would find nothing.
    """
    return sorted(
        {
            f"{address}: {told}"
            for address, kind, values, unknown in _resources(plan)
            for told in _of_resource(address, kind, values, unknown)
        }
    )


def policies(plan: Mapping[str, Any]) -> list[str]:
    """Return the addresses of all resources in *plan* that hold a policy, once for each policy."""
    return [address for address, _, values, _ in _resources(plan) for _ in _documents(values)]


type _Resource = tuple[str, str, Mapping[str, Any], Mapping[str, Any]]


def _resources(plan: Mapping[str, Any]) -> Iterator[_Resource]:
    for change in plan.get("resource_changes", ()):
        after, unknown = change["change"].get("after"), change["change"].get("after_unknown")
        if after is not None:
            yield change["address"], change["type"], after, unknown or {}
    modules = [plan.get("values", plan).get("root_module", {})]
    while modules:
        module = modules.pop()
        modules.extend(module.get("child_modules", ()))
        for resource in module.get("resources", ()):
            if resource.get("mode", "managed") == "managed":
                yield resource["address"], resource["type"], resource["values"], {}


def _of_resource(
    address: str, kind: str, values: Mapping[str, Any], unknown: Mapping[str, Any]
) -> Iterator[str]:
    if kind == "aws_vpc_endpoint":
        return  # It only narrows what others grant, and everything is its default.
    for name in ("policy", "assume_role_policy"):
        if kind.startswith("aws_iam_") and unknown.get(name) is True:
            yield f"{name} is known after the apply only, and cannot be read before it"
    for arn in (values.get("policy_arn"), *(values.get("managed_policy_arns") or ())):
        if ":aws:policy/" in str(arn):
            yield f"attaches {arn}, whose actions are Amazon's choice"
    for statement in _allowed(values):
        yield from _of_statement(address, statement)


def _allowed(values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for document in _documents(values):
        for statement in _list(document["Statement"]):
            if statement.get("Effect") == "Allow":
                yield statement


def _documents(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the policies in *value*, however deep: JSON texts with a ``Statement``."""
    if isinstance(value, str) and '"Statement"' in value:
        try:
            document = json.loads(value)
        except ValueError:
            return
        if isinstance(document, dict) and "Statement" in document:
            yield document
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _documents(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _documents(inner)


def _of_statement(address: str, statement: Mapping[str, Any]) -> Iterator[str]:
    for name in ("NotAction", "NotResource", "NotPrincipal"):
        if name in statement:
            yield f"{name} allows all that it does not name"
    conditional = bool(statement.get("Condition"))
    if not conditional and "*" in _principals(statement.get("Principal", ())):
        yield "anybody may, without a condition"
    resources = [str(one) for one in _list(statement.get("Resource", []))]
    for action in (str(one) for one in _list(statement.get("Action", []))):
        wild = [one for one in resources if _WILD.search(one) and not _own(one)]
        if _WILD.search(action):
            yield f"{action}, which is more than one action"
        for resource in wild:
            if not any(
                one.covers(address, action, resource, conditional=conditional) for one in FORCED
            ):
                yield f"{action} on {resource}"


def _principals(principal: Any) -> list[str]:
    if isinstance(principal, Mapping):
        return [str(one) for value in principal.values() for one in _list(value)]
    return [str(one) for one in _list(principal)]


def _own(resource: str) -> bool:
    """Whether *resource* is an ARN with a name of one stage, and no wildcard but beside that."""
    return resource.startswith("arn:") and bool(_OWN.search(resource))


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
