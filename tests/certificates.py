"""Certificates of the suite's own, for servers that speak TLS."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Certified:
    """Where an authority's certificate is, and a server's with its key; PEM all."""

    authority: Path
    certificate: Path
    key: Path

    @property
    def options(self) -> tuple[str, ...]:
        """What ``redis-server`` is told of them."""
        return (
            "--tls-ca-cert-file", str(self.authority), "--tls-auth-clients", "no",
            "--tls-cert-file", str(self.certificate), "--tls-key-file", str(self.key),
        )  # fmt: skip


def certify(folder: Path, name: str) -> Certified:
    """Make an authority and what it certifies for a host's *name* or address, in a new *folder*."""
    folder.mkdir()
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of the tests")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    authority = _begin(issuer, issuer, authority_key)
    authority = authority.add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    authority = authority.add_extension(_SIGNS_CERTIFICATES, critical=True)
    own = _begin(subject, issuer, key)
    own = own.add_extension(x509.SubjectAlternativeName([_host(name)]), critical=False)
    # Python 3.13 asks it of a chain (VERIFY_X509_STRICT).
    of = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    own = own.add_extension(of, critical=False)
    made = Certified(folder / "authority.pem", folder / "own.pem", folder / "own.key")
    hash_ = hashes.SHA256()
    made.authority.write_bytes(authority.sign(authority_key, hash_).public_bytes(_PEM))
    made.certificate.write_bytes(own.sign(authority_key, hash_).public_bytes(_PEM))
    made.key.write_bytes(
        key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _begin(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(identifier, critical=False)
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
