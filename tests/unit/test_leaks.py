"""The search for what tests let out: it finds what was planted, and nothing in what is allowed."""

import json
from pathlib import Path

import pytest

import tinyllama
from tests import crafting, leaks
from tests.leaks import Ledger, Watch

pytest_plugins = ["pytester"]

PROMPT = "Which tune do vicunas whistle, dear?"  # no other suite says it


@pytest.fixture
def ledger() -> Ledger:
    """A ledger of the test's own: what it finds does not fail the test."""
    return Ledger()


def found(ledger: Ledger, text: str) -> list[str]:
    """Return the kinds of what is found in *text*."""
    ledger.look("there", text)
    return [each.partition(" in there")[0] for each in ledger.take()]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("refused eyJhbGciOiJSUzI1NiIsImtpZCI6", "a token"),
        ("key=tlk_eyJhbGciOiJFZERTQSJ9", "an API key"),
        ("-----BEGIN PRIVATE KEY----- MC4CAQAwBQYDK2VwBCIEI", "a private key"),
    ],
)
def test_tokens_and_keys_are_known_by_their_form(ledger: Ledger, text: str, kind: str) -> None:
    assert kind in found(ledger, f"12:00 {text} 13:00")


def test_a_part_of_a_token_is_known_without_its_form(ledger: Ledger) -> None:
    token = ledger.note_token(crafting.token())
    signature = token.rpartition(".")[2]

    assert found(ledger, f"signature {signature[:20]} is wrong") == ["a token"]


@pytest.mark.parametrize(
    ("body", "written"),
    [
        ({"prompt": PROMPT}, f"failed at {PROMPT}"),
        ({"prompt": PROMPT}, f"failed at {PROMPT[:14]}…"),
        ({"prompt": PROMPT}, f"… {PROMPT[-12:]}"),
        ({"prompt": "Say hello"}, "asked to Say hello, and failed"),
        ({"prompt": "Über\nLlamas\tsummen"}, json.dumps({"said": "Über\nLlamas\tsummen"})),
        ({"messages": [{"role": "user", "content": PROMPT}]}, PROMPT),
        ({"type": "order.placed", "payload": {"any": ["depth of payload"]}}, "depth of payload"),
        ({"chunks": ["an answer ", "of a model so far"]}, "of a model so far"),
    ],
)
def test_what_a_request_holds_of_its_caller_is_known_again(
    ledger: Ledger, body: object, written: str
) -> None:
    ledger.note_request({}, json.dumps(body).encode())

    assert found(ledger, written) == ["what was sent"]


def test_a_credential_is_known_that_is_no_token(ledger: Ledger) -> None:
    ledger.note_request({"authorization": "Basic b2ggbm8gbm90IHRoaXM="}, b"{")

    assert found(ledger, "refused b2ggbm8gbm90IHRoaXM=") == ["a token"]


def test_a_secret_is_never_repeated_by_what_is_found(ledger: Ledger) -> None:
    ledger.note("a secret", "open sesame, says she")

    ledger.look("there", "password: open sesame, says she")

    assert ledger.take() == ["a secret in there, line 1, after 'password: '"]


def test_ids_and_what_was_not_used_may_be_written(ledger: Ledger) -> None:
    job = "job_0f8fad5bd9cb469fa16570867728950e"
    ledger.note_request(
        {}, json.dumps({"payload": {"id": job}, "model": "tinyllama-1.1b"}).encode()
    )

    assert found(ledger, f"{job} runs on tinyllama-1.1b, {PROMPT}") == []


@pytest.mark.parametrize(("status", "count"), [(202, 0), (399, 0), (400, 2), (503, 2)])
def test_refusals_are_searched_and_answers_to_whom_it_concerns_are_not(
    ledger: Ledger, status: int, count: int
) -> None:
    ledger.note("a prompt", PROMPT)

    ledger.look_at_answer(status, {"link": f"<{PROMPT}>"}, f'{{"detail": "{PROMPT}"}}'.encode())

    assert len(ledger.take()) == count


def test_logs_of_our_processes_are_searched_wherever_they_lie(
    ledger: Ledger, tmp_path: Path
) -> None:
    ledger.note("a prompt", PROMPT)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "worker.log").write_text(f"fine\n{PROMPT}\n")
    (tmp_path / "deep" / "input.json").write_text(PROMPT)
    (tmp_path / "engine.log").write_text(PROMPT)
    with leaks.output("server") as output:
        output.write(PROMPT.encode())

    ledger.look_at_files(tmp_path)
    leaks.look_at_outputs(ledger)

    first, second = ledger.take()
    assert first.startswith("a prompt in worker.log, line 2")
    assert second.startswith("a prompt in server-")


PLANTED = {
    "standard_output": "print(SECRET)",
    "standard_error": "sys.stderr.write(SECRET)",
    "a_log_record": "logging.getLogger('any').warning('refused %s', SECRET)",
    "a_fixtures_end": "request.addfinalizer(lambda: print(SECRET))",
    "a_log_line_that_was_read": "print('{\"time\": 1, ' + SECRET); capsys.readouterr()",
    "an_error_that_was_read": "sys.stderr.write(SECRET); capsys.readouterr()",
}
HARMLESS = {
    "nothing": "print('fine')",
    "what_was_asked_for": "print(SECRET); assert SECRET in capsys.readouterr().out",
}


@pytest.mark.slow
def test_a_test_that_lets_something_out_does_not_pass_and_others_do(
    pytester: pytest.Pytester, ledger: Ledger
) -> None:
    secret = ledger.note("a secret", "open sesame, says she")
    tests = [
        f"def test_{name}(request, capsys):\n    {deed}"
        for name, deed in (PLANTED | HARMLESS).items()
    ]
    pytester.makepyfile("\n".join(["import logging, sys", f"SECRET = {secret!r}", *tests]))

    done = pytester.inline_run("-p", "no:cacheprovider", "-q", plugins=[Watch(ledger)])

    passed, _, failed = done.listoutcomes()
    failing = {report.nodeid.partition("::test_")[2] for report in failed}
    assert failing == PLANTED.keys()
    ended_well = {each.nodeid.partition("::test_")[2] for each in passed} - failing
    assert ended_well == HARMLESS.keys()


def test_every_token_that_is_made_is_noted() -> None:
    for made in (tinyllama.make_token(), crafting.token()):
        leaks.LEDGER.look("there", f"signature {made.rpartition('.')[2]}")

        assert leaks.LEDGER.take() == ["a token in there, line 1, after 'signature '"]
