"""Units: what is due, and what came of it.

A unit that is due says so in its own row; there is no queue beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal

import sqlalchemy as sa

from bascule.model.backend import Need
from bascule.model.status import FaultKind
from bascule.store.ready import Ready
from bascule.store.tables import fault, unit, unit_need


class Rank(IntEnum):
    """Why a unit is due, and thereby how it is taken.

    `EDIT`: something is wanted of it now, whatever anybody's clock says; `due_at` is only since when. `WAIT`: a pass asked for a
    pause. `DRIFT`: it is compared with what is there. `ALONE`: it was refused or its outcome was unknown, so it is not put in a
    batch. All these are due at `due_at`. `IDLE`: it is not due.
    """

    EDIT = 0
    WAIT = 1
    DRIFT = 2
    ALONE = 3
    IDLE = 4


LOAD_BALANCER = "load_balancer"
"""The kind of the units that are load balancers. Every other kind is shared by several of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One row of the table `unit`."""

    id: str
    kind: str
    key: str
    project_id: str = ""
    lane_id: str
    backend: str
    generation: int = 1
    observed: int = 0
    replace: int = 0
    deleted: int | None = None
    gone_at: float | None = None
    asked: int = 1
    due_at: float | None = None
    behind_since: float | None = None
    rank: int = Rank.EDIT
    attempts: int = 0
    resync: bool = False
    checked_at: float | None = None
    memo: str | None = None
    accepted: str | None = None


_COLUMNS = tuple(Unit.__dataclass_fields__)
SELECT = sa.select(*(unit.c[name] for name in _COLUMNS))
"""Whole units, to be read by `units_of`."""


def units_of(rows: Iterable[Sequence[Any]]) -> list[Unit]:
    """Units from the rows that `SELECT` gives."""
    return [Unit(**dict(zip(_COLUMNS, row, strict=True))) for row in rows]


# Statements that every request or every pass runs are built once: building one costs more than running it.
_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_ID: sa.BindParameter[Any] = sa.bindparam("b_id")
_INSERT = Ready(unit.insert())
_BY_ID = Ready(SELECT.where(unit.c.id == _ID))
_BY_IDS = SELECT.where(unit.c.id.in_(_IDS))
_BUMP = (
    unit.update()
    .where(unit.c.id == _ID, unit.c.gone_at.is_(None))
    .values(
        generation=unit.c.generation + 1,
        asked=unit.c.asked + 1,
        due_at=sa.bindparam("b_now"),
        behind_since=sa.func.coalesce(unit.c.behind_since, sa.bindparam("b_now")),
        rank=int(Rank.EDIT),
        attempts=0,
    )
)
_BUMP_AND_READ = Ready(_BUMP.returning(*(unit.c[name] for name in _COLUMNS)))
_ONLY_BUMP = Ready(_BUMP)


def add(conn: sa.Connection, new: Unit) -> None:
    """Insert a unit."""
    _INSERT.run(conn, {name: getattr(new, name) for name in _COLUMNS})


def drop(conn: sa.Connection, unit_id: str) -> None:
    """Remove a unit that is gone."""
    conn.execute(unit.delete().where(unit.c.id == unit_id, unit.c.gone_at.is_not(None)))


def get(conn: sa.Connection, unit_id: str) -> Unit | None:
    """One unit, also one that is gone; None if there is none."""
    return next(iter(units_of(_BY_ID.all(conn, {"b_id": unit_id}))), None)


def load(conn: sa.Connection, ids: Sequence[str]) -> dict[str, Unit]:
    """Units by id; ids that do not exist are left out."""
    return {found.id: found for found in units_of(conn.execute(_BY_IDS, {"ids": list(ids)}))}


def known(conn: sa.Connection, ids: Sequence[str]) -> tuple[set[str], set[str]]:
    """Those of these ids that are units and not gone, and those that are gone and still remembered."""
    rows = conn.execute(sa.select(unit.c.id, unit.c.gone_at).where(unit.c.id.in_(ids))).all()
    return {row.id for row in rows if row.gone_at is None}, {row.id for row in rows if row.gone_at is not None}


def bump(conn: sa.Connection, unit_id: str, now: float) -> Unit | None:
    """Raise a unit's generation and make it due; None if it does not exist or is gone.

    This is the first write of every transaction that changes a load balancer. It holds the unit's row until the end, so that
    whatever is checked afterwards stays true.
    """
    values = {"b_id": unit_id, "b_now": now}
    if conn.dialect.update_returning:
        return next(iter(units_of(_BUMP_AND_READ.all(conn, values))), None)
    return get(conn, unit_id) if _ONLY_BUMP.run(conn, values) else None


def stamp(conn: sa.Connection, bumped: Unit, column: Literal["deleted", "replace"]) -> None:
    """Write the present generation of a unit into one of its own stamps."""
    conn.execute(unit.update().where(unit.c.id == bumped.id).values({column: bumped.generation}))


def want_shared(conn: sa.Connection, wanted: Unit, now: float) -> None:
    """Make a shared unit, or want it again where it is there, is going or is gone."""
    if _want_again(conn, wanted, now):
        return
    try:
        with conn.begin_nested():
            add(conn, wanted)
    except sa.exc.IntegrityError:  # another transaction made it in between
        _want_again(conn, wanted, now)


def _want_again(conn: sa.Connection, wanted: Unit, now: float) -> bool:
    done = conn.execute(
        unit.update()
        .where(unit.c.id == wanted.id)
        .values(
            generation=unit.c.generation + 1,
            asked=unit.c.asked + 1,
            due_at=now,
            behind_since=sa.func.coalesce(unit.c.behind_since, now),
            rank=int(Rank.EDIT),
            attempts=0,
            deleted=None,
            gone_at=None,
        )
    )
    return bool(done.rowcount)


def ask(conn: sa.Connection, ids: Sequence[str], now: float, rank: Rank) -> None:
    """Make units due for a reason other than an edit. What is due earlier, or for a more urgent reason, stays so."""
    if ids:
        conn.execute(_ask(now, rank).where(unit.c.id.in_(ids)))


def _ask(now: float, rank: Rank) -> sa.Update:
    idle = unit.c.due_at.is_(None)
    # In this order: MariaDB sets one column after the other, and what comes later sees what was set before.
    return (
        unit.update()
        .where(unit.c.gone_at.is_(None))
        .ordered_values(
            (unit.c.rank, sa.case((sa.or_(idle, unit.c.rank > int(rank)), int(rank)), else_=unit.c.rank)),
            (unit.c.due_at, sa.case((sa.or_(idle, unit.c.due_at > now), now), else_=unit.c.due_at)),
            (unit.c.asked, unit.c.asked + 1),
        )
    )


def resync(conn: sa.Connection, lane_id: str, now: float, per_second: int) -> int:
    """Have everything in a lane compared with what is really there, so many units in a second. Gives how many they are.

    What is on record of their carriers is not believed until a pass has settled them. Edits go before them all the same, and what
    was refused still goes alone when its time has come. What only could not be done goes with the others.
    """
    there = sa.select(unit.c.id).where(unit.c.lane_id == lane_id, unit.c.gone_at.is_(None)).order_by(unit.c.id)
    ids = list(conn.scalars(there))
    refused = sa.exists().where(fault.c.unit_id == unit.c.id, fault.c.kind == str(FaultKind.REJECTED))
    together = sa.or_(unit.c.rank != int(Rank.ALONE), ~refused)
    for second, start in enumerate(range(0, len(ids), per_second)):
        some = ids[start : start + per_second]
        conn.execute(_ask(now + second, Rank.DRIFT).where(unit.c.id.in_(some), together))
        conn.execute(unit.update().where(unit.c.id.in_(some)).values(resync=True))
    return len(ids)


def postpone(conn: sa.Connection, seen: Unit, due_at: float) -> None:
    """Have a unit go alone, and not before a time. If it was made due since it was seen so, that stands."""
    same = unit.c.id == seen.id, unit.c.asked == seen.asked
    conn.execute(unit.update().where(*same).values(due_at=due_at, rank=int(Rank.ALONE), attempts=unit.c.attempts + 1))


_LOCK = _BY_IDS.order_by(unit.c.id).with_for_update()


def lock(conn: sa.Connection, ids: Sequence[str]) -> dict[str, Unit]:
    """Units by id, with their rows held until the end of the transaction: no edit comes in between."""
    return {found.id: found for found in units_of(conn.execute(_LOCK, {"ids": list(ids)}))}


_MUTABLE = (
    "observed",
    "gone_at",
    "asked",
    "due_at",
    "behind_since",
    "rank",
    "attempts",
    "resync",
    "checked_at",
    "memo",
    "accepted",
)
_SAVE = (
    unit.update().where(unit.c.id == _ID).values({name: sa.bindparam(f"b_{name}", type_=unit.c[name].type) for name in _MUTABLE})
)


def save(conn: sa.Connection, before: Mapping[str, Unit], after: Mapping[str, Unit]) -> None:
    """Write what changed in units that are locked."""
    rows = [
        {"b_id": new.id} | {f"b_{name}": getattr(new, name) for name in _MUTABLE} for new in after.values() if new != before[new.id]
    ]
    if rows:
        conn.execute(_SAVE, rows)


def forgotten(conn: sa.Connection, limit: int) -> list[str]:
    """Units that are behind and yet not due. There are none; who finds one makes it due."""
    behind = unit.c.behind_since.is_not(None)
    return list(conn.scalars(sa.select(unit.c.id).where(behind, unit.c.due_at.is_(None), unit.c.gone_at.is_(None)).limit(limit)))


def unchecked(conn: sa.Connection, since: float, limit: int) -> list[str]:
    """Units that are not due and whose last good pass was before a time, longest ago first."""
    chosen = sa.select(unit.c.id).where(unit.c.checked_at < since, unit.c.due_at.is_(None), unit.c.gone_at.is_(None))
    return list(conn.scalars(chosen.order_by(unit.c.checked_at).limit(limit)))


# Shared units


def shared_id(lane_id: str, need: Need) -> str:
    """The id of the shared unit that meets a need in a lane."""
    return f"{lane_id}/{need.kind}/{need.key}"


def release_shared(conn: sa.Connection, ids: Sequence[str], now: float) -> None:
    """Let go of those of these shared units that nobody needs any more: they are to be deleted."""
    for unit_id in ids:
        bumped = bump(conn, unit_id, now)  # first, so that nobody begins to need it while we look
        if bumped is not None and not _is_needed(conn, unit_id):
            stamp(conn, bumped, "deleted")


def _is_needed(conn: sa.Connection, shared_id: str) -> bool:
    return conn.execute(sa.select(unit_need.c.unit_id).where(unit_need.c.needs_id == shared_id).limit(1)).first() is not None


def ask_users(conn: sa.Connection, shared_ids: Sequence[str], now: float) -> None:
    """Make due what needs one of these shared units and has not been carried out yet."""
    if shared_ids:
        users = sa.select(unit_need.c.unit_id).where(unit_need.c.needs_id.in_(shared_ids))
        conn.execute(_ask(now, Rank.EDIT).where(unit.c.id.in_(users), unit.c.observed < unit.c.generation))


def add_need(conn: sa.Connection, unit_id: str, needs_id: str) -> None:
    """Write down that a unit needs a shared unit."""
    conn.execute(unit_need.insert().values(unit_id=unit_id, needs_id=needs_id))


_NEEDS = sa.select(unit_need).where(unit_need.c.unit_id.in_(_IDS)).order_by(unit_need.c.needs_id)


def needs(conn: sa.Connection, ids: Sequence[str]) -> dict[str, list[str]]:
    """What units need, by unit id."""
    found: dict[str, list[str]] = {}
    for row in conn.execute(_NEEDS, {"ids": list(ids)}):
        found.setdefault(row.unit_id, []).append(row.needs_id)
    return found


def drop_needs(conn: sa.Connection, pairs: Sequence[tuple[str, str]]) -> None:
    """Forget that units (first) need shared units (second)."""
    if not pairs:
        return
    one = unit_need.delete().where(unit_need.c.unit_id == sa.bindparam("b_unit"), unit_need.c.needs_id == sa.bindparam("b_needs"))
    conn.execute(one, [{"b_unit": user, "b_needs": needed} for user, needed in pairs])
