"""Certificates of a listener: a document for each, and one that lists those of a listener.

Both are named by what is in them, so that a file in use is never overwritten and a change of content is a change of name. A
certificate's document names the secret and its digest; the content is put beside it when it is applied.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from bascule.model.definition import ServiceDefinition
from bascule.model.documents import digest
from bascule.model.objects import Listener
from bascule.model.secrets import SecretRef

CERTIFICATE = "certificate/"
LIST = "crt-list/"


@dataclass(frozen=True, slots=True)
class Bundle:
    """The certificates of one listener, the default first. `document` is the name of the list and its path."""

    document: str
    body: str
    certificates: dict[str, str]


def bundle(definition: ServiceDefinition, listener: Listener) -> Bundle:
    """The certificates of a listener. Raises KeyError for a reference that the definition does not resolve."""
    refs = [listener.default_tls_container_ref, *listener.sni_container_refs]
    meant = [definition.secret(listener.id, ref) for ref in dict.fromkeys(refs) if ref]
    certificates = {document(each): body(each) for each in meant}
    listed = "".join(f"{pem(name)}\n" for name in certificates)
    return Bundle(LIST + digest(listed)[:32], listed, certificates)


def document(meant: SecretRef) -> str:
    """The name of the document of a certificate."""
    return CERTIFICATE + digest(body(meant))[:32]


def body(meant: SecretRef) -> str:
    """The document of a certificate: what is meant, without its content."""
    return json.dumps(dataclasses.asdict(meant), sort_keys=True)


def meant_by(text: str) -> SecretRef:
    """What the document of a certificate means."""
    return SecretRef(**json.loads(text))


def pem(document_name: str) -> str:
    """The path, in the directory of the instance, of the content of a certificate."""
    return f"{document_name}.pem"
