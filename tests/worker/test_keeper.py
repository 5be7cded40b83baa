"""The lease keeper: renewals in good time, whatever one call does."""

import threading
import time
from collections.abc import Sequence
from itertools import pairwise

import pytest

from chalicelib.errors import LeaseLost, StoreUnavailable
from chalicelib.jobs import Job, JobState
from chalicelib.leasing import Claim, Outcome
from tests.worker.harness import wait_for
from worker.keeper import RENEWERS, LeaseKeeper, News
from worker.patience import Outage
from worker.transcript import Batch
from worker.ways import NEAR_RENEWAL_SECONDS, Way


class Watched:
    """Leases that note when each is renewed and take as long about it as *takes* says."""

    def __init__(self, lease_seconds: float, takes: dict[str, float] | None = None) -> None:
        self.lease_seconds = lease_seconds
        self.takes = takes or {}
        self.renewed: dict[str, list[float]] = {}
        self.answers: dict[str, object] = {}
        self.at_once: set[str] = set()
        self._lock = threading.Lock()

    def extend(self, claim: Claim) -> bool:
        with self._lock:
            assert claim.token not in self.at_once, "two renewals of one lease at once"
            self.at_once.add(claim.token)
        time.sleep(self.takes.get(claim.token, 0))
        with self._lock:
            self.at_once.remove(claim.token)
            self.renewed.setdefault(claim.token, []).append(time.monotonic())
        answer = self.answers.get(claim.token, False)
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    def claim(self, token: str) -> Claim | None:
        raise NotImplementedError

    def append(self, claim: Claim, offset: int, chunks: Sequence[str]) -> bool:
        raise NotImplementedError

    def finish(self, claim: Claim, outcome: Outcome) -> JobState:
        raise NotImplementedError

    def release(self, claim: Claim) -> JobState | None:
        raise NotImplementedError


def keeper(watched: Watched, slots: int, renewal_seconds: float = 10) -> LeaseKeeper:
    return LeaseKeeper(Way(watched, Batch(1, 1), renewal_seconds), "name", slots, Outage())


def claim(token: str) -> Claim:
    job = Job(f"job_{token}", "tenant", JobState.RUNNING, 1, 1, 3, {}, 0)
    return Claim(job, token)


def longest_gap(times: Sequence[float], began: float, ended: float) -> float:
    marks = [began, *times, ended]
    return max(later - sooner for sooner, later in pairwise(marks))


@pytest.mark.slow
def test_one_renewal_that_hangs_delays_no_other_lease() -> None:
    watched = Watched(lease_seconds=0.6, takes={"hung": 1.5})
    tokens = [f"lease-{number}" for number in range(20)]
    began = time.monotonic()

    with keeper(watched, slots=21) as keeping:
        for token in ["hung", *tokens]:
            keeping.hold(claim(token), began, lambda _: None)
        time.sleep(1.5)
    ended = time.monotonic()

    gaps = [longest_gap(watched.renewed[token], began, ended) for token in tokens]
    assert max(gaps) < watched.lease_seconds


@pytest.mark.slow
def test_many_leases_on_a_slow_store_are_renewed_before_they_lapse() -> None:
    tokens = [f"lease-{number}" for number in range(4 * RENEWERS)]
    watched = Watched(lease_seconds=1.5, takes=dict.fromkeys(tokens, 0.1))
    began = time.monotonic()

    with keeper(watched, slots=len(tokens)) as keeping:
        for token in tokens:
            keeping.hold(claim(token), began, lambda _: None)
        time.sleep(2)
    ended = time.monotonic()

    gaps = [longest_gap(watched.renewed[token], began, ended) for token in tokens]
    assert max(gaps) < watched.lease_seconds


@pytest.mark.parametrize(
    ("lease_seconds", "most_seconds", "period_seconds"), [(0.3, 10, 0.1), (30, 0.1, 0.1)]
)
def test_a_lease_is_renewed_each_third_of_it_or_as_often_as_the_way_wants(
    lease_seconds: float, most_seconds: float, period_seconds: float
) -> None:
    watched = Watched(lease_seconds)

    with keeper(watched, 1, most_seconds) as keeping:
        keeping.hold(claim("one"), time.monotonic(), lambda _: None)
        time.sleep(5.5 * period_seconds)

    assert 3 <= len(watched.renewed["one"]) <= 6


def test_the_near_way_renews_often_enough_to_tell_a_cancel_within_a_second() -> None:
    assert NEAR_RENEWAL_SECONDS < 1


def test_the_news_of_a_renewal_is_told_and_what_was_let_go_is_left_alone() -> None:
    watched = Watched(lease_seconds=0.09)
    watched.answers = {"cancelled": True, "lost": LeaseLost()}
    heard: list[tuple[str, News]] = []

    with keeper(watched, slots=4) as keeping:
        for token in ("fine", "cancelled", "lost", "left"):

            def hear(news: News, token: str = token) -> None:
                heard.append((token, news))

            keeping.hold(claim(token), time.monotonic(), hear)
        keeping.let_go(claim("left"))
        time.sleep(0.3)

    assert set(heard) == {("cancelled", News.CANCEL), ("lost", News.LOST)}
    assert heard.count(("lost", News.LOST)) == 1
    assert len(watched.renewed["lost"]) == 1
    assert "left" not in watched.renewed


def test_a_renewal_that_fails_is_tried_again_before_the_lease_lapses() -> None:
    watched = Watched(lease_seconds=3)
    watched.answers = {"one": StoreUnavailable()}

    with keeper(watched, 1) as keeping:
        keeping.hold(claim("one"), time.monotonic() - 1, lambda _: None)
        wait_for(lambda: len(watched.renewed.get("one", ())) > 2, watched.lease_seconds - 1)


def test_an_error_nobody_foresaw_is_told_to_who_asks() -> None:
    watched = Watched(lease_seconds=0.03)
    watched.answers = {"one": ValueError("secret")}

    with keeper(watched, 1) as keeping:
        keeping.require_alive()
        keeping.hold(claim("one"), time.monotonic(), lambda _: None)
        wait_for(lambda: watched.renewed)
        time.sleep(0.1)

        with pytest.raises(RuntimeError, match="the lease keeper has ended") as caught:
            keeping.require_alive()

    assert isinstance(caught.value.__cause__, ValueError)
