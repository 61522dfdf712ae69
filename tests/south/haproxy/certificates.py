"""Certificates for tests: those that listeners show, those that clients show, and who issued them."""

from __future__ import annotations

import datetime
import hashlib
import ssl
import tempfile

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from bascule.model.secrets import Secret, SecretRef
from tests.south.haproxy.site import PROJECT, Site

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


class Certificates:
    """What a library holds: certificates for host names, by name, and whatever else is added. Also what trusts them."""

    def __init__(self, *names: str) -> None:
        self.authority = trustme.CA()
        self.contents = {name: pem(self.authority.issue_cert(name)) for name in names}

    def add(self, name: str, content: bytes) -> str:
        """Hold something under a name, which is also its reference."""
        self.contents[name] = content
        return name

    def give(self, site: Site) -> None:
        """Let a site use what is held now."""
        site.secrets = self.secret
        site.refs = {name: SecretRef(PROJECT, name, hashlib.sha256(content).hexdigest()) for name, content in self.contents.items()}

    def secret(self, meant: SecretRef) -> Secret:
        return Secret(self.contents[meant.ref])

    def client(self, own: bytes | None = None, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """A client that trusts the authority, for any host name; with a certificate and with one TLS version, if they are given.

        It takes ciphers and versions however old they are.
        """
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        context.check_hostname = False
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        if version is not None:
            context.minimum_version = context.maximum_version = version
        if own is not None:
            with tempfile.NamedTemporaryFile() as file:
                file.write(own)
                file.flush()
                context.load_cert_chain(file.name)
        return context


def pem(issued: trustme.LeafCert) -> bytes:
    """A certificate with its chain and its key."""
    return b"".join(blob.bytes() for blob in (*issued.cert_chain_pems, issued.private_key_pem))


def revoked(authority: trustme.CA, *certificates: bytes) -> bytes:
    """The authority's list of revoked certificates."""
    issuer = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    key = serialization.load_pem_private_key(authority.private_key_pem.bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    made = x509.CertificateRevocationListBuilder(issuer.subject, NOW - DAY, NOW + DAY)
    for each in certificates:
        number = x509.load_pem_x509_certificate(each).serial_number
        made = made.add_revoked_certificate(x509.RevokedCertificateBuilder(serial_number=number, revocation_date=NOW - DAY).build())
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
