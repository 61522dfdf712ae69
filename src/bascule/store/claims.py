"""What is held for a unit. Two units never hold the same thing: the natural key of the table sees to it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bascule.store.ready import Ready
from bascule.store.tables import claim

ADDRESS = "address"


_HELD = sa.select(claim.c.name).where(claim.c.kind == ADDRESS, claim.c.place == sa.bindparam("b_place"))
_HELD_AMONG = _HELD.where(claim.c.name.in_(sa.bindparam("b_names", expanding=True)))
_HOLD = {
    "sqlite": Ready(sqlite.insert(claim).on_conflict_do_nothing()),
    "postgresql": Ready(postgresql.insert(claim).on_conflict_do_nothing()),
    "mysql": Ready(sa.insert(claim).prefix_with("IGNORE")),
}


def taken(conn: sa.Connection, place: str, names: Sequence[str]) -> set[str]:
    """Which of these addresses of a subnet are held by somebody."""
    return set(conn.scalars(_HELD_AMONG, {"b_place": place, "b_names": list(names)}))


def all_taken(conn: sa.Connection, place: str) -> set[str]:
    """Every address of a subnet that is held. Reads as many rows as there are: only for subnets that are nearly full."""
    return set(conn.scalars(_HELD, {"b_place": place}))


def hold_address(conn: sa.Connection, unit_id: str, subnet_id: str, address: str, claim_id: str | None = None) -> str | None:
    """Hold an address for a unit and give the id of the claim, which may be chosen; None if somebody holds it."""
    claim_id = claim_id or str(uuid.uuid4())
    row = {"id": claim_id, "unit_id": unit_id, "kind": ADDRESS, "place": subnet_id, "name": address}
    return claim_id if _HOLD[conn.dialect.name].run(conn, row) else None


def address(conn: sa.Connection, claim_id: str) -> str | None:
    """The address that a claim holds; None if there is no such claim."""
    found: str | None = conn.scalar(sa.select(claim.c.name).where(claim.c.id == claim_id))
    return found


def set_aside(conn: sa.Connection, claim_id: str) -> None:
    """Go on holding what a claim holds, under an id that nobody looks for."""
    conn.execute(claim.update().where(claim.c.id == claim_id).values(id=str(uuid.uuid4())))
