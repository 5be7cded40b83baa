"""An engine that never stops sending: the worker stops listening, and its memory stays small."""

import gzip
from collections.abc import Callable

import pytest

from tests.worker.engine_server import EngineServer, Exchange, Step, delta, events
from tests.worker.test_engines import PROMPT, answer, failure, openai_engine
from worker import bounded

pytestmark = pytest.mark.slow  # a server of its own

PIECE = b"x" * 64 * 1024
PIECES = 50 * 1024 * 1024 // len(PIECE)


def endless(begin: Callable[[Exchange], None], piece: bytes, sent: list[int]) -> Step:
    """Send *piece* until 50 MB are out or the worker hangs up; *sent* counts."""

    def step(exchange: Exchange) -> None:
        begin(exchange)
        for _ in range(PIECES):
            exchange.wfile.write(piece)
            sent.append(len(piece))

    return step


def begin_events(exchange: Exchange) -> None:
    exchange.begin()
    exchange.wfile.write(b"data: ")


def begin_error(exchange: Exchange) -> None:
    exchange.send_response(400)
    exchange.send_header("Content-Type", "application/json")
    exchange.end_headers()


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        pytest.param(begin_events, PIECE, id="an event in one line"),
        pytest.param(begin_events, PIECE[:-8] + b"\ndata: x", id="an event of many lines"),
        pytest.param(begin_error, PIECE, id="an error"),
    ],
)
def test_what_never_ends_is_broken_off(
    engine_server: EngineServer, begin: Callable[[Exchange], None], piece: bytes
) -> None:
    sent: list[int] = []
    engine_server.otherwise = endless(begin, piece, sent)

    failed = failure(openai_engine(engine_server.url), PROMPT)

    assert failed.code in {"engine_garbage", "engine_unavailable", "engine_interrupted"}
    assert sum(sent) < 4 * bounded.EVENT_BYTES


def test_a_long_stream_of_short_events_is_read_to_its_end(engine_server: EngineServer) -> None:
    count = 2 * bounded.EVENT_BYTES // len(PIECE)
    padding = {"padding": PIECE.decode()}
    pieces = [delta("a") | padding for _ in range(count)]
    engine_server.otherwise = events(*pieces, delta("", "stop"))

    result, _ = answer(openai_engine(engine_server.url), PROMPT)

    assert result["text"] == "a" * count


def test_a_compressed_answer_is_not_unpacked(engine_server: EngineServer) -> None:
    packed = gzip.compress(b'data: {"choices": []}\n\n' * 1000)

    def step(exchange: Exchange) -> None:
        exchange.reply(200, packed, "text/event-stream", Content_Encoding="gzip")

    engine_server.otherwise = step

    failed = failure(openai_engine(engine_server.url), PROMPT)

    assert failed.code == "engine_garbage"
