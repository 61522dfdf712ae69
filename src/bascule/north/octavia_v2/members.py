"""Where members may lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bascule.core.subnets import Subnets
from bascule.north.octavia_v2.errors import Malformed
from bascule.north.octavia_v2.schemas.member import MemberNested, MemberPut
from bascule.north.octavia_v2.wire import known


def check(subnets: Subnets, wanted: Iterable[MemberPut]) -> Iterator[Malformed]:
    """Refusals of members, and of addresses they are probed at, where none may lie."""
    for each in wanted:
        addresses = {"monitor_address": known(each.monitor_address)}
        if isinstance(each, MemberNested):
            addresses["address"] = each.address
            yield from _check_attachment(subnets, each)
        for name, address in addresses.items():
            if address is not None and not subnets.for_member(address):
                yield Malformed(
                    f"Invalid input for field/attribute {name}. Value: '{address}'. Members must lie {subnets.places_for_members}"
                )


def _check_attachment(subnets: Subnets, wanted: MemberNested) -> Iterator[Malformed]:
    subnet_id = known(wanted.subnet_id)
    if subnet_id is not None and subnets.by_id(subnet_id) is None:
        yield Malformed(f"Subnet {subnet_id} not found.")
    if known(wanted.request_sriov):
        yield Malformed("Validation failure: request_sriov: no provider has such ports")
