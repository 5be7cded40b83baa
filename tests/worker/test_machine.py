"""A worker's token from its issuer: asked for with the client's secret, renewed while it holds."""

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib import settings
from chalicelib.errors import NotConfigured
from chalicelib.jobs import JobState
from chalicelib.queueing import JobQueue
from chalicelib.settings import MachineClient
from tests.worker import issuer_server
from tests.worker.harness import log_lines, run_until_ended, submit, wait_for
from tests.worker.issuer_server import CLIENT, SECRET, Issuer, refusal
from tests.worker.routers import Routers
from worker import grant
from worker.credential import AHEAD_SECONDS
from worker.grant import Granted, GrantFailed
from worker.machine import AGAIN_SECONDS, RETRY_SECONDS, MachineCredential


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer that knows one client."""
    with issuer_server.serving() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    """The time, which a test moves."""
    return Clock()


def client(issuer: Issuer, file: Path | None = None) -> MachineClient:
    return MachineClient(CLIENT, None if file else SECRET, file, issuer.url)


def test_the_client_proves_itself_and_is_given_a_token(issuer: Issuer) -> None:
    granted = grant.ask(client(issuer))

    assert granted == Granted("token-1", 3600)
    assert issuer.forms == [{"grant_type": ["client_credentials"]}]


@pytest.mark.parametrize("seconds", [None, "3600", True, 0, -1, float("nan"), 1e400])
def test_a_life_that_cannot_be_read_is_none(issuer: Issuer, seconds: object) -> None:
    issuer.seconds = seconds

    assert grant.ask(client(issuer)).seconds is None


@pytest.mark.parametrize(
    ("reply", "told", "final"),
    [
        (refusal(400, "unauthorized_client"), "unauthorized_client", True),
        (refusal(401, "<script>"), "401", True),
        (refusal(500, "server_error"), "status 500", False),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), "status 302", False),
        ((302, {"Location": "token", "Set-Cookie": "a=\xe9"}, b""), "status 302", False),
        ((400, {}, b'{"error": ["invalid_client"]}'), "(400)", True),
        ((200, {}, b"<html>"), "holds no token", False),
        ((200, {}, b"[]"), "holds no token", False),
        ((200, {}, b'{"access_token": "two words"}'), "holds no token", False),
        ((200, {}, b'{"access_token": 7}'), "holds no token", False),
        ((200, {}, b" " * 100_000), "does not end", False),
    ],
    ids=[
        *("refused", "odd code", "500", "elsewhere", "odd cookie", "no code"),
        *("html", "list", "words", "number", "long"),
    ],
)
def test_no_token_says_why_and_never_what_the_issuer_said(
    issuer: Issuer, reply: issuer_server.Reply, told: str, *, final: bool
) -> None:
    issuer.replies.append(reply)

    with pytest.raises(GrantFailed) as failed:
        grant.ask(client(issuer))

    assert told in str(failed.value)
    assert failed.value.final == final
    assert "secret" not in str(failed.value)


def test_an_issuer_that_is_away_is_not_final() -> None:
    with pytest.raises(GrantFailed, match="not reached") as failed:
        grant.ask(MachineClient(CLIENT, SECRET, None, "http://127.0.0.1:1/token"))

    assert not failed.value.final


@pytest.mark.parametrize("url", ["http://issuer.example/token", "file:///x", "https://u:p@x/", "x"])
def test_a_secret_goes_over_https_or_to_this_machine_alone(url: str) -> None:
    with pytest.raises(NotConfigured, match=r"^TINYLLAMA_TOKEN_URL must be an https address"):
        grant.ask(MachineClient(CLIENT, SECRET, None, url))


def test_a_secrets_file_is_read_each_time(issuer: Issuer, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("old\n", encoding="utf-8")

    with pytest.raises(GrantFailed, match="invalid_client"):
        grant.ask(client(issuer, file))
    file.write_text(f"{SECRET}\n", encoding="utf-8")

    assert grant.ask(client(issuer, file)).token == "token-2"  # noqa: S105


def test_a_secrets_file_that_is_not_there_is_told(issuer: Issuer, tmp_path: Path) -> None:
    with pytest.raises(GrantFailed, match="file cannot be read"):
        grant.ask(client(issuer, tmp_path / "absent"))


@pytest.mark.parametrize("text", ["", " \n", "x" * 4097])
def test_a_secrets_file_without_a_secret_is_told_and_the_issuer_not_asked(
    issuer: Issuer, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "secret"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(GrantFailed, match="file holds no secret") as raised:
        grant.ask(client(issuer, file))

    assert raised.value.final
    assert issuer.forms == []


def test_a_token_is_kept_until_a_minute_before_its_end(issuer: Issuer, clock: Clock) -> None:
    credential = MachineCredential(client(issuer), clock)

    clock.now += 3600 - AHEAD_SECONDS - 1
    kept = credential.token()
    clock.now += 2
    renewed = credential.token()

    assert (kept, renewed) == ("token-1", "token-2")


def test_a_short_life_is_renewed_in_its_last_third(issuer: Issuer, clock: Clock) -> None:
    issuer.seconds = 30
    credential = MachineCredential(client(issuer), clock)

    clock.now += 19
    kept = credential.token()
    clock.now += 2

    assert (kept, credential.token()) == ("token-1", "token-2")


def test_where_the_issuer_tells_no_life_the_tokens_own_end_counts(
    issuer: Issuer, clock: Clock
) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": int(clock.now) + 600}).encode()).decode()
    token = {"access_token": f"e30.{claims.rstrip('=')}.sig"}
    issuer.replies.append((200, {}, json.dumps(token).encode()))
    credential = MachineCredential(client(issuer), clock)

    clock.now += 600 - AHEAD_SECONDS - 1
    kept = credential.token()
    clock.now += 2

    assert kept == token["access_token"]
    assert credential.token() == "token-2"


def test_a_refused_token_is_renewed_but_a_new_one_is_not(issuer: Issuer, clock: Clock) -> None:
    credential = MachineCredential(client(issuer), clock)

    new = credential.reread()
    clock.now += AGAIN_SECONDS

    assert [new, credential.reread(), credential.reread()] == ["token-1", "token-2", "token-2"]


def test_one_asks_while_the_others_go_on(issuer: Issuer, clock: Clock) -> None:
    credential = MachineCredential(client(issuer), clock)
    clock.now += 3600 - AHEAD_SECONDS
    issuer.gate.clear()
    asking = threading.Thread(target=credential.token)
    asking.start()
    wait_for(lambda: len(issuer.forms) == 2)

    meanwhile = [credential.token() for _ in range(3)]
    issuer.gate.set()
    asking.join()

    assert meanwhile == ["token-1"] * 3
    assert credential.token() == "token-2"
    assert len(issuer.forms) == 2


def test_after_its_end_all_wait_for_the_one_that_asks(issuer: Issuer, clock: Clock) -> None:
    credential = MachineCredential(client(issuer), clock)
    clock.now += 4000
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.append(credential.token())) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert got == ["token-2"] * 4
    assert len(issuer.forms) == 2


@pytest.mark.parametrize(
    ("reply", "pause"),
    [(refusal(503, "x"), RETRY_SECONDS), (refusal(401, "invalid_client"), AGAIN_SECONDS)],
    ids=["away", "refused"],
)
def test_an_issuer_that_fails_leaves_the_token_is_told_once_and_asked_again_later(
    issuer: Issuer,
    clock: Clock,
    capsys: pytest.CaptureFixture[str],
    reply: issuer_server.Reply,
    pause: float,
) -> None:
    credential = MachineCredential(client(issuer), clock)
    issuer.replies.extend([reply, reply])
    clock.now += 3600 - AHEAD_SECONDS

    failing = [credential.token(), credential.token()]
    clock.now += pause
    failing.append(credential.token())
    clock.now += pause
    after = credential.token()

    assert failing == ["token-1"] * 3
    assert after == "token-4"
    told = log_lines(capsys.readouterr().out)
    assert [line["event"] for line in told] == ["credential.unavailable"]
    assert "secret words" not in json.dumps(told)


def test_no_first_token_stops_the_start(issuer: Issuer, clock: Clock) -> None:
    issuer.secret = "another"  # noqa: S105

    with pytest.raises(NotConfigured, match=r"no token: the issuer refuses .*invalid_client") as no:
        MachineCredential(client(issuer), clock)

    assert SECRET not in no.value.detail


def test_settings_name_client_secret_and_issuer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLLAMA_WORKER_CLIENT_ID", CLIENT)
    monkeypatch.setenv("TINYLLAMA_WORKER_CLIENT_SECRET_FILE", "/run/secrets/worker")
    monkeypatch.setenv("TINYLLAMA_TOKEN_URL", "https://issuer.example/token")

    found = settings.worker_credential()

    expected = Path("/run/secrets/worker")
    assert found.client == MachineClient(CLIENT, None, expected, "https://issuer.example/token")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"WORKER_TOKEN": "hush"}, "TINYLLAMA_WORKER_TOKEN and TINYLLAMA_WORKER_CLIENT_ID"),
        ({"WORKER_CLIENT_SECRET": ""}, "WORKER_CLIENT_SECRET nor TINYLLAMA_WORKER_CLIENT_SECRET_F"),
        ({"WORKER_CLIENT_SECRET_FILE": "f"}, "both TINYLLAMA_WORKER_CLIENT_SECRET and"),
        ({"TOKEN_URL": ""}, "TINYLLAMA_TOKEN_URL is not set"),
    ],
)
def test_a_half_set_client_is_named(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], named: str
) -> None:
    whole = {"WORKER_CLIENT_ID": CLIENT, "WORKER_CLIENT_SECRET": "hush", "TOKEN_URL": "https://x"}
    for name, value in (whole | changes).items():
        monkeypatch.setenv(f"TINYLLAMA_{name}", value)

    with pytest.raises(NotConfigured) as caught:
        settings.worker_credential()

    assert named in caught.value.detail
    assert "hush" not in caught.value.detail
    assert "hush" not in repr(MachineClient(CLIENT, "hush", None, "https://x"))


@pytest.mark.slow
def test_a_worker_with_a_machine_client_runs_a_job_through_a_router(
    issuer: Issuer,
    store_url: str,
    queue: JobQueue,
    routers: Routers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    router = routers(store_url, 30)
    granted = {"access_token": router.token, "expires_in": 3600}
    issuer.replies.append((200, {}, json.dumps(granted).encode()))
    monkeypatch.setenv("TINYLLAMA_WORKER_CLIENT_ID", CLIENT)
    monkeypatch.setenv("TINYLLAMA_WORKER_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("TINYLLAMA_TOKEN_URL", issuer.url)
    job_id = submit(queue)

    code = run_until_ended(queue, job_id, ["--via", router.url, "--poll-seconds", "0.5"])

    assert code == 0
    assert queue.fetch("tenant", job_id).state is JobState.SUCCEEDED
    assert len(issuer.forms) == 1
