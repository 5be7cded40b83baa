"""A stage's setting that Terraform would drop without a word is refused by its name."""

import re
from typing import Any

import pytest

from tinyllama.deployment import understood
from tinyllama.deployment.failures import DeploymentFailed
from tinyllama.deployment.stages import EXTRAS

OBJECT = re.compile(r'^variable "(\w+)" {\n(?:(?!^}).*\n)*?  type\s*=\s*object\(', re.MULTILINE)
ALARMS = {"email": None, "connections": 1000}


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"alarms": {"emial": "x@example.com"}}, r"alarms\.emial"),
        ({"functions": {"api_handler": {"timout": 50}}}, r"functions\.api_handler\.timout"),
        ({"worker": {"scale_out": [{"depth": 1}, {"dept": 2}]}}, r"worker\.scale_out\[1\]\.dept"),
    ],
)
def test_a_name_that_terraform_drops_is_refused(given: dict[str, Any], name: str) -> None:
    told = {
        "alarms": ALARMS,
        "functions": {"api_handler": {"timeout": 40}},
        "worker": {"scale_out": [{"depth": 1}, {"depth": 2}]},
    }

    with pytest.raises(DeploymentFailed, match=f"dev.tfvars.json sets {name}, which is no setting"):
        understood.check("dev", given, told)


def test_what_terraform_understood_is_fine() -> None:
    given = {"stage": "dev", "alarms": {"email": "x@example.com"}, "worker": None, "size": {"a": 1}}

    understood.check("dev", given, {"alarms": ALARMS, "worker": None, "login": {"machines": []}})


def test_every_setting_that_is_an_object_is_told() -> None:
    files = sorted(EXTRAS.glob("*.tf"))
    objects = {name for file in files for name in OBJECT.findall(file.read_text(encoding="utf-8"))}

    outputs = (EXTRAS / "outputs.tf").read_text(encoding="utf-8")

    assert len(objects) >= 8
    assert set(re.findall(r"= var\.(\w+)", outputs)) == objects
