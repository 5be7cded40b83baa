"""What Terraform says, line by line (``-json``): what of it is told, and its errors as sentences.

The lines are those of https://developer.hashicorp.com/terraform/internals/machine-readable-ui; the
errors' texts were read from Terraform 1.11.4 at work, and nothing but the sentence hangs on them.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer

from tinyllama.deployment import understood

Message = Mapping[str, Any]

_TOLD = frozenset(
    {
        *("planned_change", "resource_drift", "change_summary"),
        *("apply_complete", "apply_progress", "apply_errored", "text"),
    }
)
_BOOTSTRAP = "make bootstrap REGION={region} makes both, once for an account and region"
_SENTENCES = (
    (
        r"Failed to (?:query available provider|install provider)",
        (
            "Terraform cannot have its AWS provider: reach its registry, or let TF_PLUGIN_DIR name"
            " a folder that holds it"
        ),
    ),
    (r"NoSuchBucket|bucket \S+ does not exist", f"there is no bucket for the state: {_BOOTSTRAP}"),
    (
        r"DynamoDB.*ResourceNotFoundException",
        f"there is no table for the lock of the state: {_BOOTSTRAP}",
    ),
    (
        r"CloudWatch Logs role ARN must be set",
        (
            "API Gateway has no role to write logs with: make bootstrap REGION={region} gives it"
            " one, once for an account and region"
        ),
    ),
    (
        r"ExpiredToken|[Tt]oken (?:has|is) expired|RequestExpired",
        "the AWS credentials have expired: sign in again (aws sso login, say)",
    ),
    (
        r"No valid credential|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch",
        "AWS takes no credentials of yours: run aws configure, or export AWS_PROFILE",
    ),
    (
        r"request send failed|dial tcp|no such host|i/o timeout|context deadline exceeded",
        "AWS is not reached: check the network, the region and AWS_ENDPOINT_URL",
    ),
    (
        r"Saved plan is stale",
        "somebody else changed the stage since it was planned: run this again",
    ),
)


def read(line: str) -> Message:
    """Return the message in *line*; whatever is not JSON is a message of the type ``text``."""
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if isinstance(message, dict):
        return message
    return {"type": "text", "@message": line.rstrip()}


def errors(message: Message) -> list[Message]:
    """Return the error that *message* is, or none."""
    found = message.get("diagnostic", {})
    return [found] if found.get("severity") == "error" else []


def tell(message: Message, *, planned: bool = False) -> None:
    """Print on stderr what whoever deploys wants to see of *message*; *planned* was told before."""
    found = message.get("diagnostic")
    if found is not None:
        if not _known_beforehand(found):
            typer.echo(f"  {message['@message']}\n    {_flat(found.get('detail', ''))}", err=True)
        return
    told = message.get("@message", "")
    if planned and message.get("type") in {"planned_change", "resource_drift"}:
        return
    # What is only read is nobody's news.
    if message.get("type") in _TOLD and told and not told.startswith("data."):
        typer.echo(f"  {told}", err=True)


def _known_beforehand(found: Message) -> bool:
    """Whether each of our runs would warn of it: the lock's table, providers from a folder."""
    return (
        "dynamodb_table" in found.get("detail", "")
        or found.get("summary") == "Incomplete lock file information for providers"
    )


def refuse_unread_setting(message: Message, stage: str) -> None:
    """Raise DeploymentFailed where Terraform says that it reads a setting of the stage nowhere."""
    found = message.get("diagnostic", {})
    if found.get("summary") == "Value for undeclared variable":
        raise understood.unread(stage, _named(r'named "(\w+)"', found))


def explain(diagnostics: Sequence[Message], stage: str, region: str) -> str | None:
    """Return in a sentence what went wrong and what to do; None without a diagnostic.

    *region* is that of the *stage*.
    """
    for found in diagnostics:
        sentence = _locked(found, stage) or _variable(found, stage) or _known(found, region)
        if sentence:
            return sentence
    if not diagnostics:
        return None
    more = f", and {len(diagnostics) - 1} more" if len(diagnostics) > 1 else ""
    return f"Terraform says: {_flat(_text(diagnostics[0])).rstrip('.')}{more}"


def _known(found: Message, region: str) -> str | None:
    text = _text(found)
    told = next((told for pattern, told in _SENTENCES if re.search(pattern, text)), None)
    return told.format(region=region) if told else None


def _locked(found: Message, stage: str) -> str | None:
    text = _text(found)
    if "Error acquiring the state lock" not in text or "Lock Info:" not in text:
        return None
    lock = dict(re.findall(r"^ +(\w+): +(\S.*)$", text, re.MULTILINE))
    who, since, lock_id = (lock.get(name, "?") for name in ("Who", "Created", "ID"))
    return (
        f"the state of {stage} is locked by {who} since {since}: wait until that run has ended, or,"
        f" when it is dead, TF_DATA_DIR=$PWD/build/.terraform/{stage}"
        f" terraform -chdir=build/{stage} force-unlock {lock_id}"
    )


def _variable(found: Message, stage: str) -> str | None:
    summary, detail = found.get("summary", ""), found.get("detail", "")
    if summary == "No value for required variable":
        return f"{stage}.tfvars.json must set {_named(r'variable "(\w+)"', found)}"
    if not summary.startswith("Invalid value for"):
        return None
    values = found.get("snippet", {}).get("values") or [{}]
    name = str(values[0].get("traversal", "")).removeprefix("var.") or _named(r"var\.(\w+)", found)
    reason = _flat(detail.split("\n\nThis was checked")[0]).rstrip(".")
    return f"{stage}.tfvars.json: {name} is not as it must be: {reason}"


def _named(pattern: str, found: Message) -> str:
    match = re.search(pattern, found.get("detail", ""))
    return match[1] if match else "a variable"


def _text(found: Message) -> str:
    return f"{found.get('summary', '')}\n{found.get('detail', '')}"


def _flat(text: str | Iterable[str]) -> str:
    return " ".join(str(text).split())
