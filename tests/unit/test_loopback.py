"""What is this machine's, however it is spelled: no proxy may see what goes there."""

import pytest

from tinyllama.loopback import on_this_machine, plain


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000",
        "HTTP://127.0.0.1:8000",
        "https://127.0.0.1",
        "https://127.8.9.10/dev",
        "https://127.1",
        "https://0x7f000001",
        "https://LocalHost:8443",
        "https://localhost.",
        "https://api.localhost",
        "https://[::1]:8443",
        "https://[::ffff:127.0.0.1]",
    ],
)
def test_loopback_is_known_in_every_spelling(url: str) -> None:
    assert on_this_machine(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example",
        "https://127.0.0.1.example",
        "https://localhost.example",
        "https://10.0.0.1",
        "https://[::2]",
        "https://[",
        "no address",
    ],
)
def test_what_is_another_machines_is_not_taken_for_this_ones(url: str) -> None:
    assert not on_this_machine(url)


def test_a_scheme_is_known_in_either_case() -> None:
    assert [plain(url) for url in ("http://a", "HTTP://a", "https://a", "x")] == [
        *(True, True, False, False),
    ]
