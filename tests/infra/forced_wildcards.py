"""The wildcards in policies that AWS forces, each with its reason."""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Forced:
    """Resources that a policy may only name by a wildcard, and why.

    *resource* is a regular expression; *actions* and *where*, the address of the policy, are
    patterns as of a shell. *conditional* asks for a condition in the statement.
    """

    reason: str
    actions: tuple[str, ...]
    resource: str = r"\*"
    where: str = "*"
    conditional: bool = False

    def covers(self, where: str, action: str, resource: str, *, conditional: bool) -> bool:
        """Whether this is the reason for *action* on *resource* in the policy at *where*."""
        return (
            any(fnmatchcase(action, pattern) for pattern in self.actions)
            and re.fullmatch(self.resource, resource) is not None
            and fnmatchcase(where, self.where)
            and (conditional or not self.conditional)
        )


_HERE = r"arn:[\w-]+:{}:[\w-]+:\d{{12}}:"
_DEPLOY = "aws_iam_policy.deploy*"

FORCED = (
    Forced("X-Ray has no resources", ("xray:PutTelemetryRecords", "xray:PutTraceSegments")),
    Forced(
        "Lambda asks for them on everything; a Deny takes them away from the function's code",
        (
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
        ),
        where="aws_iam_role_policy.*_role",
    ),
    Forced(
        "API Gateway refuses a role for its logs that may do less than Amazon's own policy",
        (
            *("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups"),
            *("logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"),
            "logs:PutLogEvents",
        ),
        where="aws_iam_role_policy.gateway_logs*",
    ),
    Forced("a sign-in stands for no repository", ("ecr:GetAuthorizationToken",)),
    Forced(
        "Session Manager's channels have no resource",
        tuple(
            f"ssmmessages:{verb}{kind}Channel"
            for verb in ("Create", "Open")
            for kind in ("Control", "Data")
        ),
        where="aws_iam_role_policy.worker*",
    ),
    Forced(
        "an instance's id is Amazon's choice",
        ("ssm:UpdateInstanceInformation",),
        _HERE.format("ec2") + r"instance/\*",
    ),
    Forced("in a key's own policy * is the key", ("kms:*",), where="aws_kms_key.*"),
    Forced(
        "a boundary grants nothing, it narrows", ("*",), r".*", where="aws_iam_policy.boundary*"
    ),
    Forced(
        "lists, for which AWS takes no resource",
        (
            *("autoscaling:Describe*", "cloudwatch:DescribeAlarms", "ec2:Describe*"),
            *("cognito-idp:DescribeUserPoolDomain", "logs:DescribeLogGroups"),
            "ssm:DescribeParameters",
        ),
        where=_DEPLOY,
        conditional=True,
    ),
    *(
        Forced(
            "the ARN ends in an id of Amazon's choice; the stage's tags are asked for",
            (f"{service}:*",),
            _HERE.format(service) + kind,
            where=_DEPLOY,
            conditional=True,
        )
        for service, kind in {
            "acm": r"certificate/\*",
            "cognito-idp": r"userpool/\*",
            "ec2": r"\*/\*",
            "kms": r"key/\*",
        }.items()
    ),
    Forced(
        "images belong to nobody's account",
        ("ec2:RunInstances",),
        r"arn:[\w-]+:ec2:[\w-]+::image/\*",
        where=_DEPLOY,
        conditional=True,
    ),
    Forced(
        "a gateway's ARN has an id of Amazon's choice, and neither name nor account",
        tuple(f"apigateway:{verb}" for verb in ("DELETE", "GET", "PATCH", "POST", "PUT")),
        r"arn:[\w-]+:apigateway:[\w-]+::/(domainnames|restapis|tags)/\*",
        where=_DEPLOY,
    ),
    Forced(
        "the gateway's log group has the API's id in its name",
        ("logs:*",),
        _HERE.format("logs") + r"log-group:API-Gateway-Execution-Logs_\*/[a-z0-9-]+(:\*)?",
        where=_DEPLOY,
    ),
    Forced(
        "Amazon's own parameters, which everybody may read",
        ("ssm:GetParameter",),
        r"arn:[\w-]+:ssm:[\w-]+::parameter/aws/service/\*",
        where=_DEPLOY,
    ),
    Forced(
        "Amazon names the roles of its services; a condition says of which",
        ("iam:CreateServiceLinkedRole",),
        r"arn:[\w-]+:iam::\d{12}:role/aws-service-role/\*",
        where=_DEPLOY,
        conditional=True,
    ),
)
