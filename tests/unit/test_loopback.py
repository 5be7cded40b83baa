"""What is this machine's, however it is spelled: no proxy may see what goes there."""

import pytest

from worker.loopback import never_leaves, on_this_machine, plain


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
        "https://127.0.0.1 api.example",
        "https://127.0.0.1\x0b.example",
        "https://[",
        "no address",
    ],
)
def test_what_is_another_machines_is_not_taken_for_this_ones(url: str) -> None:
    assert not on_this_machine(url)


@pytest.mark.parametrize(
    "url", ["http://localhost:1", "http://127.8.0.1", "http://127.1", "http://[::1]:8000"]
)
def test_an_address_of_loopback_and_localhost_never_leave_the_machine(url: str) -> None:
    assert never_leaves(url)


@pytest.mark.parametrize(
    "url", ["http://api.localhost", "http://localhost.", "http://10.0.0.1", "http://[", "http:"]
)
def test_a_name_that_others_may_be_asked_for_may_leave_the_machine(url: str) -> None:
    assert not never_leaves(url)


def test_a_scheme_is_known_in_either_case() -> None:
    assert [plain(url) for url in ("http://a", "HTTP://a", "https://a", "x")] == [
        *(True, True, False, False),
    ]
