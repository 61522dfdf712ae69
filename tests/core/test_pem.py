"""What is said of PEM files, of each kind of use."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from bascule.core import pem
from bascule.core.pem import Part, Unsuitable
from bascule.model.secrets import SecretKind
from tests.certificates import AUTHORITY, Authority, key_pem

INTERMEDIATE = Authority("Intermediate", AUTHORITY, ends_at=2_000_000_000)
DEEPER = Authority("Deeper", INTERMEDIATE, ends_at=2_100_000_000)
STRANGER = Authority("Stranger")
KEY = ec.generate_private_key(ec.SECP256R1())
LEAF = DEEPER.sign("www.example.com", KEY, 1_900_000_000)


def refusal(content: bytes, kind: SecretKind) -> str:
    with pytest.raises(Unsuitable) as refused:
        pem.contents(content, kind)
    assert "PRIVATE" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    "content",
    [
        LEAF + key_pem(KEY) + DEEPER.chain(),
        key_pem(KEY) + LEAF + INTERMEDIATE.pem + DEEPER.pem,
        b"Bag Attributes\n" + LEAF.replace(b"\n", b"\r\n") + LEAF + DEEPER.chain() + b"trailing words\n" + key_pem(KEY),
        LEAF + DEEPER.chain() + AUTHORITY.pem + key_pem(KEY),
        LEAF + key_pem(KEY),
    ],
    ids=["in order", "in another order", "with other text", "with the root", "without a chain"],
)
def test_a_certificate_with_its_chain_and_key_in_any_order(content: bytes) -> None:
    found = pem.contents(content, SecretKind.CERTIFICATE)
    assert found.parts[0] == Part(None, 1_900_000_000)
    assert found.next_to_end(now=0) == Part(None, 1_900_000_000)
    assert found.next_to_end(now=1_950_000_000) == Part(None, 1_900_000_000), "an expired one has not ceased to matter"


def test_a_chain_ends_with_the_first_of_its_certificates() -> None:
    leaf = INTERMEDIATE.issue(ends_at=2_050_000_000)
    assert pem.contents(leaf, SecretKind.CERTIFICATE).next_to_end(0) == Part("Intermediate", 2_000_000_000)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is not a PEM file with a certificate"),
        (b"\x30\x82\x01\x00", "is not a PEM file with a certificate"),
        (b"first content", "is not a PEM file with a certificate"),
        (key_pem(KEY), "is not a PEM file with a certificate"),
        (AUTHORITY.crl(), "is not a PEM file with a certificate"),
        (LEAF, "has no private key"),
        (LEAF.rstrip() + key_pem(KEY), "is not a PEM file with a certificate"),
        (LEAF + key_pem(STRANGER.key), "has a key that does not belong to its certificate"),
        (LEAF + key_pem(KEY, b"a passphrase"), "has a key that is encrypted with a passphrase, which nobody could give"),
        (LEAF + key_pem(KEY, b"traditional"), "has a key that is encrypted with a passphrase, which nobody could give"),
        (DEEPER.pem + LEAF + key_pem(KEY), "does not begin with the certificate that the key belongs to"),
        (LEAF + key_pem(KEY) + STRANGER.pem, "has a certificate that is not part of the chain of the first one: Stranger"),
        (LEAF + key_pem(KEY) + INTERMEDIATE.pem, "has a certificate that is not part of the chain of the first one: Intermediate"),
        (LEAF + key_pem(KEY) + Authority("Deeper").pem, "has a certificate that is not part of the chain of the first one: Deeper"),
        (LEAF[:40] + b"!" + LEAF[40:] + key_pem(KEY), "has a certificate that cannot be read, the first one"),
        (LEAF + LEAF[:28] + b"AAAA\n" + LEAF[-26:] + key_pem(KEY), "has a certificate that cannot be read, the second one"),
        (LEAF + key_pem(KEY)[:28] + b"AAAA\n" + key_pem(KEY)[-26:], "has a private key that cannot be read"),
    ],
)
def test_what_cannot_work_as_a_certificate(content: bytes, why: str) -> None:
    assert refusal(content, SecretKind.CERTIFICATE) == why


def test_authorities_need_no_key_and_need_not_belong_together() -> None:
    early, late = Authority("Early", ends_at=1_800_000_000), Authority("Late", ends_at=1_900_000_000)
    found = pem.contents(late.pem + early.pem, SecretKind.CA)
    assert found.next_to_end(now=0) == Part("Early", 1_800_000_000)
    assert found.next_to_end(now=1_850_000_000) == Part("Late", 1_900_000_000), "its successor is there"
    assert found.next_to_end(now=1_950_000_000) == Part("Late", 1_900_000_000), "nothing is left"
    assert refusal(AUTHORITY.crl(), SecretKind.CA) == "is not a PEM file with a certificate"


def test_revocation_lists() -> None:
    found = pem.contents(AUTHORITY.crl(1_800_000_000) + STRANGER.crl(1_700_000_000), SecretKind.CRL)
    assert found.next_to_end(now=1_750_000_000) == Part(None, 1_700_000_000), "each is needed"
    assert refusal(AUTHORITY.pem, SecretKind.CRL) == "is not a PEM file with a revocation list (X509 CRL)"


def test_a_revocation_list_is_signed_by_an_authority_that_it_is_used_with() -> None:
    pem.check_revocations(AUTHORITY.crl() + STRANGER.crl(), STRANGER.pem + AUTHORITY.pem)
    namesake = Authority(AUTHORITY.name)
    for ca in (STRANGER.pem, namesake.pem):
        with pytest.raises(Unsuitable, match="was not signed by any of the authorities"):
            pem.check_revocations(AUTHORITY.crl(), ca)


def test_names_are_one_line_of_text() -> None:
    hostile = Authority("two\nlines\x00and a lot more " + "x" * 30, ends_at=1_800_000_000)
    part = pem.contents(hostile.pem, SecretKind.CA).next_to_end(0)
    assert part is not None
    assert part.name == "two?lines?and a lot more " + "x" * 30


def _der(block: bytes) -> bytes:
    return base64.b64decode(b"".join(block.splitlines()[1:-1]))


def _pem(label: str, der: bytes) -> bytes:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n".encode()


_READ: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    "leaf": (_der(LEAF), lambda der: pem.contents(_pem("CERTIFICATE", der) + key_pem(KEY), SecretKind.CERTIFICATE)),
    "chain": (_der(DEEPER.pem), lambda der: pem.contents(LEAF + key_pem(KEY) + _pem("CERTIFICATE", der), SecretKind.CERTIFICATE)),
    "key": (_der(key_pem(KEY)), lambda der: pem.contents(LEAF + _pem("PRIVATE KEY", der), SecretKind.CERTIFICATE)),
    "authority": (_der(AUTHORITY.pem), lambda der: pem.check_revocations(AUTHORITY.crl(), _pem("CERTIFICATE", der))),
    "crl": (_der(AUTHORITY.crl()), lambda der: pem.check_revocations(_pem("X509 CRL", der), AUTHORITY.pem)),
}


@pytest.mark.filterwarnings("ignore:Parsed a")
@pytest.mark.parametrize("what", _READ)
@given(changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=3))
def test_what_is_broken_anywhere_is_refused_or_fine(what: str, changes: list[tuple[int, int]]) -> None:
    """Nothing else is raised: that would be a trouble of ours, and of everything that goes through the same pass."""
    whole, read = _READ[what]
    broken = bytearray(whole)
    for place, value in changes:
        broken[place % len(broken)] = value
    with contextlib.suppress(Unsuitable):
        read(bytes(broken))
