"""The audit of policies, on plans made by hand."""

import json
from typing import Any

import pytest

from tests.infra.policy_audit import policies, wildcards

ROLE = "aws_iam_role_policy.tick_role"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:tinyllama-dev-dead-letters"


def plan(
    *statements: dict[str, Any],
    address: str = ROLE,
    attribute: str = "policy",
    effect: str = "Allow",
) -> dict[str, Any]:
    """Return a plan that makes one resource with these statements in its policy."""
    document = {"Statement": [{"Effect": effect, **statement} for statement in statements]}
    after = {"name": "any", attribute: json.dumps(document)}
    return planned(address, after)


def planned(address: str, after: Any, unknown: Any = None) -> dict[str, Any]:
    change = {"after": after, "after_unknown": unknown or {}}
    kind = address.partition(".")[0]
    return {"resource_changes": [{"address": address, "type": kind, "change": change}]}


def test_exact_actions_on_exact_resources_pass() -> None:
    exact = plan({"Action": ["sqs:SendMessage"], "Resource": QUEUE})

    found = wildcards(exact)

    assert found == []
    assert policies(exact) == [ROLE]


@pytest.mark.parametrize("action", ["sqs:*", "*", "s3:Get*", "s3:GetObjec?"])
def test_a_wildcard_action_is_told(action: str) -> None:
    found = wildcards(plan({"Action": ["sqs:SendMessage", action], "Resource": [QUEUE]}))

    assert found == [f"{ROLE}: {action}, which is more than one action"]


@pytest.mark.parametrize(
    "resource",
    [
        "*",
        "arn:aws:sqs:eu-west-1:123456789012:*",
        "arn:aws:sqs:eu-west-1:123456789012:tinyllama-*",
        "arn:aws:sqs:eu-west-1:123456789012:tinyllama-dev*",
        "arn:aws:ssm:eu-west-1:123456789012:parameter/tinyllama/*",
        "arn:aws:ssm:eu-west-1:123456789012:parameter/tinyllama-operator*",
    ],
)
def test_a_wildcard_resource_that_no_service_forces_is_told(resource: str) -> None:
    found = wildcards(plan({"Action": "sqs:SendMessage", "Resource": resource}))

    assert found == [f"{ROLE}: sqs:SendMessage on {resource}"]


@pytest.mark.parametrize(
    "resource",
    [
        "arn:aws:ssm:eu-west-1:123456789012:parameter/tinyllama/dev/*",
        "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/tinyllama-dev:*",
        "arn:aws:events:eu-west-1:123456789012:rule/tinyllama-v1-*",
        "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:*:autoScalingGroupName/tinyllama-dev-worker",
    ],
)
def test_what_lies_below_a_stages_own_name_may_be_told_by_wildcard(resource: str) -> None:
    assert wildcards(plan({"Action": "any:Thing", "Resource": resource})) == []


def test_a_forced_wildcard_passes_for_its_actions_and_places_alone() -> None:
    forced = {"Action": ["xray:PutTraceSegments"], "Resource": "*"}
    gateway = {"Action": ["logs:FilterLogEvents"], "Resource": "*"}

    assert wildcards(plan(forced)) == []
    assert wildcards(plan({**forced, "Action": "xray:GetTraceGraph"})) == [
        f"{ROLE}: xray:GetTraceGraph on *"
    ]
    assert wildcards(plan(gateway, address="aws_iam_role_policy.gateway_logs[0]")) == []
    assert wildcards(plan(gateway)) == [f"{ROLE}: logs:FilterLogEvents on *"]


def test_what_a_pipeline_may_do_everywhere_is_conditional() -> None:
    listed = {"Action": "ssm:DescribeParameters", "Resource": "*"}
    deploy = 'aws_iam_policy.deploy["watching"]'

    with_condition = wildcards(plan({**listed, "Condition": {"any": {}}}, address=deploy))
    without = wildcards(plan(listed, address=deploy))

    assert with_condition == []
    assert without == [f"{deploy}: ssm:DescribeParameters on *"]


def test_a_denial_may_be_as_wide_as_it_likes() -> None:
    assert wildcards(plan({"Action": "s3:*", "Resource": "*"}, effect="Deny")) == []


@pytest.mark.parametrize("name", ["NotAction", "NotResource", "NotPrincipal"])
def test_all_but_something_is_told(name: str) -> None:
    statement = {"Action": "sqs:SendMessage", "Resource": QUEUE, name: "any"}

    assert wildcards(plan(statement)) == [f"{ROLE}: {name} allows all that it does not name"]


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["arn:any", "*"]}])
def test_anybody_needs_a_condition(principal: Any) -> None:
    statement = {"Principal": principal, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::mine"}
    address = "aws_s3_bucket_policy.worker[0]"

    bare = wildcards(plan(statement, address=address))
    conditional = wildcards(plan({**statement, "Condition": {"any": {}}}, address=address))

    assert bare == [f"{address}: anybody may, without a condition"]
    assert conditional == []


def test_policies_are_found_in_any_attribute() -> None:
    inline = plan({"Action": "*", "Resource": QUEUE}, attribute="inline")
    nested = planned("aws_iam_role.any", {"inline_policy": [inline["resource_changes"][0]]})

    assert wildcards(inline) == [f"{ROLE}: *, which is more than one action"]
    assert wildcards(nested) == ["aws_iam_role.any: *, which is more than one action"]


def test_amazons_own_policies_are_told() -> None:
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"

    attached = wildcards(planned("aws_iam_role_policy_attachment.any", {"policy_arn": arn}))
    managed = wildcards(planned("aws_iam_role.any", {"managed_policy_arns": [arn]}))

    told = f"attaches {arn}, whose actions are Amazon's choice"
    assert attached == [f"aws_iam_role_policy_attachment.any: {told}"]
    assert managed == [f"aws_iam_role.any: {told}"]


def test_a_policy_that_is_not_known_yet_is_told() -> None:
    later = planned("aws_iam_policy.any", {"name": "any"}, {"policy": True})

    found = wildcards(later)

    assert found == [
        "aws_iam_policy.any: policy is known after the apply only, and cannot be read before it"
    ]


def test_what_is_deleted_is_not_read() -> None:
    assert wildcards(planned(ROLE, None)) == []


def test_a_state_is_read_as_a_plan_is_with_its_modules() -> None:
    document = json.dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": QUEUE}})
    resource = {"address": ROLE, "type": "aws_iam_role_policy", "values": {"policy": document}}
    told = f"{ROLE}: *, which is more than one action"

    shown = wildcards({"values": {"root_module": {"resources": [resource]}}})
    tested = wildcards({"root_module": {"child_modules": [{"resources": [resource]}]}})

    assert shown == tested == [told]
