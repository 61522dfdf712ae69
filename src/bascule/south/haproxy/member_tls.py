"""TLS from HAProxy to the members of a pool.

Members are told the host name that the client asked for by TLS, if it did. HAProxy keeps connections for different names apart.
Where members are verified, they are verified for that name; where none was asked for, for no name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bascule.model.definition import ServiceDefinition, secret_uses
from bascule.model.objects import Listener, ListenerProtocol, Pool
from bascule.model.secrets import SecretKind
from bascule.south.haproxy import certificate, tls
from bascule.south.haproxy.certificate import File
from bascule.south.haproxy.listener import TCP
from bascule.south.haproxy.quoting import word

_OPTIONS = {SecretKind.CERTIFICATE: "crt", SecretKind.CA: "verify required ca-file", SecretKind.CRL: "crl-file"}


def files(definition: ServiceDefinition, pool: Pool) -> list[File]:
    """What a pool shows its members, and knows them by. Raises KeyError for a reference that the definition does not resolve."""
    return list(_files(definition, pool).values())


def _files(definition: ServiceDefinition, pool: Pool) -> Mapping[SecretKind, File]:
    uses = secret_uses(pool.kind, pool) if pool.tls_enabled else ()
    return {kind: certificate.file(definition, pool.id, ref, kind) for kind, ref in uses}


def options(definition: ServiceDefinition, pool: Pool, mode: str, listeners: Sequence[Listener]) -> str:
    """The part of a `server` line that begins TLS; nothing for a pool without. Raises KeyError as `files` does."""
    if not pool.tls_enabled:
        return ""
    found = " ssl"
    for kind, file in _files(definition, pool).items():
        found += f" {_OPTIONS[kind]} {file.path}"
    if not pool.ca_tls_container_ref:
        found += " verify none"
    found += tls.settings(pool)
    if protocols := _protocols(pool, mode):
        found += f" alpn {word(','.join(protocols))}"
    if any(each.protocol is ListenerProtocol.TERMINATED_HTTPS for each in listeners):
        found += " sni ssl_fc_sni"
    return found


def _protocols(pool: Pool, mode: str) -> Sequence[str]:
    """What a member may choose from. Where HAProxy only passes bytes the client has chosen already, and most likely not HTTP/2."""
    one = [protocol for protocol in pool.alpn_protocols if protocol != "h2"] if mode == TCP else []
    return one or pool.alpn_protocols
