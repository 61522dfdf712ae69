"""Who watches which lane, and what was seen of its devices."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bascule.model.health import DeviceSeen, LaneState, Load
from bascule.model.status import FaultKind
from bascule.store.lanes import Leases
from bascule.store.placement import enter
from bascule.store.tables import fault, placement, unit, watch
from bascule.store.units import Rank

LEASES = Leases(watch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One row of the table `watch`, with the state of its lane. Times are in seconds since the epoch, UTC."""

    id: str
    owner: str | None = None
    fence: int = 0
    beat: int = 0
    state: LaneState = LaneState.READY
    since: float = 0.0
    looked_at: float = 0.0
    devices: tuple[DeviceSeen, ...] = ()
    load: Load | None = None


def load(conn: sa.Connection) -> dict[str, Watch]:
    """Every watch, by lane."""
    chosen = sa.select(watch, placement.c.state).outerjoin(placement, placement.c.lane_id == watch.c.id)
    return {row.id: _watch(row) for row in conn.execute(chosen)}


def _watch(row: sa.Row[Any]) -> Watch:
    devices = tuple(DeviceSeen(**each | {"versions": tuple(each["versions"])}) for each in row.devices)
    state = LaneState(row.state) if row.state else LaneState.READY
    return Watch(
        id=row.id,
        owner=row.owner,
        fence=row.fence,
        beat=row.beat,
        state=state,
        since=row.since,
        looked_at=row.looked_at,
        devices=devices,
        load=Load(**row.load) if row.load else None,
    )


def ensure(conn: sa.Connection, lane_ids: Iterable[str], now: float) -> None:
    """Make the rows of lanes that nobody has watched so far."""
    known = set(conn.scalars(sa.select(watch.c.id)))
    for lane_id in sorted(set(lane_ids) - known):
        row: dict[str, Any] = dict.fromkeys(("fence", "beat", "looked_at"), 0) | {"id": lane_id, "since": now, "devices": []}
        try:
            with conn.begin_nested():
                conn.execute(watch.insert().values(row))
        except sa.exc.IntegrityError:
            pass  # another one made it in between


def save(conn: sa.Connection, before: Watch, after: Watch) -> None:
    """Write what is seen of the devices, and the state that follows. The lease is held."""
    seen = {"devices": _plain(after.devices), "since": after.since, "looked_at": after.looked_at}
    load = dataclasses.asdict(after.load) if after.load else None
    conn.execute(watch.update().where(watch.c.id == after.id).values(**seen, load=load))
    if after.state is not before.state:
        enter(conn, after.id, after.state)


def _plain(devices: Sequence[DeviceSeen]) -> list[dict[str, Any]]:
    return [dataclasses.asdict(each) | {"versions": list(each.versions)} for each in devices]


def is_filled(conn: sa.Connection, lane_id: str, since: float) -> bool:
    """Whether a resync is through. What was refused, or is in trouble since before a time, is not waited for."""
    fresh = sa.exists().where(fault.c.unit_id == unit.c.id, fault.c.kind == str(FaultKind.TRANSIENT), fault.c.since > since)
    to_do = sa.or_(unit.c.rank != int(Rank.ALONE), fresh)
    left = sa.select(unit.c.id).where(unit.c.lane_id == lane_id, unit.c.resync.is_(True), unit.c.gone_at.is_(None), to_do)
    return conn.execute(left.limit(1)).first() is None
