"""Listeners: one frontend each."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from bascule.model.definition import ServiceDefinition
from bascule.model.objects import ClientAuthentication, Listener, ListenerProtocol, LoadBalancer, Tree
from bascule.south.haproxy import certificate, l7policy, tls
from bascule.south.haproxy.certificate import CERTIFICATE, File
from bascule.south.haproxy.quoting import endpoint, name, network, word

HTTP = "http"
TCP = "tcp"

MODES = {
    ListenerProtocol.HTTP: HTTP,
    ListenerProtocol.TERMINATED_HTTPS: HTTP,
    ListenerProtocol.HTTPS: TCP,
    ListenerProtocol.TCP: TCP,
}
"""Whether HAProxy reads the requests of a listener or only passes bytes. Protocols that are not here cannot be carried."""

INSERT_HEADERS = ("X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto")


def carried(tree: Tree) -> list[Listener]:
    """The listeners that take traffic: none of a disabled load balancer."""
    return [listener for listener in tree.listeners if listener.admin_state_up] if tree.load_balancer.admin_state_up else []


def render(definition: ServiceDefinition, listener: Listener) -> list[str]:
    """The frontend of a listener."""
    tree = definition.tree
    mode = MODES[listener.protocol]
    lines = [f"frontend {name(listener.id)}", f"    # listener {listener.id}", f"    mode {mode}"]
    ssl = _tls(listener) if listener.protocol is ListenerProtocol.TERMINATED_HTTPS else ""
    vips = addresses(tree.load_balancer)
    lines += [f"    bind {endpoint(address, listener.protocol_port)}{ssl}" for address in vips]
    if listener.connection_limit > 0:
        lines.append(f"    maxconn {listener.connection_limit:d}")
    lines.append(f"    timeout client {listener.timeout_client_data:d}ms")
    if listener.timeout_tcp_inspect:
        lines.append(f"    tcp-request inspect-delay {listener.timeout_tcp_inspect:d}ms")
    lines += _allowed(listener)
    if mode == HTTP:
        # A worker that ends answers one more request on connections that clients keep, and says that it was the last.
        lines.append("    option idle-close-on-response")
        lines += [*_headers(listener), *l7policy.render(tree, listener, mode)]
    pool = tree.pool(listener.default_pool_id)
    if pool and pool.admin_state_up:
        lines += [f"    # listener {listener.id}", f"    default_backend {l7policy.backend_name(pool, mode)}"]
    return lines


def files(definition: ServiceDefinition, listener: Listener) -> list[File]:
    """The certificates of a listener, the default first. Raises KeyError for a reference that the definition does not resolve."""
    if listener.protocol is not ListenerProtocol.TERMINATED_HTTPS:
        return []
    refs = dict.fromkeys([listener.default_tls_container_ref, *listener.sni_container_refs])
    return [certificate.file(definition, listener.id, ref, CERTIFICATE) for ref in refs if ref]


def addresses(load_balancer: LoadBalancer) -> list[str]:
    """The addresses of a load balancer."""
    return [vip.address for vip in (load_balancer.vip, *load_balancer.additional_vips)]


def refuse(listener: Listener) -> Iterator[str]:
    """What of a listener cannot be carried."""
    if listener.protocol not in MODES:
        yield f"protocol {listener.protocol} is not possible; it can be {_list(MODES)}."
    if listener.client_authentication is not ClientAuthentication.NONE:
        yield f"client_authentication {listener.client_authentication} is not possible; it can be NONE."
    if listener.client_ca_tls_container_ref:
        yield "client_ca_tls_container_ref is not possible: clients are not authenticated by certificate."
    if listener.client_crl_container_ref:
        yield "client_crl_container_ref is not possible: clients are not authenticated by certificate."
    if listener.hsts_max_age is not None:
        yield "hsts_max_age is not possible: the header Strict-Transport-Security is not inserted."
    for header in sorted(set(listener.insert_headers) - set(INSERT_HEADERS)):
        yield f"insert_headers {header!r} is not possible; possible are {_list(INSERT_HEADERS)}."
    yield from tls.refuse(listener)
    for cidr in listener.allowed_cidrs:
        if not _is_network(cidr):
            yield f"allowed_cidrs {cidr!r} is not a network in CIDR notation."


def _is_network(cidr: str) -> bool:
    try:
        ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False
    return "%" not in cidr


def _list(values: Iterable[str]) -> str:
    return ", ".join(values)


def _tls(listener: Listener) -> str:
    """The part of a `bind` line that ends TLS here."""
    found = f" ssl crt-list {certificate.crt_list(listener.id)}{tls.settings(listener)}"
    if listener.alpn_protocols:
        found += f" alpn {word(','.join(listener.alpn_protocols))}"
    return found


def _allowed(listener: Listener) -> list[str]:
    """Turns away, before anything is read, whoever comes from outside the allowed networks."""
    if not listener.allowed_cidrs:
        return []
    lines = [f"    acl allowed src {network(cidr)}" for cidr in listener.allowed_cidrs]
    return [*lines, "    tcp-request connection reject unless allowed"]


def _headers(listener: Listener) -> list[str]:
    """The headers to insert. As in Octavia, only the value "true" asks for one."""
    wanted = {header for header, value in listener.insert_headers.items() if value.lower() == "true"}
    lines = []
    if "X-Forwarded-For" in wanted:
        lines.append("    option forwardfor")
    if "X-Forwarded-Port" in wanted:
        lines.append("    http-request set-header X-Forwarded-Port %[dst_port]")
    if "X-Forwarded-Proto" in wanted:
        scheme = "https" if listener.protocol is ListenerProtocol.TERMINATED_HTTPS else "http"
        lines.append(f"    http-request set-header X-Forwarded-Proto {scheme}")
    return lines
