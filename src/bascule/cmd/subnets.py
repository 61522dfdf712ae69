"""Declared subnets: from the options of a section to a checked value."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Mapping
from typing import Any

from bascule.core.subnets import LOCAL
from bascule.model.definition import Subnet

_NAMESPACE = uuid.UUID("5b0cbf4a-9f0c-5c5e-9c5e-0b6c1f4f6a10")
"""Ids that nobody chose follow from names in this name space, so that they are the same everywhere and at all times."""

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SubnetError(Exception):
    """A subnet that cannot be declared so, and the option that is to blame."""

    def __init__(self, option: str, text: str) -> None:
        super().__init__(text)
        self.option = option


def built_in() -> Subnet:
    """The subnet for VIPs that exists when none is declared. Linux has all of 127.0.0.0/8 without any set-up."""
    return declared("local", {"cidr": "127.10.0.0/16", "vips": True}, "")


def declared(name: str, values: Mapping[str, Any], api_address: str) -> Subnet:
    """A subnet from the options of its section. Raises SubnetError, also where a VIP or a member could be the API itself."""
    network = _network(values.get("cidr"))
    if api_address and ipaddress.ip_address(api_address) in network:
        raise SubnetError(
            "cidr", f"{network} contains {api_address}, which the API listens on; VIPs and members must not lie there"
        )
    if values.get("members"):
        _check_for_members(network)
    lowest, highest = _hosts(network)
    first = _address(network, "first", values.get("first") or str(lowest))
    last = _address(network, "last", values.get("last") or str(highest))
    if int(ipaddress.ip_address(first)) > int(ipaddress.ip_address(last)):
        raise SubnetError("last", f"{last} is lower than first, {first}")
    if not values.get("vips") and not values.get("members"):
        raise SubnetError("vips", "vips or members must be true, or the subnet is of no use")
    gateway = values.get("gateway")
    return Subnet(
        id=_uuid("id", values.get("id") or str(uuid.uuid5(_NAMESPACE, f"subnet {name}"))),
        name=name,
        network_id=network_id(name, values.get("network_id")),
        cidr=str(network),
        first=first,
        last=last,
        gateway=_address(network, "gateway", gateway) if gateway else None,
        vips=bool(values.get("vips")),
        members=bool(values.get("members")),
    )


def network_id(name: str, given: str | None) -> str:
    """The id of a network: the one given, or one that follows from a name. Raises SubnetError."""
    return _uuid("network_id", given or str(uuid.uuid5(_NAMESPACE, f"network {name}")))


def overlap(one: Subnet, other: Subnet) -> bool:
    """Whether two subnets have an address in common."""
    first, second = ipaddress.ip_network(one.cidr), ipaddress.ip_network(other.cidr)
    return first.version == second.version and first.overlaps(second)


def _network(cidr: str | None) -> _Network:
    if not cidr:
        raise SubnetError("cidr", "it must be given, such as 192.0.2.0/24")
    try:
        return ipaddress.ip_network(cidr)
    except ValueError as error:
        raise SubnetError("cidr", f"{error}; it must be a network such as 192.0.2.0/24") from error


def _check_for_members(network: _Network) -> None:
    """Refuse a subnet in which users could reach what a host tells only itself."""
    for local in LOCAL:
        if network.version == local.version and network.overlaps(local):
            raise SubnetError("cidr", f"{network} has addresses of {local}; members must not lie there")


def _hosts(network: _Network) -> tuple[Any, Any]:
    """The first and the last address that a host may have."""
    edge = 1 if network.num_addresses > 2 else 0
    return network[edge], network[-1 - edge]


def _address(network: _Network, option: str, text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise SubnetError(option, f"{text} is not an IP address") from error
    if address not in network:
        raise SubnetError(option, f"{text} is not in {network}")
    return str(address)


def _uuid(option: str, text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise SubnetError(option, f"{text!r} is not a UUID") from error
