"""Reading along: no text is lost or doubled, and whoever waits for more wakes at once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from chalicelib import keyspace, limits
from chalicelib.jobs import Job, JobState
from chalicelib.leasing import Claim, JobLeases
from chalicelib.queueing import JobQueue
from chalicelib.store import Store
from chalicelib.streaming import START, Cursor, TokenPage, TokenStreams
from tests.store.harness import DONE, FLAKY, claim, lapse, pass_delay, submit


@pytest.fixture
def streams(store: Store) -> TokenStreams:
    """What the queue's jobs say."""
    return TokenStreams(store)


def _claimed(queue: JobQueue, leases: JobLeases) -> Claim:
    submit(queue)
    return claim(leases)


def _read(queue: JobQueue, streams: TokenStreams, job: Job, after: Cursor = START) -> TokenPage:
    return streams.read(queue.fetch(job.tenant, job.id), after)


def test_text_is_read_as_it_is_said(
    queue: JobQueue, leases: JobLeases, streams: TokenStreams
) -> None:
    claimed = _claimed(queue, leases)
    leases.append(claimed, 0, ["Hel", "lo "])
    first = _read(queue, streams, claimed.job)
    leases.append(claimed, 2, ["wörld"])

    second = _read(queue, streams, claimed.job, first.cursor)
    third = _read(queue, streams, claimed.job, second.cursor)

    assert [page.text for page in (first, second, third)] == ["Hello ", "wörld", ""]
    assert third.cursor == second.cursor == Cursor(1, 3)
    assert (third.state, third.complete, third.reset) == (JobState.RUNNING, False, False)


def test_cursor_beyond_what_was_said_begins_anew(
    queue: JobQueue, leases: JobLeases, streams: TokenStreams
) -> None:
    claimed = _claimed(queue, leases)
    leases.append(claimed, 0, ["Hel", "lo "])

    page = _read(queue, streams, claimed.job, Cursor(1, 99))

    assert (page.reset, page.text, page.cursor) == (True, "Hello ", Cursor(1, 2))


def test_chunks_appended_twice_are_read_once(
    queue: JobQueue, leases: JobLeases, streams: TokenStreams
) -> None:
    claimed = _claimed(queue, leases)
    leases.append(claimed, 0, ["a", "b"])
    first = _read(queue, streams, claimed.job)
    leases.append(claimed, 0, ["a", "b"])
    leases.append(claimed, 1, ["b", "c"])

    second = _read(queue, streams, claimed.job, first.cursor)

    assert (first.text, second.text) == ("ab", "c")


def test_stream_of_an_ended_job_is_complete(
    queue: JobQueue, leases: JobLeases, streams: TokenStreams
) -> None:
    claimed = _claimed(queue, leases)
    leases.append(claimed, 0, ["all"])
    leases.finish(claimed, DONE)

    page = _read(queue, streams, claimed.job)

    assert (page.text, page.state, page.complete) == ("all", JobState.SUCCEEDED, True)


def test_stream_of_a_job_that_waits_is_empty_and_not_complete(
    queue: JobQueue, streams: TokenStreams
) -> None:
    page = _read(queue, streams, submit(queue))

    assert (page.text, page.attempt, page.complete, page.reset) == ("", 0, False, False)


def test_new_attempt_begins_with_a_reset(
    queue: JobQueue, leases: JobLeases, streams: TokenStreams, raw: "redis.Redis"
) -> None:
    first = _claimed(queue, leases)
    leases.append(first, 0, ["half an ans", "wer"])
    read = _read(queue, streams, first.job)
    lapse(raw, first)
    second = claim(leases)
    leases.append(second, 0, ["a whole answer"])

    again = _read(queue, streams, first.job, read.cursor)

    assert (again.reset, again.attempt, again.text) == (True, 2, "a whole answer")
    assert again.cursor == Cursor(2, 1)
    assert not _read(queue, streams, first.job, again.cursor).reset


def test_reset_is_told_before_the_new_attempt_says_anything(
    queue: JobQueue, leases: JobLeases, streams: TokenStreams, raw: "redis.Redis"
) -> None:
    first = _claimed(queue, leases)
    leases.append(first, 0, ["half"])
    read = _read(queue, streams, first.job)
    lapse(raw, first)
    claim(leases)

    again = _read(queue, streams, first.job, read.cursor)

    assert (again.reset, again.text, again.cursor) == (True, "", Cursor(2, 0))


def test_text_of_an_attempt_that_came_to_nothing_stays_until_the_next_one(
    queue: JobQueue, leases: JobLeases, streams: TokenStreams, raw: "redis.Redis"
) -> None:
    first = _claimed(queue, leases)
    leases.append(first, 0, ["half"])
    leases.finish(first, FLAKY)

    page = _read(queue, streams, first.job)

    assert (page.text, page.state, page.complete) == ("half", JobState.QUEUED, False)
    pass_delay(raw, first.job.id)
    claim(leases)
    assert _read(queue, streams, first.job).text == ""


def test_reader_that_comes_late_reads_the_present_attempt_alone(
    queue: JobQueue, leases: JobLeases, streams: TokenStreams, raw: "redis.Redis"
) -> None:
    first = _claimed(queue, leases)
    leases.append(first, 0, ["half"])
    lapse(raw, first)
    second = claim(leases)
    leases.append(second, 0, ["whole"])

    page = _read(queue, streams, first.job)

    assert (page.text, page.reset) == ("whole", False)


@pytest.mark.parametrize("cursor", [Cursor(0, 0), Cursor(1, 0), Cursor(7, 0), Cursor(7, 9)])
def test_cursor_of_another_attempt_reads_all_of_this_one(
    queue: JobQueue, leases: JobLeases, streams: TokenStreams, cursor: Cursor
) -> None:
    claimed = _claimed(queue, leases)
    leases.append(claimed, 0, ["a", "b"])

    assert _read(queue, streams, claimed.job, cursor).text == "ab"


def test_long_text_comes_a_page_at_a_time(
    queue: JobQueue, leases: JobLeases, streams: TokenStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "STREAM_ENTRIES", 2)
    claimed = _claimed(queue, leases)
    for offset, word in enumerate("abcde"):
        leases.append(claimed, offset, [word])
    leases.finish(claimed, DONE)

    pages = [_read(queue, streams, claimed.job)]
    while not pages[-1].complete:
        pages.append(_read(queue, streams, claimed.job, pages[-1].cursor))

    assert [page.text for page in pages] == ["ab", "cd", "e"]


def test_page_is_no_longer_than_lambda_can_carry(
    queue: JobQueue, leases: JobLeases, streams: TokenStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PAGE_BYTES", 40)
    claimed = _claimed(queue, leases)
    for offset, word in enumerate(["\x01" * 9, "\x01", "\x01", "a"]):
        leases.append(claimed, offset, [word])
    leases.finish(claimed, DONE)

    pages = [_read(queue, streams, claimed.job)]
    while not pages[-1].complete:
        pages.append(_read(queue, streams, claimed.job, pages[-1].cursor))

    assert [page.text for page in pages] == ["\x01" * 9, "\x01\x01a"]


def test_pieces_without_text_count_and_leave_nothing_to_read_or_keep(
    queue: JobQueue, leases: JobLeases, streams: TokenStreams, raw: "redis.Redis"
) -> None:
    claimed = _claimed(queue, leases)
    for offset in range(3):
        leases.append(claimed, offset, [""])
    silent = queue.fetch(claimed.job.tenant, claimed.job.id)
    kept = raw.exists(keyspace.job_tokens(claimed.job.id))

    leases.append(claimed, 3, ["", "Hello"])

    assert (kept, silent.first_token_at) == (0, None)
    page = _read(queue, streams, claimed.job)
    assert (page.text, page.cursor) == ("Hello", Cursor(1, 5))


@pytest.mark.parametrize("text", ["", "1", "1-", "-1", "a-b", "1-2-3", " 1-2", "1-2\n", "+1-2"])
def test_only_what_a_page_said_is_a_cursor(text: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        Cursor.parse(text)


def test_cursor_is_read_as_it_was_written() -> None:
    assert Cursor.parse(str(Cursor(12, 345))) == Cursor(12, 345)


def _seconds_until_woken(streams: TokenStreams, job: Job, page: TokenPage) -> float:
    began = time.monotonic()
    streams.await_text(job, page, 5)
    return time.monotonic() - began


@pytest.mark.parametrize("event", ["text", "end", "new attempt"])
def test_waiting_reader_wakes_at_once(
    queue: JobQueue, leases: JobLeases, streams: TokenStreams, raw: "redis.Redis", event: str
) -> None:
    claimed = _claimed(queue, leases)
    leases.append(claimed, 0, ["a"])
    job = queue.fetch("acme", claimed.job.id)
    page = streams.read(job, START)

    with ThreadPoolExecutor(1) as threads:
        woken = threads.submit(_seconds_until_woken, streams, job, page)
        time.sleep(0.1)
        if event == "text":
            leases.append(claimed, 1, ["b"])
        elif event == "end":
            leases.finish(claimed, DONE)
        else:
            lapse(raw, claimed)
            claim(leases)

        assert 0.05 < woken.result() < 1


def test_reader_misses_nothing_that_was_said_since_the_page(
    queue: JobQueue, leases: JobLeases, streams: TokenStreams
) -> None:
    claimed = _claimed(queue, leases)
    leases.append(claimed, 0, ["a"])
    job = queue.fetch("acme", claimed.job.id)
    page = streams.read(job, START)
    leases.append(claimed, 1, ["b"])

    assert _seconds_until_woken(streams, job, page) < 1


def test_reader_that_reads_along_loses_and_doubles_nothing(
    queue: JobQueue, leases: JobLeases, streams: TokenStreams
) -> None:
    claimed = _claimed(queue, leases)
    words = [f"{number} " for number in range(200)]

    def speak() -> None:
        for offset in range(0, len(words), 3):
            leases.append(claimed, max(0, offset - 1), words[max(0, offset - 1) : offset + 3])
        leases.finish(claimed, DONE)

    speaking = threading.Thread(target=speak)
    speaking.start()
    heard, page = "", _read(queue, streams, claimed.job)
    while True:
        heard += page.text
        if page.complete:
            break
        job = queue.fetch("acme", claimed.job.id)
        streams.await_text(job, page, 5)
        page = _read(queue, streams, claimed.job, page.cursor)
    speaking.join()

    assert heard == "".join(words)
