"""Versions of several functions that belong together are found, whatever their numbers."""

from datetime import UTC, datetime, timedelta

from tinyllama.deployment.functions import Version
from tinyllama.deployment.releases import current, releases

START = datetime(2026, 11, 20, tzinfo=UTC)
API, AUTHORIZER, TICK = "api_handler", "jwt_authorizer", "tick"


def _version(number: int, code: str, minutes: float) -> Version:
    return Version(number, code, START + timedelta(minutes=minutes))


def _numbers(versions: dict[str, list[Version]]) -> list[tuple[int, int, int]]:
    return [(r.numbers[API], r.numbers[AUTHORIZER], r.numbers[TICK]) for r in releases(versions)]


def test_the_same_code_belongs_together() -> None:
    versions = {
        API: [_version(1, "a", 0), _version(2, "b", 60)],
        AUTHORIZER: [_version(1, "a", 0.5), _version(4, "b", 60.5)],
        TICK: [_version(1, "a", 1), _version(3, "b", 61)],
    }

    assert _numbers(versions) == [(1, 1, 1), (2, 4, 3)]


def test_a_change_of_one_functions_settings_is_a_release_with_the_others_as_they_were() -> None:
    versions = {
        API: [_version(1, "a", 0), _version(2, "a", 60)],
        AUTHORIZER: [_version(1, "a", 0.5)],
        TICK: [_version(1, "a", 1)],
    }

    assert _numbers(versions) == [(1, 1, 1), (2, 1, 1)]


def test_a_change_of_all_functions_settings_is_one_release_whoever_is_first() -> None:
    versions = {
        API: [_version(1, "a", 0), _version(2, "a", 61)],
        AUTHORIZER: [_version(1, "a", 0.5), _version(2, "a", 60)],
        TICK: [_version(1, "a", 1), _version(2, "a", 60.5)],
    }

    assert _numbers(versions) == [(1, 1, 1), (2, 2, 2)]


def test_two_deployments_in_a_hurry_are_two_releases() -> None:
    versions = {
        API: [_version(1, "a", 0), _version(2, "a", 2)],
        AUTHORIZER: [_version(1, "a", 0.1), _version(2, "a", 2.1)],
        TICK: [_version(1, "a", 0.2), _version(2, "a", 2.2)],
    }

    assert _numbers(versions) == [(1, 1, 1), (2, 2, 2)]


def test_what_an_interrupted_apply_left_is_no_release() -> None:
    versions = {
        API: [_version(1, "a", 0), _version(2, "b", 60), _version(3, "c", 120)],
        AUTHORIZER: [_version(1, "a", 0), _version(2, "c", 120)],
        TICK: [_version(1, "a", 0), _version(2, "c", 120)],
    }

    assert _numbers(versions) == [(1, 1, 1), (3, 2, 2)]


def test_the_live_release_is_the_one_with_all_live_versions() -> None:
    versions = {
        API: [_version(1, "a", 0)],
        AUTHORIZER: [_version(1, "a", 0), _version(2, "a", 60)],
        TICK: [_version(1, "a", 0)],
    }

    found = current(releases(versions), {API: 1, AUTHORIZER: 1, TICK: 1})

    assert found is not None
    assert found.numbers == {API: 1, AUTHORIZER: 1, TICK: 1}


def test_a_rollback_that_was_cut_off_still_tells_its_release_by_the_api() -> None:
    versions = {
        name: [_version(1, "a", 0), _version(2, "b", 60)] for name in (API, AUTHORIZER, TICK)
    }

    found = current(releases(versions), {API: 2, AUTHORIZER: 1, TICK: 2})

    assert found is not None
    assert found.numbers == {API: 2, AUTHORIZER: 2, TICK: 2}
