"""What may be asked of an API key is checked before anything is signed."""

import pytest

from tinyllama import devkeys, durations, key_terms
from tinyllama.deployment.failures import DeploymentFailed

KEY_ID = "key_" + "0123456789abcdef" * 2
LATE, EARLY = "99999-05-01T12:00:00.000Z", "2026-05-01T12:00:00.000Z"
SOUND = {"tenant": "acme", "name": "Build server", "scope": "infer:write", "expires_in": "90d"}


@pytest.mark.parametrize(
    ("text", "seconds"), [("30m", 1800), ("12h", 43_200), ("90d", 7_776_000), ("730d", 63_072_000)]
)
def test_a_life_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert key_terms.life_seconds(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "90", "d", "0m", "-1d", "1.5h", "1w", "90D", "90 d", "٣d", "90d\n", "9" * 13 + "d"],
)
def test_what_is_no_life_is_refused(text: str) -> None:
    with pytest.raises(DeploymentFailed, match="--expires-in is "):
        key_terms.life_seconds(text)


@pytest.mark.parametrize("text", ["731d", "1051201m", "9" * 12 + "d"])
def test_a_life_of_more_than_two_years_is_told_to_be_too_long(text: str) -> None:
    with pytest.raises(DeploymentFailed, match=f"--expires-in {text} is longer than 730d"):
        key_terms.life_seconds(text)


def test_who_takes_another_unit_is_told_those_there_are() -> None:
    with pytest.raises(DeploymentFailed, match=r"m for minutes, h for hours or d for days: .*'1w'"):
        key_terms.life_seconds("1w")


@pytest.mark.parametrize(
    ("seconds", "text"), [(60, "1m"), (7200, "2h"), (5400, "90m"), (86_400, "1d"), (61, "61s")]
)
def test_a_time_is_shown_in_its_largest_unit(seconds: int, text: str) -> None:
    assert durations.shown(seconds) == text


@pytest.mark.parametrize(
    ("created_at", "expires_at", "seconds"),
    [
        ("2026-05-01T12:00:00.000Z", "2026-05-01T12:30:00.000Z", 1800),
        ("2026-05-01T12:00:02.345Z", "2026-07-30T12:00:00.000Z", 90 * 86_400),
        ("2026-05-01T12:00:00.000Z", "2036-05-01T12:00:00.000Z", 730 * 86_400),
    ],
)
def test_a_keys_life_is_what_it_was_when_it_was_signed(
    created_at: str, expires_at: str, seconds: int
) -> None:
    told = {"created_at": created_at, "expires_at": expires_at}

    assert key_terms.life_of(told) == seconds


@pytest.mark.parametrize("expires_at", [None, 7, "", "soon", "2026-05-01T12:00:00", LATE, EARLY])
def test_a_life_that_no_key_has_is_refused(expires_at: object) -> None:
    told = {"created_at": "2026-05-01T12:00:00.000Z", "expires_at": expires_at}

    with pytest.raises(DeploymentFailed, match="no router"):
        key_terms.life_of(told)


def test_a_grace_is_none_or_up_to_thirty_days() -> None:
    assert key_terms.grace_seconds("0m") == 0
    assert key_terms.grace_seconds("30d") == 30 * 86_400
    with pytest.raises(DeploymentFailed, match="--grace 31d is longer than 30d"):
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
