"""Carriers that are processes of their own, as administrators see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bascule.model.status import CarrierState
from bascule.store.tables import carrier, load_balancer, unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Amphora:
    """A carrier of a load balancer. `name` is what its backend calls it; `leaving`: its load balancer is being deleted."""

    id: str
    load_balancer_id: str
    project_id: str
    name: str
    state: CarrierState
    leaving: bool
    vip_address: str
    vip_port_id: str | None
    created_at: float


_COLUMNS = (
    carrier.c.id,
    carrier.c.name,
    carrier.c.state,
    unit.c.deleted,
    load_balancer.c.id.label("load_balancer_id"),
    load_balancer.c.project_id,
    load_balancer.c.vip_address,
    load_balancer.c.vip_port_id,
    load_balancer.c.created_at,
)
_ALL: sa.Select[Any] = (
    sa.select(*_COLUMNS).join(unit, unit.c.id == carrier.c.unit_id).join(load_balancer, load_balancer.c.id == unit.c.id)
)


def amphorae(
    conn: sa.Connection, backends: Sequence[str], project_id: str | None, load_balancer_id: str | None
) -> Sequence[Amphora]:
    """The carriers of these backends, oldest first; only those of this project, and of this load balancer, where one is given."""
    chosen = _ALL.where(unit.c.backend.in_(backends)).order_by(load_balancer.c.created_at, carrier.c.id)
    if project_id is not None:
        chosen = chosen.where(load_balancer.c.project_id == project_id)
    if load_balancer_id is not None:
        chosen = chosen.where(carrier.c.unit_id == load_balancer_id)
    return [_amphora(row) for row in conn.execute(chosen)]


def find(conn: sa.Connection, backends: Sequence[str], amphora_id: str) -> Amphora | None:
    """One of the carriers of these backends."""
    row = conn.execute(_ALL.where(unit.c.backend.in_(backends), carrier.c.id == amphora_id)).first()
    return None if row is None else _amphora(row)


def _amphora(row: sa.Row[Any]) -> Amphora:
    return Amphora(
        id=row.id,
        load_balancer_id=row.load_balancer_id,
        project_id=row.project_id,
        name=row.name,
        state=CarrierState(row.state),
        leaving=row.deleted is not None,
        vip_address=row.vip_address,
        vip_port_id=row.vip_port_id,
        created_at=row.created_at,
    )
