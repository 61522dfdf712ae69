"""What owners are told about a load balancer besides its objects: traffic, events, and why something is in ERROR."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from bascule.model.status import Provisioning, Statistics
from bascule.store.tables import children, event, fault, load_balancer, statistics

_ID: sa.BindParameter[Any] = sa.bindparam("load_balancer_id")

_STATISTICS = sa.select(statistics).where(statistics.c.unit_id == _ID)


def traffic(conn: sa.Connection, load_balancer_id: str, carrier: str | None = None) -> dict[str, Statistics]:
    """Traffic counters by listener id: those of one carrier, or summed over everything that has carried the load balancer."""
    found: dict[str, Statistics] = {}
    for row in conn.execute(_STATISTICS, {"load_balancer_id": load_balancer_id}):
        if carrier not in (None, row.carrier):
            continue
        counted = Statistics(
            bytes_in=row.kept_bytes_in + row.last_bytes_in,
            bytes_out=row.kept_bytes_out + row.last_bytes_out,
            active_connections=row.active_connections,
            total_connections=row.kept_total_connections + row.last_total_connections,
            request_errors=row.kept_request_errors + row.last_request_errors,
        )
        found[row.listener_id] = found.get(row.listener_id, Statistics()) + counted
    return found


_EVENTS = (
    sa.select(event.c.at, event.c.generation, event.c.object_kind, event.c.object_id, event.c.text)
    .where(event.c.load_balancer_id == _ID)
    .order_by(event.c.id.desc())
    .limit(sa.bindparam("count"))
)


def events(conn: sa.Connection, load_balancer_id: str, limit: int) -> list[sa.Row[Any]]:
    """The last things that happened to a load balancer, newest first."""
    return list(conn.execute(_EVENTS, {"load_balancer_id": load_balancer_id, "count": limit}))


def _in_error(table: sa.Table, home: sa.Column[Any]) -> sa.Select[Any]:
    return sa.select(table.c.id).where(home == _ID, table.c.provisioning_status == str(Provisioning.ERROR))


_FAULTS = sa.select(fault.c.object_id, fault.c.user_text).where(
    fault.c.unit_id == _ID,
    sa.or_(
        fault.c.object_id.in_(_in_error(load_balancer, load_balancer.c.id)),
        *(fault.c.object_id.in_(_in_error(table, table.c.load_balancer_id)) for table in children.values()),
    ),
)


def faults(conn: sa.Connection, load_balancer_id: str) -> dict[str, str]:
    """Why objects of a load balancer are in ERROR, in words for its owner, by object id."""
    return {row.object_id: row.user_text for row in conn.execute(_FAULTS, {"load_balancer_id": load_balancer_id})}
