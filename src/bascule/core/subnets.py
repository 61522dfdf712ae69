"""The declared subnets, and the built-in allocation of addresses in them."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterable, Iterator

import sqlalchemy as sa

from bascule.model.definition import Subnet
from bascule.model.errors import Conflict, Invalid
from bascule.store import claims

_SMALL = 64
"""A range of at most this many addresses is filled from its beginning."""

_SAMPLE = 8
"""How many addresses of a larger range are drawn at a time."""


class Subnets:
    """The subnets that the operator declared. Nothing may lie outside them."""

    def __init__(self, declared: Iterable[Subnet]) -> None:
        self._by_id = {subnet.id: subnet for subnet in declared}
        self._networks = {subnet.id: ipaddress.ip_network(subnet.cidr) for subnet in self._by_id.values()}

    def all(self) -> tuple[Subnet, ...]:
        return tuple(self._by_id.values())

    def by_id(self, subnet_id: str | None) -> Subnet | None:
        return self._by_id.get(subnet_id or "")

    def containing(self, address: str, among: Iterable[Subnet] | None = None) -> Subnet | None:
        """The first of these subnets (all, if None) that an address lies in."""
        parsed = ipaddress.ip_address(address)
        for subnet in self.all() if among is None else among:
            if parsed in self._networks[subnet.id]:
                return subnet
        return None

    def allocate(
        self, conn: sa.Connection, unit_id: str, subnet: Subnet, wanted: str, claim_id: str | None = None
    ) -> tuple[str, str]:
        """Hold an address of a subnet for a unit: the wanted one, or a free one where it is empty. Gives address and claim id.

        The id is chosen where none is given.
        Raises Invalid where the address is outside the subnet, Conflict where it is taken or none is free.
        """
        if wanted:
            self._check(subnet, wanted)
        while True:
            address = str(ipaddress.ip_address(wanted)) if wanted else self._free(conn, subnet)
            held = claims.hold_address(conn, unit_id, subnet.id, address, claim_id)
            if held is not None:
                return address, held
            if wanted:
                raise Conflict(f"vip_address {address} is already in use in subnet {subnet.id}.")

    def _check(self, subnet: Subnet, wanted: str) -> None:
        network, address = self._networks[subnet.id], ipaddress.ip_address(wanted)
        if address not in network:
            raise Invalid(f"vip_address {wanted} is not in subnet {subnet.id} ({subnet.cidr}).")
        ends = {network.network_address, network.broadcast_address} if network.num_addresses > 2 else set()
        if address in ends or str(address) in _kept_free(subnet):
            raise Invalid(f"vip_address {wanted} is the gateway, reserved, or an end of subnet {subnet.id} ({subnet.cidr}).")

    def _free(self, conn: sa.Connection, subnet: Subnet) -> str:
        """A free address: the lowest one of a small range, any of a large one. Looks at the whole only when it is nearly full."""
        first, last = (ipaddress.ip_address(edge) for edge in (subnet.first, subnet.last))
        size = int(last) - int(first) + 1
        offsets = range(size) if size <= _SMALL else [random.randrange(size) for _ in range(_SAMPLE)]
        candidates = [str(first + offset) for offset in offsets]
        taken = claims.taken(conn, subnet.id, candidates) | _kept_free(subnet)
        free: Iterator[str] = (address for address in candidates if address not in taken)
        if (found := next(free, None)) is not None:
            return found
        taken = claims.all_taken(conn, subnet.id) | _kept_free(subnet)
        found = next((str(first + offset) for offset in range(size) if str(first + offset) not in taken), None)
        if found is None:
            raise Conflict(f"Subnet {subnet.id} ({subnet.first} to {subnet.last}) has no free address left.")
        return found


def _kept_free(subnet: Subnet) -> set[str]:
    """Addresses of a subnet that are not given to VIPs, in their shortest form."""
    return {subnet.gateway or "", *subnet.reserved}
