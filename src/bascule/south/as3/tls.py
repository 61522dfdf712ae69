"""TLS: what listeners and pools have in common, versions and ciphers; and what listeners ask of clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bascule.model.definition import ServiceDefinition
from bascule.model.objects import ClientAuthentication, Listener, ListenerProtocol, Pool
from bascule.south.as3 import certificate, ciphers, names

_VERSIONS = {"TLSv1": "tls1_0Enabled", "TLSv1.1": "tls1_1Enabled", "TLSv1.2": "tls1_2Enabled", "TLSv1.3": "tls1_3Enabled"}
_DEFAULT = ("TLSv1.2", "TLSv1.3")
_ALPN = ("h2", "http/1.1", "http/1.0")
HTTP_2 = "h2"

_MODES = {ClientAuthentication.MANDATORY: "require", ClientAuthentication.OPTIONAL: "request"}


def ends(listener: Listener) -> bool:
    """Whether a listener ends TLS."""
    return listener.protocol is ListenerProtocol.TERMINATED_HTTPS


def name(listener: Listener) -> str:
    """The item of a listener's TLS profile."""
    return names.item("tls", listener.id)


def of_clients(definition: ServiceDefinition, listener: Listener) -> dict[str, Any]:
    """The items with which a listener ends TLS, by name. The first certificate is shown to clients that ask for no known name.

    Raises KeyError for a reference that the definition does not resolve.
    """
    refs = [ref for ref in dict.fromkeys((listener.default_tls_container_ref, *listener.sni_container_refs)) if ref]
    shown = [{"certificate": certificate.name(listener.id, ref), "sniDefault": number == 0} for number, ref in enumerate(refs)]
    profile = {"class": "TLS_Server", "certificates": shown, **settings(listener)}
    items = {name(listener): profile}
    for ref in refs:
        items |= certificate.render(definition, listener.id, ref)
    mode, known = _MODES.get(listener.client_authentication), listener.client_ca_tls_container_ref
    if mode and known:
        bundle = certificate.authorities_name(listener.id, known)
        profile |= {"authenticationMode": mode, "authenticationTrustCA": bundle, "authenticationInviteCA": bundle}
        items |= certificate.authorities(definition, listener.id, known)
    return items | ciphers.render(listener)


def settings(each: Listener | Pool) -> dict[str, Any]:
    """The versions and ciphers of a profile. AS3 would have the oldest versions and none of the newest, so all are said.

    Nobody may ask for a new handshake on an old connection: HTTP/2 forbids it, and it would cost others.
    """
    wanted = each.tls_versions or _DEFAULT
    versions = {flag: version in wanted for version, flag in _VERSIONS.items()}
    return {
        **versions,
        "sslEnabled": False,
        "ssl3Enabled": False,
        "renegotiationEnabled": False,
        "cipherGroup": {"use": ciphers.name(each)},
    }


def refuse(each: Listener | Pool) -> Iterator[str]:
    """What of the versions, ciphers and application protocols cannot be carried."""
    if unknown := sorted(set(each.tls_versions) - set(_VERSIONS)):
        yield f"tls_versions {', '.join(unknown)} is not possible; possible are {', '.join(_VERSIONS)}."
    if set(each.alpn_protocols) - set(_ALPN):
        yield f"alpn_protocols can be {', '.join(_ALPN)}."
    yield from ciphers.refuse(each)


def refuse_of_clients(listener: Listener) -> Iterator[str]:
    """What a listener asks of clients and cannot be carried."""
    if listener.client_crl_container_ref:
        yield "client_crl_container_ref is not possible: AS3 declares no lists of revoked certificates."
    yield from refuse(listener)
