"""What the device sees of its pool members and counts at its virtual servers; made up, unless a data plane carries real traffic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bigip_emulator.objects import Object, Store

UP, DOWN, CHECKING, UNCHECKED = "up", "down", "checking", "unchecked"
COUNTERS = ("bitsIn", "bitsOut", "curConns", "maxConns", "pktsIn", "pktsOut", "totConns")


@dataclass
class Seen:
    """States of members by the address and port of theirs, and counters by what they count."""

    members: dict[str, str] = field(default_factory=dict)
    """By full path of the pool, a blank, and full path of the member; or by address and port alone, for all pools."""
    counters: dict[str, dict[str, int]] = field(default_factory=dict)
    """By full path of the virtual server, or of pool, blank, member."""
    processors: list[int] = field(default_factory=lambda: [1, 1])
    """How busy each of the threads is that carry traffic, in percent."""

    def state(self, store: Store, pool: Object, member: str) -> str:
        """How a member shows itself: what the operator wants goes before what its monitor sees."""
        properties = pool.parts["members"][member]
        if properties.get("state") == "user-down":
            return "user-down"
        if not monitor(store, pool, member):
            return UNCHECKED
        by_address = self.members.get(member.rpartition("/")[2], UP)
        return self.members.get(f"{pool.path} {member}", by_address)

    def available(self, store: Store, pool: Object) -> int:
        """How many members take new connections."""
        return sum(
            properties.get("session") != "user-disabled" and self.state(store, pool, member) in (UP, UNCHECKED)
            for member, properties in pool.parts.get("members", {}).items()
        )

    def count(self, what: str) -> dict[str, int]:
        return dict.fromkeys(COUNTERS, 0) | {"totRequests": 0} | self.counters.get(what, {})


def monitor(store: Store, pool: Object, member: str) -> str:
    """The monitor of a member, as the device writes it; empty when it has none."""
    properties = pool.parts["members"][member]
    own = str(properties.get("monitor", "default"))
    if own != "default":
        return "" if own in ("none", "/Common/none") else own
    inherited = str(pool.properties.get("monitor", ""))
    return "" if inherited == "none" else inherited


_UNKNOWN = "The children pool member(s) either don't have service checking enabled, or service check results are not available yet"


def availability(store: Store, seen: Seen, found: Object) -> tuple[str, str]:
    """Availability and its reason, of a pool, a virtual server, or anything else."""
    if found.kind == "ltm/virtual" and found.properties.get("pool"):
        pool = store.get("ltm/pool", found.properties["pool"])
        if pool is not None:
            return availability(store, seen, pool)
    members = found.parts.get("members", {}) if found.kind == "ltm/pool" else {}
    if not members:
        return "unknown", _UNKNOWN
    states = [seen.state(store, found, member) for member in members]
    if UP in states:
        return "available", "The pool is available"
    if all(state in (UNCHECKED, CHECKING) for state in states):
        return "unknown", _UNKNOWN
    return "offline", "The children pool member(s) are down"


def virtual_stats(store: Store, seen: Seen, virtual: Object) -> dict[str, Any]:
    """The statistics of a virtual server, as iControl REST calls them."""
    state, reason = availability(store, seen, virtual)
    counted = seen.count(virtual.path)
    return {
        **{f"clientside.{name}": {"value": counted[name]} for name in COUNTERS},
        "clientside.slowKilled": {"value": 0},
        "clientside.evictedConns": {"value": 0},
        "destination": {"description": virtual.properties["destination"]},
        "status.availabilityState": {"description": state},
        "status.enabledState": {"description": "disabled" if virtual.properties.get("disabled") else "enabled"},
        "status.statusReason": {"description": reason},
        "syncookieStatus": {"description": "not-activated"},
        "tmName": {"description": virtual.path},
        "totRequests": {"value": counted["totRequests"]},
    }


def pool_stats(store: Store, seen: Seen, pool: Object) -> dict[str, Any]:
    """The statistics of a pool, as iControl REST calls them."""
    state, reason = availability(store, seen, pool)
    members = pool.parts.get("members", {})
    counted = [seen.count(f"{pool.path} {member}") for member in members]
    return {
        "activeMemberCnt": {"value": seen.available(store, pool)},
        "availableMemberCnt": {"value": seen.available(store, pool)},
        "memberCnt": {"value": len(members)},
        "minActiveMembers": {"value": pool.properties.get("minActiveMembers", 0)},
        "monitorRule": {"description": pool.properties.get("monitor", "none")},
        **{f"serverside.{name}": {"value": sum(one[name] for one in counted)} for name in COUNTERS},
        "status.availabilityState": {"description": state},
        "status.enabledState": {"description": "enabled"},
        "status.statusReason": {"description": reason},
        "tmName": {"description": pool.path},
        "totRequests": {"value": sum(one["totRequests"] for one in counted)},
    }


def member_stats(store: Store, seen: Seen, pool: Object, member: str) -> dict[str, Any]:
    """The statistics of a member, as iControl REST calls them."""
    state = seen.state(store, pool, member)
    properties = pool.parts["members"][member]
    counted = seen.count(f"{pool.path} {member}")
    shown = {UP: "available", DOWN: "offline", "user-down": "offline"}.get(state, "unknown")
    node, _, port = member.rpartition("." if member.count(":") > 1 else ":")
    disabled = properties.get("session") == "user-disabled" or state == "user-down"
    return {
        "addr": {"description": properties.get("address", node.rpartition("/")[2])},
        "monitorRule": {"description": monitor(store, pool, member) or "none"},
        "monitorStatus": {"description": "forced-down" if state == "user-down" else state},
        "nodeName": {"description": node},
        "poolName": {"description": pool.path},
        "port": {"value": int(port)},
        **{f"serverside.{name}": {"value": counted[name]} for name in COUNTERS},
        "sessionStatus": {"description": "user-disabled" if disabled else "enabled"},
        "status.availabilityState": {"description": shown},
        "status.enabledState": {"description": "disabled" if disabled else "enabled"},
        "status.statusReason": {"description": f"Pool member is {shown}"},
        "totRequests": {"value": counted["totRequests"]},
    }


def shown_member(store: Store, seen: Seen, pool: Object, member: str) -> dict[str, Any]:
    """What a member shows of its state beside its configuration."""
    session = pool.parts["members"][member].get("session")
    if session != "user-disabled":
        session = "monitor-enabled" if monitor(store, pool, member) else "user-enabled"
    return {"session": session, "state": seen.state(store, pool, member)}
