"""Listeners: one frontend each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bascule.model import refusals
from bascule.model.definition import ServiceDefinition, secret_uses
from bascule.model.objects import ClientAuthentication, Listener, ListenerProtocol, LoadBalancer, Tree
from bascule.model.secrets import SecretKind
from bascule.south.haproxy import certificate, headers, l7policy, tls
from bascule.south.haproxy.certificate import File
from bascule.south.haproxy.quoting import endpoint, name, network

HTTP = "http"
TCP = "tcp"

MODES = {
    ListenerProtocol.HTTP: HTTP,
    ListenerProtocol.TERMINATED_HTTPS: HTTP,
    ListenerProtocol.HTTPS: TCP,
    ListenerProtocol.TCP: TCP,
    ListenerProtocol.PROMETHEUS: HTTP,
}
"""Whether HAProxy reads the requests of a listener or only passes bytes. Protocols that are not here cannot be carried."""

_METRICS = ("    http-request return status 404 unless { path /metrics }", "    http-request use-service prometheus-exporter")


def carried(tree: Tree) -> list[Listener]:
    """The listeners that take traffic: none of a disabled load balancer."""
    return [listener for listener in tree.listeners if listener.admin_state_up] if tree.load_balancer.admin_state_up else []


def render(definition: ServiceDefinition, listener: Listener) -> list[str]:
    """The frontend of a listener. Raises KeyError for a reference that the definition does not resolve."""
    tree = definition.tree
    mode = MODES[listener.protocol]
    lines = [f"frontend {name(listener.id)}", f"    # listener {listener.id}", f"    mode {mode}"]
    ssl = tls.of_clients(listener, files(definition, listener))
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
        lines += _METRICS if listener.protocol is ListenerProtocol.PROMETHEUS else _requests(tree, listener)
    pool = tree.pool(listener.default_pool_id)
    if pool and pool.admin_state_up:
        lines += [f"    # listener {listener.id}", f"    default_backend {l7policy.backend_name(pool, mode)}"]
    return lines


def _requests(tree: Tree, listener: Listener) -> list[str]:
    """What is done to requests and answers."""
    found = [*headers.into_answers(listener), *headers.into_requests(tree, listener)]
    return [*found, *l7policy.render(tree, listener, MODES[listener.protocol])]


def files(definition: ServiceDefinition, listener: Listener) -> list[File]:
    """What a listener needs to speak TLS: its certificates, the default first, then what it knows the clients' by.

    Nothing where it speaks none. Raises KeyError for a reference that the definition does not resolve.
    """
    if not tls.ends(listener):
        return []
    asks = listener.client_authentication is not ClientAuthentication.NONE
    uses = [(kind, ref) for kind, ref in secret_uses(listener.kind, listener) if asks or kind is SecretKind.CERTIFICATE]
    return [certificate.file(definition, listener.id, ref, kind) for kind, ref in uses]


def addresses(load_balancer: LoadBalancer) -> list[str]:
    """The addresses of a load balancer."""
    return [vip.address for vip in (load_balancer.vip, *load_balancer.additional_vips)]


def refuse(listener: Listener) -> Iterator[str]:
    """What of a listener cannot be carried."""
    if listener.protocol not in MODES:
        yield f"protocol {listener.protocol} is not possible; it can be {_list(MODES)}."
    yield from headers.refuse(listener)
    yield from tls.refuse(listener)
    yield from refusals.of_listener(listener)


def _list(values: Iterable[str]) -> str:
    return ", ".join(values)


def _allowed(listener: Listener) -> list[str]:
    """Turns away, before anything is read, whoever comes from outside the allowed networks."""
    if not listener.allowed_cidrs:
        return []
    lines = [f"    acl allowed src {network(cidr)}" for cidr in listener.allowed_cidrs]
    return [*lines, "    tcp-request connection reject unless allowed"]
