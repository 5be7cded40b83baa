"""The moves over HTTPS: what comes of every answer and every misbehaviour of what is called."""

import base64
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chalicelib.errors import BodyTooLarge, LeaseLost, NotConfigured, StoreUnavailable
from chalicelib.jobs import JobState
from chalicelib.leasing import Claim, Outcome
from chalicelib.settings import WorkerCredential
from tests.worker.doubles import via
from tests.worker.harness import log_lines
from tests.worker.router_server import (
    LEASED,
    RouterServer,
    Step,
    answer,
    hang_up,
    never_end,
    refuse,
    serving,
)
from worker.credential import Credential
from worker.leases import RouterOutdated
from worker.patience import BackLater
from worker.via import OFFER_AGAIN_SECONDS, REFUSED_SECONDS, STRIKES, CallRefused, Via
from worker.wire import ANSWER_BYTES, safe_address

pytestmark = pytest.mark.slow  # a server of its own

TOKEN = "a" * 32


@pytest.fixture
def router() -> Iterator[RouterServer]:
    """A router that has no job until told otherwise."""
    with serving() as server:
        yield server


@pytest.fixture
def leases(router: RouterServer) -> Iterator[Via]:
    """The moves through that router."""
    with via(router.url) as found:
        yield found


@pytest.fixture
def claim(router: RouterServer, leases: Via) -> Claim:
    """A job that was claimed through that router."""
    router.steps.append(answer(200, LEASED))
    found = leases.claim(TOKEN)
    assert found is not None
    router.calls.clear()
    return found


def test_a_claim_tells_the_worker_and_its_slots_and_gives_the_job_and_the_lease(
    router: RouterServer, leases: Via
) -> None:
    router.steps.append(answer(200, LEASED))

    claim = leases.claim(TOKEN)

    assert claim is not None
    assert (claim.token, claim.job.id, claim.job.tenant) == (TOKEN, LEASED["job"]["id"], "tenant")
    assert (claim.job.attempt, claim.job.max_attempts) == (2, 3)
    assert claim.job.request == {"prompt": "secret words"}
    assert leases.lease_seconds == 12
    path, headers, body = router.calls[0]
    assert (path, headers["authorization"]) == ("/worker/lease", "Bearer token")
    assert body == {"token": TOKEN, "worker": "test-worker", "slots": 4}


def test_nothing_ready_is_no_claim(leases: Via) -> None:
    assert leases.claim(TOKEN) is None


def test_each_move_names_job_tenant_and_token_and_understands_the_answer(
    router: RouterServer, leases: Via, claim: Claim
) -> None:
    router.steps += [
        answer(200, {"cancel": False}),
        answer(200, {"cancel": True, "lease_seconds": 7}),
        answer(200, {"state": "queued"}),
        answer(204),
    ]
    error = {"code": "engine_timeout", "detail": "it was silent"}

    told = (
        leases.append(claim, 3, ["é", "\U0001f600"]),
        leases.extend(claim),
        leases.finish(claim, Outcome(error=error, retryable=True, retry_after_seconds=2)),
        leases.release(claim),  # type: ignore[func-returns-value]
    )

    assert told == (False, True, JobState.QUEUED, None)
    assert leases.lease_seconds == 7
    named = {"job_id": claim.job.id, "tenant": "tenant", "token": TOKEN}
    outcome = {"error": error, "retryable": True, "retry_after_seconds": 2}
    assert [(path, body) for path, _, body in router.calls] == [
        ("/worker/append", named | {"offset": 3, "chunks": ["é", "\U0001f600"]}),
        ("/worker/extend", named | {"worker": "test-worker", "slots": 4}),
        ("/worker/finish", named | {"outcome": outcome}),
        ("/worker/release", named),
    ]


@pytest.mark.parametrize(
    ("outcome", "sent"),
    [
        (Outcome(result={"text": "x"}), {"result": {"text": "x"}}),
        (Outcome(cancelled=True), {"cancelled": True}),
    ],
)
def test_a_finish_tells_a_result_or_a_cancel(
    router: RouterServer, leases: Via, claim: Claim, outcome: Outcome, sent: object
) -> None:
    router.steps.append(answer(200, {"state": "succeeded"}))

    leases.finish(claim, outcome)

    assert router.calls[0][2]["outcome"] == sent


def test_calls_share_a_connection(router: RouterServer, leases: Via) -> None:
    ports: set[int] = set()

    def note(exchange: object) -> None:
        ports.add(exchange.client_address[1])  # type: ignore[attr-defined]
        answer(204)(exchange)  # type: ignore[arg-type]

    router.otherwise = note

    for _ in range(5):
        leases.claim(TOKEN)

    assert len(ports) == 1


@pytest.mark.parametrize("move", ["append", "extend", "finish", "release"])
def test_a_lost_lease_is_told_as_such(
    router: RouterServer, leases: Via, claim: Claim, move: str
) -> None:
    router.otherwise = refuse(409, "lease_lost")
    moves: dict[str, Callable[[], object]] = {
        "append": lambda: leases.append(claim, 0, ["x"]),
        "extend": lambda: leases.extend(claim),
        "finish": lambda: leases.finish(claim, Outcome(result={})),
        "release": lambda: leases.release(claim),
    }

    with pytest.raises(LeaseLost):
        moves[move]()


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_router_is_asked_again_when_it_says(
    router: RouterServer, leases: Via, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    router.steps.append(refuse(status, "store_unavailable", Retry_After="7"))

    with pytest.raises(StoreUnavailable) as caught:
        leases.claim(TOKEN)

    assert isinstance(caught.value, BackLater)
    assert (caught.value.kind, caught.value.pause_seconds) == (f"status {status}", 7)
    assert capsys.readouterr().out == ""


def test_nobody_makes_a_worker_wait_for_more_than_a_minute(
    router: RouterServer, leases: Via
) -> None:
    router.steps.append(refuse(503, "store_unavailable", Retry_After="1e300"))

    with pytest.raises(BackLater) as caught:
        leases.claim(TOKEN)

    assert caught.value.pause_seconds == 60


ODD_ANSWERS = {
    "redirection": answer(307, None, Location="/worker/lease"),
    "server error": refuse(500, "internal"),
    "unknown route": answer(404, b"<html>secret words</html>"),
    "other conflict": refuse(409, "version_conflict"),
    "no JSON": answer(200, b"secret words"),
    "no object": answer(200, ["secret words"]),
    "no job": answer(200, {"job": None}),
    "half a job": answer(200, {"job": {"id": "secret words"}}),
    "deep": answer(200, b"[" * 100_000),
    "compressed": answer(200, b"\x1f\x8b secret words", Content_Encoding="gzip"),
}


@pytest.mark.parametrize("step", ODD_ANSWERS.values(), ids=ODD_ANSWERS)
def test_an_answer_nobody_expects_is_waited_out_told_once_and_not_repeated_in_the_log(
    router: RouterServer, leases: Via, capsys: pytest.CaptureFixture[str], step: Step
) -> None:
    router.otherwise = step

    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            leases.claim(TOKEN)

    written = capsys.readouterr().out
    (line,) = log_lines(written)
    assert (line["event"], line["move"]) == ("router.unexpected", "lease")
    assert "secret" not in written
    assert len(router.calls) == 3


def test_a_move_that_the_router_will_never_take_is_not_tried_for_ever(
    router: RouterServer, leases: Via, claim: Claim
) -> None:
    router.otherwise = refuse(422, "invalid_body")

    with pytest.raises(CallRefused, match=r"^finish 422$"):
        leases.finish(claim, Outcome(result={}))
    with pytest.raises(CallRefused, match=r"^append 422$"):
        leases.append(claim, 0, ["x"])


def test_a_fault_of_the_routers_that_does_not_pass_holds_no_slot_for_ever(
    router: RouterServer, leases: Via, claim: Claim
) -> None:
    router.otherwise = refuse(500, "internal")

    for _ in range(STRIKES):
        with pytest.raises(StoreUnavailable):
            leases.finish(claim, Outcome(result={}))
    with pytest.raises(CallRefused, match=r"^finish 500$"):
        leases.finish(claim, Outcome(result={}))


def test_a_fault_of_the_routers_that_passes_is_forgotten(
    router: RouterServer, leases: Via, claim: Claim
) -> None:
    faults = [refuse(500, "internal")] * STRIKES
    router.steps += [*faults, answer(200, {"cancel": False}), *faults]
    router.otherwise = answer(200, {"state": "succeeded"})

    for number in range(2 * STRIKES + 1):
        if number == STRIKES:
            leases.append(claim, 0, ["x"])
            continue
        with pytest.raises(StoreUnavailable):
            leases.append(claim, 0, ["x"])

    assert leases.finish(claim, Outcome(result={})) is JobState.SUCCEEDED


def test_an_answer_without_an_end_is_cut(router: RouterServer, leases: Via) -> None:
    router.steps.append(never_end)

    with pytest.raises(BackLater) as caught:
        leases.claim(TOKEN)

    assert caught.value.kind == "endless answer"
    assert ANSWER_BYTES == 4 * 1024 * 1024


def test_a_connection_that_closed_while_idle_costs_one_more_try_and_no_outage(
    router: RouterServer, leases: Via
) -> None:
    leases.claim(TOKEN)
    router.steps.append(hang_up)

    assert leases.claim(TOKEN) is None
    assert len(router.calls) == 3


def test_a_router_that_hangs_up_each_time_is_away(router: RouterServer, leases: Via) -> None:
    router.otherwise = hang_up

    with pytest.raises(StoreUnavailable):
        leases.claim(TOKEN)

    assert len(router.calls) == 2


def test_a_router_that_nobody_answers_for_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with via(f"http://127.0.0.1:{port}") as leases, pytest.raises(BackLater) as caught:
        leases.claim(TOKEN)

    assert caught.value.kind == "ConnectError"


def test_a_router_whose_certificate_nobody_vouches_for_is_told_nothing(
    router: RouterServer, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    router.socket = context.wrap_socket(router.socket, server_side=True)

    with (
        via(router.url.replace("http:", "https:")) as leases,
        pytest.raises(BackLater) as caught,
    ):
        leases.claim(TOKEN)

    assert caught.value.kind == "ConnectError"
    assert router.calls == []


def self_signed(folder: Path) -> Path:
    """Return a file with a key and its certificate for loopback."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = folder / "both.pem"
    file.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    return file


def test_what_no_call_may_carry_is_not_sent(
    router: RouterServer, leases: Via, claim: Claim
) -> None:
    with pytest.raises(BodyTooLarge):
        leases.finish(claim, Outcome(result={"text": "\x01" * (1024 * 1024)}))

    assert router.calls == []


@pytest.mark.parametrize(
    "url",
    [
        "http://router.example",
        "http://10.0.0.1",
        "http://127.0.0.1.example",
        "http://localhost.example/",
        "http://api.localhost",
        "http://localhost.",
        "http://127.0.0.1 router.example",
        "ftp://localhost",
        "https://",
        "https://user:secret@router.example",
        "https://router.example/?stage=secret",
        "https://router.example:secret",
        "router.example",
        "https://router..example",
        "http://[::1",
    ],
)
def test_only_https_or_loopback_is_called(url: str) -> None:
    with pytest.raises(NotConfigured) as caught, via(url):
        pass

    assert "--via" in caught.value.detail
    assert "secret" not in caught.value.detail


def test_proxies_that_cannot_be_used_are_told_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://somebody:secret@proxy.example")

    with pytest.raises(NotConfigured) as caught, via("https://router.example"):
        pass

    assert "HTTPS_PROXY" in caught.value.detail
    assert "secret" not in caught.value.detail


@pytest.mark.parametrize(
    "url",
    ["https://router.example/prod/", "http://localhost:1", "http://127.8.0.1", "http://[::1]:8000"],
)
def test_https_and_loopback_are_taken_with_a_stage_too(url: str) -> None:
    with via(url):
        pass


def test_a_scheme_in_capitals_is_one_like_any_other() -> None:
    # By it is decided whether the environment's proxies and certificates count.
    assert safe_address("HTTPS://Router.example/Prod/", "--via") == "https://Router.example/Prod"


def test_a_path_behind_the_host_is_kept(router: RouterServer) -> None:
    with via(f"{router.url}/stage/") as leases:
        leases.claim(TOKEN)

    assert router.calls[0][0] == "/stage/worker/lease"


def jwt(expires: object, tail: str = "sig") -> str:
    payload = base64.urlsafe_b64encode(json.dumps({"exp": expires}).encode()).decode().rstrip("=")
    return f"e30.{payload}.{tail}"


def with_file(router: RouterServer, file: Path) -> Via:
    return Via(router.url, Credential(WorkerCredential(None, file), time.time), "name", 1)


def test_a_refused_token_is_read_again_and_the_move_tried_with_it(
    router: RouterServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "token"
    file.write_text("old\n")
    leases = with_file(router, file)
    file.write_text("new\n")
    router.steps.append(refuse(401, "token_expired"))

    assert leases.claim(TOKEN) is None

    assert [headers["authorization"] for _, headers, _ in router.calls] == [
        "Bearer old",
        "Bearer new",
    ]
    assert capsys.readouterr().out == ""
    leases.close()


@pytest.mark.parametrize(
    ("status", "code"), [(401, "token_expired"), (403, "scope_insufficient"), (403, "key_revoked")]
)
def test_a_token_that_stays_refused_is_told_once_and_tried_again_only_after_a_pause(
    router: RouterServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    status: int,
    code: str,
) -> None:
    file = tmp_path / "token"
    file.write_text("only")
    leases = with_file(router, file)
    router.otherwise = refuse(status, code)

    for _ in range(2):
        with pytest.raises(BackLater) as caught:
            leases.claim(TOKEN)
        assert caught.value.pause_seconds >= REFUSED_SECONDS

    assert len(router.calls) == 2
    written = capsys.readouterr().out
    (line,) = log_lines(written)
    assert (line["event"], line["status"], line["code"]) == ("credential.refused", status, code)
    assert line["level"] == "WARN"
    assert "hint" not in line
    assert "secret" not in written
    leases.close()


@pytest.mark.parametrize(
    ("status", "event"), [(403, "credential.refused"), (404, "router.unexpected")]
)
@pytest.mark.parametrize("body", [b"<html>", {"message": "Forbidden"}], ids=["html", "gateway"])
def test_a_refusal_that_is_no_routers_says_that_the_address_may_be_wrong(
    router: RouterServer,
    leases: Via,
    capsys: pytest.CaptureFixture[str],
    status: int,
    event: str,
    body: object,
) -> None:
    router.otherwise = answer(status, body)

    with pytest.raises(BackLater):
        leases.claim(TOKEN)

    (line,) = log_lines(capsys.readouterr().out)
    assert (line["event"], line["level"], line["router"]) == (event, "WARN", router.url)
    assert "the address may lack its stage" in line["hint"]


@pytest.mark.parametrize("status", [401, 500])
def test_what_a_wrong_address_does_not_answer_hints_at_none(
    router: RouterServer, leases: Via, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    router.otherwise = answer(status, b"")

    with pytest.raises(BackLater):
        leases.claim(TOKEN)

    (line,) = log_lines(capsys.readouterr().out)
    assert "hint" not in line


def test_a_token_that_was_refused_and_is_taken_again_is_told_once(
    router: RouterServer, leases: Via, capsys: pytest.CaptureFixture[str]
) -> None:
    router.otherwise = refuse(401, "token_expired")
    with pytest.raises(BackLater):
        leases.claim(TOKEN)
    router.otherwise = refuse(503, "store_unavailable")
    with pytest.raises(BackLater):
        leases.claim(TOKEN)
    router.otherwise = answer(204)

    leases.claim(TOKEN)
    leases.claim(TOKEN)

    told = [line["event"] for line in log_lines(capsys.readouterr().out)]
    assert told == ["credential.refused", "credential.accepted"]


def test_a_file_is_read_again_before_its_token_expires(
    router: RouterServer, tmp_path: Path
) -> None:
    now = time.time()
    file, fresh = tmp_path / "token", jwt(int(now) + 3600)
    file.write_text(jwt(int(now) + 50))
    clock = [now]
    leases = Via(router.url, Credential(WorkerCredential(None, file), lambda: clock[0]), "n", 1)
    file.write_text(fresh)

    clock[0] += 2
    leases.claim(TOKEN)

    assert router.calls[0][1]["authorization"] == f"Bearer {fresh}"
    leases.close()


UNKNOWN_MODELS = {"code": "invalid_body", "errors": [{"pointer": "/models", "detail": "unknown"}]}


def test_models_are_told_with_each_claim_and_renewal_once_they_are_offered(
    router: RouterServer, leases: Via, claim: Claim
) -> None:
    router.otherwise = answer(200, LEASED | {"cancel": False})
    leases.offer(["small", "large"])

    leases.claim(TOKEN)
    leases.extend(claim)
    leases.append(claim, 0, ["a"])

    assert [body.get("models") for _, _, body in router.calls] == [["small", "large"]] * 2 + [None]


@pytest.mark.parametrize("status", [400, 422])
def test_a_router_that_knows_no_models_is_told_none_for_a_while(
    router: RouterServer, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    router.steps += [answer(status, UNKNOWN_MODELS), answer(200, LEASED)]

    with via(router.url, now=lambda: 0.0) as leases:
        leases.offer(["small"])
        claim = leases.claim(TOKEN)
        leases.offer(["large"])
        leases.claim(TOKEN)

    assert claim is not None
    assert ["models" in body for _, _, body in router.calls] == [True, False, False]
    assert all(body["slots"] == 4 for _, _, body in router.calls)
    assert capsys.readouterr().out == ""


def test_a_router_that_was_upgraded_meanwhile_is_told_the_models_again(
    router: RouterServer,
) -> None:
    clock = [0.0]
    router.steps.append(answer(422, UNKNOWN_MODELS))
    with via(router.url, now=lambda: clock[0]) as leases:
        leases.offer(["small"])
        leases.claim(TOKEN)
        leases.offer(["large"])
        router.calls.clear()

        for now in (OFFER_AGAIN_SECONDS - 1, OFFER_AGAIN_SECONDS):
            clock[0] = now
            leases.claim(TOKEN)

    assert [body.get("models") for _, _, body in router.calls] == [None, ["large"]]


def test_a_router_that_refuses_models_and_what_is_left_is_not_asked_for_ever(
    router: RouterServer, leases: Via
) -> None:
    router.otherwise = answer(422, UNKNOWN_MODELS)
    leases.offer(["small"])

    with pytest.raises(BackLater):
        leases.claim(TOKEN)

    assert len(router.calls) == 2


def test_what_an_older_router_does_not_know_of_a_result_is_left_out(
    router: RouterServer, leases: Via, claim: Claim
) -> None:
    pointers = ["/outcome/result/message", "/outcome/result/logprobs"]
    unknown = {"code": "invalid_body", "errors": [{"pointer": each} for each in pointers]}
    router.steps += [answer(422, unknown), answer(200, {"state": "succeeded"})]
    text = {"text": "Hello"}
    said = {"message": {"reasoning": "So"}, "logprobs": {"content": []}}

    state = leases.finish(claim, Outcome(result=text | said))

    assert state is JobState.SUCCEEDED
    sent = [body["outcome"]["result"] for _, _, body in router.calls]
    assert sent == [text | said, text]


def test_what_an_older_router_did_not_know_of_a_result_is_sent_with_the_next(
    router: RouterServer, leases: Via, claim: Claim
) -> None:
    unknown = {"errors": [{"pointer": "/outcome/result/message"}]}
    router.steps += [answer(422, unknown), *[answer(200, {"state": "succeeded"})] * 2]
    said = {"text": "Hello", "message": {"reasoning": "So"}}

    for _ in range(2):
        leases.finish(claim, Outcome(result=said))

    sent = ["message" in body["outcome"]["result"] for _, _, body in router.calls]
    assert sent == [True, False, True]


@pytest.mark.parametrize("vital", [{"tool_calls": [{}]}, {"refusal": "no", "reasoning": "So"}])
def test_an_answer_that_an_older_router_would_cut_to_nothing_is_not_recorded(
    router: RouterServer, leases: Via, claim: Claim, vital: dict[str, object]
) -> None:
    router.steps.append(answer(422, {"errors": [{"pointer": "/outcome/result/message"}]}))

    with pytest.raises(RouterOutdated):
        leases.finish(claim, Outcome(result={"text": "", "message": vital}))

    assert len(router.calls) == 1


def test_a_result_that_the_router_finds_wrong_is_not_cut(
    router: RouterServer, leases: Via, claim: Claim
) -> None:
    wrong = {"errors": [{"pointer": "/outcome/result/message/tool_calls/0"}, 7, {"pointer": 7}]}
    router.steps.append(answer(422, wrong))

    with pytest.raises(CallRefused):
        leases.finish(claim, Outcome(result={"text": "", "message": {"tool_calls": [{}]}}))

    assert len(router.calls) == 1


@pytest.mark.parametrize("told", [None, 7, ["00-a-b-01"]])
def test_a_trace_that_is_no_text_is_none(router: RouterServer, leases: Via, told: object) -> None:
    router.steps.append(answer(200, LEASED | {"job": LEASED["job"] | {"traceparent": told}}))

    claim = leases.claim(TOKEN)

    assert claim is not None
    assert claim.job.traceparent is None
