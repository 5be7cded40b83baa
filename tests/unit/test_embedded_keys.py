"""Where a token says its key is: nobody looks there, nor asks for the address of its host."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.errors import TokenRejected
from chalicelib.keysources import key_source
from chalicelib.settings import TokenSettings
from chalicelib.tokens import Verifier
from tests.crafting import (
    AUDIENCE,
    ISSUER,
    NOW,
    answer_with,
    claims,
    jwk,
    jwks_bytes,
    key_set,
    serving,
    sign,
)


class Stranger:
    """A socket that notes who connects, and an ear on every look-up of a name."""

    def __init__(self) -> None:
        self.callers = 0
        self.names: list[object] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            self.callers += 1
            caller.close()

    def knock(self) -> None:
        """Connect, and wait until that is noted."""
        before = self.callers
        socket.create_connection(self._socket.getsockname()).close()
        while self.callers == before:
            threading.Event().wait(0.001)

    def close(self) -> None:
        """Stop listening."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stranger]:
    """A host that a forger names in a token."""
    found = Stranger()
    look_up = socket.getaddrinfo

    def overheard(host: Any, *rest: Any, **more: Any) -> Any:
        found.names.append(host)
        return look_up(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", overheard)
    yield found
    found.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_address_in_a_token_is_connected_to_or_looked_up(
    stranger: Stranger, scheme: str
) -> None:
    here = f"{scheme}://{stranger.address}/keys"
    named = f"{scheme}://keys.stranger.example/keys"
    brought: dict[str, object] = jwk(name="stranger") | {"kid": "one"}
    headers: list[Any] = [
        *({member: place} for member in ("jku", "x5u", "iss", "url") for place in (here, named)),
        {"jwk": brought | {"jku": here, "x5u": here}},
        {"x5c": ["MIIB"], "x5t": "c3RyYW5nZXI", "x5t#S256": "c3RyYW5nZXI"},
    ]
    tokens = [
        sign({"alg": "RS256", "kid": kid} | header, claims(iss=iss, jku=here), name="stranger")
        for header in headers
        for kid in ("one", here, named)
        for iss in (ISSUER, here)
    ]
    refusals = set()

    with serving(lambda _, out: (out.write(answer_with(jwks_bytes())), None)[1]) as issuer:
        accepted = TokenSettings(ISSUER, [AUDIENCE], f"{issuer}/keys", "sub", 5)
        verifier = Verifier(accepted, key_source(accepted), lambda: NOW)
        for token in tokens:
            with pytest.raises(TokenRejected) as caught:
                verifier.verify(f"Bearer {token}")
            refusals.add(caught.value.code)
    stranger.knock()

    assert refusals == {"signature_invalid", "key_unknown"}
    assert stranger.callers == 1
    assert set(stranger.names) == {"127.0.0.1"}
    assert stranger.names.count("127.0.0.1") <= 4


def test_what_a_published_key_says_of_places_is_not_looked_at(stranger: Stranger) -> None:
    keys = key_set(jwk(x5u=f"http://{stranger.address}/", jku="http://keys.stranger.example/"))
    stranger.knock()

    assert len(keys) == 1
    assert stranger.callers == 1
    assert stranger.names == ["127.0.0.1"]
