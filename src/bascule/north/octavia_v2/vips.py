"""From what a body says of VIPs to the networks and subnets meant."""

from __future__ import annotations

import dataclasses

from bascule.core.subnets import Subnets
from bascule.model.objects import Vip
from bascule.north.octavia_v2.errors import Malformed
from bascule.north.octavia_v2.schemas.load_balancer import LoadBalancerPost
from bascule.north.octavia_v2.wire import known, plain


def main(subnets: Subnets, wanted: LoadBalancerPost) -> Vip:
    """The first VIP. Its address is empty, and its subnet missing, where any one of the subnet or network will do."""
    asked = Vip(
        address=str(known(wanted.vip_address) or ""),
        subnet_id=plain(known(wanted.vip_subnet_id)),
        network_id=plain(known(wanted.vip_network_id)),
        port_id=plain(known(wanted.vip_port_id)),
    )
    if not (asked.port_id or asked.network_id or asked.subnet_id):
        raise Malformed("Validation failure: VIP must contain one of: vip_port_id, vip_network_id, vip_subnet_id.")
    return _resolved(subnets, asked, "vip_address")


def additional(subnets: Subnets, wanted: LoadBalancerPost, first: Vip) -> tuple[Vip, ...]:
    """The other VIPs. They lie in the network of the first."""
    found = []
    for each in known(wanted.additional_vips) or []:
        asked = Vip(
            address=str(known(each.ip_address) or ""),
            subnet_id=str(each.subnet_id),
            port_id=plain(known(each.port_id)),
        )
        _resolved(subnets, asked, "additional_vips: ip_address")
        here = dataclasses.replace(asked, network_id=first.network_id)
        if not subnets.for_vip(here):
            raise Malformed("Validation failure: additional_vips must lie in the same network as the first VIP")
        found.append(here)
    return tuple(found)


def _resolved(subnets: Subnets, asked: Vip, name: str) -> Vip:
    """A VIP with the network that it lies in. Raises Malformed for what is not there or does not fit together."""
    if asked.port_id is not None:
        port_id, found = asked.port_id, subnets.with_port(asked)
        if found is None:
            raise Malformed(f"Port {port_id} not found.")
        asked = found
    anywhere = dataclasses.replace(asked, address="", subnet_id=None)
    if asked.network_id is not None and not subnets.for_vip(anywhere):
        raise Malformed(f"Network {asked.network_id} not found.")
    possible = subnets.for_vip(dataclasses.replace(asked, address=""))
    if not possible:
        raise Malformed(f"Subnet {asked.subnet_id} not found.")
    fitting = subnets.for_vip(asked)
    if not fitting:
        places = ", ".join(each.cidr for each in possible)
        raise Malformed(f"Validation failure: {name} {asked.address} is not in subnet {places}")
    return dataclasses.replace(asked, network_id=fitting[0].network_id)
