"""Listeners: one service each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bascule.model import refusals
from bascule.model.definition import ServiceDefinition
from bascule.model.objects import Listener, ListenerProtocol, Tree
from bascule.south.as3 import access, headers, http, l7policy, member_tls, names, persistence, pool, proxy, timeouts, tls
from bascule.south.as3.options import Options, Snat

_CLASSES: Mapping[ListenerProtocol, str] = {
    ListenerProtocol.HTTP: "Service_HTTP",
    ListenerProtocol.HTTPS: "Service_TCP",
    ListenerProtocol.SCTP: "Service_SCTP",
    ListenerProtocol.TCP: "Service_TCP",
    ListenerProtocol.TERMINATED_HTTPS: "Service_HTTPS",
    ListenerProtocol.UDP: "Service_UDP",
}
"""The classes of services. Protocols that are not here cannot be carried."""

READ = (ListenerProtocol.HTTP, ListenerProtocol.TERMINATED_HTTPS)
"""The protocols of listeners that read requests."""

_SNAT = {Snat.AUTOMAP: "auto", Snat.SELF: "self"}


def name(listener: Listener) -> str:
    """The item of a listener."""
    return names.item("ls", listener.id)


def addresses(definition: ServiceDefinition) -> dict[str, Any]:
    """The items of a load balancer's addresses, by name. They are there whether a listener uses them or not."""
    load_balancer = definition.tree.load_balancer
    vips = (load_balancer.vip, *load_balancer.additional_vips)
    found = [names.address(vip.address, definition.route_domain) for vip in vips]
    return {names.address_item(each): {"class": "Service_Address", "virtualAddress": each} for each in found}


def render(definition: ServiceDefinition, listener: Listener, options: Options) -> dict[str, Any]:
    """The items of a listener, by name. Raises KeyError for a reference that the definition does not resolve."""
    tree = definition.tree
    service: dict[str, Any] = {
        "class": _CLASSES[listener.protocol],
        # Devices show this beside the virtual server. Labels they do not show.
        "remark": f"load balancer {tree.id}",
        "virtualAddresses": [{"use": each} for each in addresses(definition)],
        "virtualPort": listener.protocol_port,
        "snat": _SNAT.get(options.snat) or {"bigip": options.snat_pool},
    }
    if not (listener.admin_state_up and tree.load_balancer.admin_state_up):
        service["adminState"] = "disable"  # with `enable` false the virtual server would vanish, and its counters
    if listener.connection_limit > 0:
        service["maxConnections"] = listener.connection_limit
    default = tree.pool(listener.default_pool_id)
    if default and default.admin_state_up:
        service["pool"] = pool.name(default)
    items = {name(listener): service}
    parts = [_rules(tree, listener), timeouts.render(listener), persistence.render(tree, listener), _tls(definition, listener)]
    if listener.protocol in READ:
        parts += [http.render(tree, listener), l7policy.render(tree, listener)]
    for more, needed in parts:
        service |= more
        items |= needed
    return items


def _rules(tree: Tree, listener: Listener) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a service says of iRules, in the order in which they run, and the items for it, by name."""
    items = access.render(tree, listener) | proxy.render(tree, listener)
    if listener.protocol in READ:
        items |= headers.render(tree, listener) | l7policy.program(tree, listener)
    rules = [each for each, body in items.items() if body["class"] == "iRule"]
    return {"iRules": rules} if rules else {}, items


def _tls(definition: ServiceDefinition, listener: Listener) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a service says of TLS to clients and to members, and the items for the former, by name."""
    service: dict[str, Any] = {}
    items: dict[str, Any] = {}
    if tls.ends(listener):
        service |= {"redirect80": False, "serverTLS": tls.name(listener)}  # else AS3 would take port 80 as well
        items = tls.of_clients(definition, listener)
    used = [pool for pool in definition.tree.pools_of(listener.id) if pool.admin_state_up]
    if used and used[0].tls_enabled:
        service["clientTLS"] = member_tls.name(used[0])
    return service, items


def refuse(listener: Listener, tree: Tree) -> Iterator[str]:
    """What of a listener cannot be carried."""
    if listener.protocol not in _CLASSES:
        yield f"protocol {listener.protocol} is not possible; it can be {', '.join(_CLASSES)}."
    if listener.connection_limit > 0 and tree.load_balancer.additional_vips:
        yield "connection_limit beside additional_vips is not possible: connections are counted for each address; it can be -1."
    yield from headers.refuse(listener)
    yield from refusals.of_listener(listener)
    yield from timeouts.refuse(listener)
    yield from http.refuse(listener)
    yield from tls.refuse_of_clients(listener)
