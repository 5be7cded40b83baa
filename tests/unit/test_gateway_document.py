"""Chalice's Terraform document after our changes."""

import json
from typing import Any

import pytest

from chalicelib.settings import PROJECT
from tinyllama.deployment.gateway import adapted

PATCH = json.loads((PROJECT / "terraform-extras" / "merge.json").read_text(encoding="utf-8"))
CALLED = "${aws_lambda_function.api_handler.invoke_arn}"


def chalices(paths: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return a document like one of Chalice's, as far as it matters here."""
    swagger = {"swagger": "2.0", "paths": paths or {"/health": {"get": {"uri": CALLED}}}}
    return {"locals": {"chalice_api_swagger": json.dumps(swagger)}, **more}


def swagger_of(document: dict[str, Any]) -> dict[str, Any]:
    swagger: dict[str, Any] = json.loads(document["locals"]["chalice_api_swagger"])
    return swagger


def test_the_gateway_calls_the_aliases() -> None:
    document = adapted(chalices(), PATCH, None)

    assert swagger_of(document)["paths"]["/health"]["get"]["uri"] == (
        "${local.invoke_arns.api_handler}"
    )
    assert document["locals"]["invoke_arns"]["api_handler"] == (
        '${aws_lambda_alias.live["api_handler"].invoke_arn}'
    )


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("costs ${5}", "costs $${5}"),
        ("%{ if true }", "%%{ if true }"),
        ("like " + CALLED, "like $" + CALLED),
        ("$5, 5 % and {id}", "$5, 5 % and {id}"),
    ],
)
def test_a_docstring_is_no_template(told: str, kept: str) -> None:
    document = adapted(chalices({"/a": {"get": {"summary": told, "tags": [told]}}}), PATCH, None)

    operation = swagger_of(document)["paths"]["/a"]["get"]
    assert operation == {"summary": kept, "tags": [kept]}


def test_a_setting_or_description_is_no_template_while_references_stay() -> None:
    function = {
        "environment": {"variables": {"GREETING": "${hello}"}},
        "role": "${aws_iam_role.tick_role.arn}",
    }
    rule = {"description": "%{ often }"}
    resource = {"aws_lambda_function": {"tick": function}, "rule": rule}

    document = adapted(chalices(resource=resource), PATCH, None)

    changed = document["resource"]["aws_lambda_function"]["tick"]
    assert changed["environment"]["variables"] == {"GREETING": "$${hello}"}
    assert changed["role"] == "${aws_iam_role.tick_role.arn}"
    assert document["resource"]["rule"] == {"description": "%%{ often }"}


def test_the_gateways_own_answers_are_part_of_the_document() -> None:
    document = adapted(chalices(), PATCH, "https://app.example")

    told = swagger_of(document)["x-amazon-apigateway-gateway-responses"]["UNAUTHORIZED"]
    assert told["responseParameters"]["gatewayresponse.header.Access-Control-Allow-Origin"] == (
        "'https://app.example'"
    )
