"""The certificate that the device shows: a given one, or one that it signs itself at its start."""

from __future__ import annotations

import ipaddress
import os
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAYS = 365


def self_signed(hostname: str, address: str) -> tuple[bytes, bytes]:
    """A certificate for a name and an address, and its key, both as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname)])
    alternatives: list[x509.GeneralName] = [x509.DNSName(hostname), x509.DNSName("localhost")]
    try:
        alternatives.append(x509.IPAddress(ipaddress.ip_address(address)))
    except ValueError:
        alternatives.append(x509.DNSName(address))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(serialization.Encoding.PEM), private


def context(certificate: Path | None, key: Path | None, hostname: str, address: str, written: Path | None) -> ssl.SSLContext:
    """The server's side of TLS. Raises OSError when a given file cannot be used.

    Without a given certificate one is made; `written` is where clients that want to verify it find it.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if certificate is not None:
        made.load_cert_chain(certificate, key)
        return made
    public, private = self_signed(hostname, address)
    with tempfile.TemporaryDirectory() as folder:  # 0700, as mkdtemp makes it
        pair = Path(folder) / "pair.pem"
        pair.write_bytes(private + public)
        made.load_cert_chain(pair)
    if written is not None:
        descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            file.write(public)
    return made
