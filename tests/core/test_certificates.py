"""The library: what references stand for, read and looked into no more often than needed."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from bascule.core.certificates import CertificateLibrary, Unreadable, Unusable
from bascule.model.secrets import SecretKind, SecretRef
from tests.certificates import AUTHORITY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def test_content_is_looked_into_once_for_each_digest(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []
    load = x509.load_pem_x509_certificate

    def counted(data: bytes) -> x509.Certificate:
        parsed.append(data)
        return load(data)

    monkeypatch.setattr(x509, "load_pem_x509_certificate", counted)
    library = CertificateLibrary(tmp_path, ttl=0.0)
    content = AUTHORITY.issue()
    (folder / "www.pem").write_bytes(content)
    (folder / "same.pem").write_bytes(content)
    (folder / "bad.pem").write_bytes(AUTHORITY.pem)
    for _ in range(3):
        digests = {library.find("project", ref, SecretKind.CERTIFICATE).secret.sha256 for ref in ("www.pem", "same.pem")}
        assert len(digests) == 1
        with pytest.raises(Unusable, match=r"certificate bad.pem has no private key"):
            library.find("project", "bad.pem", SecretKind.CERTIFICATE)
    assert len(parsed) == 2
    library.find("project", "bad.pem", SecretKind.CA)
    assert len(parsed) == 3, "what it is used as makes a difference"


def test_a_fresh_look_sees_what_is_there_now(folder: Path, tmp_path: Path) -> None:
    library = CertificateLibrary(tmp_path, monotonic=lambda: 0.0)
    (folder / "www.pem").write_bytes(b"one")
    first = library.ref("project", "www.pem")
    (folder / "www.pem").write_bytes(b"two")
    assert library.ref("project", "www.pem") == first
    second = library.ref("project", "www.pem", fresh=True)
    assert second != first
    assert library.secret(second).reveal() == b"two"
    with pytest.raises(KeyError):
        library.secret(first)


@pytest.mark.parametrize("ref", ["no.pem", "../project/www.pem", "", "a/b", ".www.pem", "file:/etc/passwd", "x" * 300])
def test_what_gives_no_content(folder: Path, tmp_path: Path, ref: str) -> None:
    (folder / "www.pem").write_bytes(b"content")
    (folder / ".www.pem").write_bytes(b"content")
    with pytest.raises(Unreadable):
        CertificateLibrary(tmp_path).ref("project", ref)
    with pytest.raises(KeyError):
        CertificateLibrary(tmp_path).secret(SecretRef("project", ref, "0" * 64))
