"""What ``chalice package`` makes of a clone: what ships, and what Terraform is told."""

import json
import re
import sys
import zipfile
from pathlib import Path

import pytest

import app
from chalicelib.settings import required
from tests.infra.package import Package

pytestmark = pytest.mark.slow

ZIP_BYTES = 9_000_000
X86_64 = 62  # ELF's e_machine


# What ships


def test_the_zip_holds_what_the_functions_run(package: Package, clone: Path) -> None:
    ours = [clone / "app.py", *(p for p in (clone / "chalicelib").rglob("*") if p.is_file())]
    expected = {str(path.relative_to(clone)) for path in ours if path.suffix != ".pyc"}

    assert expected <= set(package.names)
    assert {"chalicelib/lua/submit.lua", "chalicelib/openapi.json"} <= expected
    assert {"chalicelib/schemas/infer.json", "chalicelib/schemas/compiled.py"} <= expected


def test_the_zip_holds_nothing_else(package: Package) -> None:
    top = {name.partition("/")[0] for name in package.names}
    of_chalice = {name for name in package.names if name.startswith("chalice/")}

    libraries = {name for name in top if not name.endswith(".dist-info")}

    # referencing needs it before Python 3.13.
    older = {"typing_extensions.py"} if sys.version_info < (3, 13) else set()

    assert libraries == older | {
        "_cffi_backend." + _tag() + ".so", "app.py", "attr", "attrs", "cffi", "chalice",
        "chalicelib", "cryptography", "jsonschema", "jsonschema_specifications",
        "jwt", "pycparser", "redis", "referencing", "rpds",
    }  # fmt: skip
    assert of_chalice == {"chalice/__init__.py", "chalice/app.py"}


def test_the_zip_is_small(package: Package) -> None:
    assert package.zip.stat().st_size <= ZIP_BYTES


def test_the_zip_holds_no_bytecode_but_what_chalice_leaves_behind(package: Package) -> None:
    bytecode = {name for name in package.names if name.endswith(".pyc")}

    # Chalice imports app.py and then ships chalicelib/ as it lies there: stale, never run.
    assert {name for name in bytecode if not name.startswith("chalicelib/")} == set()


def test_binaries_are_for_lambdas_platform_and_python(package: Package) -> None:
    binaries = [name for name in package.names if ".so" in name]
    with zipfile.ZipFile(package.zip) as archive:
        heads = {name: archive.read(name)[:20] for name in binaries}

    assert binaries
    for name, head in heads.items():
        assert head[:4] == b"\x7fELF", name
        assert int.from_bytes(head[18:20], "little") == X86_64, name
        assert re.search(rf"\.(abi3|{re.escape(_tag())})\.so$", name), name


def _tag() -> str:
    return f"cpython-{sys.version_info[0]}{sys.version_info[1]}-x86_64-linux-gnu"


# What Terraform is told


def test_all_functions_run_on_this_python(package: Package) -> None:
    functions = package.terraform["resource"]["aws_lambda_function"]

    told = {
        function["handler"]: (function["runtime"], function["timeout"])
        for function in functions.values()
    }

    runtime = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    assert told == {
        "app.app": (runtime, 40),
        "app.jwt_authorizer": (runtime, 10),
        "app.tick": (runtime, 60),
    }
    assert all(
        "filebase64sha256" in function["source_code_hash"] for function in functions.values()
    )


def test_the_tick_comes_each_minute(package: Package) -> None:
    resources = package.terraform["resource"]
    (rule,) = resources["aws_cloudwatch_event_rule"].values()
    (target,) = resources["aws_cloudwatch_event_target"].values()
    permissions = resources["aws_lambda_permission"].values()

    assert rule["schedule_expression"] == "rate(1 minute)"
    assert target["arn"] == "${aws_lambda_function.tick.arn}"
    assert [
        permission["function_name"]
        for permission in permissions
        if permission["principal"] == "events.amazonaws.com"
    ] == ["${aws_lambda_function.tick.arn}"]


def test_no_function_is_given_a_variable_that_lambda_reserves(package: Package) -> None:
    functions = package.terraform["resource"]["aws_lambda_function"]

    names = {
        name
        for function in functions.values()
        for name in function.get("environment", {}).get("variables", {})
    }

    assert {name for name in names if not name.startswith("TINYLLAMA_")} == set()


def test_the_gateway_is_regional(package: Package) -> None:
    gateway = package.terraform["resource"]["aws_api_gateway_rest_api"]["rest_api"]

    assert gateway["endpoint_configuration"] == {"types": ["REGIONAL"]}


def test_the_gateway_serves_every_route_and_guards_those_with_a_scope(package: Package) -> None:
    served = {
        (method.upper(), path): "security" in operation
        for path, methods in package.swagger["paths"].items()
        for method, operation in methods.items()
        if method != "options"
    }

    assert served == {(r.method, r.path): r.scope is not None for r in app.route.table}


def test_the_gateway_asks_the_authorizer_for_the_bearer_token(package: Package) -> None:
    guards = package.swagger["securityDefinitions"]["jwt_authorizer"]

    asked = guards["x-amazon-apigateway-authorizer"]

    assert (guards["in"], guards["name"]) == ("header", "Authorization")
    assert (asked["type"], asked["authorizerResultTtlInSeconds"]) == ("token", 60)


def test_every_path_answers_the_preflight_of_the_one_origin(package: Package) -> None:
    prefix = "method.response.header.Access-Control-Allow-"

    for path, methods in package.swagger["paths"].items():
        integration = methods["options"]["x-amazon-apigateway-integration"]
        told = integration["responses"]["default"]["responseParameters"]
        allowed = set(told[prefix + "Methods"].strip("'").split(","))
        headers = set(told[prefix + "Headers"].strip("'").split(","))

        assert integration["type"] == "mock", path
        assert told[prefix + "Origin"] == f"'{required('cors_origin')}'", path
        assert allowed == {name.upper() for name in methods}, path
        assert {"Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Prefer"} <= (
            headers
        ), path


def test_each_function_has_a_role_of_its_own_with_exact_actions(package: Package) -> None:
    policies = package.terraform["resource"]["aws_iam_role_policy"]
    allowed = {
        role.removesuffix("_role"): [
            (action, statement["Resource"])
            for statement in json.loads(policy["policy"])["Statement"]
            for action in statement["Action"]
        ]
        for role, policy in policies.items()
    }

    def log(function: str) -> list[tuple[str, list[str]]]:
        group = f"arn:*:logs:*:*:log-group:/aws/lambda/{function}"
        deeds = ("CreateLogGroup", "CreateLogStream", "PutLogEvents")
        return [(f"logs:{deed}", [group, f"{group}:*"]) for deed in deeds]

    registry = "arn:*:ssm:*:*:parameter/tinyllama/dev/*"
    reads = ("GetParameter", "GetParameters", "GetParametersByPath")
    assert allowed == {
        "api_handler": log("tinyllama-dev"),
        "jwt_authorizer": [
            *log("tinyllama-dev-jwt_authorizer"),
            *((f"ssm:{read}", registry) for read in reads),
        ],
        "tick": log("tinyllama-dev-tick"),
    }
