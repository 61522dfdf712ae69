"""What a device group sees of load balancers: two requests to the active device for all of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bascule.clients.bigip import Device, icontrol
from bascule.clients.bigip.icontrol import MemberState, VirtualStats
from bascule.model.status import ListenerSeen, MemberSeen, Place, Report, Statistics
from bascule.south.as3.names import owners_in, tenant_name

_WORST_FIRST = (MemberSeen.DOWN, MemberSeen.MAINT, MemberSeen.DRAIN, MemberSeen.NO_CHECK, MemberSeen.UP)


@dataclass(slots=True)
class _Tenant:
    listeners: dict[str, Statistics] = field(default_factory=dict)
    places: dict[Place, MemberSeen] = field(default_factory=dict)


Sight = Mapping[str, _Tenant]
"""What was seen, by tenant."""


def look(device: Device) -> Sight:
    """Ask a device for everything. Raises DeviceError."""
    seen: dict[str, _Tenant] = {}
    for tenant, listener_id, statistics in _listeners(icontrol.virtual_stats(device)):
        found = seen.setdefault(tenant, _Tenant()).listeners
        found[listener_id] = found.get(listener_id, Statistics()) + statistics
    for tenant, place, state in _members(icontrol.member_states(device)):
        places = seen.setdefault(tenant, _Tenant()).places
        places[place] = min(state, places.get(place, state), key=_WORST_FIRST.index)
    return seen


def report(seen: Sight, unit_id: str, carrier: str) -> Report:
    """What was seen of one load balancer."""
    tenant = seen.get(tenant_name(unit_id), _Tenant())
    return Report(
        unit_id,
        carrier,
        alive=True,
        listeners=dict.fromkeys(tenant.listeners, ListenerSeen.OPEN),
        statistics=tenant.listeners,
        places=tenant.places,
    )


def _listeners(virtuals: Iterable[VirtualStats]) -> Iterator[tuple[str, str, Statistics]]:
    """A listener is one virtual server for each of its addresses."""
    for each in virtuals:
        tenant, owner = _owner(each.path, "ls_")
        if owner:
            yield (
                tenant,
                owner,
                Statistics(
                    bytes_in=each.bits_in // 8,
                    bytes_out=each.bits_out // 8,
                    active_connections=each.current_connections,
                    total_connections=each.total_connections,
                ),
            )


def _members(members: Iterable[MemberState]) -> Iterator[tuple[str, Place, MemberSeen]]:
    for each in members:
        tenant, owner = _owner(each.pool, "pl_")
        state = _state(each)
        if owner and state:
            address = ipaddress.ip_address(each.address.partition("%")[0])
            yield tenant, Place(owner, str(address), each.port), state


def _owner(path: str, kind: str) -> tuple[str, str]:
    """The tenant and the object that an item on the device belongs to; empty where it is none of ours."""
    tenant, _, item = path.strip("/").partition("/")
    name = item.rpartition("/")[2]
    owners = owners_in(name) if name.startswith(kind) else ()
    return tenant, owners[0] if owners else ""


def _state(member: MemberState) -> MemberSeen | None:
    """None while it is not known yet."""
    if "user-down" in member.state:
        return MemberSeen.MAINT
    if member.state.endswith("down"):
        return MemberSeen.DOWN
    if member.session == "user-disabled":
        return MemberSeen.DRAIN
    if member.state.endswith("up"):
        return MemberSeen.UP
    return MemberSeen.NO_CHECK if member.state == "unchecked" else None
