"""Listeners: one service each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bascule.model.objects import Listener, ListenerProtocol, Tree
from bascule.south.as3 import names, pool, tcp
from bascule.south.as3.options import Options, Snat

_CLASSES: Mapping[ListenerProtocol, str] = {
    ListenerProtocol.HTTP: "Service_HTTP",
    ListenerProtocol.HTTPS: "Service_TCP",
    ListenerProtocol.TCP: "Service_TCP",
}
"""The classes of services. Protocols that are not here cannot be carried."""

_SNAT = {Snat.AUTOMAP: "auto", Snat.SELF: "self"}


def name(listener: Listener) -> str:
    """The item of a listener."""
    return names.item("ls", listener.id)


def addresses(tree: Tree, route_domain: int) -> dict[str, Any]:
    """The items of a load balancer's addresses, by name. They are there whether a listener uses them or not."""
    vips = (tree.load_balancer.vip, *tree.load_balancer.additional_vips)
    found = [names.address(vip.address, route_domain) for vip in vips]
    return {names.address_item(each): {"class": "Service_Address", "virtualAddress": each} for each in found}


def render(tree: Tree, listener: Listener, options: Options, route_domain: int) -> dict[str, Any]:
    """The items of a listener, by name."""
    ingress, egress = tcp.of_clients(listener), tcp.of_members(listener)
    service: dict[str, Any] = {
        "class": _CLASSES[listener.protocol],
        # Devices show this beside the virtual server. Labels they do not show.
        "remark": f"load balancer {tree.id}",
        "virtualAddresses": [{"use": each} for each in addresses(tree, route_domain)],
        "virtualPort": listener.protocol_port,
        "persistenceMethods": [],  # else AS3 would choose one
        "profileTCP": {"ingress": {"use": tcp.name(ingress)}, "egress": {"use": tcp.name(egress)}},
        "snat": _SNAT.get(options.snat) or {"bigip": options.snat_pool},
    }
    if not (listener.admin_state_up and tree.load_balancer.admin_state_up):
        service["enable"] = False
    if listener.connection_limit > 0:
        service["maxConnections"] = listener.connection_limit
    default = tree.pool(listener.default_pool_id)
    if default and default.admin_state_up:
        service["pool"] = pool.name(default)
    return {name(listener): service, tcp.name(ingress): ingress, tcp.name(egress): egress}


def refuse(listener: Listener, tree: Tree) -> Iterator[str]:
    """What of a listener cannot be carried."""
    if listener.protocol not in _CLASSES:
        yield f"protocol {listener.protocol} is not possible; it can be {', '.join(_CLASSES)}."
    if listener.connection_limit > 0 and tree.load_balancer.additional_vips:
        yield "connection_limit beside additional_vips is not possible: connections are counted for each address; it can be -1."
    if listener.insert_headers:
        yield "insert_headers is not possible."
    if listener.allowed_cidrs:
        yield "allowed_cidrs is not possible."
    yield from tcp.refuse(listener)
