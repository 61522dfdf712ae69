"""What is in a PEM file: whether it can work as what it is used as, and when that ends. Pure.

No text made here holds anything of a private key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

from bascule.model.secrets import SecretKind

_MARK = re.compile(rb"^-----(BEGIN|END) ([A-Z0-9 ]+)-----[ \t\r]*$", re.MULTILINE)
_CERTIFICATES = (b"CERTIFICATE", b"X509 CERTIFICATE")
_KEYS = (b"PRIVATE KEY", b"RSA PRIVATE KEY", b"EC PRIVATE KEY", b"ENCRYPTED PRIVATE KEY")
_CRL = b"X509 CRL"
_LONGEST_NAME = 100
_BROKEN = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)

T = TypeVar("T")


class Unsuitable(Exception):
    """Content that cannot work. The text is for the user and says why; it goes on after the name of the reference."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a file that ends at a time, in seconds since the epoch. `name` is None for what the whole file is about."""

    name: str | None
    ends_at: float


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds that ends at some time. `together`: it is of no use any more as soon as one part has ended."""

    parts: tuple[Part, ...]
    together: bool = True

    def next_to_end(self, now: float) -> Part | None:
        """What ends next, or has ended. None if nothing ever ends.

        A file of authorities may well keep one that has ended beside its successor, so it is passed over there.
        """
        counted = self.parts if self.together else [part for part in self.parts if part.ends_at > now]
        if counted:
            return min(counted, key=_end_of)
        return max(self.parts, key=_end_of, default=None)


def _end_of(part: Part) -> float:
    return part.ends_at


def contents(content: bytes, kind: SecretKind) -> Contents:
    """What is in a file that is used as this kind. Raises Unsuitable where it cannot work."""
    return _READERS[kind](content)


def check_revocations(crl: bytes, ca: bytes) -> None:
    """Raises Unsuitable where a list of revoked certificates was not signed by one of these authorities.

    Whoever checks a client against such a list finds none for the client's authority, and turns every client away.
    """
    authorities = _certificates(ca)
    for each in _crls(crl):
        if not any(_signed(each, authority) for authority in authorities):
            raise Unsuitable("holds a revocation list that was not signed by any of the authorities it is used with")


def _certificate_with_key(content: bytes) -> Contents:
    """The leaf comes first, its chain after it, in any order: that is how it is shown to clients."""
    certificates = _certificates(content)
    leaf, chain = certificates[0], [each for each in certificates[1:] if each != certificates[0]]
    key = _public_key(content)
    if not _fits(key, leaf):
        if any(_fits(key, each) for each in chain):
            raise Unsuitable("does not begin with the certificate that the key belongs to")
        raise Unsuitable("has a key that does not belong to its certificate")
    if unrelated := _unrelated(leaf, chain):
        raise Unsuitable(f"has a certificate that is not part of the chain of the first one: {_name(unrelated)}")
    return Contents((Part(None, _end(leaf)), *(Part(_name(each), _end(each)) for each in chain)))


def _authorities(content: bytes) -> Contents:
    return Contents(tuple(Part(_name(each), _end(each)) for each in _certificates(content)), together=False)


def _revocations(content: bytes) -> Contents:
    ends = [each.next_update_utc for each in _crls(content)]
    return Contents(tuple(Part(None, end.timestamp()) for end in ends if end is not None))


_READERS: dict[SecretKind, Callable[[bytes], Contents]] = {
    SecretKind.CERTIFICATE: _certificate_with_key,
    SecretKind.CA: _authorities,
    SecretKind.CRL: _revocations,
}


def _blocks(content: bytes, labels: Iterable[bytes]) -> Iterator[bytes]:
    """The blocks with these labels. As for OpenSSL, which reads the file later, a mark is a line of its own."""
    begin: re.Match[bytes] | None = None
    for mark in _MARK.finditer(content):
        if mark[1] == b"BEGIN":
            begin = mark
        elif begin is not None and begin[2] == mark[2]:
            if mark[2] in labels:
                yield content[begin.start() : mark.end()] + b"\n"
            begin = None


def _certificates(content: bytes) -> list[x509.Certificate]:
    """At least one."""
    found = _parsed(_certificate, _blocks(content, _CERTIFICATES), "certificate")
    if not found:
        raise Unsuitable("is not a PEM file with a certificate")
    return found


def _crls(content: bytes) -> list[x509.CertificateRevocationList]:
    """At least one."""
    found = _parsed(_crl, _blocks(content, (_CRL,)), "revocation list")
    if not found:
        raise Unsuitable("is not a PEM file with a revocation list (X509 CRL)")
    return found


def _certificate(block: bytes) -> x509.Certificate:
    found = x509.load_pem_x509_certificate(block)
    _ = found.subject, found.issuer  # These are read only when they are asked for.
    return found


def _crl(block: bytes) -> x509.CertificateRevocationList:
    found = x509.load_pem_x509_crl(block)
    _ = found.issuer, found.next_update_utc
    return found


def _parsed(load: Callable[[bytes], T], blocks: Iterable[bytes], what: str) -> list[T]:
    found = []
    for number, block in enumerate(blocks, 1):
        try:
            found.append(load(block))
        except _BROKEN:
            raise Unsuitable(f"has a {what} that cannot be read, the {_ordinal(number)} one") from None
    return found


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")


def _public_key(content: bytes) -> object:
    """The public half of the first key, which is the one that is used. Nothing of what goes wrong here is passed on."""
    block = next(_blocks(content, _KEYS), None)
    if block is None:
        raise Unsuitable("has no private key")
    if block.startswith(b"-----BEGIN ENCRYPTED") or b"\nProc-Type: 4,ENCRYPTED" in block:
        raise Unsuitable("has a key that is encrypted with a passphrase, which nobody could give")
    try:
        # The numbers of an RSA key are not tested to be primes: that takes long, and only the owner would be harmed.
        return load_pem_private_key(block, password=None, unsafe_skip_rsa_key_validation=True).public_key()
    except _BROKEN:
        raise Unsuitable("has a private key that cannot be read") from None


def _fits(key: object, certificate: x509.Certificate) -> bool:
    try:
        return certificate.public_key() == key
    except (ValueError, UnsupportedAlgorithm):
        return False


def _unrelated(leaf: x509.Certificate, chain: Sequence[x509.Certificate]) -> x509.Certificate | None:
    """A certificate that signed neither the leaf nor anything that did."""
    reached, left = [leaf], list(chain)
    while left:
        issuer = next((each for each in left if any(_issued(below, each) for below in reached)), None)
        if issuer is None:
            return left[0]
        reached.append(issuer)
        left.remove(issuer)
    return None


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (UnsupportedAlgorithm, TypeError):
        return True  # Nobody here can tell; the names say so.
    except (ValueError, InvalidSignature):
        return False
    return True


def _signed(crl: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    if crl.issuer != authority.subject:
        return False
    try:
        return crl.is_signature_valid(authority.public_key())  # type: ignore[arg-type]
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return True  # As above.


def _name(certificate: x509.Certificate) -> str:
    """What a certificate is called, as one line."""
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = str(common[0].value) if common else certificate.subject.rfc4514_string()
    plain = "".join(each if each.isprintable() else "?" for each in name)
    return (plain or "without a name")[:_LONGEST_NAME]


def _end(certificate: x509.Certificate) -> float:
    end: datetime = certificate.not_valid_after_utc
    return end.timestamp()
