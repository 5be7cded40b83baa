"""Profiles and what a caller is taken for: whose address, whose token, and never the wrong pair."""

import os
import stat
from pathlib import Path

import pytest

from tests.leaks import LEDGER
from tinyllama import access, profiles
from tinyllama.client_errors import Unusable
from tinyllama.profiles import Profile

WORK = Profile("work", "https://work.example/dev", LEDGER.note("a token", "work-token-0123456789"))
OTHER = "https://other.example"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration folder that is not there yet, and no variable that names a router."""
    for name in ("URL", "TOKEN", "PROFILE"):
        monkeypatch.delenv(f"TINYLLAMA_{name}", raising=False)
    monkeypatch.setenv("TINYLLAMA_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("TINYLLAMA_ENV", "dev")
    return tmp_path / "config"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_profile_is_its_owners_alone_and_written_whole(folder: Path) -> None:
    profiles.save(WORK).chmod(0o644)

    file = profiles.save(WORK)

    assert profiles.load("work") == WORK
    assert (mode(folder), mode(file)) == (0o700, 0o600)
    assert list(folder.iterdir()) == [file]
    assert profiles.names() == ["work"]


def test_a_folder_that_was_there_keeps_its_mode(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)

    file = profiles.save(WORK)

    assert (mode(folder), mode(file)) == (0o755, 0o600)


def test_a_pipe_in_a_profiles_place_is_refused_and_not_waited_for(folder: Path) -> None:
    folder.mkdir()
    os.mkfifo(folder / "work.json", 0o600)

    with pytest.raises(Unusable, match=r"work\.json is no file"):
        profiles.load("work")


@pytest.mark.parametrize("others", [0o640, 0o604, 0o620])
def test_a_profile_that_others_can_read_is_refused_with_what_to_do(others: int) -> None:
    file = profiles.save(WORK)
    file.chmod(others)

    with pytest.raises(Unusable) as raised:
        profiles.load("work")

    assert f"`chmod 600 {file}`" in str(raised.value)
    assert "`tinyllama login --profile work`" in str(raised.value)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"url": 1, "token": "x"}', '{"url": "x"}']
)
def test_a_file_that_holds_no_profile_is_told_so(text: str) -> None:
    file = profiles.save(WORK)
    file.write_text(text)

    with pytest.raises(Unusable, match=r"work\.json holds no profile"):
        profiles.load("work")


@pytest.mark.parametrize("name", ["", "../x", ".hidden", "a/b", "a" * 65, "é", "a\n"])
def test_a_name_that_is_no_files_is_refused(name: str) -> None:
    for deed in (profiles.load, profiles.remove):
        with pytest.raises(Unusable, match="a profile's name"):
            deed(name)


def test_a_profile_that_there_is_not_is_told_with_those_there_are() -> None:
    profiles.save(WORK)

    with pytest.raises(Unusable, match=r"no profile home \(there are: work\)"):
        access.find(profile="home")


def test_a_profile_is_forgotten_once() -> None:
    profiles.save(WORK)

    assert [profiles.remove("work"), profiles.remove("work")] == [True, False]


def test_nothing_shows_a_token() -> None:
    profiles.save(WORK)

    assert WORK.token not in repr(WORK) + repr(access.find(profile="work"))


@pytest.mark.parametrize(
    ("given", "variables", "found"),
    [
        (("u", "t", None), {"URL": "x", "TOKEN": "y"}, ("u", "t")),
        (("u", None, None), {"URL": "x", "TOKEN": "y"}, ("u", "y")),
        ((None, "t", None), {"URL": "x", "TOKEN": "y"}, ("x", "t")),
        (("u", None, None), {"PROFILE": "work", "TOKEN": "y"}, ("u", "y")),
        ((None, None, None), {"URL": "x", "TOKEN": "y"}, ("x", "y")),
        ((None, None, None), {"PROFILE": "work"}, (WORK.url, WORK.token)),
        ((None, None, None), {"PROFILE": "work", "URL": OTHER}, (OTHER, None)),
        ((None, None, "work"), {"URL": "x", "TOKEN": "y"}, (WORK.url, WORK.token)),
        ((OTHER, None, "work"), {"URL": "x", "TOKEN": "y"}, (OTHER, None)),
        ((f"{WORK.url}/", None, "work"), {}, (f"{WORK.url}/", WORK.token)),
        ((None, "t", "work"), {"TOKEN": "y"}, (WORK.url, "t")),
    ],
)
def test_what_is_given_goes_before_a_named_profile_the_environment_and_what_is_kept(
    monkeypatch: pytest.MonkeyPatch,
    given: tuple[str | None, str | None, str | None],
    variables: dict[str, str],
    found: tuple[str, str | None],
) -> None:
    profiles.save(WORK)
    for name, value in variables.items():
        monkeypatch.setenv(f"TINYLLAMA_{name}", value)

    told = access.find(*given)

    assert (told.url, told.token) == found


@pytest.mark.parametrize("variables", [{}, {"PROFILE": "work"}, {"ENV": "local"}])
@pytest.mark.parametrize("given", [True, False], ids=["given", "of the environment"])
def test_a_token_goes_to_no_router_that_nobody_named_with_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], *, given: bool
) -> None:
    profiles.save(WORK)
    profiles.save(Profile("default", WORK.url, WORK.token))
    for name, value in (variables if given else {**variables, "TOKEN": "y"}).items():
        monkeypatch.setenv(f"TINYLLAMA_{name}", value)

    with pytest.raises(Unusable, match="no router that it is for: name its address in TINYLLAMA_U"):
        access.find(token="y" if given else None)


def test_the_default_profile_counts_where_nothing_is_named() -> None:
    profiles.save(Profile("default", WORK.url, WORK.token))

    assert access.find().url == WORK.url


def test_without_a_router_it_is_told_how_to_name_one() -> None:
    with pytest.raises(Unusable, match="`tinyllama login` keeps one, TINYLLAMA_URL names one"):
        access.find()


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("http://127.0.0.1:9", True),
        ("HTTP://127.0.0.1:9", True),
        ("https://work.example", False),
    ],
)
def test_a_development_token_goes_to_this_machine_alone(
    monkeypatch: pytest.MonkeyPatch, url: str, *, signed: bool
) -> None:
    monkeypatch.setenv("TINYLLAMA_ENV", "local")

    assert (access.find(url).token is not None) == signed
