"""Certificates and keys: what stands in a declaration for them, and how their content takes its place when it is sent.

A declaration says which content it means by its digest, and which part of it: the first certificate, the private key of it, the
certificates that belong to it, or all certificates.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from bascule.model.backend import Secrets
from bascule.model.secrets import Secret, SecretRef

_MARK = "bascule"
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\r?\n.*?^-----END \1-----", re.DOTALL | re.MULTILINE)
_CERTIFICATES = (b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE")


class Part(StrEnum):
    """A part of the content of a secret. A chain may be empty."""

    CERTIFICATE = "certificate"
    KEY = "key"
    CHAIN = "chain"
    ALL = "all"


def stand_in(meant: SecretRef, part: Part) -> dict[str, Any]:
    """What a declaration holds where a part of a secret belongs."""
    return {_MARK: {"project_id": meant.project_id, "ref": meant.ref, "sha256": meant.sha256, "part": part}}


def filled(text: str, secrets: Secrets) -> dict[str, Any]:
    """A declaration with the content of its secrets in it, never to be stored or printed. A chain that is empty is left out.

    Raises KeyError when the content meant cannot be had.
    """
    body: dict[str, Any] = _filled(json.loads(text), secrets)
    return body


def _filled(body: Any, secrets: Secrets) -> Any:
    if isinstance(body, list):
        return [_filled(each, secrets) for each in body]
    if not isinstance(body, dict):
        return body
    if body.keys() == {_MARK}:
        meant = dict(body[_MARK])
        part = Part(meant.pop("part"))
        return _part(secrets(SecretRef(**meant)), part)
    found = {name: _filled(each, secrets) for name, each in body.items()}
    return {name: each for name, each in found.items() if each is not None}


def _part(secret: Secret, part: Part) -> str | None:
    """The PEM text of a part, None for an empty chain. Raises KeyError for content without it."""
    blocks = list(_blocks(secret.reveal()))
    certificates = [block for label, block in blocks if label in _CERTIFICATES]
    keys = [block for label, block in blocks if label.endswith(b"PRIVATE KEY")]
    wanted = {
        Part.CERTIFICATE: certificates[:1],
        Part.KEY: keys[:1],
        Part.CHAIN: [each for each in certificates[1:] if each != certificates[0]],
        Part.ALL: certificates,
    }[part]
    if not wanted and part is not Part.CHAIN:
        raise KeyError(f"no {part} in the content")
    return b"".join(wanted).decode() if wanted else None


def _blocks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The blocks of a PEM file with their labels. What stands between them, such as comments, is left out."""
    for found in _BLOCK.finditer(content):
        yield found[1], found[0].replace(b"\r\n", b"\n") + b"\n"
