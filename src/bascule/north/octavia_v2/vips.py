"""From what a body says of VIPs to the subnets and addresses meant. There is no network service: subnets are declared."""

from __future__ import annotations

import dataclasses
import ipaddress

from bascule.core.subnets import Subnets
from bascule.model.definition import Subnet
from bascule.model.objects import LoadBalancer, Vip
from bascule.north.octavia_v2.errors import Malformed
from bascule.north.octavia_v2.schemas.load_balancer import LoadBalancerPost
from bascule.north.octavia_v2.wire import known


def main(subnets: Subnets, wanted: LoadBalancerPost) -> Vip:
    """The first VIP. Its address is empty where any one of the subnet will do."""
    if known(wanted.vip_port_id):
        raise _no_ports("vip_port_id")
    address = str(known(wanted.vip_address) or "")
    subnet_id, network_id = known(wanted.vip_subnet_id), known(wanted.vip_network_id)
    if network_id:
        subnet = _of_network(subnets, network_id, subnet_id, address)
    elif subnet_id:
        subnet = _subnet(subnets, subnet_id)
    else:
        raise Malformed("Validation failure: VIP must contain one of: vip_port_id, vip_network_id, vip_subnet_id.")
    return Vip(address=address, subnet_id=subnet.id, network_id=subnet.network_id)


def additional(subnets: Subnets, wanted: LoadBalancerPost) -> tuple[Vip, ...]:
    """The other VIPs. They lie in the network of the first."""
    asked = known(wanted.additional_vips) or []
    network_id = main(subnets, wanted).network_id if asked else None
    found = []
    for each in asked:
        if known(each.port_id):
            raise _no_ports("additional_vips: port_id")
        subnet = _subnet(subnets, each.subnet_id)
        if subnet.network_id != network_id:
            raise Malformed("Validation failure: additional_vips must lie in the same network as the first VIP")
        found.append(Vip(address=str(known(each.ip_address) or ""), subnet_id=subnet.id, network_id=subnet.network_id))
    return tuple(found)


def with_likely_addresses(subnets: Subnets, load_balancer: LoadBalancer) -> LoadBalancer:
    """The load balancer with some address of the right kind in every VIP that has none yet."""

    def likely(vip: Vip) -> Vip:
        subnet = subnets.by_id(vip.subnet_id)
        return vip if vip.address or subnet is None else dataclasses.replace(vip, address=subnet.first)

    more = tuple(likely(vip) for vip in load_balancer.additional_vips)
    return dataclasses.replace(load_balancer, vip=likely(load_balancer.vip), additional_vips=more)


def _no_ports(name: str) -> Malformed:
    return Malformed(f"Validation failure: {name}: there is no network service that knows ports. Give a subnet instead")


def _subnet(subnets: Subnets, subnet_id: str) -> Subnet:
    found = subnets.by_id(subnet_id)
    if found is None or not found.vips:
        raise Malformed(f"Subnet {subnet_id} not found.")
    return found


def _of_network(subnets: Subnets, network_id: str, subnet_id: str | None, address: str) -> Subnet:
    """The subnet of a network that is named, or that an address lies in, or else one with IPv4 if there is one."""
    found = [subnet for subnet in subnets.all() if subnet.network_id == network_id and subnet.vips]
    if not found:
        raise Malformed(f"Network {network_id} not found.")
    if subnet_id:
        found = [subnet for subnet in found if subnet.id == subnet_id]
        if not found:
            raise Malformed(f"Subnet {subnet_id} not found.")
    if address:
        holding = subnets.containing(address, found)
        if holding is None:
            places = ", ".join(subnet.cidr for subnet in found)
            raise Malformed(f"Validation failure: vip_address {address} lies in no subnet of the network: {places}")
        return holding
    return min(found, key=lambda subnet: ipaddress.ip_network(subnet.cidr).version)
