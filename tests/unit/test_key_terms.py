"""What may be asked of an API key is checked before anything is signed."""

import pytest

from tinyllama import devkeys, key_terms
from tinyllama.deployment.failures import DeploymentFailed

KEY_ID = "key_" + "0123456789abcdef" * 2
SOUND = {"tenant": "acme", "name": "Build server", "scope": "infer:write", "expires_in": "90d"}


@pytest.mark.parametrize(
    ("text", "seconds"), [("30m", 1800), ("12h", 43_200), ("90d", 7_776_000), ("730d", 63_072_000)]
)
def test_a_life_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert key_terms.life_seconds(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "90", "d", "0m", "-1d", "1.5h", "731d", "2y", "90 d", "٣d", "90d\n", "9" * 12 + "d"],
)
def test_what_is_no_life_of_at_most_two_years_is_refused(text: str) -> None:
    with pytest.raises(DeploymentFailed, match="--expires-in is "):
        key_terms.life_seconds(text)


def test_a_grace_is_none_or_up_to_thirty_days() -> None:
    assert key_terms.grace_seconds("0m") == 0
    assert key_terms.grace_seconds("30d") == 30 * 86_400
    with pytest.raises(DeploymentFailed, match="--grace is 0m to 30d, not 31d"):
        key_terms.grace_seconds("31d")


def test_a_new_key_says_what_was_asked_for() -> None:
    scope = "jobs:read, infer:write jobs:read"

    wanted = key_terms.wanted(**{**SOUND, "scope": scope})

    assert (wanted.tenant, wanted.name) == ("acme", "Build server")
    assert wanted.scopes == ["infer:write", "jobs:read"]
    assert wanted.life_seconds == 90 * 86_400
    assert key_terms.key_id(wanted.id) == wanted.id


def test_each_scope_that_there_is_may_be_asked_for() -> None:
    wanted = key_terms.wanted(**{**SOUND, "scope": " ".join(devkeys.SCOPES)})

    assert tuple(wanted.scopes) == devkeys.SCOPES


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"tenant": "two words"}, "'two words' is no tenant"),
        ({"tenant": ""}, "'' is no tenant"),
        ({"tenant": "a" * 129}, "is no tenant"),
        ({"name": ""}, "--name is 1 to 128 characters"),
        ({"name": "a\nb"}, "--name is 1 to 128 characters"),
        ({"scope": ""}, "--scope names none: there are events:write"),
        ({"scope": "infer:wrote"}, r"'infer:wrote' is no scope \(did you mean infer:write\?\)"),
        ({"scope": "everything"}, "'everything' is no scope: there are events:write"),
        ({"scope": "infer:write tinyllama/jobs:read"}, "'tinyllama/jobs:read' is no scope"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(wrong: dict[str, str], told: str) -> None:
    with pytest.raises(DeploymentFailed, match=told) as raised:
        key_terms.wanted(**{**SOUND, **wrong})

    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "key_1", KEY_ID.upper(), KEY_ID + "0", "../keys"])
def test_what_is_no_keys_id_is_refused(text: str) -> None:
    with pytest.raises(DeploymentFailed, match="a key is named by its id"):
        key_terms.key_id(text)


def test_a_key_in_place_of_its_id_is_not_repeated() -> None:
    signed = devkeys.make_api_key()

    with pytest.raises(DeploymentFailed, match=r"not the key itself$") as raised:
        key_terms.key_id(signed)

    assert signed[:12] not in str(raised.value)
