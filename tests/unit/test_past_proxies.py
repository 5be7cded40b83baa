"""Who calls this machine asks no proxy, and who calls another asks the environment's."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BufferedIOBase

import pytest

from chalicelib.settings import MachineClient
from tests.crafting import answer_with, serving
from tinyllama.deployment.smoke_calls import Target
from tinyllama.deployment.smoke_tokens import Tokens
from worker import grant
from worker.grant import GrantFailed
from worker.patience import BackLater
from worker.wire import Wire

Ways = dict[str, Callable[[str], object]]


def _move(url: str) -> None:
    wire = Wire(url)
    with suppress(BackLater):
        wire.post("/worker/lease", b"{}", "t")
    wire.close()


def _token(url: str) -> None:
    with suppress(GrantFailed):
        grant.ask(MachineClient("client", "s", None, url))


def _smoke(url: str) -> None:
    target = Target(url, Tokens("t"), lambda _: None)
    target.send("GET", "/queue")
    target.close()


WAYS: Ways = {"a worker's move": _move, "a machine client's token": _token, "a smoke test": _smoke}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the environment's proxy is asked for; it leads nowhere."""
    found: list[str] = []

    def refuse(path: str, out: BufferedIOBase) -> None:
        found.append(path)
        out.write(answer_with(b"", "418 Proxy"))

    with serving(refuse) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy)
            monkeypatch.setenv(name.lower(), proxy)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield found


@pytest.mark.parametrize("call", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("url", ["https://127.0.0.1:9", "https://127.1:9", "https://localhost:9"])
def test_no_proxy_is_asked_for_this_machine(
    asked: list[str], call: Callable[[str], object], url: str
) -> None:
    call(url)

    assert asked == []


@pytest.mark.parametrize("call", WAYS.values(), ids=WAYS)
def test_the_environments_proxy_is_asked_for_another_machine(
    asked: list[str], call: Callable[[str], object]
) -> None:
    call("https://api.example")

    assert asked == ["api.example:443"]
