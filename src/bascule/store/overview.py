"""What operators want to know about lanes: what is due there, what is left to do, what is in ERROR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from bascule.model.status import Provisioning
from bascule.store.tables import fault, lane, load_balancer, unit
from bascule.store.units import LOAD_BALANCER, Rank

_THERE = unit.c.gone_at.is_(None)


def due(conn: sa.Connection, now: float) -> Mapping[str, tuple[int, float]]:
    """How many units are due, and since when the one that waits longest, by lane; lanes without any are left out.

    Each lane and rank is a range of the index, so that what is not due costs nothing.
    """
    waiting = unit.c.lane_id == lane.c.id, unit.c.rank.in_([int(rank) for rank in Rank]), unit.c.due_at <= now
    asked = {"found": sa.func.count(), "oldest": sa.func.min(unit.c.due_at)}
    counted = [sa.select(each).where(*waiting).correlate(lane).scalar_subquery().label(name) for name, each in asked.items()]
    rows = conn.execute(sa.select(lane.c.id, *counted))
    return {row.id: (row.found, row.oldest) for row in rows if row.found}


def behind(conn: sa.Connection) -> Mapping[str, float]:
    """When the oldest change was made that is not carried out, by lane; lanes without any are left out."""
    chosen = sa.select(unit.c.lane_id, sa.func.min(unit.c.behind_since).label("oldest")).where(unit.c.behind_since.is_not(None))
    return {row.lane_id: row.oldest for row in conn.execute(chosen.group_by(unit.c.lane_id))}


def to_resync(conn: sa.Connection) -> Mapping[str, int]:
    """How many units a resync has not come to yet, by lane."""
    chosen = sa.select(unit.c.lane_id, sa.func.count().label("found")).where(unit.c.resync.is_(True), _THERE)
    return {row.lane_id: row.found for row in conn.execute(chosen.group_by(unit.c.lane_id))}


def left(conn: sa.Connection, lane_id: str) -> tuple[int, int]:
    """How many load balancers a lane still has, and how many other units, such as networks."""
    chosen = sa.select(unit.c.kind, sa.func.count().label("found")).where(unit.c.lane_id == lane_id, _THERE)
    found = {row.kind: row.found for row in conn.execute(chosen.group_by(unit.c.kind))}
    load_balancers = found.pop(LOAD_BALANCER, 0)
    return load_balancers, sum(found.values())


def in_error(conn: sa.Connection, lane_id: str) -> Sequence[sa.Row[Any]]:
    """The load balancers of a lane that show ERROR, by name, with their own faults: id, name, user_text, operator_text."""
    chosen = (
        sa.select(load_balancer.c.id, load_balancer.c.name, fault.c.user_text, fault.c.operator_text)
        .join(unit, unit.c.id == load_balancer.c.id)
        .outerjoin(fault, sa.and_(fault.c.unit_id == load_balancer.c.id, fault.c.object_id == load_balancer.c.id))
        .where(unit.c.lane_id == lane_id, load_balancer.c.provisioning_status == str(Provisioning.ERROR))
    )
    return list(conn.execute(chosen.order_by(load_balancer.c.name, load_balancer.c.id)))
