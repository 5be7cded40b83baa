"""Terraform's errors, as 1.11.4 told them, in a sentence that says what to do."""

import pytest

from tinyllama.deployment import terraform_words

NO_TABLE = (
    "Error message: operation error DynamoDB: PutItem, https response error StatusCode: 400,"
    " RequestID: 5223b66f, ResourceNotFoundException: Requested resource not found\n"
    'Unable to retrieve item from DynamoDB table "tinyllama-tflock": operation error DynamoDB:'
    " GetItem, https response error StatusCode: 400, ResourceNotFoundException"
)
LOCKED = """\
Error message: operation error DynamoDB: PutItem, https response error StatusCode: 400,\
 ConditionalCheckFailedException: The conditional request failed
Lock Info:
  ID:        8d1b2c3d-aaaa-bbbb-cccc-0123456789ab
  Path:      bucket/dev/terraform.tfstate
  Operation: OperationTypeApply
  Who:       ann@laptop
  Version:   1.11.4
  Created:   2026-11-20 10:00:00 +0000 UTC
  Info:


Terraform acquires a state lock to protect the state from being written"""
EXPIRED = (
    "Retrieving AWS account details: operation error STS: GetCallerIdentity, https response error"
    " StatusCode: 403, api error ExpiredToken: The security token included in the request is"
    " expired"
)


def _error(summary: str, detail: str = "") -> dict[str, str]:
    return {"severity": "error", "summary": summary, "detail": detail}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (_error("Error acquiring the state lock", NO_TABLE), "there is no table for the lock"),
        (
            _error("Error acquiring the state lock", LOCKED),
            "the state of dev is locked by ann@laptop",
        ),
        (_error(EXPIRED), "the AWS credentials have expired: sign in again"),
        (
            _error("Saved plan is stale", "The given plan file can"),
            "somebody else changed the stage",
        ),
    ],
)
def test_what_stops_a_deployment_is_told_with_its_remedy(error: dict[str, str], told: str) -> None:
    sentence = terraform_words.explain([error], "dev", "us-east-1")

    assert sentence is not None
    assert sentence.startswith(told)
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "error",
    [
        _error("Error acquiring the state lock", NO_TABLE),
        _error('S3 bucket "tinyllama-tfstate-1" does not exist.'),
        _error("BadRequestException: CloudWatch Logs role ARN must be set in account settings"),
    ],
    ids=["table", "bucket", "role"],
)
def test_what_bootstrap_makes_is_told_with_the_command_for_the_stages_region(
    error: dict[str, str],
) -> None:
    sentence = terraform_words.explain([error], "dev", "ap-south-1")

    assert sentence is not None
    assert ": make bootstrap REGION=ap-south-1 " in sentence


def test_the_lock_is_told_with_the_command_that_frees_it() -> None:
    error = _error("Error acquiring the state lock", LOCKED)

    sentence = terraform_words.explain([error], "dev", "us-east-1")

    assert sentence is not None
    assert sentence.endswith("force-unlock 8d1b2c3d-aaaa-bbbb-cccc-0123456789ab")


def test_an_unknown_error_is_told_in_terraforms_words_and_how_many_more_there_are() -> None:
    errors = [_error("creating Lambda Function", "AccessDenied:\n  no."), _error("x"), _error("y")]

    sentence = terraform_words.explain(errors, "dev", "us-east-1")

    assert sentence == "Terraform says: creating Lambda Function AccessDenied: no, and 2 more"


def test_a_known_error_is_found_behind_unknown_ones() -> None:
    errors = [_error("creating a thing"), _error(EXPIRED)]

    sentence = terraform_words.explain(errors, "dev", "us-east-1")

    assert sentence is not None
    assert sentence.startswith("the AWS credentials have expired")


def test_a_line_that_is_no_json_is_told_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    terraform_words.tell(terraform_words.read("panic: oh no\n"))

    assert capsys.readouterr().err == "  panic: oh no\n"


def test_a_known_deprecation_is_not_told_at_every_run(capsys: pytest.CaptureFixture[str]) -> None:
    detail = 'The parameter "dynamodb_table" is deprecated.'
    warning = {"severity": "warning", "summary": "Deprecated Parameter", "detail": detail}

    terraform_words.tell({"@message": "Warning", "diagnostic": warning})

    assert capsys.readouterr().err == ""
