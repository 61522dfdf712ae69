"""Forgetting what has been deleted for long enough."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from bascule.model.status import Provisioning
from bascule.store.tables import event, load_balancer, tag, unit


def units(conn: sa.Connection, gone_before: float, limit: int) -> int:
    """Remove up to `limit` units gone since before a time (seconds since the epoch), with their events. Gives how many."""
    chosen = sa.select(unit.c.id).where(unit.c.gone_at < gone_before).order_by(unit.c.gone_at).limit(limit)
    chosen = chosen.with_for_update()  # nobody begins to want a shared unit again while it is forgotten
    ids: Sequence[str] = conn.scalars(chosen).all()
    if ids:
        deleted = load_balancer.c.provisioning_status == str(Provisioning.DELETED)
        conn.execute(load_balancer.delete().where(load_balancer.c.id.in_(ids), deleted))
        conn.execute(tag.delete().where(tag.c.load_balancer_id.in_(ids)))
        conn.execute(event.delete().where(event.c.load_balancer_id.in_(ids)))
        conn.execute(unit.delete().where(unit.c.id.in_(ids)))
    return len(ids)


_OLDEST = sa.select(event.c.id, event.c.at).order_by(event.c.id).limit(sa.bindparam("b_limit", type_=sa.Integer))


def events(conn: sa.Connection, before: float, limit: int) -> int:
    """Remove up to `limit` events from before a time (seconds since the epoch), the oldest first. Gives how many.

    Their ids grow with time, so no index by time is needed, which every event would have to be written to.
    """
    ids = [row.id for row in conn.execute(_OLDEST, {"b_limit": limit}) if row.at < before]
    if ids:
        conn.execute(event.delete().where(event.c.id.in_(ids)))
    return len(ids)
