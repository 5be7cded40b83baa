"""`tinyllama infer|jobs|events|inbox|queue|health|login` on a running router."""

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

import tinyllama
from chalicelib import keyspace
from chalicelib.leasing import Outcome
from chalicelib.settings import PROJECT
from tests.api.command_line import CommandLine, Ran
from tests.api.stage_proxy import Passing, StageProxy
from tests.calls import HandWorker
from tests.leaks import LEDGER
from tinyllama import awaiting
from tinyllama.client import Client
from tinyllama.cures import CURES

pytestmark = pytest.mark.slow  # a router as a process of its own

PROMPT = LEDGER.note("a prompt", f"{secrets.token_hex(8)}, say llamas")
NOBODYS = f"job_{'0' * 32}"


def jobs_in(direct: "redis.Redis") -> list[str]:
    """Return the ids of the tenant's jobs, as the store has them."""
    return [str(each) for each in direct.zrange(keyspace.jobs("acme"), 0, -1)]


def when_queued(
    direct: "redis.Redis", deed: Callable[[], object], number: int = 1
) -> threading.Thread:
    """Do something once so many jobs are in the store."""

    def wait() -> None:
        deadline = time.monotonic() + 20
        while len(jobs_in(direct)) < number and time.monotonic() < deadline:
            time.sleep(0.01)
        deed()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.fixture
def answered(
    run: CommandLine, direct: "redis.Redis", hand_worker: HandWorker
) -> Callable[..., Ran]:
    """Run a command whose job is answered, with *text* unless it says otherwise."""

    def ran(
        *arguments: str,
        text: str = "Because they can",
        deed: Callable[[], object] | None = None,
        typed: bytes = b"",
    ) -> Ran:
        working = when_queued(direct, deed or (lambda: hand_worker.answer(text)))
        ended = run(*arguments, typed=typed)
        working.join()
        return ended

    return ran


def test_the_answer_alone_goes_into_a_pipe(answered: Callable[..., Ran]) -> None:
    ran = answered("infer", PROMPT)

    assert (ran.code, ran.out, ran.err) == (0, "Because they can\n", "")


@pytest.mark.parametrize("arguments", [(), ("-",), ("--file", "-")])
def test_a_prompt_may_be_piped_in(
    answered: Callable[..., Ran], hand_worker: HandWorker, arguments: tuple[str, ...]
) -> None:
    asked: list[object] = []

    def work() -> None:
        asked.append(hand_worker.answer().job.request)

    ran = answered("infer", *arguments, typed=f"{PROMPT} é\n".encode(), deed=work)

    assert (ran.code, ran.out) == (0, "Hello to you\n")
    assert asked == [{"prompt": f"{PROMPT} é"}]


def test_a_prompt_may_lie_in_a_file_and_every_option_reaches_the_job(
    run: CommandLine, hand_worker: HandWorker, tmp_path: Path
) -> None:
    file = tmp_path / "prompt.txt"
    file.write_text(f"\ufeff{PROMPT}\n", encoding="utf-8")
    options = (
        *("--model", "tiny", "--system", "Be brief.", "--max-tokens", "5"),
        *("--temperature", "0.5", "--top-p", "0.9", "--stop", "END", "--stop", "###"),
        *("--seed", "7", "--priority", "high", "--deadline", "60", "--no-wait"),
    )

    ran = run("infer", "--file", str(file), *options)

    job = hand_worker.claim().job
    assert ran.out == f"{job.id}\n"
    assert (job.priority, job.deadline_at is not None) == ("high", True)
    assert job.request == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": PROMPT},
        ],
        "model": "tiny",
        "max_tokens": 5,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["END", "###"],
        "seed": 7,
    }


def test_for_a_script_the_job_is_one_document(answered: Callable[..., Ran]) -> None:
    ran = answered("infer", PROMPT, "--json", text="é\u2028\x1b[2J")

    told = json.loads(ran.out)
    assert ran.out.count("\n") == 1
    assert (told["state"], told["result"]["text"]) == ("succeeded", "é\u2028\x1b[2J")


def test_a_stream_prints_the_text_and_for_a_script_its_pieces(
    answered: Callable[..., Ran], run: CommandLine
) -> None:
    plain = answered("infer", PROMPT, "--stream")
    (job_id,) = [row[0] for row in run("jobs", "list").rows]

    tailed = run("jobs", "tail", job_id, "--json")

    *pieces, last = map(json.loads, tailed.out.splitlines())
    assert (plain.code, plain.out) == (0, "Because they can\n")
    assert "".join(piece["text"] for piece in pieces) == "Because they can"
    assert last["job"]["id"] == job_id


def test_a_job_without_an_answer_is_told_with_what_helps(
    answered: Callable[..., Ran], hand_worker: HandWorker
) -> None:
    ran = answered("infer", PROMPT, deed=hand_worker.fail)

    assert (ran.code, ran.out) == (8, "")
    assert "failed: the engine did not answer (engine_unavailable)" in ran.err
    assert CURES["engine_unavailable"].cure in ran.err


def test_a_stream_that_begins_anew_says_so_beside_the_text(
    answered: Callable[..., Ran], hand_worker: HandWorker
) -> None:
    def work() -> None:
        first = hand_worker.claim()
        hand_worker.leases.append(first, 0, ["Becau"])
        time.sleep(1)
        error = {"code": "engine_unavailable", "detail": "gone"}
        hand_worker.leases.finish(first, Outcome(error=error, retryable=True))
        hand_worker.hasten()
        hand_worker.answer("Because they can")

    ran = answered("infer", PROMPT, "--stream", deed=work)

    assert (ran.code, ran.out) == (0, "Becau\nBecause they can\n")
    assert ran.err == "That attempt was lost; number 2 begins anew:\n"


def test_an_answer_that_was_cut_is_told_so(
    answered: Callable[..., Ran], hand_worker: HandWorker
) -> None:
    def work() -> None:
        told = {"finish_reason": "length", "engine": "echo", "model": "echo", "usage": None}
        hand_worker.leases.finish(hand_worker.claim(), Outcome(result={"text": "Be", **told}))

    ran = answered("infer", PROMPT, deed=work)

    assert (ran.code, ran.out) == (0, "Be\n")
    assert "--max-tokens allows more" in ran.err


def test_a_tail_of_a_job_that_failed_ends_as_it_did(
    run: CommandLine, client: Client, hand_worker: HandWorker
) -> None:
    failed = client.submit(PROMPT).id
    hand_worker.fail()

    assert run("jobs", "tail", failed).code == 8


@pytest.mark.parametrize("how", [(), ("--stream",)])
def test_who_waits_in_a_pipe_is_told_once_that_no_worker_lives(
    answered: Callable[..., Ran],
    hand_worker: HandWorker,
    monkeypatch: pytest.MonkeyPatch,
    how: tuple[str, ...],
) -> None:
    monkeypatch.setattr(awaiting, "FIRST_SECONDS", 0.1)
    monkeypatch.setattr(awaiting, "EVERY_SECONDS", 0.1)

    def work() -> None:
        time.sleep(1)
        hand_worker.answer()

    ran = answered("infer", PROMPT, *how, deed=work)

    assert (ran.code, ran.out) == (0, "Hello to you\n")
    assert ran.err == "No worker is live: it waits.\n"


def test_nothing_is_said_of_workers_where_one_lives(
    answered: Callable[..., Ran], hand_worker: HandWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awaiting, "FIRST_SECONDS", 0.1)
    hand_worker.leases.beat("w1", 1)

    def work() -> None:
        time.sleep(1)
        hand_worker.answer()

    ran = answered("infer", PROMPT, deed=work)

    assert (ran.code, ran.err) == (0, "")


def test_ctrl_c_before_an_answer_tells_where_to_look(
    run: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "submit", interrupted)

    ran = run("infer", PROMPT)

    assert (ran.code, ran.out) == (130, "")
    assert "`tinyllama jobs list` tells if it is there" in ran.err


def test_where_no_answer_arrives_it_is_told_that_it_may_be_done(
    run: CommandLine, stage: StageProxy, direct: "redis.Redis"
) -> None:
    def lose(passing: Passing) -> None:
        passing.status = 0

    stage.spoil = lose

    ran = run("infer", PROMPT)

    assert (ran.code, len(stage.passed), len(jobs_in(direct))) == (7, 4, 1)
    assert "may be done all the same" in ran.err


def spoiling(status: int, **headers: str) -> Callable[[Passing], None]:
    def spoil(passing: Passing) -> None:
        passing.status = status
        passing.body = b'{"code": "queue_full", "title": "The queue is full", "detail": "Wait."}'
        passing.headers |= {name.replace("_", "-"): value for name, value in headers.items()}

    return spoil


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *((400, 5), (401, 3), (403, 3), (404, 4), (405, 5), (409, 5), (410, 4), (413, 5)),
        *((415, 5), (422, 5), (429, 6), (500, 1), (502, 6), (503, 6), (504, 6), (302, 7)),
    ],
)
def test_each_refusal_has_its_exit_code_and_says_title_detail_and_cure(
    run: CommandLine, stage: StageProxy, status: int, code: int
) -> None:
    stage.spoil = spoiling(status, Retry_After="3600")

    ran = run("queue")

    assert (ran.code, ran.out) == (code, "")
    if status != 302:
        assert ran.err.startswith(f"tinyllama: The queue is full ({status} queue_full)\n  Wait.\n")
        assert CURES["queue_full"].cure in ran.err


@pytest.mark.parametrize(
    ("arguments", "typed", "told"),
    [
        (("infer", ""), b"", "the prompt is empty"),
        (("infer", " \n"), b"", "the prompt is empty"),
        (("infer",), b"", "the prompt is empty"),
        (("infer", "-"), b"\n\n", "the prompt is empty"),
        (("infer", "-"), b"a\0b", "standard input: holds binary data"),
        (("infer", "-"), b"caf\xe9", "standard input: is no text in UTF-8 (byte 4)"),
        (("infer", "-"), b"x" * 10_000_000, "standard input: over 256 KiB"),
        (("infer", "-"), b"x" * 100_001, "the prompt is over 100,000 characters"),
        (("infer", "a", "--file", "b"), b"", "not both"),
        (("infer", "--file", "/absent"), b"", "/absent cannot be read: No such file"),
        (("infer", "--file", "/"), b"", "/ cannot be read: Is a directory"),
        (("infer", "a", "--stream", "--no-wait"), b"", "cannot go with --no-wait"),
        (
            ("infer", "a", "--profile", "nope"),
            b"",
            "there is no profile nope (there are: none yet)",
        ),
        (("infer", "a", "--profile", "../x"), b"", "a profile's name is"),
        (("infer", "a", "--url", "http://example.com"), b"", "an https address, or http on"),
        (("infer", "a", "--url", "https://u:p@example.com"), b"", "an https address"),
        (("jobs", "show", "../health"), b"", "an id is job_ or evt_"),
        (("jobs", "list", "--limit", "0"), b"", "--limit"),
        (("jobs", "list", "--state", "odd"), b"", "--state"),
        (("events", "publish", "a", "--payload", "done"), b"", "the payload is not JSON (line 1"),
        (("events", "publish", "a", "--payload", "NaN"), b"", "the payload is not JSON"),
        (("events", "publish", "a", "--payload", "-"), b"{", "the payload is not JSON"),
        (("inbox", "ack"), b"", "name events, or all that a lease"),
        (("inbox", "follow", "--ack", "--type", "a"), b"", "cannot go with --type"),
        (("login",), b"", "pipe it in with --token-stdin"),
        (("login", "--token-stdin"), b"token", "name the router with --url"),
        (
            ("login", "--token-stdin", "--url", "127.0.0.1:8000"),
            b"token",
            "did you mean http://127.0.0.1:8000?",
        ),
        (
            ("login", "--token-stdin", "--url", "api.example/dev"),
            b"token",
            "did you mean https://api.example/dev?",
        ),
        (("login", "--token-stdin", "--url", "ftp://u:p@x"), b"token", "an https address, or"),
    ],
)
def test_a_slip_is_told_before_anything_is_sent(
    run: CommandLine, stage: StageProxy, arguments: tuple[str, ...], typed: bytes, told: str
) -> None:
    ran = run(*arguments, typed=typed)

    assert (ran.code, ran.out, stage.passed) == (2, "", [])
    assert told in ran.err


def test_what_is_wrong_with_a_field_is_told_at_its_place(run: CommandLine) -> None:
    ran = run("infer", PROMPT, "--max-tokens", "0")

    assert ran.code == 5
    assert ran.err.startswith("tinyllama: The body does not satisfy its schema (422 invalid_body)")
    assert "\n  /max_tokens: must be at least 1\n" in ran.err
    assert "\n  Request id: " in ran.err


def test_a_router_that_is_not_there_is_told_with_how_to_have_one(
    run: CommandLine, stage: StageProxy
) -> None:
    ran = run("queue", "--url", "http://127.0.0.1:9")

    assert (ran.code, ran.out, stage.passed) == (7, "", [])
    assert "no router answers at http://127.0.0.1:9 (ConnectError)" in ran.err
    assert "`tinyllama up` starts one" in ran.err


def test_an_expired_token_is_told_with_its_time_its_place_and_how_to_have_another(
    run: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLLAMA_TOKEN", tinyllama.make_token(expires_in=-60))

    ran = run("infer", PROMPT)

    assert ran.code == 3
    assert "(401 token_expired)" in ran.err
    assert "the token of TINYLLAMA_TOKEN, which expired at 20" in ran.err
    assert "`tinyllama token` prints one" in ran.err


def test_jobs_are_listed_shown_cancelled_retried_and_erased(
    run: CommandLine, client: Client, hand_worker: HandWorker
) -> None:
    failed = client.submit(PROMPT, model="tiny").id
    hand_worker.fail()
    waits = client.submit(PROMPT).id

    cancelled = run("jobs", "cancel", waits)
    listed = run("jobs", "list", "--state", "failed").rows
    shown = dict(run("jobs", "show", failed).rows)
    retried = run("jobs", "retry", failed, "--json")
    again = run("jobs", "retry", failed)
    erased = run("jobs", "erase", waits)
    gone = run("jobs", "show", waits)

    assert (cancelled.code, cancelled.err) == (0, f"{waits} is cancelled.\n")
    assert [row[:3] for row in listed] == [[failed, "failed", "tiny"]]
    assert (shown["state"], shown["attempt"], shown["model"]) == ("failed", "1 of 3", "tiny")
    assert json.loads(shown["error"])["code"] == "engine_unavailable"
    assert json.loads(retried.out)["state"] == "queued"
    assert again.code == 5
    assert (erased.code, gone.code) == (0, 4)
    assert "job_gone" in gone.err


def test_lists_are_one_document_for_scripts(run: CommandLine, client: Client) -> None:
    made = [client.submit(PROMPT).id for _ in range(3)]

    told = json.loads(run("jobs", "list", "--json", "--limit", "2").out)

    assert [job["id"] for job in told] == made[:0:-1]


def test_events_go_in_and_out_of_the_inbox(run: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "payload.json"
    file.write_text('{"order": 17}')

    first = run("events", "publish", "order.created", "--file", str(file), "--source", "shop")
    second = run("events", "publish", "done", "--payload", '"well\\n"')
    listed = run("inbox", "list").rows
    leased = json.loads(run("inbox", "lease", "--count", "1", "--json").out)
    left = run("inbox", "list").rows
    given_back = run("inbox", "release", "--all", "--lease", leased["lease"])
    taken = run("inbox", "lease", "--seconds", "30")
    lease = taken.err.split("--lease ")[1].split("`")[0]
    acknowledged = run("inbox", "ack", first.out.strip(), "--lease", lease)
    alone = run("inbox", "ack", second.out.strip())

    assert listed[0][:3] == [first.out.strip(), "order.created", "shop"]
    assert [row[4] for row in listed] == ['{"order": 17}', '"well\\n"']
    assert [event["event_id"] for event in leased["events"]] == [first.out.strip()]
    assert [row[0] for row in left] == [second.out.strip()]
    assert (given_back.code, acknowledged.code, alone.code) == (0, 0, 0)
    assert len(taken.rows) == 2
    assert run("inbox", "list").err == "The inbox has no event to give.\n"


def test_queue_and_health_are_told(run: CommandLine, client: Client) -> None:
    client.submit(PROMPT)

    queue = dict(run("queue").rows)
    health = run("health")

    assert (queue["ready"], queue["running"], queue["workers"]) == ("1", "0", "0")
    assert health.code == 0
    assert health.rows[0] == ["status", "warn"]
    assert ["queue:waiting", "pass", "1"] in health.rows


def test_the_models_of_live_workers_are_listed(run: CommandLine, hand_worker: HandWorker) -> None:
    before = run("models")
    hand_worker.leases.beat("w1", 1, ["tiny", "meta/llama"])

    listed = run("models")
    document = run("models", "--json")

    assert (before.code, before.out) == (0, "")
    assert before.err == "No live worker tells of a model.\n"
    assert listed.rows == [["meta/llama"], ["tiny"]]
    assert json.loads(document.out) == ["meta/llama", "tiny"]


def test_standard_input_is_left_alone_beside_a_prompt(run: CommandLine) -> None:
    ran = run("infer", PROMPT, "--no-wait", typed=b"\xff\0")

    assert ran.code == 0


def test_a_store_that_is_away_is_an_exit_code(run: CommandLine, stage: StageProxy) -> None:
    def fail(passing: Passing) -> None:
        passing.status = 503
        passing.body = b'{"status": "fail", "checks": {}}'

    stage.spoil = fail

    assert run("health").code == 6


def test_who_signs_in_needs_no_variables_any_more(
    run: CommandLine, stage: StageProxy, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    made = client.submit(PROMPT).id
    token = os.environ["TINYLLAMA_TOKEN"]
    monkeypatch.delenv("TINYLLAMA_URL")
    monkeypatch.delenv("TINYLLAMA_TOKEN")

    signed_in = run(
        "login", "--url", f"{stage.url}/", "--profile", "work", "--token-stdin",
        typed=f"{token}\n".encode(),
    )  # fmt: skip
    named = run("jobs", "list", "--profile", "work")
    monkeypatch.setenv("TINYLLAMA_PROFILE", "work")
    chosen = run("jobs", "list")
    signed_out = run("logout", "--profile", "work")
    after = run("jobs", "list")

    assert (signed_in.code, signed_in.out) == (0, "")
    assert "work.json" in signed_in.err
    assert [row[0] for row in named.rows] == [row[0] for row in chosen.rows] == [made]
    assert (signed_out.code, after.code) == (0, 2)
    assert "`tinyllama login --profile work` makes it" in after.err


@pytest.mark.parametrize(
    ("token", "code", "kept"),
    [
        ({"expires_in": -60}, 3, False),
        ({"aud": "another"}, 3, False),
        ({"scope": "inbox:read"}, 0, True),
    ],
)
def test_a_token_is_tried_before_it_is_kept(
    run: CommandLine,
    stage: StageProxy,
    tmp_path: Path,
    token: dict[str, object],
    code: int,
    *,
    kept: bool,
) -> None:
    typed = tinyllama.make_token(**token).encode()  # type: ignore[arg-type]

    ran = run("login", "--url", stage.url, "--token-stdin", typed=typed)

    assert ran.code == code
    assert (tmp_path / "config" / "default.json").exists() == kept
    assert ("may not read jobs" in ran.err) == kept


def test_what_is_followed_is_printed_as_it_comes_and_taken_out_with_ack(
    stage: StageProxy, client: Client
) -> None:
    del stage
    first = client.publish("a", 1, source="test").id
    command = [sys.executable, "-m", "tinyllama", "inbox", "follow", "--ack", "--json"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as following:  # noqa: S603
        assert following.stdout is not None
        before = json.loads(following.stdout.readline())
        second = client.publish("a", 2, source="test").id
        after = json.loads(following.stdout.readline())
        deadline = time.monotonic() + 10
        while list(client.inbox()) and time.monotonic() < deadline:
            time.sleep(0.05)
        following.send_signal(signal.SIGINT)
        code = following.wait(20)

    assert [before["event_id"], after["event_id"]] == [first, second]
    assert list(client.inbox()) == []
    assert code == 130


def test_ctrl_c_leaves_the_job_to_go_on_and_tells_how_to_end_it(
    stage: StageProxy, direct: "redis.Redis"
) -> None:
    del stage
    command = [sys.executable, "-m", "tinyllama", "infer", PROMPT]
    with subprocess.Popen(  # noqa: S603
        command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as waiting:
        when_queued(direct, lambda: time.sleep(0.5)).join()
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=20)

    (job_id,) = jobs_in(direct)
    assert (waiting.returncode, out) == (130, "")
    assert f"{job_id} goes on without you" in err
    assert f"`tinyllama jobs cancel {job_id}` ends it" in err
    assert direct.hget(keyspace.job(job_id), "state") == "queued"
