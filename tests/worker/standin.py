"""The ``/worker`` routes on a store, until the router has them."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from chalicelib.errors import RouterError
from chalicelib.jobs import Job, JobState, JsonObject
from chalicelib.leasing import Claim, JobLeases, Outcome


class _Call(BaseHTTPRequestHandler):
    server: "_StandIn"
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: two wait for each other

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            answer = self.server.moves[self.path](body)
        except RouterError as error:
            self._reply(error.status, error.problem(""))
        else:
            self._reply(204 if answer is None else 200, answer)

    def _reply(self, status: int, answer: object) -> None:
        content = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class _StandIn(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, leases: JobLeases) -> None:
        super().__init__(("127.0.0.1", 0), _Call)
        self.leases = leases
        self.moves: dict[str, Callable[[JsonObject], JsonObject | None]] = {
            "/worker/lease": self.lease,
            "/worker/append": self.append,
            "/worker/extend": self.extend,
            "/worker/finish": self.finish,
            "/worker/release": self.release,
        }

    def lease(self, body: JsonObject) -> JsonObject | None:
        self.leases.beat(body["worker"], body["slots"])
        claim = self.leases.claim(body["token"])
        if claim is None:
            return None
        names = ("id", "tenant", "attempt", "max_attempts", "request", "created_at", "deadline_at")
        job = {name: getattr(claim.job, name) for name in names}
        return {"job": job, "lease_seconds": self.leases.lease_seconds}

    def append(self, body: JsonObject) -> JsonObject:
        return {"cancel": self.leases.append(_claim(body), body["offset"], body["chunks"])}

    def extend(self, body: JsonObject) -> JsonObject:
        self.leases.beat(body["worker"], body["slots"])
        cancel = self.leases.extend(_claim(body))
        return {"cancel": cancel, "lease_seconds": self.leases.lease_seconds}

    def finish(self, body: JsonObject) -> JsonObject:
        return {"state": self.leases.finish(_claim(body), Outcome(**body["outcome"]))}

    def release(self, body: JsonObject) -> None:
        self.leases.release(_claim(body))


def _claim(body: JsonObject) -> Claim:
    job = Job(body["job_id"], body["tenant"], JobState.RUNNING, 0, 1, 1, {}, 0)
    return Claim(job, body["token"])


@contextmanager
def standing_in(leases: JobLeases) -> Iterator[str]:
    """Serve *leases* at the address that is given."""
    with _StandIn(leases) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
