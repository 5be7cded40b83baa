"""How long keys are believed, and how often an issuer is asked."""

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib import keysources, settings
from chalicelib.errors import KeysUnavailable, NotConfigured, RouterError, TokenRejected
from chalicelib.fetching import FetchError
from chalicelib.keysets import KeySet
from chalicelib.keysources import FileKeys, Freshness, RemoteKeys, key_source
from chalicelib.settings import TokenSettings
from tests.crafting import answer_with, jwk, jwks_bytes, key_set, serving

FRESH = Freshness()
SETTINGS = TokenSettings("https://issuer.example", "router", None, "sub", 5)


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Issuer:
    """An issuer that may be down, or keep everybody waiting at its gate."""

    def __init__(self, *kids: str) -> None:
        self.kids: tuple[str, ...] = kids or ("one",)
        self.down = False
        self.fetches = 0
        self.gate = threading.Event()
        self.gate.set()

    def load(self) -> KeySet:
        self.fetches += 1
        assert self.gate.wait(5)
        if self.down:
            raise FetchError("down")
        return key_set(*(jwk("ES256", kid) for kid in self.kids)) if self.kids else KeySet(())


def refused(keys: RemoteKeys | FileKeys, kid: str | None = "one") -> str:
    with pytest.raises(RouterError) as caught:
        keys.find(kid)
    return caught.value.code


def eventually(what: Callable[[], object]) -> None:
    ends = time.monotonic() + 5
    while not what():
        assert time.monotonic() < ends
        time.sleep(0.001)


def test_nothing_is_fetched_before_a_key_is_asked_for() -> None:
    issuer = Issuer()

    RemoteKeys(issuer.load)

    assert issuer.fetches == 0


def test_keys_are_fetched_once_while_they_are_fresh() -> None:
    issuer, clock = Issuer("one", "two"), Clock()
    keys = RemoteKeys(issuer.load, FRESH, clock)

    for kid in ("one", "two", "one"):
        clock.now += FRESH.fresh_seconds / 3 - 1
        assert keys.find(kid).kid == kid

    assert issuer.fetches == 1


def test_a_rotated_in_key_is_found_without_restart() -> None:
    issuer = Issuer("one")
    keys = RemoteKeys(issuer.load, FRESH, Clock())
    keys.find("one")

    issuer.kids = ("one", "two")

    assert keys.find("two").kid == "two"


def test_a_withdrawn_key_ends_with_the_next_fetch() -> None:
    issuer, clock = Issuer("one", "two"), Clock()
    keys = RemoteKeys(issuer.load, replace(FRESH, refresh_wait_seconds=5), clock)
    keys.find("one")

    issuer.kids = ("two",)
    clock.now += FRESH.fresh_seconds
    keys.find("two")

    assert refused(keys, "one") == "key_unknown"


def test_a_withdrawn_key_is_refused_by_the_refresh_that_its_holder_waited_for() -> None:
    issuer, clock = Issuer("one", "two"), Clock()
    keys = RemoteKeys(issuer.load, replace(FRESH, refresh_wait_seconds=5), clock)
    keys.find("one")

    issuer.kids = ("two",)
    clock.now += FRESH.stale_seconds - 1

    assert refused(keys, "one") == "key_unknown"


def test_an_unknown_kid_makes_one_fetch_a_cooldown() -> None:
    issuer, clock = Issuer(), Clock()
    keys = RemoteKeys(issuer.load, FRESH, clock)
    keys.find("one")

    told = {refused(keys, "made-up") for _ in range(100)}
    assert told == {"key_unknown"}
    assert issuer.fetches == 2

    clock.now += FRESH.unknown_cooldown_seconds
    refused(keys, "made-up")
    assert issuer.fetches == 3


def test_unknown_kids_make_a_few_fetches_and_then_one_each_pace() -> None:
    issuer, clock = Issuer(), Clock()
    keys = RemoteKeys(issuer.load, FRESH, clock)
    keys.find("one")

    told = {refused(keys, f"made-up-{number}") for number in range(100)}
    assert told == {"key_unknown"}
    assert issuer.fetches == 1 + FRESH.unknown_burst

    for turn in range(5):
        clock.now += FRESH.unknown_pace_seconds
        told |= {refused(keys, f"made-up-{turn}-{number}") for number in range(100)}
    assert told == {"key_unknown"}
    assert issuer.fetches == 1 + FRESH.unknown_burst + 5


def test_a_rotated_in_key_is_found_soon_although_somebody_makes_kids_up() -> None:
    issuer, clock = Issuer("one"), Clock()
    keys = RemoteKeys(issuer.load, FRESH, clock)
    keys.find("one")
    for number in range(100):
        refused(keys, f"made-up-{number}")

    issuer.kids = ("two",)
    assert refused(keys, "two") == "key_unknown"
    clock.now += FRESH.unknown_pace_seconds
    refused(keys, "made-up-first")

    assert keys.find("two").kid == "two"


def test_kids_that_nobody_publishes_are_forgotten() -> None:
    issuer, clock = Issuer(), Clock()
    keys = RemoteKeys(issuer.load, FRESH, clock)

    for number in range(200):
        refused(keys, f"made-up-{number}")
        clock.now += FRESH.unknown_pace_seconds

    kept = keys._missed  # noqa: SLF001 - what it costs is not seen otherwise
    assert len(kept) <= FRESH.unknown_cooldown_seconds / FRESH.unknown_pace_seconds


def test_unknown_kids_that_share_a_fetch_count_as_one() -> None:
    issuer, clock = Issuer("one"), Clock()
    keys = RemoteKeys(issuer.load, FRESH, clock)
    keys.find("one")
    issuer.gate.clear()
    asking = [
        threading.Thread(target=refused, args=(keys, f"made-up-{number}")) for number in range(20)
    ]
    for thread in asking:
        thread.start()
    eventually(lambda: issuer.fetches == 2)
    time.sleep(0.1)  # so that all of them wait
    issuer.gate.set()
    for thread in asking:
        thread.join()

    issuer.kids = ("two",)

    assert keys.find("two").kid == "two"


def test_quiet_brings_the_burst_back() -> None:
    issuer, clock = Issuer(), Clock()
    keys = RemoteKeys(issuer.load, FRESH, clock)
    keys.find("one")
    for number in range(100):
        refused(keys, f"made-up-{number}")

    clock.now += 10 * FRESH.unknown_burst * FRESH.unknown_pace_seconds
    for number in range(100, 200):
        refused(keys, f"made-up-{number}")

    assert issuer.fetches == 1 + 2 * FRESH.unknown_burst


def test_a_rotated_in_key_is_found_although_somebody_insists_on_a_withdrawn_one() -> None:
    issuer, clock = Issuer("one"), Clock()
    keys = RemoteKeys(issuer.load, FRESH, clock)
    keys.find("one")
    refused(keys, "withdrawn")

    issuer.kids = ("two",)

    assert keys.find("two").kid == "two"
    assert refused(keys, "withdrawn") == refused(keys, "one") == "key_unknown"


def test_a_first_fetch_without_the_kid_counts_for_the_cooldown() -> None:
    issuer = Issuer()
    keys = RemoteKeys(issuer.load, FRESH, Clock())

    assert refused(keys, "made-up") == "key_unknown"
    assert refused(keys, "made-up") == "key_unknown"
    assert issuer.fetches == 1


def test_an_issuer_that_is_down_is_asked_once_a_cooldown() -> None:
    issuer, clock = Issuer(), Clock()
    issuer.down = True
    keys = RemoteKeys(issuer.load, FRESH, clock)

    assert {refused(keys) for _ in range(50)} == {"keys_unavailable"}
    assert issuer.fetches == 1

    clock.now += FRESH.failure_cooldown_seconds
    issuer.down = False
    assert keys.find("one").kid == "one"


def test_known_keys_serve_on_while_the_issuer_is_down_but_not_for_ever() -> None:
    issuer, clock = Issuer(), Clock()
    keys = RemoteKeys(issuer.load, replace(FRESH, refresh_wait_seconds=5), clock)
    keys.find("one")
    issuer.down = True

    clock.now += FRESH.stale_seconds - 1
    assert keys.find("one").kid == "one"

    clock.now += FRESH.failure_cooldown_seconds
    assert refused(keys) == "keys_unavailable"


def test_an_unknown_kid_is_no_verdict_while_the_issuer_is_down() -> None:
    issuer, clock = Issuer(), Clock()
    keys = RemoteKeys(issuer.load, FRESH, clock)
    keys.find("one")

    issuer.down = True

    assert refused(keys, "two") == "keys_unavailable"


def test_an_answer_without_usable_keys_does_not_replace_good_ones() -> None:
    issuer, clock = Issuer(), Clock()
    keys = RemoteKeys(issuer.load, replace(FRESH, refresh_wait_seconds=5), clock)
    keys.find("one")

    issuer.kids = ()
    clock.now += FRESH.fresh_seconds

    assert keys.find("one").kid == "one"
    assert keys.find("one").kid == "one"
    assert issuer.fetches == 2


def test_a_refresh_keeps_nobody_waiting_whose_key_is_known() -> None:
    issuer, clock = Issuer(), Clock()
    keys = RemoteKeys(issuer.load, FRESH, clock)
    keys.find("one")
    issuer.gate.clear()
    clock.now += FRESH.fresh_seconds

    begun = time.monotonic()
    found = [keys.find("one").kid for _ in range(50)]
    took = time.monotonic() - begun

    issuer.gate.set()
    assert found == ["one"] * 50
    assert took < 0.5
    eventually(lambda: issuer.fetches == 2)


def test_who_starts_a_refresh_may_be_told_to_wait_a_moment() -> None:
    issuer, clock = Issuer(), Clock()
    keys = RemoteKeys(issuer.load, replace(FRESH, refresh_wait_seconds=0.2), clock)
    keys.find("one")
    issuer.gate.clear()
    clock.now += FRESH.fresh_seconds

    begun = time.monotonic()
    assert keys.find("one").kid == "one"
    first = time.monotonic() - begun
    assert keys.find("one").kid == "one"
    second = time.monotonic() - begun - first

    issuer.gate.set()
    assert first >= 0.2 > second


def test_many_who_wait_share_one_fetch_and_known_kids_pass_them_by() -> None:
    issuer = Issuer()
    keys = RemoteKeys(issuer.load, FRESH, Clock())
    keys.find("one")
    issuer.gate.clear()
    issuer.kids = ("one", "two")
    found: list[str | None] = []
    waiting = [
        threading.Thread(target=lambda: found.append(keys.find("two").kid)) for _ in range(20)
    ]
    for thread in waiting:
        thread.start()
    eventually(lambda: issuer.fetches == 2)

    assert keys.find("one").kid == "one"
    assert found == []

    issuer.gate.set()
    for thread in waiting:
        thread.join()
    assert found == ["two"] * 20
    assert issuer.fetches == 2


def test_an_unforeseen_failure_leaves_nobody_waiting(
    recwarn: pytest.WarningsRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: raised.append(args.exc_type))

    def load() -> KeySet:
        raise ZeroDivisionError

    assert refused(RemoteKeys(load, FRESH, Clock())) == "keys_unavailable"
    eventually(lambda: raised == [ZeroDivisionError])
    assert not recwarn.list


def test_a_fetch_that_no_thread_can_be_had_for_is_tried_again_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    issuer = Issuer()
    keys = RemoteKeys(issuer.load, FRESH, Clock())

    def none_left(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        assert refused(keys) == "keys_unavailable"

    assert keys.find("one").kid == "one"


def write(path: Path, text: bytes) -> None:
    draft = path.with_suffix(".draft")
    draft.write_bytes(text)
    draft.replace(path)


def test_a_file_is_read_on_first_use_and_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    keys = FileKeys(path)
    write(path, jwks_bytes(jwk("ES256", "one")))
    before = keys.find("one")

    write(path, jwks_bytes(jwk("ES256", "two")))

    assert before.kid == "one"
    assert keys.find("two").kid == "two"
    assert refused(keys, "one") == "key_unknown"


def test_a_replaced_file_is_seen_although_size_and_times_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    keys = FileKeys(path)
    for kid in ("one", "two"):
        write(path, jwks_bytes(jwk("ES256", kid)))
        os.utime(path, ns=(1, 1))
        assert keys.find(kid).kid == kid


def test_an_unchanged_file_is_not_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    write(path, jwks_bytes())
    keys = FileKeys(path)

    assert keys.find("one") is keys.find("one")


@pytest.mark.parametrize(
    "text", [None, b"", b"<html>", b"[]", b'{"keys": []}', b"\xff", b"[" * 9999]
)
def test_a_file_that_holds_no_keys_is_unavailable_until_it_is_mended(
    tmp_path: Path, text: bytes | None
) -> None:
    path = tmp_path / "jwks.json"
    write(path, jwks_bytes())
    keys = FileKeys(path)
    keys.find("one")

    if text is None:
        path.unlink()
    else:
        write(path, text)
    assert refused(keys) == "keys_unavailable"

    write(path, jwks_bytes())
    assert keys.find("one").kid == "one"


def test_unavailable_keys_say_when_to_come_again(tmp_path: Path) -> None:
    with pytest.raises(KeysUnavailable) as caught:
        FileKeys(tmp_path / "none.json").find("one")

    assert int(caught.value.headers["Retry-After"]) > 0


def test_a_path_counts_from_the_project() -> None:
    absent = key_source(replace(SETTINGS, jwks="no-such-folder/jwks.json"))

    assert isinstance(absent, FileKeys)
    assert absent._path == settings.PROJECT / "no-such-folder/jwks.json"  # noqa: SLF001


@pytest.mark.parametrize(
    "address",
    [
        "http://issuer.example/keys",
        "http://10.0.0.1/keys",
        "http://127.0.0.1.issuer.example/keys",
        "ftp://issuer.example/keys",
        "file:///etc/passwd",
        "https:///keys",
        "https://user:word@issuer.example/keys",
        "https://issuer.example/keys#one",
        "https://issuer.example:99999/keys",
        "https://issuer.example:0/keys",
        "https://issuer.example/a b",
        "https://[::1/keys",
    ],
)
def test_an_address_not_to_be_used_stops_the_start_and_is_not_repeated(address: str) -> None:
    with pytest.raises(NotConfigured, match="TINYLLAMA_JWKS") as caught:
        key_source(replace(SETTINGS, jwks=address))
    assert "issuer.example" not in str(caught.value)

    with pytest.raises(NotConfigured, match="TINYLLAMA_ISSUER"):
        key_source(replace(SETTINGS, issuer=address))


@pytest.mark.parametrize(
    "address",
    [
        "https://issuer.example/keys?v=1",
        "http://127.0.0.1:1/k",
        "http://localhost/k",
        "http://[::1]/",
    ],
)
def test_https_is_taken_and_http_on_the_loopback(address: str) -> None:
    assert isinstance(key_source(replace(SETTINGS, jwks=address)), RemoteKeys)


@pytest.mark.slow
def test_keys_come_from_an_address() -> None:
    with serving(lambda _, out: _send(out, answer_with(jwks_bytes()))) as address:
        keys = key_source(replace(SETTINGS, jwks=f"{address}/keys"))

        assert keys.find("one").kid == "one"


def _send(out: object, answer: bytes) -> None:
    out.write(answer)  # type: ignore[attr-defined]


class Provider:
    """An OpenID provider's two documents; *changes* go into the first."""

    def __init__(self, **changes: object) -> None:
        self.changes = changes
        self.address = ""

    def answer(self, path: str, out: object) -> None:
        if path == "/pool/.well-known/openid-configuration":
            jwks_uri = f"{self.address}/pool/keys"
            document = {"issuer": f"{self.address}/pool", "jwks_uri": jwks_uri} | self.changes
            _send(out, answer_with(json.dumps(document).encode()))
        elif path == "/pool/keys":
            _send(out, answer_with(jwks_bytes()))


@pytest.mark.slow
def test_keys_come_through_the_issuers_discovery_document() -> None:
    provider = Provider()
    with serving(provider.answer) as provider.address:
        keys = key_source(replace(SETTINGS, issuer=f"{provider.address}/pool"))

        assert keys.find("one").kid == "one"
        with pytest.raises(TokenRejected):
            keys.find("two")


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://other.example"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": "http://issuer.example/keys"},
        {"jwks_uri": "https://127.0.0.1:1/keys"},
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
def test_a_discovery_document_of_another_issuer_or_place_is_refused(
    changes: dict[str, object],
) -> None:
    provider = Provider(**changes)
    with serving(provider.answer) as provider.address:
        load = keysources.discovery_loader(f"{provider.address}/pool")

        with pytest.raises(ValueError, match=r"issuer's|https|host"):
            load()


@pytest.mark.slow
def test_both_fetches_of_a_discovery_share_one_deadline() -> None:
    provider = Provider()

    def slowly(path: str, out: object) -> None:
        time.sleep(1.9)
        provider.answer(path, out)

    with serving(slowly) as provider.address:
        keys = key_source(replace(SETTINGS, issuer=f"{provider.address}/pool"))
        begun = time.monotonic()

        with pytest.raises(KeysUnavailable):
            keys.find("one")

    assert time.monotonic() - begun < 3.5
