"""What `chalice local` writes: a line for each answer, nothing for a caller that has gone away."""

import http.client
import json
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from chalice import local

import app  # noqa: F401 - mends the classes
from chalicelib.settings import PROJECT, child_environment
from tests import leaks
from tests.servers import Server
from tinyllama.devkeys import make_token


class Served:
    """``chalice local`` on a port of its own, and what it writes."""

    def __init__(self, store_url: str, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._out, self._err = folder / "out.log", folder / "err.log"
        chalice = Path(sys.executable).with_name("chalice")
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [chalice, "local", "--no-autoreload", "--port", str(self.port)],
                cwd=PROJECT,
                env=child_environment({"TINYLLAMA_STORE_URL": store_url}),
                stdout=out,
                stderr=err,
            )

    @property
    def out(self) -> str:
        return self._out.read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        return self._err.read_text(encoding="utf-8")

    def status(self, path: str) -> int:
        """Return how a GET of *path* is answered."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", path)
        status = connection.getresponse().status
        connection.close()
        return status

    def once_it_wrote(self, text: str) -> bool:
        """Whether *text* is on standard output within seconds."""
        deadline = time.monotonic() + 20
        while text not in self.out and time.monotonic() < deadline:
            time.sleep(0.02)
        return text in self.out


@pytest.fixture
def served(valkey: Server, own_state: Path, tmp_path: Path) -> Iterator[Served]:
    del own_state
    served = Served(valkey.url, tmp_path)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            served.status("/openapi.json")
            break
        except OSError:
            time.sleep(0.05)
    yield served
    served.process.terminate()
    served.process.wait()


@pytest.mark.slow
def test_a_caller_that_goes_away_while_it_waits_leaves_no_error(served: Served) -> None:
    body = json.dumps({"prompt": leaks.LEDGER.note("a prompt", "Who waits for this for long?")})
    asked = (
        f"POST /infer HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {make_token()}\r\n"
        f"Content-Type: application/json\r\nPrefer: wait=1\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", served.port)) as caller:
        caller.sendall((asked + body).encode())
        answered_at_once = select.select([caller], [], [], 0.3)[0]
        # Closed hard, so that the first byte of the answer already finds nobody.
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert not answered_at_once
    assert served.once_it_wrote("POST '/infer' 202\n")
    assert served.status("/openapi.json") == 200
    assert served.err == ""


@pytest.mark.slow
def test_each_answer_is_a_line_beside_the_apis_own_without_the_query(served: Served) -> None:
    status = served.status("/nothing/here?q=whatever-a-caller-says")

    assert status == 404
    assert served.once_it_wrote("GET '/nothing/here' 404\n")
    assert "whatever" not in served.out
    assert served.err == ""


def test_other_errors_of_the_server_stay_visible(capsys: pytest.CaptureFixture[str]) -> None:
    server = local.ThreadedHTTPServer(
        ("127.0.0.1", 0), local.ChaliceRequestHandler, bind_and_activate=False
    )

    with server, socket.socket() as caller:
        try:
            int("a mistake of ours")
        except ValueError:
            server.handle_error(caller, ("127.0.0.1", 1))

    assert "a mistake of ours" in capsys.readouterr().err


def test_a_base_url_without_its_v1_is_told_where_openais_routes_are() -> None:

    with pytest.raises(local.LocalGatewayException) as refused:
        local.RouteMatcher([]).match_route("/chat/completions")

    assert "OpenAI's routes are under /v1" in json.loads(refused.value.body or b"")["detail"]
