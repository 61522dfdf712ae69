"""Where VIPs and members may lie, and the allocation of addresses there. There is no network service: subnets are declared,
or, for trying out the API, whatever is named is taken to be there.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import random
import uuid
from collections.abc import Iterable, Iterator
from functools import lru_cache

import sqlalchemy as sa

from bascule.model.definition import Subnet
from bascule.model.errors import Conflict, Invalid
from bascule.model.objects import Vip
from bascule.store import claims

_SMALL = 64
"""A range of at most this many addresses is filled from its beginning."""

_SAMPLE = 8
"""How many addresses of a larger range are drawn at a time."""

LOCAL = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "127.0.0.1/32", "169.254.0.0/16", "224.0.0.0/3"),
        *("::/128", "::1/128", "::ffff:0:0/96", "fe80::/10", "ff00::/8"),
    )
)
"""What means something else on every host, such as the metadata service of a cloud, or nobody in particular."""


class NoneFree(Conflict):
    """A subnet has no address left."""


class Subnets:
    """The network driver `declared`: the subnets that the operator declared. Nothing may lie outside them."""

    anything = False
    """Whether whatever is named is there: QoS policies and security groups, too."""

    def __init__(self, declared: Iterable[Subnet]) -> None:
        self._by_id = {subnet.id: subnet for subnet in declared}

    def all(self) -> tuple[Subnet, ...]:
        """Those that can be listed."""
        return tuple(self._by_id.values())

    def by_id(self, subnet_id: str | None) -> Subnet | None:
        return self._by_id.get(subnet_id or "")

    def for_vip(self, vip: Vip) -> tuple[Subnet, ...]:
        """The subnets that a VIP may lie in, by what is known of it so far. Those with IPv4 come first."""
        found = [each for each in self.all() if each.vips and vip.network_id in (None, each.network_id)]
        return _narrowed([each for each in found if vip.subnet_id in (None, each.id)], vip)

    def with_port(self, vip: Vip) -> Vip | None:
        """A VIP with what the port that it names tells of it; None where there is no such port."""
        return None

    def for_member(self, address: str) -> bool:
        """Whether a member may have this address."""
        return any(each.members and _is_in(address, each) for each in self.all())

    @property
    def places_for_members(self) -> str:
        """Where members may lie, in words."""
        places = ", ".join(f"{each.cidr} ({each.name})" for each in self.all() if each.members)
        return f"in a subnet that is declared for members: {places or 'none are declared'}"

    def allocate(
        self, conn: sa.Connection, unit_id: str, subnet: Subnet, wanted: str, claim_id: str | None = None
    ) -> tuple[str, str]:
        """Hold an address of a subnet for a unit: the wanted one, or a free one where it is empty. Gives address and claim id.

        The id is chosen where none is given.
        Raises Invalid where the address is outside the subnet, Conflict where it is taken, NoneFree where none is free.
        """
        if wanted:
            self._check(subnet, wanted)
        address = str(ipaddress.ip_address(wanted)) if wanted else _any(subnet) or self._free(conn, subnet)
        while True:
            held = claims.hold_address(conn, unit_id, subnet.id, address, claim_id)
            if held is not None:
                return address, held
            if wanted:
                raise Conflict(f"vip_address {address} is already in use in subnet {subnet.id}.")
            address = self._free(conn, subnet)

    def _check(self, subnet: Subnet, wanted: str) -> None:
        network, address = _network(subnet.cidr), ipaddress.ip_address(wanted)
        if address not in network:
            raise Invalid(f"vip_address {wanted} is not in subnet {subnet.id} ({subnet.cidr}).")
        ends = {network.network_address, network.broadcast_address} if network.num_addresses > 2 else set()
        if address in ends or str(address) in _kept_free(subnet):
            raise Invalid(f"vip_address {wanted} is the gateway, reserved, or an end of subnet {subnet.id} ({subnet.cidr}).")

    def _free(self, conn: sa.Connection, subnet: Subnet) -> str:
        """A free address: the lowest one of a small range, any of a large one. Looks at the whole only when it is nearly full."""
        first, size = ipaddress.ip_address(subnet.first), _size(subnet)
        offsets = range(size) if size <= _SMALL else [random.randrange(size) for _ in range(_SAMPLE)]
        candidates = [str(first + offset) for offset in offsets]
        taken = claims.taken(conn, subnet.id, candidates) | _kept_free(subnet)
        free: Iterator[str] = (address for address in candidates if address not in taken)
        if (found := next(free, None)) is not None:
            return found
        taken = claims.all_taken(conn, subnet.id) | _kept_free(subnet)
        found = next((str(first + offset) for offset in range(size) if str(first + offset) not in taken), None)
        if found is None:
            raise NoneFree(f"Subnet {subnet.id} ({subnet.first} to {subnet.last}) has no free address left.")
        return found


_MADE_UP = uuid.UUID("4f8d7a0e-2c7b-5f0f-8b0b-6a1f0c2f9d31")
"""What is named but not described has ids that follow from what names it."""


class AnySubnets(Subnets):
    """The network driver `noop`: every network, subnet and port that somebody names is taken to be there.

    Addresses that nobody chose come from ranges that belong to nobody. For trying out the API: nothing carries traffic so.
    """

    anything = True

    def __init__(self) -> None:
        super().__init__(())

    def by_id(self, subnet_id: str | None) -> Subnet | None:
        return next(iter(self.for_vip(Vip(address="", subnet_id=subnet_id))), None) if subnet_id else None

    def for_vip(self, vip: Vip) -> tuple[Subnet, ...]:
        network_id = vip.network_id or _made_up("network of", vip.subnet_id)
        made = [
            Subnet(vip.subnet_id or _made_up(cidr, network_id), "", network_id, cidr, first, last)
            for cidr, first, last in (
                ("0.0.0.0/0", "198.18.0.1", "198.19.255.254"),
                ("::/0", "2001:db8::1", "2001:db8::ffff:ffff"),
            )
        ]
        return _narrowed(made, vip)

    def with_port(self, vip: Vip) -> Vip | None:
        return vip if vip.network_id or vip.subnet_id else dataclasses.replace(vip, network_id=_made_up("network of", vip.port_id))

    def for_member(self, address: str) -> bool:
        parsed = ipaddress.ip_address(address)
        return not (parsed.is_loopback or any(parsed in each for each in LOCAL))

    @property
    def places_for_members(self) -> str:
        return "at addresses that are neither loopback, link-local, multicast nor unspecified ones"


def _made_up(what: str, name: str | None) -> str:
    return str(uuid.uuid5(_MADE_UP, f"{what} {name}"))


def _narrowed(found: Iterable[Subnet], vip: Vip) -> tuple[Subnet, ...]:
    """The subnets that hold the address of a VIP, if it has one. Those with IPv4 come first."""
    holding = (each for each in found if not vip.address or _is_in(vip.address, each))
    return tuple(sorted(holding, key=lambda each: ":" in each.cidr))


def _is_in(address: str, subnet: Subnet) -> bool:
    return ipaddress.ip_address(address) in _network(subnet.cidr)


@lru_cache(maxsize=1024)
def _network(cidr: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(cidr)


def _any(subnet: Subnet) -> str | None:
    """Some address of a large range, most likely free; None where the range is small, or the address is kept free."""
    first, size = ipaddress.ip_address(subnet.first), _size(subnet)
    address = str(first + random.randrange(size))
    return None if size <= _SMALL or address in _kept_free(subnet) else address


def _size(subnet: Subnet) -> int:
    return int(ipaddress.ip_address(subnet.last)) - int(ipaddress.ip_address(subnet.first)) + 1


def _kept_free(subnet: Subnet) -> set[str]:
    """Addresses of a subnet that are not given to VIPs, in their shortest form."""
    return {subnet.gateway or "", *subnet.reserved}
