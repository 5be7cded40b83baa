"""A store as deployed ones are: TLS by an authority's certificate, and users who may do little."""

import datetime as dt
import ipaddress
import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chalicelib.settings import PROJECT
from tests.emulator.aws import free_port

OPERATOR = "operator"
_PASSWORD = "of-the-tests"  # noqa: S105


class SecureStore:
    """Redis on TLS alone at ``host``, for *users* with the product's commands on its keys.

    They have no password, so that the tokens they sign in with count: what AWS would check of them
    is proven elsewhere, against botocore's own.
    """

    def __init__(self, folder: Path, binary: str, users: Sequence[str]) -> None:
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.authority = folder / "authority.pem"
        _certify(folder)
        access = folder / "users.acl"
        access.write_text(_access(users), encoding="utf-8")
        self._log = folder / "store.log"
        command = [
            binary, "--bind", "127.0.0.1", "--port", "0", "--tls-port", str(self.port),
            "--tls-cert-file", str(folder / "store.pem"),
            "--tls-key-file", str(folder / "store.key"),
            "--tls-ca-cert-file", str(self.authority), "--tls-auth-clients", "no",
            "--aclfile", str(access), "--dir", str(folder), "--save", "", "--appendonly", "no",
            "--maxmemory", "256mb", "--maxmemory-policy", "noeviction", "--daemonize", "no",
        ]  # fmt: skip
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603

    def client(self) -> "redis.Redis":
        """Return a client of the tests' own, who may do all."""
        return redis.Redis(
            host="127.0.0.1", port=self.port, ssl=True, ssl_ca_certs=str(self.authority),
            username=OPERATOR, password=_PASSWORD, decode_responses=True, protocol=2,
        )  # fmt: skip

    def await_answer(self) -> None:
        """Return once it answers. Raises RuntimeError with its log where it does not in 20 s."""
        deadline = time.monotonic() + 20
        with self.client() as client:
            while time.monotonic() < deadline and self._process.poll() is None:
                try:
                    client.ping()
                except redis.ConnectionError:
                    time.sleep(0.05)
                else:
                    return
        raise RuntimeError(f"the store did not start: {self._log.read_text()[-2000:]}")

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait(timeout=10)


def _access(users: Sequence[str]) -> str:
    text = (PROJECT / "terraform-extras" / "store-commands.json").read_text(encoding="utf-8")
    allowed = " ".join(f"+{command}" for command in json.loads(text))
    lines = [f"user {name} on nopass ~tl:* resetchannels -@all {allowed}" for name in users]
    return "\n".join(
        ["user default off", f"user {OPERATOR} on >{_PASSWORD} ~* &* +@all", *lines, ""]
    )


def _certify(folder: Path) -> None:
    """Write an authority of the suite's own, and what it certifies for the loopback."""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the suite's authority")])
    now = dt.datetime.now(dt.UTC)

    def certificate(name: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(authority_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
            # What Python 3.13 asks of a chain (VERIFY_X509_STRICT).
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
                critical=False,
            )
        )

    authority = (
        certificate(authority_name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False
        )
        .add_extension(_SIGNS_CERTIFICATES, critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    store = (
        certificate(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "store")]), key.public_key())
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "authority.pem").write_bytes(authority.public_bytes(pem))
    (folder / "store.pem").write_bytes(store.public_bytes(pem))
    (folder / "store.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


_SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    crl_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)
