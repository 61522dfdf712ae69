"""Declared networks: from the options of a section to how a network lies on the devices of a group."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from bascule.cmd.device_groups import DeviceGroupSettings
from bascule.cmd.subnets import SubnetError, network_id
from bascule.model.definition import Network, SelfIP, Subnet


class NetworkError(Exception):
    """A network that cannot be declared so, and the option that is to blame."""

    def __init__(self, option: str, text: str) -> None:
        super().__init__(text)
        self.option = option


def declared(
    name: str, values: Mapping[str, Any], groups: Sequence[DeviceGroupSettings], subnets: Sequence[Subnet]
) -> tuple[str, Network]:
    """A device group's name and how a network lies on it, from the options of a section. Raises NetworkError."""
    group = next((each for each in groups if each.name == values["device_group"]), None)
    if group is None or group.network_driver != "static":
        raise NetworkError("device_group", "it must be the name of a device group with the network_driver static")
    for option in ("vlan", "interface"):
        if not values[option]:
            raise NetworkError(option, "it must be given")
    try:
        found_id = network_id(name, values["network_id"])
    except SubnetError as error:
        raise NetworkError("network_id", str(error)) from error
    found = tuple(subnet for subnet in subnets if subnet.network_id == found_id)
    if not found:
        raise NetworkError("network_id", f"no subnet has the network {found_id}")
    vlan, route_domain = values["vlan"], values["route_domain"]
    made = Network(
        id=found_id,
        devices=group.device_names,
        vlan=vlan,
        interface=values["interface"],
        mtu=values["mtu"],
        route_domain=vlan if route_domain is None else route_domain,
        subnets=found,
        self_ips=_self_ips(values["self_ips"], found, group.device_names),
    )
    return group.name, made


def clash(one: Network, other: Network) -> NetworkError | None:
    """What keeps two networks from lying on the same devices."""
    if one.id == other.id:
        return NetworkError("network_id", f"{one.id} is there twice")
    if one.vlan == other.vlan:
        return NetworkError("vlan", f"{one.vlan} is that of another network")
    if one.route_domain and one.route_domain == other.route_domain:
        return NetworkError("route_domain", f"{one.route_domain} is that of another network")
    return None


def with_reserved(subnets: Sequence[Subnet], networks: Sequence[Network]) -> tuple[Subnet, ...]:
    """The subnets, each with the self IPs in it, which no VIP may have."""
    own = [each for network in networks for each in network.self_ips]
    return tuple(
        dataclasses.replace(subnet, reserved=tuple(each.address for each in own if each.subnet_id == subnet.id))
        for subnet in subnets
    )


def _self_ips(texts: Sequence[str], subnets: Sequence[Subnet], devices: Sequence[str]) -> tuple[SelfIP, ...]:
    """In each subnet none, or one for each device in the devices' order."""
    by_subnet: dict[str, list[str]] = {}
    for text in dict.fromkeys(texts):
        subnet, address = _placed(text, subnets)
        by_subnet.setdefault(subnet.id, []).append(address)
    for subnet in subnets:
        given = len(by_subnet.get(subnet.id, ()))
        if given not in (0, len(devices)):
            raise NetworkError(
                "self_ips", f"{given} lie in {subnet.cidr}; it must be none, or one for each of {len(devices)} devices"
            )
        if subnet.vips and not given:
            raise NetworkError("self_ips", f"none lies in {subnet.cidr}, which is for VIPs; it must be one for each device")
    return tuple(
        SelfIP(device, subnet_id, address)
        for subnet_id, addresses in by_subnet.items()
        for device, address in zip(devices, addresses, strict=True)
    )


def _placed(text: str, subnets: Sequence[Subnet]) -> tuple[Subnet, str]:
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise NetworkError("self_ips", f"{text} is not an IP address") from error
    for subnet in subnets:
        network = ipaddress.ip_network(subnet.cidr)
        if address in network:
            ends = (network.network_address, network.broadcast_address) if network.num_addresses > 2 else ()
            if address in ends or str(address) == subnet.gateway:
                raise NetworkError("self_ips", f"{text} is the gateway or an end of {subnet.cidr}")
            return subnet, str(address)
    raise NetworkError("self_ips", f"{text} is in no subnet of the network")
