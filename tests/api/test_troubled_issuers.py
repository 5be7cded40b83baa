"""What callers see of an issuer in trouble: in time, always the same, and no worse than needed."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

import app
from chalicelib.errors import RouterError
from chalicelib.keysources import Freshness, RemoteKeys, discovery_loader
from chalicelib.settings import TokenSettings
from chalicelib.tokens import Verifier
from tests.calls import Answer, Transport
from tests.troubled_issuer import AUDIENCE, TROUBLES, TroubledIssuer, troubled

pytestmark = pytest.mark.slow  # servers of their own, and time that passes

DEPLOYED = Freshness(refresh_wait_seconds=1.0)
# A fetch has three seconds, and this machine may be busy.
LONGEST_SECONDS = 4.5
AT_ONCE_SECONDS = 0.7


@pytest.fixture
def issuer() -> Iterator[TroubledIssuer]:
    """An issuer that is well."""
    with troubled() as started:
        yield started


@pytest.fixture
def call(
    issuer: TroubledIssuer, client_transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], tuple[Answer, float]]]:
    """Calls the API, which knows the issuer's address and nothing else, with the token of a kid."""
    # Two calls at once: Chalice's client puts another environment in place for each, and back.
    monkeypatch.setattr(os, "environ", os.environ)
    monkeypatch.setenv("TINYLLAMA_ENV", "troubled")
    monkeypatch.setenv("TINYLLAMA_ISSUER", issuer.address)
    monkeypatch.setenv("TINYLLAMA_AUDIENCE", AUDIENCE)
    app.gate.cache_clear()

    def send(kid: str) -> tuple[Answer, float]:
        begun = time.monotonic()
        headers = {"Authorization": f"Bearer {issuer.token(kid)}"}
        answer = client_transport("GET", "/jobs", headers, b"")
        return answer, time.monotonic() - begun

    yield send
    app.gate.cache_clear()


@dataclass
class Judge:
    """An authorizer that keeps what it fetched as long as *freshness* says."""

    issuer: TroubledIssuer
    freshness: Freshness = DEPLOYED

    def __post_init__(self) -> None:
        settings = TokenSettings(self.issuer.address, [AUDIENCE], None, "sub", 5)
        keys = RemoteKeys(discovery_loader(self.issuer.address), self.freshness)
        self._verifier = Verifier(settings, keys)

    def says(self, kid: str) -> str:
        """Return the principal, or the code of the refusal, for a token signed by *kid*."""
        try:
            return self._verifier.verify(f"Bearer {self.issuer.token(kid)}").principal
        except RouterError as error:
            return error.code


@pytest.mark.parametrize("trouble", TROUBLES)
def test_who_comes_first_is_told_in_time_and_the_next_at_once(
    issuer: TroubledIssuer, call: Callable[[str], tuple[Answer, float]], trouble: str
) -> None:
    issuer.be(trouble)

    first, first_took = call("one")
    asked = len(issuer.asked)
    second, second_took = call("one")

    for answer in (first, second):
        assert (answer.status, answer.json["code"]) == (503, "keys_unavailable")
        assert int(answer.headers["retry-after"]) > 0
    assert first_took < LONGEST_SECONDS
    assert second_took < AT_ONCE_SECONDS
    assert len(issuer.asked) == asked <= 4
    assert not any(path.startswith("/elsewhere") for path in issuer.asked)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_who_is_known_passes_at_once_although_somebody_asks_for_an_unknown_key(
    issuer: TroubledIssuer, call: Callable[[str], tuple[Answer, float]], trouble: str
) -> None:
    assert call("one")[0].status == 200
    issuer.be(trouble)
    unknown: list[tuple[Answer, float]] = []
    asking = threading.Thread(target=lambda: unknown.append(call("rotated-in")))
    asking.start()

    known = [call("one") for _ in range(10)]

    asking.join()
    assert {answer.status for answer, _ in known} == {200}
    assert max(took for _, took in known) < AT_ONCE_SECONDS
    assert [(answer.status, answer.json["code"]) for answer, _ in unknown] == [
        (503, "keys_unavailable")
    ]
    assert unknown[0][1] < LONGEST_SECONDS


def test_a_bad_key_among_good_ones_harms_nobody(
    issuer: TroubledIssuer, call: Callable[[str], tuple[Answer, float]]
) -> None:
    issuer.be("bad key")

    assert call("one")[0].status == 200
    assert call("secret")[0].json["code"] == "key_unknown"


@pytest.mark.parametrize("trouble", ["refuses", "hangs", "no usable key"])
def test_who_starts_a_due_refresh_waits_a_moment_and_nobody_else_does(
    issuer: TroubledIssuer, trouble: str
) -> None:
    judge = Judge(issuer, replace(DEPLOYED, fresh_seconds=0))
    assert judge.says("one") == "alice"
    issuer.be(trouble)

    times = []
    for _ in range(20):
        begun = time.monotonic()
        assert judge.says("one") == "alice"
        times.append(time.monotonic() - begun)

    assert max(times) < DEPLOYED.refresh_wait_seconds + AT_ONCE_SECONDS
    assert sorted(times)[-2] < AT_ONCE_SECONDS


@pytest.mark.parametrize("trouble", ["refuses", "fails"])
def test_an_issuer_that_comes_back_is_believed_after_the_cooldown(
    issuer: TroubledIssuer, trouble: str
) -> None:
    judge = Judge(issuer, replace(DEPLOYED, failure_cooldown_seconds=1))
    issuer.be(trouble)
    assert judge.says("one") == "keys_unavailable"
    issuer.be("well")
    begun = time.monotonic()

    while (said := judge.says("one")) == "keys_unavailable":
        assert time.monotonic() - begun < 3
        time.sleep(0.02)

    assert said == "alice"
    assert time.monotonic() - begun > 0.5


def test_an_issuer_in_trouble_is_asked_no_more_often_the_more_callers_come(
    issuer: TroubledIssuer,
) -> None:
    judge = Judge(issuer, replace(DEPLOYED, failure_cooldown_seconds=1))
    issuer.be("fails")
    ends = time.monotonic() + 2.5
    said: set[str] = set()

    def insist() -> None:
        while time.monotonic() < ends:
            said.add(judge.says("one"))
            time.sleep(0.005)

    callers = [threading.Thread(target=insist) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert said == {"keys_unavailable"}
    assert 2 <= len(issuer.asked) <= 3 * 2  # every second, and each time once again


def test_rotations_under_load_refuse_nobody_who_shows_a_published_key(
    issuer: TroubledIssuer,
) -> None:
    judge = Judge(issuer)
    turn, rotations, ended = 0, 6, threading.Event()
    issuer.kids = ("kid-0", "kid-1")
    said: dict[str, list[str]] = {"old": [], "new": []}

    def insist(which: str) -> None:
        while not ended.is_set():
            said[which].append(judge.says(f"kid-{turn + (which == 'new')}"))
            time.sleep(0.005)

    callers = [threading.Thread(target=insist, args=(which,)) for which in ("old", "new") * 2]
    for caller in callers:
        caller.start()
    for turn in range(rotations):
        issuer.kids = (f"kid-{turn}", f"kid-{turn + 1}", f"kid-{turn + 2}")
        time.sleep(0.3)
    ended.set()
    for caller in callers:
        caller.join()

    assert set(said["old"]) == set(said["new"]) == {"alice"}
    assert min(len(each) for each in said.values()) > rotations
    # A fetch brings the key that comes next as well.
    assert len(issuer.asked) <= 2 * (rotations + 1)
    assert judge.says("kid-0") == "key_unknown"
