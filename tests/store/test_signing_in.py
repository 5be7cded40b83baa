"""Signing in to a store that speaks TLS and knows its users, as one on AWS does."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from chalicelib import connections, signing
from chalicelib.errors import StoreUnavailable
from chalicelib.leasing import JobLeases
from chalicelib.queueing import JobQueue
from chalicelib.signing import Credentials, IamSignIn, Identity
from chalicelib.store import Store, connect
from chaos.stand import free_port
from tests import access
from tests.certificates import Certified, certify
from tests.servers import Server
from tests.store.clusters import Node, cluster
from tests.store.harness import SETTINGS, end, request, submit
from tests.store.stores import KINDS, binary

pytestmark = pytest.mark.slow  # a server of its own; not the embedded one, which speaks no TLS

NOON = datetime(2026, 5, 17, 12, 0, 0, tzinfo=UTC)
KEYS = Credentials("AKIAEXAMPLE", "secret", "session/token")
SIGN_IN = "elasticache:tinyllama-test"


@pytest.fixture(scope="module")
def certified(short_folder: Path) -> Certified:
    """Certificates for the name ``localhost``, which no address in numbers may use."""
    return certify(short_folder / "certificates", "localhost")


class TlsServer(Server):
    """A store that speaks TLS, on a port of the loopback."""

    def __init__(self, folder: Path, certified: Certified) -> None:
        port = free_port()
        folder.mkdir()
        tls = ("--bind", "127.0.0.1", "--tls-port", str(port))
        super().__init__(folder, binary(KINDS[-1]), *tls, *certified.options)
        self._port, self._authority = port, certified.authority

    def address(self, user: str, host: str = "localhost") -> str:
        """Return the address at which the *user* signs in; ``""`` is nobody."""
        named = f"{user}@" if user else ""
        return f"rediss://{named}{host}:{self._port}?ssl_ca_certs={self._authority}"


@pytest.fixture(scope="module")
def tls(short_folder: Path, certified: Certified) -> Iterator[TlsServer]:
    """A store with users of each kind."""
    server = TlsServer(short_folder / "tls", certified)
    may = access.rules(access.commands("store-commands"))
    identity = Identity("elasticache", "tinyllama-test", "eu-central-1", "signed")
    token = signing.token(identity, KEYS, NOON)
    with server.client() as raw:
        for user, rules in {
            "any-token": f"nopass {may}",
            "signed": f">{token} {may}",
            "may-nothing": "on nopass ~tl:* -@all",
        }.items():
            raw.execute_command("ACL", "SETUSER", user, *rules.split())
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def role(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment that Lambda makes."""
    for name, value in {
        "AWS_LAMBDA_FUNCTION_NAME": "api",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": KEYS.access_key,
        "AWS_SECRET_ACCESS_KEY": KEYS.secret_key,
        "AWS_SESSION_TOKEN": KEYS.session_token or "",
    }.items():
        monkeypatch.setenv(name, value)


def _store(address: str, now: datetime = NOON) -> Store:
    """Return the store at *address*, its tokens as of *now*."""
    pool, place = connections.pool(address, SIGN_IN)
    identity = Identity.of(SIGN_IN, urlsplit(address))
    pool.connection_kwargs["credential_provider"] = IamSignIn(identity, lambda: KEYS, lambda: now)
    return Store(redis.Redis.from_pool(pool), 0, place)


def test_product_works_where_its_user_signs_in_over_tls(tls: TlsServer) -> None:
    store = connect(tls.address("any-token"), 0, SIGN_IN)
    queue, leases = JobQueue(store, SETTINGS), JobLeases(store, SETTINGS)
    submitted = submit(queue)

    ended = end(queue, leases)

    assert ended.id == submitted.id
    store.close()


def test_token_is_the_password(tls: TlsServer) -> None:
    store = _store(tls.address("signed"))

    read = store.read(("EXISTS", "tl:nothing"))

    assert read == [0]
    store.close()


def test_every_connection_signs_in(tls: TlsServer) -> None:
    store = _store(tls.address("signed"))
    threads = [threading.Thread(target=store.await_entry, args=({"tl:a": "0"}, 0.2)) for _ in "ab"]

    for thread in threads:
        thread.start()
    read = store.read(("EXISTS", "tl:nothing"))
    for thread in threads:
        thread.join()
    store.close()
    again = store.read(("EXISTS", "tl:nothing"))

    assert read == again == [0]
    store.close()


def _refused(store: Store, capsys: pytest.CaptureFixture[str]) -> object:
    """Return the reason that is logged, once, where the store lets nobody in."""
    queue = JobQueue(store, SETTINGS)
    with pytest.raises(StoreUnavailable) as refused:
        queue.submit(request())
    with pytest.raises(StoreUnavailable):
        queue.submit(request())
    store.close()
    written = capsys.readouterr().out
    (line,) = [json.loads(line) for line in written.splitlines()]
    assert (line["event"], line["level"]) == ("store.refused", "ERROR")
    assert "Signature" not in written + str(refused.value)
    return line["reason"]


def test_token_of_another_time_is_refused(
    tls: TlsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    store = _store(tls.address("signed"), NOON.replace(second=1))

    assert _refused(store, capsys) == "WRONGPASS"


def test_user_that_the_store_does_not_know_is_refused(
    tls: TlsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    store = _store(tls.address("nobody"))

    assert _refused(store, capsys) == "WRONGPASS"


def test_user_without_the_right_is_refused(
    tls: TlsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    store = _store(tls.address("may-nothing"))

    assert _refused(store, capsys) == "NOPERM"


def test_who_does_not_sign_in_is_refused(
    tls: TlsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with tls.client() as raw:
        raw.execute_command("ACL", "SETUSER", "default", "resetpass")
        store = connect(tls.address(""))

        reason = _refused(store, capsys)

        raw.execute_command("ACL", "SETUSER", "default", "nopass")
    assert reason == "NOAUTH"


def test_server_with_another_authoritys_certificate_is_told_no_token(
    tls: TlsServer, short_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = certify(short_folder / "other-certificates", "localhost")
    address = tls.address("any-token").partition("?")[0]
    store = connect(f"{address}?ssl_ca_certs={other.authority}", 0, SIGN_IN)

    assert _refused(store, capsys) == "SSLCertVerificationError"


def test_server_with_another_names_certificate_is_told_no_token(
    tls: TlsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    store = connect(tls.address("any-token", host="127.0.0.1"), 0, SIGN_IN)

    assert _refused(store, capsys) == "SSLCertVerificationError"


def test_node_of_a_cluster_told_by_number_is_certified_by_the_clusters_name(
    short_folder: Path, certified: Certified
) -> None:
    tls_alone = ("--tls-cluster", "yes", "--tls-replication", "yes")
    with cluster(short_folder, KINDS[-1], *tls_alone, *certified.options) as (_, replica):
        address = _over_tls(replica, certified)
        store = connect(address, 0, SIGN_IN)

        job = JobQueue(store, SETTINGS).submit(request()).job

        assert JobQueue(store, SETTINGS).fetch(job.tenant, job.id) == job
        assert replica.redirects() == 1
        store.close()


def _over_tls(node: Node, certified: Certified) -> str:
    host, port, _ = node.where
    assert host == "127.0.0.1"
    return f"rediss://{access.DEPLOYED}@localhost:{port}?ssl_ca_certs={certified.authority}"
