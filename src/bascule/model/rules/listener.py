"""Rules for listeners."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from bascule.model.errors import Conflict, Invalid, NotFound, Refused
from bascule.model.objects import ClientAuthentication, Kind, Listener, ListenerProtocol, Tree
from bascule.model.rules.protocols import check_pair, transport
from bascule.model.rules.text import InvalidOption, check_ciphers

HEADERS = frozenset({"X-Client-IP", "X-Forwarded-For", "X-Forwarded-IP", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Real-IP"})
TLS_HEADERS = frozenset(
    {
        "X-SSL-Client-CN",
        "X-SSL-Client-DN",
        "X-SSL-Client-Has-Cert",
        "X-SSL-Client-Not-After",
        "X-SSL-Client-Not-Before",
        "X-SSL-Client-SHA1",
        "X-SSL-Client-Verify",
        "X-SSL-Issuer",
    }
)
"""Headers that tell of the client's certificate, so only where TLS ends here."""

_TLS = ListenerProtocol.TERMINATED_HTTPS


def check(tree: Tree, listener: Listener) -> Iterator[Refused]:
    """Refusals of a listener that contradicts itself, its pool or its load balancer."""
    if listener.default_pool_id is not None:
        pool = tree.pool(listener.default_pool_id)
        if pool is None:
            yield NotFound(Kind.POOL, listener.default_pool_id)
        else:
            yield from check_pair(listener, pool)
    yield from _check_certificates(listener)
    yield from check_ciphers(listener.tls_ciphers)
    yield from _check_headers(listener)
    yield from _check_hsts(listener)
    yield from check_cidrs(tree, listener)


def check_ports(tree: Tree) -> Iterator[Refused]:
    """Refusals of two listeners on one port of one transport."""
    taken: dict[tuple[str, int], Listener] = {}
    for listener in tree.listeners:
        place = transport(listener.protocol), listener.protocol_port
        other = taken.setdefault(place, listener)
        if other is not listener:
            yield Conflict(
                f"Another Listener on this Load Balancer is already using protocol {other.protocol} "
                f"and protocol_port {other.protocol_port}"
            )


def check_cidrs(tree: Tree, listener: Listener) -> Iterator[Refused]:
    """Refusals of networks of clients that no VIP speaks the language of. A VIP that has no address yet is passed over."""
    if not listener.allowed_cidrs:
        return
    if tree.load_balancer.vip_sg_ids:
        yield Invalid("allowed_cidrs cannot be used while the load balancer has vip_sg_ids")
    vips = [tree.load_balancer.vip, *tree.load_balancer.additional_vips]
    if not all(vip.address for vip in vips):
        return
    versions = {ipaddress.ip_address(vip.address).version for vip in vips}
    for cidr in listener.allowed_cidrs:
        version = ipaddress.ip_network(cidr, strict=False).version
        if version not in versions:
            yield Invalid(f"allowed_cidrs: {cidr} is IPv{version}, but no VIP of the load balancer is")


def _check_certificates(listener: Listener) -> Iterator[Refused]:
    own = bool(listener.default_tls_container_ref or listener.sni_container_refs)
    client_ca = listener.client_ca_tls_container_ref
    if (own or client_ca) and listener.protocol not in (_TLS, ListenerProtocol.PROMETHEUS):
        yield Invalid(f"Certificate container references are only allowed on {_TLS} listeners, not on {listener.protocol} ones")
    if (client_ca or listener.protocol is _TLS) and not own:
        yield Invalid(f"An SNI or default certificate container reference must be provided with {_TLS} listeners")
    if listener.client_authentication is not ClientAuthentication.NONE and not client_ca:
        yield Invalid(f"client_ca_tls_container_ref is needed when client_authentication is {listener.client_authentication}")
    if listener.client_crl_container_ref and not client_ca:
        yield Invalid("client_ca_tls_container_ref is needed for client_crl_container_ref")


def _check_headers(listener: Listener) -> Iterator[Refused]:
    if not listener.insert_headers:
        return
    if listener.protocol not in (ListenerProtocol.HTTP, _TLS):
        yield Invalid(f"insert_headers is only allowed on HTTP and {_TLS} listeners, not on {listener.protocol} ones")
    allowed = HEADERS | TLS_HEADERS if listener.protocol is _TLS else HEADERS
    if wrong := sorted(set(listener.insert_headers) - allowed):
        yield InvalidOption(", ".join(wrong), "insert_headers", ", ".join(sorted(allowed)))


def _check_hsts(listener: Listener) -> Iterator[Refused]:
    if listener.hsts_max_age is not None and listener.protocol is not _TLS:
        yield Invalid(f"hsts_max_age is only allowed on {_TLS} listeners, not on {listener.protocol} ones")
    if listener.hsts_max_age is None and (listener.hsts_include_subdomains or listener.hsts_preload):
        yield Invalid("hsts_max_age is needed for hsts_include_subdomains and hsts_preload")
