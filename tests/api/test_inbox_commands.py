"""`tinyllama inbox` on a router: what is taken out, when, and never by an empty variable."""

import json
import signal
import subprocess
import sys

import pytest
import redis

from chalicelib import keyspace
from chalicelib.settings import PROJECT
from tests.api.command_line import CommandLine
from tests.api.stage_proxy import Passing, StageProxy
from tinyllama import inbox_commands
from tinyllama.client import Client, Event, Repeating, Unreachable

pytestmark = pytest.mark.slow  # a router as a process of its own

FOLLOW = [sys.executable, "-m", "tinyllama", "inbox", "follow"]


def pending(client: Client) -> list[object]:
    """Return the payloads of what nobody holds."""
    return [event.payload for event in client.inbox()]


@pytest.mark.parametrize("deed", ["ack", "release"])
def test_an_empty_selection_is_refused_and_leaves_the_lease_as_it_is(
    run: CommandLine, client: Client, stage: StageProxy, deed: str
) -> None:
    client.publish("a", 1, source="test")
    lease = client.lease(seconds=60)
    stage.passed.clear()

    ran = run("inbox", deed, "--lease", lease.token)

    assert (ran.code, ran.out, stage.passed) == (2, "", [])
    assert "--all --lease" in ran.err
    client.extend(lease, 60)


def test_all_of_a_lease_is_a_word_of_its_own(run: CommandLine, client: Client) -> None:
    for number in range(2):
        client.publish("a", number, source="test")
    first = client.lease(seconds=60)

    released = run("inbox", "release", "--all", "--lease", first.token)
    back = pending(client)
    second = client.lease(seconds=60)
    acknowledged = run("inbox", "ack", "--all", "--lease", second.token)
    client.release(*second.events, lease=second)

    assert (released.code, acknowledged.code) == (0, 0)
    assert (back, pending(client)) == ([0, 1], [])


@pytest.mark.parametrize("arguments", [("--all",), ("--all", "--lease", "l", "evt_1")])
def test_all_is_of_one_lease_and_nothing_beside_it(
    run: CommandLine, stage: StageProxy, arguments: tuple[str, ...]
) -> None:
    ran = run("inbox", "ack", *arguments)

    assert (ran.code, stage.passed) == (2, [])
    assert "--all is for all that a lease holds" in ran.err


def test_an_event_is_acknowledged_once_it_is_shown_and_given_back_where_that_fails(
    client: Client,
) -> None:
    for number in range(3):
        client.publish("a", number, source="test")
    held: list[list[object]] = []

    def show(event: Event) -> None:
        held.append([event.payload, event.delivered, len(pending(client))])
        if len(held) == 2:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        inbox_commands.consume(client, show)

    # None was taken out before it was shown, and no other is held meanwhile.
    assert held == [[0, False, 2], [1, False, 1]]
    assert pending(client) == [1, 2]


def test_an_event_whose_follower_is_gone_before_it_arrives_is_soon_free_again(
    client: Client, stage: StageProxy, direct: "redis.Redis"
) -> None:
    client.publish("a", 1, source="test")

    def lose(passing: Passing) -> None:
        passing.status = 0

    stage.spoil = lose
    with (
        Client(repeating=Repeating(attempts=1)) as gone,
        pytest.raises(Unreachable),
    ):
        inbox_commands.consume(gone, lambda _: None)

    soon_ms = (direct.time()[0] + 60) * 1000
    assert direct.zcard(keyspace.inbox_leases("acme")) == 1
    assert direct.zcount(keyspace.inbox_leases("acme"), 0, soon_ms) == 1


def test_an_event_that_is_no_longer_held_when_it_arrives_is_not_shown(
    client: Client, stage: StageProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_commands, "_TAKE_SECONDS", 1)
    client.publish("a", 1, source="test")
    others: list[Event] = []
    shown: list[object] = []

    def delay(passing: Passing) -> None:
        if passing.path == "/inbox/lease":
            stage.spoil = lambda _: None
            others.extend(client.lease(1, wait_seconds=20).events)
            client.publish("a", 2, source="test")

    def show(event: Event) -> None:
        shown.append(event.payload)
        raise KeyboardInterrupt

    stage.spoil = delay
    with Client() as follower, pytest.raises(KeyboardInterrupt):
        inbox_commands.consume(follower, show)

    assert ([event.payload for event in others], shown) == ([1], [2])


def test_a_reader_slower_than_a_lease_ends_no_follower(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.publish("a", 1, source="test")
    shown: list[object] = []

    def show(event: Event) -> None:
        shown.append(event.payload)
        if len(shown) == 1:  # as if it had lapsed
            client.release(event, lease=leased[-1])
        elif len(shown) == 2:
            client.publish("a", 2, source="test")
        else:
            raise KeyboardInterrupt

    leased: list[str] = []
    lease = client.lease

    def remember(*arguments: int, **options: int) -> object:
        leased.append((found := lease(*arguments, **options)).token)
        return found

    monkeypatch.setattr(client, "lease", remember)
    with pytest.raises(KeyboardInterrupt):
        inbox_commands.consume(client, show)

    assert shown == [1, 1, 2]


def test_a_follower_whose_reader_goes_away_ends_as_other_programs_do_and_loses_nothing(
    client: Client,
) -> None:
    client.publish("a", 1, source="test")
    with subprocess.Popen(  # noqa: S603
        [*FOLLOW, "--ack", "--json"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stdout is not None
        assert following.stderr is not None
        first = json.loads(following.stdout.readline())["payload"]
        following.stdout.close()
        client.publish("a", 2, source="test")
        code = following.wait(20)
        told = following.stderr.read()

    assert (first, code, told) == (1, 141, "")
    assert pending(client) == [2]


def test_a_follower_that_only_looks_takes_nothing_out(client: Client) -> None:
    for number in range(2):
        client.publish("a", number, source="test")
    with subprocess.Popen(FOLLOW, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as following:  # noqa: S603
        assert following.stdout is not None
        rows = [following.stdout.readline().split("\t") for _ in range(2)]
        following.send_signal(signal.SIGINT)
        code = following.wait(20)

    assert ([row[4] for row in rows], code) == (["0\n", "1\n"], 130)
    assert pending(client) == [0, 1]
