"""Certificates by reference, from a directory with one folder per project.

A reference is the name of a file in the folder of the project that owns the load balancer: a PEM file. What was read is remembered
for a moment, so that a pass over many load balancers reads each file once; what was found in it is remembered by its digest.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bascule.core import pem
from bascule.core.pem import Contents, Part, Unsuitable
from bascule.model.definition import SecretUses
from bascule.model.secrets import Secret, SecretKind, SecretRef

_NAME = re.compile(r"(?:file:)?([A-Za-z0-9][A-Za-z0-9._-]{0,200})")
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,35}")
_REMEMBERED = 10_000
"""Files of which it is remembered what is in them: some 200 bytes each, more only for those with many authorities."""


WORDS = {
    SecretKind.CERTIFICATE: "certificate",
    SecretKind.CA: "CA file",
    SecretKind.CRL: "revocation list",
}
"""What a secret is called in texts for users."""


class Unreadable(Exception):
    """A reference that gives no content: there is no such file, or it may not be read, or the name is not a file name."""


class Unusable(Exception):
    """A reference whose content cannot work as what it is used as. `secret` says which content."""

    def __init__(self, secret: SecretRef, kind: SecretKind, why: Unsuitable) -> None:
        super().__init__(f"{WORDS[kind]} {secret.ref} {why}")
        self.secret = secret


@dataclass(frozen=True, slots=True)
class Found:
    """What a reference stands for now. `ends` is what in it ends next: a certificate, or a revocation list."""

    secret: SecretRef
    ends: Part | None


class CertificateLibrary:
    """Reads certificates. Safe to use from several threads. `ttl` is in seconds; `clock` gives seconds since the epoch."""

    def __init__(
        self,
        directory: Path,
        *,
        ttl: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._ttl = ttl
        self._monotonic = monotonic
        self._clock = clock
        self._kept: dict[tuple[str, str], tuple[float, bytes]] = {}
        self._known: dict[tuple[str, ...], tuple[Contents | None, str]] = {}
        self._lock = threading.Lock()

    def ref(self, project_id: str, ref: str, *, fresh: bool = False) -> SecretRef:
        """The reference together with the digest of its content: now if `fresh`, else at most `ttl` seconds ago.

        Raises Unreadable.
        """
        return _named(project_id, ref, self._content(project_id, ref, fresh=fresh))

    def find(self, project_id: str, ref: str, kind: SecretKind) -> Found:
        """What a reference stands for, used as this kind. Raises Unreadable or Unusable."""
        content = self._content(project_id, ref)
        secret = _named(project_id, ref, content)
        try:
            found = self._once((kind, secret.sha256), lambda: pem.contents(content, kind))
        except Unsuitable as why:
            raise Unusable(secret, kind, why) from None
        return Found(secret, found.next_to_end(self._clock()) if found else None)

    def mismatches(self, project_id: str, uses: SecretUses) -> list[str]:
        """What is wrong with what one object uses together, each of which is fine by itself."""
        refs = dict(uses)
        crl, ca = refs.get(SecretKind.CRL), refs.get(SecretKind.CA)
        if crl is None or ca is None:
            return []
        try:
            lists, authorities = (self._content(project_id, ref) for ref in (crl, ca))
            key = tuple(hashlib.sha256(content).hexdigest() for content in (lists, authorities))
            self._once(key, lambda: pem.check_revocations(lists, authorities))
        except Unreadable as error:
            return [str(error)]
        except Unsuitable as why:
            return [f"{WORDS[SecretKind.CRL]} {crl} {why}"]
        return []

    def secret(self, meant: SecretRef) -> Secret:
        """The content that a resolved reference means. Raises KeyError when that content cannot be had (any more)."""
        for fresh in (False, True):
            try:
                content = self._content(meant.project_id, meant.ref, fresh=fresh)
            except Unreadable as error:
                raise KeyError(meant.ref) from error
            if hashlib.sha256(content).hexdigest() == meant.sha256:
                return Secret(content)
        raise KeyError(meant.ref)

    def _once(self, key: tuple[str, ...], look: Callable[[], Contents | None]) -> Contents | None:
        """What comes of looking at content, also when it is refused: looked at once for each digest. Raises Unsuitable."""
        with self._lock:
            known = self._known.get(key)
        if known is None:
            try:
                known = look(), ""
            except Unsuitable as why:
                known = None, str(why)
            with self._lock:
                while len(self._known) >= _REMEMBERED:
                    del self._known[next(iter(self._known))]
                self._known[key] = known
        found, refusal = known
        if refusal:
            raise Unsuitable(refusal)
        return found

    def _content(self, project_id: str, ref: str, *, fresh: bool = False) -> bytes:
        key, now = (project_id, ref), self._monotonic()
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and not fresh and now - kept[0] < self._ttl:
            return kept[1]
        content = self._read(project_id, ref)
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = (now, content)
            self._forget(now)
        return content

    def _forget(self, now: float) -> None:
        """Let go of what is too old. The oldest stand first."""
        while self._kept and now - next(iter(self._kept.values()))[0] >= self._ttl:
            del self._kept[next(iter(self._kept))]

    def _read(self, project_id: str, ref: str) -> bytes:
        name = _NAME.fullmatch(ref)
        if name is None or not _PROJECT.fullmatch(project_id):
            raise Unreadable(f"{ref!r} is not the name of a certificate: letters, digits, dot, dash and underscore are allowed")
        try:
            return (self._directory / project_id / name[1]).read_bytes()
        except OSError as error:
            raise Unreadable(f"certificate {ref} cannot be read: {error.strerror}") from error


def _named(project_id: str, ref: str, content: bytes) -> SecretRef:
    return SecretRef(project_id, ref, hashlib.sha256(content).hexdigest())
