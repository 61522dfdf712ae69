"""Certificates by reference, from a directory with one folder per project.

A reference is the name of a file in the folder of the project that owns the load balancer: a PEM file with the certificate, its
chain and its key. What was read is remembered for a minute, so that a pass over many load balancers reads each file once.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bascule.model.secrets import Secret, SecretRef

_NAME = re.compile(r"(?:file:)?([A-Za-z0-9][A-Za-z0-9._-]{0,200})")
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,35}")


class Unreadable(Exception):
    """A reference that gives no content: there is no such file, or it may not be read, or the name is not a file name."""


class CertificateLibrary:
    """Reads certificates. Safe to use from several threads. `ttl` is in seconds."""

    def __init__(self, directory: Path, *, ttl: float = 60.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._ttl = ttl
        self._monotonic = monotonic
        self._kept: dict[tuple[str, str], tuple[float, bytes]] = {}
        self._lock = threading.Lock()

    def ref(self, project_id: str, ref: str) -> SecretRef:
        """The reference together with the digest of its content at most `ttl` seconds ago. Raises Unreadable."""
        return SecretRef(project_id, ref, hashlib.sha256(self._content(project_id, ref)).hexdigest())

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
