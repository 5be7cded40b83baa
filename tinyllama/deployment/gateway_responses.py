"""What API Gateway answers by itself, in the words of the API's own refusals.

Its templates know ``$context.<name>`` and nothing else: no conditions, no defaults. A name that is
not there leaves nothing behind, so only names that are always there, or that our authorizer always
sets, may stand in one. None of them holds what a caller sent: nothing can break out of a string.
(docs.aws.amazon.com/apigateway, "Gateway responses for REST APIs")
"""

import json
from collections.abc import Mapping
from typing import Any

from chalicelib import dialects, errors, headers, limits
from chalicelib.edge import EXPOSED_HEADERS
from chalicelib.errors import RouterError
from tinyllama import gateway_errors

_NO_ROUTE = gateway_errors.NO_ROUTE

_DENIED = gateway_errors.Forbidden()
# Each type of response there is, and the refusal that the caller sees.
_REFUSALS: Mapping[str, RouterError] = {
    # No route asks for a signature of AWS: only an unknown one looks for it.
    "MISSING_AUTHENTICATION_TOKEN": gateway_errors.RouteNotFound(_NO_ROUTE),
    "INVALID_SIGNATURE": gateway_errors.RouteNotFound(_NO_ROUTE),
    "EXPIRED_TOKEN": gateway_errors.RouteNotFound(_NO_ROUTE),
    "RESOURCE_NOT_FOUND": gateway_errors.RouteNotFound(_NO_ROUTE),
    "UNAUTHORIZED": gateway_errors.Unauthorized("no token came, or a fresh one is needed"),
    "ACCESS_DENIED": _DENIED,
    "INVALID_API_KEY": gateway_errors.Forbidden(),
    "WAF_FILTERED": gateway_errors.Forbidden(),
    "AUTHORIZER_FAILURE": errors.KeysUnavailable(),
    "AUTHORIZER_CONFIGURATION_ERROR": gateway_errors.RouterUnavailable(),
    "API_CONFIGURATION_ERROR": RouterError(),
    "INTEGRATION_FAILURE": gateway_errors.RouterUnavailable(),
    "INTEGRATION_TIMEOUT": gateway_errors.TimedOut(),
    "BAD_REQUEST_BODY": gateway_errors.BadRequest(),
    "BAD_REQUEST_PARAMETERS": gateway_errors.BadRequest(),
    "REQUEST_TOO_LARGE": errors.BodyTooLarge(),
    "UNSUPPORTED_MEDIA_TYPE": errors.UnsupportedMediaType(),
    "THROTTLED": gateway_errors.Throttled(),
    "QUOTA_EXCEEDED": gateway_errors.Throttled(),
    # Types that AWS may add one day; every known one is named above.
    "DEFAULT_4XX": gateway_errors.BadRequest(),
    "DEFAULT_5XX": RouterError(),
}
_RETRIED = (429, 503)


def responses(origin: str | None) -> dict[str, Any]:
    """Return ``x-amazon-apigateway-gateway-responses``, readable for pages of *origin* alone."""
    return {
        kind: {
            "statusCode": str(refusal.status),
            "responseParameters": {
                f"gatewayresponse.header.{name}": value
                for name, value in _headers(refusal, origin).items()
            },
            "responseTemplates": {"application/json": _template(refusal)},
        }
        for kind, refusal in _REFUSALS.items()
    }


def _template(refusal: RouterError) -> str:
    body = dialects.problem_for_all(refusal, "$context.requestId")
    if refusal is _DENIED:
        # The authorizer tells the reason with every decision, an Allow's too.
        reason = "$context.authorizer.reason"
        body |= {"type": f"urn:tinyllama:problem:{reason}", "code": reason}
        body |= dict.fromkeys(("title", "detail"), "$context.authorizer.title")
        body["error"] |= {"message": "$context.authorizer.title", "code": reason}
    return json.dumps(body)


def _headers(refusal: RouterError, origin: str | None) -> dict[str, str]:
    """Return each header's mapping: a text in single quotes, or the name of a context variable."""
    # No Content-Security-Policy: AWS documents no way to put its quotes into a mapping, and these
    # bodies are words of ours alone.
    told = {"Content-Type": dialects.PROBLEM, **headers.ALWAYS, **headers.OVER_HTTPS}
    if refusal.status in _RETRIED:
        told["Retry-After"] = str(limits.RETRY_AFTER_SECONDS)
    if refusal is _DENIED or isinstance(refusal, gateway_errors.Unauthorized):
        # Without an error code (RFC 6750, section 3): it would differ with the reason.
        told["WWW-Authenticate"] = "Bearer"
    if origin:
        told["Access-Control-Allow-Origin"] = origin
        told["Access-Control-Expose-Headers"] = ",".join(EXPOSED_HEADERS)
    fixed = {name: f"'{value}'" for name, value in told.items()}
    return fixed | {"X-Request-Id": "context.requestId"}
