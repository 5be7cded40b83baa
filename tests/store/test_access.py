"""The product may do on its store what it does, and nothing else."""

import ast
import re
from collections.abc import Iterator

import pytest
import redis

from chalicelib import keyspace
from chalicelib.settings import PROJECT
from tests import access
from tests.servers import Server

CHALICELIB = PROJECT / "chalicelib"

FORBIDDEN = [
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("KEYS", "*"),
    ("SCAN", 0),
    ("RANDOMKEY",),
    ("CONFIG", "GET", "maxmemory"),
    ("CONFIG", "SET", "maxmemory", "1"),
    ("ACL", "LIST"),
    ("CLIENT", "LIST"),
    ("CLUSTER", "RESET"),
    ("MODULE", "LIST"),
    ("MONITOR",),
    ("SCRIPT", "FLUSH"),
    ("FUNCTION", "FLUSH"),
    ("SHUTDOWN",),
    ("SAVE",),
    ("REPLICAOF", "127.0.0.1", 1),
    ("PUBLISH", "tl:channel", "a"),
    ("DUMP", keyspace.QUEUE),
    ("RENAME", keyspace.QUEUE, keyspace.TURNS),
    ("GET", "another"),
    ("SET", "tl", "a"),
    ("EVAL", "return redis.call('FLUSHALL')", 0),
    ("EVAL", "return redis.call('GET', KEYS[1])", 1, "another"),
    ("EVAL", "return redis.call('GET', ARGV[1])", 0, "another"),
]

REFUSAL = "(?i)permission|can't (run this command|access at least one of the keys)"


@pytest.fixture
def deployed(server: Server) -> Iterator["redis.Redis"]:
    """A client of the store with the rights that the deployed product has."""
    with redis.Redis.from_url(server.url, decode_responses=True, protocol=2) as client:
        yield client


def _of_scripts() -> set[str]:
    texts = [path.read_text(encoding="utf-8") for path in CHALICELIB.glob("lua/**/*.lua")]
    calls = [re.findall(r"\bredis\.p?call\s*\(\s*'(\w+)'", text) for text in texts]
    # One that is not spelled out here would be missed.
    assert sum(map(len, calls)) == sum(
        len(re.findall(r"\bredis\.p?call\b", text)) for text in texts
    )
    return {name.lower() for names in calls for name in names}


def _words_of_modules() -> set[str]:
    """Return every string in capitals in what ships: more than the commands among them."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in CHALICELIB.glob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    texts = {each.value for each in nodes if isinstance(each, ast.Constant)}
    return {text.lower() for text in texts if isinstance(text, str) and text.isupper()}


def test_what_is_allowed_is_what_the_product_sends_or_calls(raw: "redis.Redis") -> None:
    known = {str(name) for name in raw.command_list()}

    used = _of_scripts() | (_words_of_modules() & known)

    allowed, operators = (access.commands(f"store{name}-commands") for name in ("", "-operator"))
    assert used == {*allowed, *operators}
    assert allowed == sorted(set(allowed))
    assert operators == sorted(set(operators) - set(allowed))


@pytest.mark.parametrize("command", FORBIDDEN, ids=lambda command: " ".join(map(str, command)))
def test_all_else_is_refused(deployed: "redis.Redis", command: tuple[str | int, ...]) -> None:
    with pytest.raises(redis.ResponseError, match=REFUSAL):
        deployed.execute_command(*command)  # type: ignore[no-untyped-call]


def test_operator_may_only_search_beyond_that(server: Server) -> None:
    own, operators = (
        redis.Redis.from_url(url, decode_responses=True, protocol=2)
        for url in (server.url, server.operators_url)
    )

    with own, operators:
        found = operators.scan(0)
        with pytest.raises(redis.exceptions.NoPermissionError):
            operators.flushall()
        with pytest.raises(redis.exceptions.NoPermissionError):
            own.scan(0)

    assert isinstance(found, tuple)
