"""Chalice's Terraform document, made ours: aliases, the gateway's answers, mere text as text."""

import json
import re
from collections.abc import Iterable
from typing import Any

from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.deployment.gateway_responses import responses
from tinyllama.deployment.merging import merged

_FUNCTION = re.compile(r"\$\{aws_lambda_function\.(\w+)\.invoke_arn\}")
# Terraform's two template openings; doubled they are text.
_TEMPLATE = re.compile(r"([$%])(?=\{)")
# The service's own health check answers there behind a custom domain
# (docs.aws.amazon.com/apigateway, "Amazon API Gateway important notes").
_RESERVED = ("/ping", "/sping")
# A plain part of a path, or a variable.
_PART = re.compile(r"[A-Za-z0-9._:-]*|\{[A-Za-z0-9._:-]+\+?\}")


def adapted(document: dict[str, Any], patch: dict[str, Any], origin: str | None) -> dict[str, Any]:
    """Return the document that is deployed, of Chalice's *document* and our merge *patch*.

    The gateway's functions become ``${local.invoke_arns.<name>}``, which the patch defines; every
    other ``${`` and ``%{`` of docstrings, descriptions and settings is escaped. Pages of *origin*
    may read the gateway's own answers. Raises DeploymentFailed for a path that AWS reserves.
    """
    swagger = json.loads(document["locals"]["chalice_api_swagger"])
    _check_paths(swagger["paths"])
    swagger = _aliased(swagger)
    swagger["x-amazon-apigateway-gateway-responses"] = responses(origin)
    patch_ours = {"locals": {"chalice_api_swagger": json.dumps(swagger)}}
    return dict(merged(merged(_settled(document), patch_ours), patch))


def _check_paths(paths: Iterable[str]) -> None:
    variables: dict[str, str] = {}
    for path in sorted(paths):
        if path in _RESERVED:
            raise DeploymentFailed(
                f"the path {path} is kept by API Gateway for itself: name the route otherwise"
            )
        place = ""
        for part in path.split("/")[1:]:
            if not _PART.fullmatch(part):
                raise DeploymentFailed(
                    f"the path {path} holds what API Gateway takes for no resource, {part}:"
                    " name the route otherwise"
                )
            if part.startswith("{") and variables.setdefault(place, part) != part:
                raise DeploymentFailed(
                    f"in {place} API Gateway takes one variable, {variables[place]} or {part}:"
                    " call it alike in every route"
                )
            place += f"/{part}"


def _aliased(value: Any) -> Any:
    """Return a part of the swagger document with aliases for the functions, all else as text."""
    if isinstance(value, dict):
        return {_text(name): _aliased(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_aliased(part) for part in value]
    if not isinstance(value, str):
        return value
    function = _FUNCTION.fullmatch(value)
    return f"${{local.invoke_arns.{function[1]}}}" if function else _text(value)


def _settled(value: Any, *, text: bool = False) -> Any:
    """Return the Terraform document with descriptions and the functions' settings as mere text."""
    if isinstance(value, dict):
        return {
            name: _settled(part, text=text or name in ("description", "variables"))
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [_settled(part, text=text) for part in value]
    return _text(value) if text and isinstance(value, str) else value


def _text(value: str) -> str:
    return _TEMPLATE.sub(r"\1\1", value)
