"""An AWS that knows who calls, and gives one answer to all that is asked of S3."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

_CALLER = (
    "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account>"
    "<Arn>arn:aws:iam::123456789012:user/a</Arn><UserId>A</UserId>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)


class AwsAnswers:
    """Answers listings and questions for a bucket with *status* and *code*; no object is there."""

    def __init__(self, status: int, code: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self._answer(200, _CALLER)

            def do_GET(self) -> None:
                listing = "list-type" in self.path
                self._answer(status if listing else 404, _error(code if listing else "NoSuchKey"))

            def do_HEAD(self) -> None:
                of_bucket = self.path.strip("/").count("/") == 0
                self._answer(status if of_bucket else 404, "")

            def _answer(self, status: int, body: str) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(status)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_told: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> str:
        """Serve, and return where."""
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _error(code: str) -> str:
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>"
