"""Chalice's Terraform document, made ours: aliases, the gateway's answers, mere text as text."""

import json
import re
from typing import Any

from tinyllama.deployment.gateway_responses import responses
from tinyllama.deployment.merging import merged

_FUNCTION = re.compile(r"\$\{aws_lambda_function\.(\w+)\.invoke_arn\}")
# Terraform's two template openings; doubled they are text.
_TEMPLATE = re.compile(r"([$%])(?=\{)")


def adapted(document: dict[str, Any], patch: dict[str, Any], origin: str | None) -> dict[str, Any]:
    """Return the document that is deployed, of Chalice's *document* and our merge *patch*.

    The gateway's functions become ``${local.invoke_arns.<name>}``, which the patch defines; every
    other ``${`` and ``%{`` of docstrings, descriptions and settings is escaped. Pages of *origin*
    may read the gateway's own answers.
    """
    swagger = json.loads(document["locals"]["chalice_api_swagger"])
    swagger = _aliased(swagger)
    swagger["x-amazon-apigateway-gateway-responses"] = responses(origin)
    patch_ours = {"locals": {"chalice_api_swagger": json.dumps(swagger)}}
    return dict(merged(merged(_settled(document), patch_ours), patch))


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
