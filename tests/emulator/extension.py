"""The emulator with what it lacks for this stack; run by its own Python, not by the tests'.

Terraform sends the API as one document (PutRestApi), patches media types one by one, asks for
alarms in the older XML protocol, and for a scaling policy by its name. A denial's answer may tell
what the authorizer said. A call that is sent again is answered as before. Functions run on a
Python without any package: what a function imports it must have brought along.
"""

# ruff: noqa: SLF001 - what it lacks is lacking inside

import json
import os
import re
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import hypercorn.asyncio
from ministack import app
from ministack.core import lambda_runtime
from ministack.services import apigateway_v1 as gateway
from ministack.services import autoscaling, cloudwatch

sys.path.insert(0, str(Path(__file__).parents[2]))  # isolated, it searches no folder of ours

from tests.emulator.answered_once import AnsweredOnce

_SIMPLE = {"Period", "Statistic", "MetricName", "Namespace", "Dimensions"}
_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"

_KEEP_ALIVE_SECONDS = 600  # longer than any client keeps a connection that it does not use

_serve = hypercorn.asyncio.serve
_handle_request = gateway.handle_request
_cache_authorizer_result = gateway._cache_authorizer_result
_evaluate_policy = gateway._evaluate_policy
_gateway_error_response = gateway._gateway_error_response
_describe_alarms = cloudwatch._describe_alarms
_describe_policies = autoscaling._ACTION_MAP["DescribePolicies"]
_runtime_binary = lambda_runtime._detect_runtime_binary


def runtime_binary(runtime: str) -> tuple[str, str]:
    """Return what runs a function: the bare Python of FUNCTION_PYTHON, for its own release only."""
    _, script = _runtime_binary(runtime)
    return (os.environ["FUNCTION_PYTHON"], script) if runtime == _PYTHON else ("", "")


async def handle_request(
    method: str, path: str, headers: Any, body: bytes, query_params: Any
) -> Any:
    """Answer a call of API Gateway's control plane."""
    parts = [part for part in path.split("/") if part]
    if len(parts) == 2 and parts[0] == "restapis":
        if method == "PUT":
            return put_rest_api(parts[1], json.loads(body))
        if method == "PATCH":
            body = patch_media_types(parts[1], json.loads(body))
    return await _handle_request(method, path, headers, body, query_params)


def put_rest_api(api_id: str, document: Mapping[str, Any]) -> Any:
    """Overwrite the API: drop every resource but the root, then import the document."""
    if api_id not in gateway._rest_apis:
        return gateway._v1_error("NotFoundException", "Invalid API identifier specified", 404)
    resources = gateway._resources[api_id]
    for key in [key for key, resource in resources.items() if resource["path"] != "/"]:
        del resources[key]
    for root in resources.values():
        root["resourceMethods"] = {}
    gateway._authorizers_v1[api_id] = {}
    media = document.get("x-amazon-apigateway-binary-media-types")
    if media is not None:
        gateway._rest_apis[api_id]["binaryMediaTypes"] = media
    schemes = gateway._import_security_schemes(api_id, document)
    for path, item in document.get("paths", {}).items():
        gateway._import_path_item(api_id, path, item, schemes, document.get("security"))
    gateway._gateway_responses[api_id] = {}
    for kind, answer in document.get("x-amazon-apigateway-gateway-responses", {}).items():
        refused = gateway._put_gateway_response(api_id, kind, answer)
        if refused[0] >= 400:
            return refused
    return gateway._v1_response(gateway._rest_api_view(gateway._rest_apis[api_id]))


def patch_media_types(api_id: str, patch: Mapping[str, Any]) -> bytes:
    """Do what concerns media types, element by element as AWS does; return the rest of *patch*."""
    rest = []
    for operation in patch.get("patchOperations", []):
        head, _, name = operation["path"].lstrip("/").partition("/")
        if head != "binaryMediaTypes" or not name:
            rest.append(operation)
            continue
        media = gateway._rest_apis[api_id].setdefault("binaryMediaTypes", [])
        name = name.replace("~1", "/").replace("~0", "~")
        if operation["op"] == "remove" and name in media:
            media.remove(name)
        elif operation["op"] in {"add", "replace"} and name not in media:
            media.append(name)
    return json.dumps({"patchOperations": rest}).encode()


def cache_authorizer_result(key: Any, expires_at: float, policy: Any, context: Any) -> None:
    """Keep what an authorizer told beside its policy, which lives as long as the cache's entry."""
    policy["said by the authorizer"] = context
    _cache_authorizer_result(key, expires_at, policy, context)


def evaluate_policy(policy: Any, method_arn: str) -> Any:
    """Decide, and remember for the answer what the authorizer told."""
    _said.set(policy.get("said by the authorizer") or {})
    return _evaluate_policy(policy, method_arn)


def gateway_error_response(error: Any, request: Any) -> Any:
    """Answer in the template's words; what an authorizer did not tell leaves nothing behind."""
    status, headers, body = _gateway_error_response(error, request)
    said = _said.get() if error.response_type == "ACCESS_DENIED" else {}
    told = _AUTHORIZER_WORD.sub(lambda word: str(said.get(word[1], "")), body.decode())
    return status, headers, told.encode()


_AUTHORIZER_WORD = re.compile(r"\$context\.authorizer\.(\w+)")
_said: ContextVar[Mapping[str, Any]] = ContextVar("said", default={})  # noqa: B039 - never changed


def describe_alarms(params: Any, cbor_data: Any, is_cbor: Any, is_json: Any = None) -> Any:
    """Tell alarms whole where they are asked for in XML: the emulator leaves fields out there."""
    if is_cbor or is_json:
        return _describe_alarms(params, cbor_data, is_cbor, bool(is_json))
    wanted = {cloudwatch._p(params, f"AlarmNames.member.{index}") for index in range(1, 101)}
    wanted -= {"", None}
    alarms = [
        # One that computes its measure has no name, period or statistic of its own.
        {key: v for key, v in alarm.items() if alarm.get("MetricName") or key not in _SIMPLE}
        for name, alarm in cloudwatch._alarms.items()
        if not wanted or name in wanted
    ]
    members = "".join(f"<member>{_xml(alarm)}</member>" for alarm in alarms)
    answer = f"<DescribeAlarmsResult><MetricAlarms>{members}</MetricAlarms></DescribeAlarmsResult>"
    return cloudwatch._xml(200, "DescribeAlarmsResponse", answer)


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(
            f"<{key}>{_xml(inner)}</{key}>"
            for key, inner in value.items()
            if key[0].isupper() and inner is not None and not key.endswith("Timestamp")
        )
    if isinstance(value, list):
        return "".join(f"<member>{_xml(inner)}</member>" for inner in value)
    if isinstance(value, bool):
        return str(value).lower()
    return escape(str(value))


def describe_policies(params: Any) -> Any:
    """Tell the policies that are asked for by name, not all of the group."""
    names = autoscaling._parse_member_list(params, "PolicyNames")
    group = params.get("AutoScalingGroupName")
    if not names:
        return _describe_policies(params)
    members = "".join(
        f"<member>{autoscaling._member_xml({**_POLICY_DEFAULTS, **policy})}</member>"
        for policy in autoscaling._policies.values()
        if policy["PolicyName"] in names and group in {None, "", policy["AutoScalingGroupName"]}
    )
    answer = f"<DescribePoliciesResult><ScalingPolicies>{members}</ScalingPolicies>"
    return autoscaling._xml(200, "DescribePoliciesResponse", f"{answer}</DescribePoliciesResult>")


_POLICY_DEFAULTS: dict[str, Any] = {"Enabled": True, "StepAdjustments": [], "Alarms": []}


def take_metrics_collection(params: Any) -> Any:
    """Agree to measure a group, or not to; the emulator measures nothing."""
    return autoscaling._xml(200, f"{params['Action']}Response", "")


async def serve(application: Any, config: Any) -> None:
    """Serve without closing a connection that a client is about to use again."""
    config.keep_alive_timeout = _KEEP_ALIVE_SECONDS
    await _serve(AnsweredOnce(application), config)


autoscaling._ACTION_MAP |= {
    "DescribePolicies": describe_policies,
    "EnableMetricsCollection": take_metrics_collection,
    "DisableMetricsCollection": take_metrics_collection,
}
hypercorn.asyncio.serve = serve
gateway.handle_request = handle_request
gateway._cache_authorizer_result = cache_authorizer_result
gateway._evaluate_policy = evaluate_policy
gateway._gateway_error_response = gateway_error_response
cloudwatch._describe_alarms = describe_alarms
lambda_runtime._detect_runtime_binary = runtime_binary

if __name__ == "__main__":
    app.main()
