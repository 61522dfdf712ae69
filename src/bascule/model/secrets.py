"""Secrets: a reference that may be stored and shown, and content that may be neither."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SecretKind(StrEnum):
    """What a secret is used as: a certificate with its chain and its key; certificates that are trusted; certificates that are
    revoked."""

    CERTIFICATE = "certificate"
    CA = "ca"
    CRL = "crl"


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Names a secret and the exact content meant, without holding it.

    The reference is meant in the store of one project. `sha256` is the hexadecimal digest of the content at the time it was
    resolved.
    """

    project_id: str
    ref: str
    sha256: str


class Secret:
    """Content that does not print, compare or pickle by accident. `reveal()` is the only way in."""

    __slots__ = ("_content",)

    def __init__(self, content: bytes) -> None:
        self._content = content

    def reveal(self) -> bytes:
        return self._content

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not serialised")
