"""The environment: variables first, then .env.dev, never inside Lambda; bad ones are named."""

import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib import bounds, settings
from chalicelib.errors import NotConfigured
from chalicelib.settings import PROJECT


def in_new_process(code: str, **variables: str) -> str:
    """Return what *code* prints with chalicelib.settings at hand and only *variables* set."""
    return subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", f"from chalicelib import settings\n{code}"],
        cwd=PROJECT,
        env=variables,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


@pytest.mark.parametrize("unset", ["", "   ", "${local.redis_url}", "redis://${var.host}"])
def test_empty_and_unresolved_values_count_as_unset(
    monkeypatch: pytest.MonkeyPatch, unset: str
) -> None:
    monkeypatch.setenv("TINYLLAMA_STORE_URL", unset)

    assert settings.variable("store_url") is None


def test_a_variable_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.variable("audience") == "tinyllama-router"
    monkeypatch.setenv("TINYLLAMA_AUDIENCE", "another")

    assert settings.variable("audience") == "another"


def test_an_empty_variable_leaves_the_files_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLLAMA_AUDIENCE", "")

    assert settings.variable("audience") == "tinyllama-router"


def test_a_missing_setting_is_named_by_its_variable() -> None:
    with pytest.raises(NotConfigured, match=r"^TINYLLAMA_NO_SUCH_THING is not set$"):
        settings.required("no_such_thing")


@pytest.mark.parametrize("value", ["abc", "0", "-1", "nan", "inf", "1e999"])
def test_an_unusable_number_is_named_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("TINYLLAMA_LEASE_SECONDS", value)

    with pytest.raises(NotConfigured, match="TINYLLAMA_LEASE_SECONDS must be a number") as raised:
        bounds.queue_settings()

    assert value not in raised.value.detail.removesuffix("at least 0.1")


@pytest.mark.parametrize("value", ["25.5", "0", "-1", "soon", "inf"])
def test_a_call_is_held_no_longer_than_the_gateway_allows(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("TINYLLAMA_RELAY_SECONDS", value)

    with pytest.raises(NotConfigured, match="TINYLLAMA_RELAY_SECONDS must be"):
        bounds.relay_seconds()


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, None),
        ("top_k, guided_json min_p", {"top_k", "guided_json", "min_p"}),
        (",", set()),
    ],
)
def test_an_operator_names_what_engines_may_be_told(
    monkeypatch: pytest.MonkeyPatch, value: str | None, wanted: set[str] | None
) -> None:
    monkeypatch.delenv("TINYLLAMA_ENGINE_OPTIONS", raising=False)
    if value is not None:
        monkeypatch.setenv("TINYLLAMA_ENGINE_OPTIONS", value)

    assert bounds.engine_options() == wanted


@pytest.mark.parametrize("value", ["*", "top-k", '["top_k"]', "x" * 65])
def test_what_is_no_name_of_a_field_is_no_engine_option(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("TINYLLAMA_ENGINE_OPTIONS", value)

    with pytest.raises(NotConfigured, match="TINYLLAMA_ENGINE_OPTIONS must be names"):
        bounds.engine_options()


COUNTS = (
    "MAX_ATTEMPTS", "QUEUE_LENGTH", "QUEUE_BYTES", "INBOX_BYTES", "RATE_PER_MINUTE", "WAITERS",
    "TENANT_QUEUE_LENGTH", "TENANT_QUEUE_BYTES", "TENANT_BYTES_PER_DAY", "TENANT_WAITERS",
    "KEY_QUEUE_LENGTH", "KEY_QUEUE_BYTES", "KEY_RATE_PER_MINUTE", "STORE_REPLICAS",
)  # fmt: skip


@pytest.mark.parametrize("name", COUNTS)
def test_a_fraction_of_what_is_counted_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("TINYLLAMA_STORE_URL", "redis://localhost")
    monkeypatch.setenv(f"TINYLLAMA_{name}", "1000000.5")

    read = settings.store_settings if name.startswith("STORE") else bounds.queue_settings
    with pytest.raises(NotConfigured, match=f"TINYLLAMA_{name} must be a whole number"):
        read()


def test_a_whole_number_is_taken_however_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLLAMA_RATE_PER_MINUTE", "6e2")

    assert bounds.queue_settings().rate_per_minute == 600


def test_a_tenants_share_follows_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLLAMA_QUEUE_LENGTH", "10")
    monkeypatch.setenv("TINYLLAMA_QUEUE_BYTES", "1000000")
    monkeypatch.setenv("TINYLLAMA_WAITERS", "10")

    queue = bounds.queue_settings()

    assert (queue.tenant_queue_length, queue.tenant_queue_bytes) == (8, 750_000)
    assert (queue.waiting_callers, queue.tenant_waiters) == (8, 4)


@pytest.mark.parametrize(("length", "waiters"), [("1", "1"), ("2", "2"), ("3", "3")])
def test_a_tenants_share_of_little_is_one_at_least(
    monkeypatch: pytest.MonkeyPatch, length: str, waiters: str
) -> None:
    monkeypatch.setenv("TINYLLAMA_QUEUE_LENGTH", length)
    monkeypatch.setenv("TINYLLAMA_WAITERS", waiters)

    queue = bounds.queue_settings()

    assert queue.tenant_queue_length >= 1
    assert queue.tenant_waiters >= 1


def test_a_share_may_be_larger_than_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLLAMA_TENANT_QUEUE_LENGTH", "20000")

    assert bounds.queue_settings().tenant_queue_length == 20_000


@pytest.mark.parametrize("name", ["TENANT_QUEUE_BYTES", "TENANT_BYTES_PER_DAY", "KEY_QUEUE_BYTES"])
def test_a_share_of_bytes_has_room_for_a_body_or_is_none(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"TINYLLAMA_{name}", "0")
    assert getattr(bounds.queue_settings(), name.lower()) == 0

    monkeypatch.setenv(f"TINYLLAMA_{name}", "262143")
    with pytest.raises(NotConfigured, match=f"TINYLLAMA_{name} must be 0 or at least 262144"):
        bounds.queue_settings()


def test_a_laptop_needs_no_variable() -> None:
    told = in_new_process("print(settings.environment(), *settings.token_settings().audiences)")

    assert told == "local tinyllama-router"


@pytest.mark.parametrize("text", ["web,machine", "web machine", " web ,\tmachine,, "])
def test_audiences_are_a_list(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TINYLLAMA_AUDIENCE", text)

    assert settings.token_settings().audiences == ["web", "machine"]


def test_audience_must_be_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLLAMA_AUDIENCE", " , ,")

    with pytest.raises(NotConfigured, match="TINYLLAMA_AUDIENCE"):
        settings.token_settings()


def test_no_group_brings_a_scope_unless_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.token_settings().group_scopes == {}
    assert settings.token_settings().groups_claim == "cognito:groups"

    monkeypatch.setenv("TINYLLAMA_GROUP_SCOPES", '{"ops": "queue:admin  jobs:read", "none": ""}')
    monkeypatch.setenv("TINYLLAMA_GROUPS_CLAIM", "groups")

    told = settings.token_settings()
    assert told.group_scopes == {"ops": {"queue:admin", "jobs:read"}, "none": set()}
    assert told.groups_claim == "groups"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "ops",
            "[]",
            '[["ops", "jobs:read"]]',
            "7",
            "null",
            '"ops"',
            "{",
            '{"ops": ["jobs:read", 7]}',
            '{"ops": null}',
        ),
        *('{"ops": "jobs:read", "ops": "queue:admin"}', "[" * 100_000, '{"ops": {"a": "b"}}'),
        *('{"ops": "jobs:read queue:root"}', '{"ops": "jobs:read,queue:admin"}'),
        *('{"ops": ["jobs:read queue:admin"]}', '{"ops": ["jobs:raed"]}'),
        *('{"ops": "tinyllama/jobs:read"}', '{"ops": "*"}'),
    ],
)
def test_group_scopes_with_a_slip_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("TINYLLAMA_GROUP_SCOPES", text)

    with pytest.raises(NotConfigured, match="TINYLLAMA_GROUP_SCOPES") as caught:
        settings.token_settings()

    assert "ops" not in str(caught.value).replace("scope", "")


def test_a_groups_scopes_may_be_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLLAMA_GROUP_SCOPES", '{"ops": ["queue:admin", "jobs:read"], "no": []}')

    told = settings.token_settings()

    assert told.group_scopes == {"ops": {"queue:admin", "jobs:read"}, "no": set()}


@pytest.mark.parametrize(
    ("scope", "shown"), [("jobs:raed", ": jobs:raed"), ("hunter2hunter2", ""), ("tlk_ey", "")]
)
def test_a_scope_that_there_is_not_is_named_unless_it_may_be_a_secret(
    monkeypatch: pytest.MonkeyPatch, scope: str, shown: str
) -> None:
    monkeypatch.setenv("TINYLLAMA_GROUP_SCOPES", f'{{"ops": "jobs:read {scope}"}}')

    with pytest.raises(NotConfigured) as caught:
        settings.token_settings()

    told = "TINYLLAMA_GROUP_SCOPES names a scope that there is not"
    assert caught.value.detail == told + shown


def test_sign_in_belongs_to_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLLAMA_STORE_URL", "rediss://user@store.example")
    monkeypatch.setenv("TINYLLAMA_STORE_SIGN_IN", "memorydb:tinyllama-dev")

    assert settings.store_settings().sign_in == "memorydb:tinyllama-dev"


def test_the_file_is_never_read_inside_lambda() -> None:
    told = in_new_process(
        "print(settings.variable('env'))", AWS_LAMBDA_FUNCTION_NAME="api", _HANDLER="app.app"
    )

    assert told == "None"


@pytest.mark.parametrize("handler", ["app.jwt_authorizer", "some/folder/app.jwt_authorizer"])
def test_lambda_tells_which_role_a_function_has(
    monkeypatch: pytest.MonkeyPatch, handler: str
) -> None:
    assert settings.lambda_role() == ""
    monkeypatch.setenv("_HANDLER", handler)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "authorizer")

    assert settings.lambda_role() == "jwt_authorizer"


def test_the_local_environment_is_refused_inside_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "api")
    monkeypatch.setenv("TINYLLAMA_ENV", "local")

    with pytest.raises(NotConfigured, match="TINYLLAMA_ENV must not be local"):
        settings.environment()


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b=c", "b=c"),
        (" A = b ", "b"),
        ("export A=b", "b"),
        ('A="b c"', "b c"),
        ("A='b#c'  # why", "b#c"),
        ("A=b # why", "b"),
        ("A=redis://:b#c@d:6379", "redis://:b#c@d:6379"),
        ('A="b\'s"', "b's"),
        ("A='b \"c\"'", 'b "c"'),
        ("A= # why", ""),
        ("A=", ""),
        ("# A=b", None),
        ("", None),
        ("A=${b}", "${b}"),
    ],
)
def test_a_file_is_read_as_shells_do(tmp_path: Path, line: str, value: str | None) -> None:
    path = tmp_path / ".env.dev"
    path.write_text(line + "\n", encoding="utf-8")

    assert settings._read_defaults(path).get("A") == value  # noqa: SLF001


def test_a_line_that_cannot_be_read_is_logged_by_its_number_and_spoils_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / ".env.dev"
    path.write_text('# first\nA="b"c"\nB=2\n', encoding="utf-8")

    assert settings._read_defaults(path) == {"B": "2"}  # noqa: SLF001
    assert "line 2" in caplog.text


def test_a_missing_file_holds_nothing(tmp_path: Path) -> None:
    assert settings._read_defaults(tmp_path / "absent") == {}  # noqa: SLF001
