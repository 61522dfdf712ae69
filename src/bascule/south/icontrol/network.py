"""What a network is on a device: one document for each object of iControl REST, named by its path. Pure."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from typing import Any

from bascule.model.definition import Network, SharedDefinition, Subnet
from bascule.model.documents import Documents

VLAN, ROUTE_DOMAIN, SELF_IP, ROUTE = KINDS = ("net/vlan", "net/route-domain", "net/self", "net/route")
"""In the order in which they are made: each may refer to those before it, and goes before them when it is removed."""

_FOLDER = "~Common~"


def render(definition: SharedDefinition, carrier: str) -> Documents:
    """The objects of a network on one device, as JSON. None where nothing has to be made."""
    network = definition.network
    if network is None or network.vlan is None:
        return {}
    objects = dict(_objects(network, carrier))
    return {path: json.dumps(body, sort_keys=True, separators=(",", ":")) for path, body in objects.items()}


def kind_of(path: str) -> str:
    """The kind of object that a path names."""
    return path.rpartition("/")[0]


def _objects(network: Network, device: str) -> Iterator[tuple[str, dict[str, Any]]]:
    domain = f"%{network.route_domain}" if network.route_domain else ""
    vlan = f"bascule-{network.vlan}"
    interface = {"name": network.interface, "tagged": True}
    yield _path(VLAN, vlan), {"tag": network.vlan, "mtu": network.mtu, "interfaces": [interface]}
    if network.route_domain:
        name = f"bascule-{network.route_domain}"
        yield _path(ROUTE_DOMAIN, name), {"id": network.route_domain, "vlans": [f"/Common/{vlan}"]}
    own = {each.subnet_id: each.address for each in network.self_ips if each.device == device}
    for subnet in network.subnets:
        if subnet.id in own:
            address = f"{own[subnet.id]}{domain}/{_net(subnet).prefixlen}"
            yield _path(SELF_IP, f"bascule-{subnet.id}"), {"address": address, "vlan": f"/Common/{vlan}"}
    for subnet in network.subnets:
        if subnet.id not in own:
            where = f"{_net(subnet).network_address}{domain}/{_net(subnet).prefixlen}"
            yield _path(ROUTE, f"bascule-{subnet.id}"), {"network": where, "tmInterface": f"/Common/{vlan}"}
    # The default routes of the device's own route domain are its operator's.
    if network.route_domain:
        yield from _default_routes(network, own, domain)


def _default_routes(network: Network, own: dict[str, str], domain: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """One for each family: by the first router that a self IP can reach."""
    seen: set[int] = set()
    for subnet in network.subnets:
        version = _net(subnet).version
        if subnet.gateway and subnet.id in own and version not in seen:
            seen.add(version)
            where = "default" if version == 4 else "default-inet6"
            yield (
                _path(ROUTE, f"bascule-{network.id}-ipv{version}"),
                {"network": f"{where}{domain}", "gw": f"{subnet.gateway}{domain}"},
            )


def _net(subnet: Subnet) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(subnet.cidr)


def _path(kind: str, name: str) -> str:
    return f"{kind}/{_FOLDER}{name}"
