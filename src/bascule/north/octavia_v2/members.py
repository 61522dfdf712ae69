"""Where members may lie. There is no network service: subnets are declared."""

from __future__ import annotations

from collections.abc import Iterable

from bascule.core.subnets import Subnets
from bascule.north.octavia_v2.errors import Malformed
from bascule.north.octavia_v2.schemas.member import MemberNested, MemberPut
from bascule.north.octavia_v2.wire import known


def check(subnets: Subnets, wanted: Iterable[MemberPut]) -> None:
    """Refuse members, and addresses they are probed at, outside the subnets that are declared for members."""
    allowed = [subnet for subnet in subnets.all() if subnet.members]
    for each in wanted:
        addresses = {"monitor_address": known(each.monitor_address)}
        if isinstance(each, MemberNested):
            addresses["address"] = each.address
            _check_attachment(subnets, each)
        for name, address in addresses.items():
            if address is not None and subnets.containing(address, allowed) is None:
                places = ", ".join(f"{subnet.cidr} ({subnet.name})" for subnet in allowed) or "none are declared"
                raise Malformed(
                    f"Invalid input for field/attribute {name}. Value: '{address}'. "
                    f"Members must lie in a subnet that is declared for members: {places}"
                )


def _check_attachment(subnets: Subnets, wanted: MemberNested) -> None:
    subnet_id = known(wanted.subnet_id)
    if subnet_id is not None and subnets.by_id(subnet_id) is None:
        raise Malformed(f"Subnet {subnet_id} not found.")
    if known(wanted.request_sriov):
        raise Malformed("Validation failure: request_sriov: no provider has such ports")
