"""Certificates, authorities and revocation lists made on the spot. Good for nothing but tests."""

from __future__ import annotations

import datetime
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

YEAR = 365 * 86400.0


def _moment(at: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at, datetime.UTC)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def key_pem(key: ec.EllipticCurvePrivateKey, passphrase: bytes | None = None) -> bytes:
    form = PrivateFormat.TraditionalOpenSSL if passphrase == b"traditional" else PrivateFormat.PKCS8
    how: KeySerializationEncryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, form, how)


@dataclass
class Authority:
    """Signs certificates. `issuer` None: its own certificate is signed by itself. `ends_at` is in seconds since the epoch."""

    name: str = "Test authority"
    issuer: Authority | None = None
    ends_at: float = field(default_factory=lambda: time.time() + 10 * YEAR)
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        issuer = self.issuer or self
        self.pem = issuer.sign(self.name, self.key, self.ends_at, is_authority=True)

    def sign(self, name: str, key: ec.EllipticCurvePrivateKey, ends_at: float, *, is_authority: bool = False) -> bytes:
        """A certificate for a host name or an authority."""
        built = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_moment(ends_at - 20 * YEAR))
            .not_valid_after(_moment(ends_at))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if not is_authority:
            built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        return built.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def issue(self, name: str = "www.example.com", ends_at: float | None = None) -> bytes:
        """A file for a server: certificate, key, and the chain up to, but without, the root."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.sign(name, key, time.time() + YEAR if ends_at is None else ends_at)
        return certificate + key_pem(key) + self.chain()

    def chain(self) -> bytes:
        return self.pem + self.issuer.chain() if self.issuer else b""

    def crl(self, ends_at: float | None = None, revoked: Collection[bytes] = ()) -> bytes:
        """A list that revokes these certificates; a file's first counts."""
        end = time.time() + YEAR if ends_at is None else ends_at
        begin = _moment(end - 2 * YEAR)
        built = x509.CertificateRevocationListBuilder().issuer_name(_name(self.name)).last_update(begin).next_update(_moment(end))
        for pem in revoked:
            number = x509.load_pem_x509_certificate(pem).serial_number
            built = built.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(number).revocation_date(begin).build()
            )
        return built.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)


AUTHORITY = Authority()
