"""The arithmetic of statuses. The only place that computes one.

A provisioning status follows from three numbers and a fault: the generations at which an object was created, changed and
deleted, and the generation that its carriers have confirmed. An operating status follows from what was seen.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bascule.model.objects import HealthMonitor, L7Policy, L7Rule, Listener, Member, Pool, Tree


class Provisioning(StrEnum):
    """Whether an object is carried as wanted."""

    ACTIVE = "ACTIVE"
    PENDING_CREATE = "PENDING_CREATE"
    PENDING_UPDATE = "PENDING_UPDATE"
    PENDING_DELETE = "PENDING_DELETE"
    DELETED = "DELETED"
    ERROR = "ERROR"


class Operating(StrEnum):
    """Whether an object works."""

    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"
    DEGRADED = "DEGRADED"
    ERROR = "ERROR"
    DRAINING = "DRAINING"
    NO_MONITOR = "NO_MONITOR"


@dataclass(frozen=True, slots=True)
class Stamps:
    """The generations of its unit at which an object was created, last changed, and deleted (None: it is wanted)."""

    created: int
    changed: int
    deleted: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one object stands: its stamps, its times (seconds since the epoch, UTC) and the statuses shown for it."""

    stamps: Stamps
    created_at: float
    updated_at: float | None = None
    provisioning_status: Provisioning = Provisioning.PENDING_CREATE
    operating_status: Operating = Operating.OFFLINE


class FaultKind(StrEnum):
    """Why an object is not as wanted: the data plane refused it, or it could not be reached or asked."""

    REJECTED = "rejected"
    TRANSIENT = "transient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One reason why an object is not as wanted.

    `generation` is that of the pass that met it, `since` the time (seconds since the epoch) of the first such pass in a row.
    `user_text` may be shown to the owner of the load balancer; `operator_text` holds the data plane's own words.
    """

    object_id: str
    object_kind: str
    kind: FaultKind
    generation: int
    since: float
    user_text: str
    operator_text: str = ""

    def shown(self, now: float, error_after: float) -> bool:
        """Whether the fault makes its object ERROR: a refusal at once, a passing trouble after `error_after` seconds."""
        return self.kind is FaultKind.REJECTED or now - self.since >= error_after


def provisioning(stamps: Stamps, observed: int, fault: int | None = None) -> Provisioning:
    """The provisioning status of one object.

    `observed` is the generation its unit's carriers have confirmed, `fault` the generation of a fault shown on the object.
    A fault counts until the object is changed again: an edit that came later has not been tried yet.
    """
    if stamps.deleted is not None:
        if stamps.deleted <= observed:
            return Provisioning.DELETED
        return Provisioning.ERROR if fault is not None and fault >= stamps.deleted else Provisioning.PENDING_DELETE
    if fault is not None and fault >= stamps.changed:
        return Provisioning.ERROR
    if stamps.changed <= observed:
        return Provisioning.ACTIVE
    return Provisioning.PENDING_CREATE if stamps.created > observed else Provisioning.PENDING_UPDATE


class CarrierState(StrEnum):
    """How a carrier stands: being filled for the first time, serving, on its way out, or not answering."""

    FILLING = "filling"
    SERVING = "serving"
    RETIRING = "retiring"
    LOST = "lost"


class MemberSeen(StrEnum):
    """What a data plane says of a member."""

    UP = "UP"
    DOWN = "DOWN"
    DRAIN = "DRAIN"
    MAINT = "MAINT"
    NO_CHECK = "NO_CHECK"


class ListenerSeen(StrEnum):
    """What a data plane says of a listener."""

    OPEN = "OPEN"
    FULL = "FULL"


@dataclass(frozen=True, slots=True)
class Statistics:
    """Traffic counters of a listener. Bytes, requests and connections since the data plane started counting."""

    bytes_in: int = 0
    bytes_out: int = 0
    active_connections: int = 0
    total_connections: int = 0
    request_errors: int = 0

    def __add__(self, other: Statistics) -> Statistics:
        return Statistics(
            self.bytes_in + other.bytes_in,
            self.bytes_out + other.bytes_out,
            self.active_connections + other.active_connections,
            self.total_connections + other.total_connections,
            self.request_errors + other.request_errors,
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member of a pool serves, for data planes that know no ids of members. The address is in its one spelling."""

    pool_id: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Report:
    """What one carrier says of itself. `alive` is False when it does not answer; then the rest is empty.

    Members are told by their ids, or by their places.
    """

    unit_id: str
    carrier: str
    alive: bool
    listeners: Mapping[str, ListenerSeen] = field(default_factory=dict)
    members: Mapping[str, MemberSeen] = field(default_factory=dict)
    statistics: Mapping[str, Statistics] = field(default_factory=dict)
    places: Mapping[Place, MemberSeen] = field(default_factory=dict)


def members_seen(report: Report, tree: Tree) -> dict[str, MemberSeen]:
    """What a report says of the members of a tree, by id."""
    found = dict(report.members)
    for each in tree.members if report.places else ():
        place = Place(each.pool_id, str(ipaddress.ip_address(each.address)), each.protocol_port)
        if place in report.places:
            found[each.id] = report.places[place]
    return found


@dataclass(frozen=True, slots=True)
class Seen:
    """What all carriers of a load balancer together have been seen to do."""

    listeners: Mapping[str, ListenerSeen] = field(default_factory=dict)
    members: Mapping[str, MemberSeen] = field(default_factory=dict)
    carriers_lost: int = 0
    carriers_serving: int = 0


_MEMBER = {
    MemberSeen.UP: Operating.ONLINE,
    MemberSeen.DOWN: Operating.ERROR,
    MemberSeen.DRAIN: Operating.DRAINING,
    MemberSeen.MAINT: Operating.OFFLINE,
    MemberSeen.NO_CHECK: Operating.NO_MONITOR,
}
_TAKES_CLIENTS = {Operating.ONLINE, Operating.NO_MONITOR}


def operating(tree: Tree, seen: Seen) -> dict[str, Operating]:
    """The operating status of every object of a load balancer, by id: reports of members and listeners, rolled up."""
    found: dict[str, Operating] = {}
    alive = tree.load_balancer.admin_state_up and seen.carriers_serving > 0
    used = _used(tree) if alive else frozenset()
    for pool in tree.pools:
        members = tree.members_of(pool.id)
        monitored = any(monitor.admin_state_up for monitor in tree.monitors_of(pool.id))
        for member in members:
            found[member.id] = _member(member, seen.members.get(member.id), monitored, alive)
        found[pool.id] = _pool(pool, members, found) if pool.id in used else Operating.OFFLINE
    for listener in tree.listeners:
        found[listener.id] = _listener(listener, seen.listeners.get(listener.id), alive)
    below: list[HealthMonitor | L7Policy | L7Rule] = [*tree.monitors, *tree.policies, *tree.rules]
    for child in below:
        found[child.id] = Operating.ONLINE if alive and child.admin_state_up else Operating.OFFLINE
    parts: list[Listener | Pool] = [*tree.listeners, *tree.pools]
    found[tree.id] = _load_balancer(tree, seen, [found[part.id] for part in parts])
    return found


def _used(tree: Tree) -> frozenset[str | None]:
    """The pools that traffic can reach, by id."""
    listeners = [each for each in tree.listeners if each.admin_state_up]
    policies = [policy for each in listeners for policy in tree.policies_of(each.id) if policy.admin_state_up]
    return frozenset([*(each.default_pool_id for each in listeners), *(policy.redirect_pool_id for policy in policies)])


def _member(member: Member, seen: MemberSeen | None, monitored: bool, alive: bool) -> Operating:
    if not member.admin_state_up:
        return Operating.OFFLINE
    if not monitored:
        return Operating.DRAINING if seen is MemberSeen.DRAIN else Operating.NO_MONITOR
    return _MEMBER[seen] if seen and alive else Operating.OFFLINE


def _pool(pool: Pool, members: Sequence[Member], found: Mapping[str, Operating]) -> Operating:
    """A pool of which no member takes new clients does not work, whatever the reason. An empty one has nothing that is broken."""
    if not pool.admin_state_up:
        return Operating.OFFLINE
    statuses = {found[member.id] for member in members}
    if statuses & _TAKES_CLIENTS:
        return Operating.DEGRADED if Operating.ERROR in statuses else Operating.ONLINE
    not_heard_of = any(member.admin_state_up for member in members) and statuses == {Operating.OFFLINE}
    return Operating.ERROR if members and not not_heard_of else Operating.ONLINE


def _listener(listener: Listener, seen: ListenerSeen | None, alive: bool) -> Operating:
    if not listener.admin_state_up or not alive or seen is None:
        return Operating.OFFLINE
    return Operating.DEGRADED if seen is ListenerSeen.FULL else Operating.ONLINE


def _load_balancer(tree: Tree, seen: Seen, parts: Iterable[Operating]) -> Operating:
    if not tree.load_balancer.admin_state_up:
        return Operating.OFFLINE
    if not seen.carriers_serving:
        return Operating.ERROR if seen.carriers_lost else Operating.OFFLINE
    statuses = set(parts)
    if Operating.ERROR in statuses:
        return Operating.ERROR
    return Operating.DEGRADED if Operating.DEGRADED in statuses or seen.carriers_lost else Operating.ONLINE
