"""What each lane has been given: its counters, whether it gets nothing new, and whether it is fit for that.

Whoever gives a lane a load balancer writes its row, with the limit in the statement. Where there is a choice, the rows of all
lanes in question are held first, so that of two who choose at a time the second one counts what the first one gave.
Where several rows are held, the order is: lane, load balancer, placement, shared unit, quota.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bascule.model.backend import LaneSpec
from bascule.model.health import LaneState
from bascule.store import lanes, meta
from bascule.store.lanes import Lane
from bascule.store.ready import Ready
from bascule.store.tables import lane, listener, placement, unit, watch
from bascule.store.units import LOAD_BALANCER


@dataclass(frozen=True, slots=True)
class Placement:
    """One row of the table `placement`. `load_balancers` counts what is not gone yet, `listeners` what is wanted."""

    lane_id: str
    load_balancers: int = 0
    listeners: int = 0
    drained: bool = False
    state: LaneState = LaneState.READY


NO_LIMIT = 2**31 - 1

# Statements that every creation runs are built once: building one costs more than running it.
_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_SOME = sa.select(placement).where(placement.c.lane_id.in_(_IDS)).order_by(placement.c.lane_id)
_HELD = _SOME.with_for_update()
_CHANGE = (
    placement.update()
    .where(placement.c.lane_id == sa.bindparam("b_lane"))
    .values(
        load_balancers=placement.c.load_balancers + sa.bindparam("b_load_balancers", type_=sa.Integer),
        listeners=placement.c.listeners + sa.bindparam("b_listeners", type_=sa.Integer),
    )
)
_ROOM = _CHANGE.where(placement.c.drained.is_(False), placement.c.load_balancers < sa.bindparam("b_most"))
_GIVE = Ready(_ROOM)
_GIVE_AS = Ready(_ROOM.where(placement.c.state == sa.bindparam("b_state")))
_COUNT = Ready(_CHANGE)


def give(conn: sa.Connection, lane_id: str, *, listeners: int, most: int | None, state: LaneState | None = None) -> bool:
    """Count one more load balancer in a lane; tells whether it has room, which it has up to `most` and unless it is drained.

    With `state`, it must still be in that one.
    """
    values = {"b_lane": lane_id, "b_load_balancers": 1, "b_listeners": listeners, "b_most": NO_LIMIT if most is None else most}
    if state is None:
        return bool(_GIVE.run(conn, values))
    return bool(_GIVE_AS.run(conn, values | {"b_state": str(state)}))


def change(conn: sa.Connection, lane_id: str, *, load_balancers: int = 0, listeners: int = 0) -> None:
    """Count what a lane has more, or less, than before."""
    if load_balancers or listeners:
        _COUNT.run(conn, {"b_lane": lane_id, "b_load_balancers": load_balancers, "b_listeners": listeners})


def hold(conn: sa.Connection, lane_ids: Sequence[str]) -> dict[str, Placement]:
    """The rows of these lanes, by lane, held until the end of the transaction: nobody is given anything in between."""
    return _by_lane(conn.execute(_HELD, {"ids": list(lane_ids)}))


def every(conn: sa.Connection) -> dict[str, Placement]:
    """The rows of all lanes, by lane."""
    return _by_lane(conn.execute(sa.select(placement)))


def given(conn: sa.Connection) -> int:
    """How many load balancers all lanes have."""
    return int(conn.scalar(sa.select(sa.func.sum(placement.c.load_balancers))) or 0)


def _by_lane(rows: sa.CursorResult[Any]) -> dict[str, Placement]:
    return {
        row.lane_id: Placement(row.lane_id, row.load_balancers, row.listeners, row.drained, LaneState(row.state)) for row in rows
    }


def ensure(conn: sa.Connection, wanted: Mapping[str, Sequence[LaneSpec]]) -> None:
    """Make what is missing of the rows of the lanes of backends (by name), and bring the lanes' tags up to date."""
    lanes.ensure(conn, wanted)
    ids = [spec.id for specs in wanted.values() for spec in specs]
    known = {row.lane_id for row in conn.execute(_SOME, {"ids": ids})}
    for lane_id in sorted(set(ids) - known):
        counted = _counted(conn, [lane_id]).get(lane_id, Placement(lane_id))
        try:
            with conn.begin_nested():
                conn.execute(placement.insert().values(_row(counted)))
        except sa.exc.IntegrityError:
            pass  # another transaction made it in between


def _row(each: Placement) -> dict[str, Any]:
    return {name: getattr(each, name) for name in Placement.__dataclass_fields__} | {"state": str(each.state)}


def drain(conn: sa.Connection, lane_id: str, drained: bool) -> None:
    """Have a lane get nothing new, or something new again."""
    conn.execute(placement.update().where(placement.c.lane_id == lane_id).values(drained=drained))


def enter(conn: sa.Connection, lane_id: str, state: LaneState) -> None:
    """Note whether a lane is fit for new load balancers."""
    conn.execute(placement.update().where(placement.c.lane_id == lane_id).values(state=str(state)))


def forget(conn: sa.Connection, seen: Lane) -> None:
    """Remove a lane. Whoever gives it anything from now on makes it anew."""
    conn.execute(lane.delete().where(lane.c.id == seen.id))
    conn.execute(watch.delete().where(watch.c.id == seen.id))
    conn.execute(placement.delete().where(placement.c.lane_id == seen.id))
    meta.keep_fence(conn, seen.fence)


# The check of the counters


_THERE = (unit.c.kind == LOAD_BALANCER, unit.c.gone_at.is_(None))
_LOAD_BALANCERS = sa.select(unit.c.lane_id, sa.func.count().label("found")).where(*_THERE).group_by(unit.c.lane_id)
_LISTENERS = (
    sa.select(unit.c.lane_id, sa.func.count().label("found"))
    .join(listener, listener.c.load_balancer_id == unit.c.id)
    .where(*_THERE, listener.c.live == 1)
    .group_by(unit.c.lane_id)
)


def _counted(conn: sa.Connection, lane_ids: Sequence[str]) -> dict[str, Placement]:
    """What the counters of lanes should say, counted from the objects themselves."""
    here = unit.c.lane_id.in_(lane_ids)
    load_balancers, listeners = (
        {row.lane_id: row.found for row in conn.execute(chosen.where(here))} for chosen in (_LOAD_BALANCERS, _LISTENERS)
    )
    return {each: Placement(each, load_balancers.get(each, 0), listeners.get(each, 0)) for each in lane_ids}


def wrong(conn: sa.Connection) -> list[str]:
    """The lanes whose counters are wrong. There are none. `conn` sees one snapshot."""
    rows = every(conn)
    return _wrong(rows, _counted(conn, list(rows)))


def repair(conn: sa.Connection, lane_ids: Sequence[str]) -> list[str]:
    """Count anew, where the counters are wrong still. Gives these lanes."""
    rows = hold(conn, lane_ids)
    counted = _counted(conn, list(rows))
    found = _wrong(rows, counted)
    for lane_id in found:
        right, here = counted[lane_id], placement.c.lane_id == lane_id
        conn.execute(placement.update().where(here).values(load_balancers=right.load_balancers, listeners=right.listeners))
    return found


def _wrong(rows: Mapping[str, Placement], counted: Mapping[str, Placement]) -> list[str]:
    def numbers(each: Placement) -> tuple[int, int]:
        return each.load_balancers, each.listeners

    return [lane_id for lane_id, row in rows.items() if numbers(row) != numbers(counted[lane_id])]
