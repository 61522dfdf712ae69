"""Members: one entry each in the list of their pool.

Every member has an entry of its own, because ratio, state and priority belong to the entry. Nodes are shared by all tenants from
the first day on: AS3 refuses a tenant that has the node of another for its own, and it refuses to change its mind about a member.
Members have no `remark`: AS3 forgets the text when it changes.
"""

from __future__ import annotations

import ipaddress
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bascule.model import refusals
from bascule.model.objects import HealthMonitor, Member, Tree
from bascule.south.as3 import health_monitor
from bascule.south.as3.names import address

_MOST = 100
"""The highest ratio that AS3 knows."""

_FIRST, _BACKUP = 2, 1


def ratios(members: Sequence[Member]) -> Mapping[str, int]:
    """The smallest whole numbers, by member, that are to each other as the weights are. Members of weight 0 have none."""
    weights = {member.id: member.weight for member in members if member.weight > 0}
    divisor = math.gcd(*weights.values()) or 1
    return {member_id: weight // divisor for member_id, weight in weights.items()}


def render(members: Sequence[Member], monitor: HealthMonitor | None, route_domain: int) -> list[dict[str, Any]]:
    """The entries of a pool's members."""
    shares = ratios(members)
    backup = any(member.backup for member in members)
    return [_entry(member, shares.get(member.id, 1), backup, monitor, route_domain) for member in members]


def _entry(member: Member, ratio: int, backup: bool, monitor: HealthMonitor | None, route_domain: int) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "serverAddresses": [address(member.address)],
        "servicePort": member.protocol_port,
        "shareNodes": True,
    }
    if route_domain:
        entry["routeDomain"] = route_domain
    if ratio != 1:
        entry["ratio"] = ratio
    if backup:
        entry["priorityGroup"] = _BACKUP if member.backup else _FIRST
    if not member.admin_state_up:
        entry["adminState"] = "offline"
    elif member.weight == 0:
        entry["adminState"] = "disable"  # whoever is bound to it may stay
    if monitor and health_monitor.elsewhere(member):
        entry["monitors"] = [{"use": health_monitor.name(monitor, member)}]
    return entry


def refuse(member: Member, tree: Tree) -> Iterator[str]:
    """What of a member cannot be carried."""
    yield from refusals.of_member(member)
    for field, value in (("address", member.address), ("monitor_address", member.monitor_address)):
        if value is not None and not is_host(value):
            yield f"{field} {value!r} must be the IP address of a host, without a zone."
    vips = (tree.load_balancer.vip, *tree.load_balancer.additional_vips)
    if member.address in [vip.address for vip in vips]:
        yield f"address {member.address} is that of the load balancer itself."


def refuse_together(members: Sequence[Member]) -> Iterator[str]:
    """What of the members of one pool cannot be carried together."""
    if max(ratios(members).values(), default=0) > _MOST:
        weights = sorted({member.weight for member in members if member.weight})
        yield (
            f"weight {weights[-1]} of a member is not possible beside weight {weights[0]} of another: to each other, they must "
            f"be as whole numbers up to {_MOST} are, such as 100 and 1, or 256 and 128."
        )
    places = Counter((address(member.address), member.protocol_port) for member in members if is_host(member.address))
    for (host, port), count in places.items():
        if count > 1:
            yield f"members {host} port {port} are {count} and must be one, however their address is written."


def is_host(text: str) -> bool:
    """Whether a text is the address of one host. What stands for any address would be any member to a device."""
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text and not (parsed.is_unspecified or parsed.is_multicast)
