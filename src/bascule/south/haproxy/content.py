"""Puts new content of a certificate, or of a list of authorities or of revoked certificates, in place in a HAProxy that runs.

Connections that are open keep what they were made with. HAProxy takes no more than one of its buffers holds, about 16 KiB.
"""

from __future__ import annotations

from bascule.model.documents import Documents
from bascule.model.secrets import SecretKind
from bascule.south.haproxy import certificate
from bascule.south.haproxy.runtime import Ask

_NOUNS = {SecretKind.CERTIFICATE: "cert", SecretKind.CA: "ca-file", SecretKind.CRL: "crl-file"}


def replaceable(name: str, documents: Documents) -> bool:
    """Whether a document has content that can be put in place.

    Whom a listener trusts cannot: clients that HAProxy knows from before would come in again without showing a certificate.
    """
    kind = certificate.kind(name)
    return kind is SecretKind.CERTIFICATE or (kind is not None and certificate.crt_list(certificate.owner(name)) not in documents)


def put(ask: Ask, document: str, content: bytes) -> bool:
    """Put the content of a document in place, all of it or none, in the HAProxy that is asked. False if it does not take it."""
    kind = certificate.kind(document)
    # An empty line would end the content, and what follows would be commands.
    lines = [line for line in content.decode(errors="replace").splitlines() if line.strip()]
    if kind is None or not all(line.isascii() and line.isprintable() for line in lines):
        return False
    name = f"ssl {_NOUNS[kind]} {certificate.path(document)}"
    ask("\n".join([f"set {name} <<", *lines, ""]))
    done = "Success!" in ask(f"commit {name}")
    if not done:
        ask(f"abort {name}")
    return done
