"""What was observed: carriers, faults, events, and what data planes report."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from bascule.model.status import CarrierState, Fault, FaultKind, ListenerSeen, MemberSeen, Statistics
from bascule.store.changes import delete, upsert
from bascule.store.ready import Ready
from bascule.store.tables import carrier, claim, event, fault, secret_use, seen, statistics, unit
from bascule.store.units import LOAD_BALANCER


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """One row of the table `carrier`: what a unit's carrier has confirmed, and the digests of the documents it accepted."""

    unit_id: str
    name: str
    state: CarrierState
    observed: int
    version: int
    digests: Mapping[str, str] = field(default_factory=dict)


_CARRIER_IDS = uuid.UUID("7d0f9c52-6c0e-4b57-9a54-0e2d1a4c6c11")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a load balancer, in words."""

    load_balancer_id: str
    at: float
    generation: int
    object_kind: str
    object_id: str
    text: str


# Statements that every pass runs are built once: building one costs more than running it.
_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_CARRIER_COLUMNS = [carrier.c[each.name] for each in dataclasses.fields(Carrier)]
_CARRIERS = sa.select(*_CARRIER_COLUMNS).where(carrier.c.unit_id.in_(_IDS)).order_by(carrier.c.name)
_FAULTS = sa.select(fault).where(fault.c.unit_id.in_(_IDS))
_SEEN = sa.select(seen).where(seen.c.unit_id.in_(_IDS))
_STATISTICS = sa.select(statistics).where(statistics.c.unit_id.in_(_IDS))


def carriers(conn: sa.Connection, unit_ids: Sequence[str]) -> dict[str, dict[str, Carrier]]:
    """Carriers by unit id and name."""
    found: dict[str, dict[str, Carrier]] = {}
    for row in conn.execute(_CARRIERS, {"ids": list(unit_ids)}):
        values = dict(row._mapping) | {"state": CarrierState(row.state)}
        found.setdefault(row.unit_id, {})[row.name] = Carrier(**values)
    return found


def serving(conn: sa.Connection, lane_id: str) -> list[str]:
    """The ids of the units of a lane that have a carrier which has confirmed anything."""
    chosen = sa.select(carrier.c.unit_id).join(unit, unit.c.id == carrier.c.unit_id)
    chosen = chosen.where(unit.c.lane_id == lane_id, unit.c.kind == LOAD_BALANCER, carrier.c.observed > 0)
    return list(conn.scalars(chosen.distinct().order_by(carrier.c.unit_id)))


def believed(conn: sa.Connection, lane_id: str) -> set[tuple[str, str]]:
    """The carriers of load balancers of a lane that serve, as far as is on record: unit id and name."""
    chosen = sa.select(carrier.c.unit_id, carrier.c.name).join(unit, unit.c.id == carrier.c.unit_id)
    chosen = chosen.where(unit.c.lane_id == lane_id, unit.c.kind == LOAD_BALANCER, carrier.c.state == str(CarrierState.SERVING))
    return {(row.unit_id, row.name) for row in conn.execute(chosen)}


def save_carriers(conn: sa.Connection, before: Iterable[Carrier], after: Iterable[Carrier]) -> None:
    """Write what changed between two states of the carriers of some units."""
    old, new = ({(each.unit_id, each.name): each for each in side} for side in (before, after))
    delete(conn, carrier, ("unit_id", "name"), [key for key in old if key not in new])
    upsert(
        conn,
        carrier,
        ("unit_id", "name"),
        old.keys(),
        [_carrier_row(each) for key, each in new.items() if old.get(key) != each],
    )


def _carrier_row(each: Carrier) -> dict[str, Any]:
    return {
        "unit_id": each.unit_id,
        "name": each.name,
        "state": str(each.state),
        "observed": each.observed,
        "version": each.version,
        "digests": dict(each.digests),
        "id": carrier_id(each.unit_id, each.name),
    }


def carrier_id(unit_id: str, name: str) -> str:
    """What the API calls a carrier."""
    return str(uuid.uuid5(_CARRIER_IDS, f"{unit_id}/{name}"))


def faults(conn: sa.Connection, unit_ids: Sequence[str]) -> dict[str, dict[str, Fault]]:
    """Faults by unit id and object id."""
    found: dict[str, dict[str, Fault]] = {}
    for row in conn.execute(_FAULTS, {"ids": list(unit_ids)}):
        values = dict(row._mapping)
        unit_id = values.pop("unit_id")
        values["kind"] = FaultKind(row.kind)
        found.setdefault(unit_id, {})[row.object_id] = Fault(**values)
    return found


def save_faults(conn: sa.Connection, before: Mapping[str, Mapping[str, Fault]], after: Mapping[str, Mapping[str, Fault]]) -> None:
    """Write what changed between two states of the faults of some units, by unit id and object id."""
    old = {(unit_id, object_id): each for unit_id, some in before.items() for object_id, each in some.items()}
    new = {(unit_id, object_id): each for unit_id, some in after.items() for object_id, each in some.items()}
    delete(conn, fault, ("unit_id", "object_id"), [key for key in old if key not in new])
    rows = [
        {
            "unit_id": key[0],
            "object_id": each.object_id,
            "object_kind": each.object_kind,
            "kind": str(each.kind),
            "generation": each.generation,
            "since": each.since,
            "user_text": each.user_text,
            "operator_text": each.operator_text,
        }
        for key, each in new.items()
        if old.get(key) != each
    ]
    upsert(conn, fault, ("unit_id", "object_id"), old.keys(), rows)


_TELL = Ready(event.insert())


def add_events(conn: sa.Connection, events: Sequence[Event]) -> None:
    """Write events down."""
    if not events:
        return
    _TELL.run_many(
        conn,
        [
            {
                "load_balancer_id": each.load_balancer_id,
                "at": each.at,
                "generation": each.generation,
                "object_kind": each.object_kind,
                "object_id": each.object_id,
                "text": each.text,
            }
            for each in events
        ],
    )


EVENTS_KEPT = 100
"""How many events of a load balancer are kept at least; a quarter more at most after `trim_events`."""

_CROWDED = (
    sa.select(event.c.load_balancer_id)
    .where(event.c.load_balancer_id.in_(_IDS))
    .group_by(event.c.load_balancer_id)
    .having(sa.func.count() > EVENTS_KEPT * 5 // 4)
)


def trim_events(conn: sa.Connection, load_balancer_ids: Sequence[str]) -> None:
    """Forget the oldest events where a load balancer has too many."""
    for load_balancer_id in conn.scalars(_CROWDED, {"ids": list(load_balancer_ids)}).all():
        newest = sa.select(event.c.id).where(event.c.load_balancer_id == load_balancer_id)
        last = conn.scalar(newest.order_by(event.c.id.desc()).offset(EVENTS_KEPT - 1).limit(1))
        conn.execute(event.delete().where(event.c.load_balancer_id == load_balancer_id, event.c.id < last))


@dataclass(frozen=True, slots=True)
class SeenBy:
    """What one carrier last said of the members and listeners of a load balancer."""

    listeners: Mapping[str, ListenerSeen] = field(default_factory=dict)
    members: Mapping[str, MemberSeen] = field(default_factory=dict)


_LISTENER = frozenset(str(status) for status in ListenerSeen)


def seen_by(conn: sa.Connection, unit_ids: Sequence[str]) -> dict[str, dict[str, SeenBy]]:
    """What carriers last said, by unit id and name of the carrier."""
    rows: dict[str, dict[str, tuple[dict[str, ListenerSeen], dict[str, MemberSeen]]]] = {}
    for row in conn.execute(_SEEN, {"ids": list(unit_ids)}):
        listeners, members = rows.setdefault(row.unit_id, {}).setdefault(row.carrier, ({}, {}))
        if row.status in _LISTENER:
            listeners[row.object_id] = ListenerSeen(row.status)
        else:
            members[row.object_id] = MemberSeen(row.status)
    return {
        unit_id: {name: SeenBy(listeners, members) for name, (listeners, members) in some.items()} for unit_id, some in rows.items()
    }


def save_seen(conn: sa.Connection, before: Mapping[tuple[str, str], SeenBy], after: Mapping[tuple[str, str], SeenBy]) -> None:
    """Write what changed between two states of what carriers said. The keys are unit id and carrier."""
    old, new = _seen_rows(before), _seen_rows(after)
    keys = ("unit_id", "carrier", "object_id")
    delete(conn, seen, keys, [key for key in old if key not in new])
    changed = [dict(zip(keys, key, strict=True)) | {"status": status} for key, status in new.items() if old.get(key) != status]
    upsert(conn, seen, keys, old.keys(), changed)


def _seen_rows(side: Mapping[tuple[str, str], SeenBy]) -> dict[tuple[str, str, str], str]:
    return {
        (unit_id, name, object_id): str(status)
        for (unit_id, name), said in side.items()
        for object_id, status in (*said.listeners.items(), *said.members.items())
    }


_COUNTERS = ("bytes_in", "bytes_out", "total_connections", "request_errors")


def save_statistics(conn: sa.Connection, said: Mapping[tuple[str, str], Mapping[str, Statistics]]) -> None:
    """Take over listener counters by unit id and carrier. A counter that went down has started anew: its old value is kept."""
    unit_ids = sorted({unit_id for unit_id, _ in said})
    old = {(row.unit_id, row.carrier, row.listener_id): row for row in conn.execute(_STATISTICS, {"ids": unit_ids})}
    rows = []
    for (unit_id, name), listeners in said.items():
        for listener_id, now in listeners.items():
            row = _counted(old.get((unit_id, name, listener_id)), now)
            rows.append(row | {"unit_id": unit_id, "carrier": name, "listener_id": listener_id})
    for (unit_id, name, listener_id), before in old.items():
        if before.active_connections and listener_id not in said.get((unit_id, name), {listener_id: None}):
            rows.append(dict(before._mapping) | {"active_connections": 0})  # it takes no traffic any more
    upsert(conn, statistics, ("unit_id", "carrier", "listener_id"), old.keys(), rows)


def _counted(before: sa.Row[Any] | None, now: Statistics) -> dict[str, Any]:
    last = {name: before._mapping[f"last_{name}"] if before else 0 for name in _COUNTERS}
    kept = {name: before._mapping[f"kept_{name}"] if before else 0 for name in _COUNTERS}
    if any(getattr(now, name) < last[name] for name in _COUNTERS):
        kept = {name: kept[name] + last[name] for name in _COUNTERS}
    row: dict[str, Any] = {f"kept_{name}": kept[name] for name in _COUNTERS}
    row |= {f"last_{name}": getattr(now, name) for name in _COUNTERS}
    return row | {"active_connections": now.active_connections}


def forget_listeners(conn: sa.Connection, listener_ids: Sequence[str]) -> None:
    """Remove the counters of listeners that are gone."""
    conn.execute(statistics.delete().where(statistics.c.listener_id.in_(listener_ids)))


def forget(conn: sa.Connection, unit_ids: Sequence[str]) -> None:
    """Remove everything observed of units that are gone, and what was claimed for them. Events stay until they are purged."""
    for table in (carrier, fault, seen, statistics, claim, secret_use):
        conn.execute(table.delete().where(table.c.unit_id.in_(unit_ids)))
