"""API Gateway played around the two functions: its events, its policies, its refusals."""

import http.client
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl

from tests import leaks
from tests.calls import Answer
from tests.infra.runtime_api import REGION, Function, FunctionFailed

API_ARN = f"arn:aws:execute-api:{REGION}:123456789012:abcdef1234/dev"


def token_event(token: str, method: str = "POST", path: str = "/infer") -> dict[str, str]:
    """Return what API Gateway asks a TOKEN authorizer."""
    arn = f"{API_ARN}/{method}{path}"
    return {"type": "TOKEN", "methodArn": arn, "authorizationToken": f"Bearer {token}"}


@dataclass(frozen=True)
class Route:
    """A request as the gateway has matched it: the resource, and what its ``{…}`` stand for."""

    resource: str
    values: Mapping[str, str]


def proxy_event(
    method: str,
    path: str,
    route: Route | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    context: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return what API Gateway hands a REST API's function, behind the stage ``dev``."""
    bare, _, query = path.partition("?")
    pairs = parse_qsl(query)
    route = route or Route(bare, {})
    sent = {"Host": "abcdef1234.execute-api.eu-west-1.amazonaws.com", **(headers or {})}
    request_context: dict[str, Any] = {
        "resourcePath": route.resource,
        "httpMethod": method,
        "path": f"/dev{bare}",
        "stage": "dev",
        "requestId": str(uuid.uuid4()),
        "identity": {"sourceIp": "203.0.113.9"},
    }
    if context is not None:
        request_context["authorizer"] = {**context, "principalId": "caller"}
    return {
        "resource": route.resource,
        "path": bare,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in pairs} or None,
        "pathParameters": dict(route.values) or None,
        "stageVariables": None,
        "requestContext": request_context,
        "body": body.decode() or None,
        "isBase64Encoded": False,
    }


@dataclass(frozen=True)
class Gateway:
    """API Gateway between a caller and the two functions, as far as the swagger document says."""

    swagger: Mapping[str, Any]
    authorizer: Function
    api: Function

    def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a request through authorizer and API."""
        leaks.LEDGER.note_request(headers, body)
        bare = path.partition("?")[0]
        route = self._route(bare)
        operation = self.swagger["paths"][route.resource][method.lower()]
        context = None
        if "security" in operation:
            status, context = self._authorize(method, bare, headers.get("Authorization", ""))
            if status != http.client.OK:
                return Answer(status, {}, b"")
        event = proxy_event(method, path, route, headers=headers, body=body, context=context)
        answer = self.api.invoke(event)
        told = {name.lower(): value for name, value in answer["headers"].items()}
        return Answer(answer["statusCode"], told, answer["body"].encode())

    def _route(self, path: str) -> Route:
        # A fixed resource wins over one with a variable.
        for resource in sorted(self.swagger["paths"], key=lambda name: "{" in name):
            pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", resource)
            if found := re.fullmatch(f"{pattern}/?", path):
                return Route(resource, found.groupdict())
        raise AssertionError(f"the gateway has no resource for {path}")

    def _authorize(self, method: str, path: str, authorization: str) -> tuple[int, dict[str, str]]:
        token = authorization.removeprefix("Bearer ")
        if not token:
            return 401, {}
        event = token_event(token, method, path)
        try:
            decision = self.authorizer.invoke(event)
        except FunctionFailed as error:
            return (401 if str(error) == "Unauthorized" else 500), {}
        return (200 if permits(decision, event["methodArn"]) else 403), decision["context"]


def permits(decision: Mapping[str, Any], arn: str) -> bool:
    """Whether an authorizer's policy lets *arn* be invoked: some Allow names it and no Deny."""
    named = {
        statement["Effect"]
        for statement in decision["policyDocument"]["Statement"]
        if statement["Action"] in ("execute-api:Invoke", ["execute-api:Invoke"])
        if any(fnmatchcase(arn, resource) for resource in statement["Resource"])
    }
    return named == {"Allow"}
