"""Certificates, lists of authorities and of revoked certificates: a document for each of those that a listener or pool uses.

It lies in the folder of what it is used as. It is named after the object that uses it and the reference it uses, so its name stays
when the content changes, and tells whose fault bad content is. It says what content is meant by its digest; the content is put
beside it when it is applied.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass

from bascule.model.definition import ServiceDefinition
from bascule.model.documents import digest
from bascule.model.secrets import SecretKind, SecretRef
from bascule.south.haproxy.quoting import name

LISTS = "crt-list"
"""The folder of the lists of certificates."""


@dataclass(frozen=True, slots=True)
class File:
    """The name of a document, the path of its content from the directory that HAProxy runs in, and what content is meant."""

    document: str
    path: str
    body: str


def file(definition: ServiceDefinition, owner_id: str, ref: str, kind: SecretKind) -> File:
    """What a listener or pool uses by a reference. Raises KeyError for one that the definition does not resolve."""
    meant = definition.secret(owner_id, ref)
    document = f"{kind}/{name(owner_id)}.{digest(ref)[:32]}"
    return File(document, path(document), json.dumps(dataclasses.asdict(meant), sort_keys=True))


def crt_list(listener_id: str) -> str:
    """The document that lists the certificates of a listener, and its path."""
    return f"{LISTS}/{name(listener_id)}"


def listed(files: Sequence[File]) -> str:
    """The list of certificates among the files of a listener. The first is shown to clients that ask for no known name."""
    return "".join(f"{each.path}\n" for each in files if kind(each.document) is SecretKind.CERTIFICATE)


def kind(document: str) -> SecretKind | None:
    """What the content beside a document is for; None for a document that has none."""
    return next((each for each in SecretKind if document.startswith(f"{each}/")), None)


def path(document: str) -> str:
    """The path of the content of a document."""
    return f"{document}.pem"


def owner(document: str) -> str:
    """The id of the listener or pool that uses the content of a document."""
    return document.partition("/")[2].rpartition(".")[0]


def meant_by(body: str) -> SecretRef:
    """What a document means."""
    return SecretRef(**json.loads(body))
