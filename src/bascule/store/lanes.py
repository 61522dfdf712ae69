"""Lanes: what must be written by one worker at a time, who holds it, and in which of them something is due.

A lane is taken and given back by compare-and-swap on its fencing number, so that two workers never believe that they hold it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa

from bascule.model.backend import LaneSpec
from bascule.store import meta
from bascule.store.tables import lane, unit
from bascule.store.units import Rank

_ID: sa.BindParameter[Any] = sa.bindparam("b_id")
_TIMED = (Rank.WAIT, Rank.DRIFT, Rank.ALONE)


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of the table `lane`."""

    id: str
    backend: str
    tags: tuple[str, ...]
    owner: str | None
    fence: int
    beat: int


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write to a lane, for as long as its fencing number stands."""

    lane_id: str
    owner: str
    fence: int


class LaneLost(Exception):
    """Somebody else holds the lane now. Nothing of the transaction may be kept."""


def ensure(conn: sa.Connection, wanted: Mapping[str, Sequence[LaneSpec]]) -> None:
    """Make the rows of the lanes of backends (by name), or bring their tags up to date."""
    known = {row.id: tuple(row.tags) for row in conn.execute(sa.select(lane.c.id, lane.c.tags))}
    for backend, specs in wanted.items():
        for spec in specs:
            if spec.id not in known:
                _add(conn, backend, spec)
            elif known[spec.id] != spec.tags:
                conn.execute(lane.update().where(lane.c.id == spec.id).values(tags=list(spec.tags)))


def _add(conn: sa.Connection, backend: str, spec: LaneSpec) -> None:
    fence = meta.last_fence(conn)  # a lane of this name may have been there before
    row = {"id": spec.id, "backend": backend, "tags": list(spec.tags), "owner": None, "fence": fence, "beat": 0}
    try:
        with conn.begin_nested():
            conn.execute(lane.insert().values(row))
    except sa.exc.IntegrityError:
        pass  # another worker made it in between


def load(conn: sa.Connection) -> list[Lane]:
    """Every lane."""
    return [_lane(row) for row in conn.execute(sa.select(lane))]


_LANE = sa.select(lane).where(lane.c.id == _ID)


def get(conn: sa.Connection, lane_id: str) -> Lane:
    """One lane, which exists."""
    return _lane(conn.execute(_LANE, {"b_id": lane_id}).one())


def _first_due(rank: Rank) -> sa.ScalarSelect[float | None]:
    """When the first unit of a rank is due in a lane. The order has every database take one entry of the index for it."""
    here = unit.c.lane_id == lane.c.id, unit.c.rank == int(rank)
    first = sa.select(unit.c.due_at).where(*here, unit.c.due_at.is_not(None)).order_by(unit.c.due_at).limit(1)
    return first.correlate(lane).scalar_subquery()


_WITH_DUE = sa.select(lane).where(
    sa.or_(_first_due(Rank.EDIT).is_not(None), *(_first_due(rank) <= sa.bindparam("b_now") for rank in _TIMED))
)


def with_due(conn: sa.Connection, now: float) -> list[Lane]:
    """The lanes in which something is due."""
    return [_lane(row) for row in conn.execute(_WITH_DUE, {"b_now": now})]


def _lane(row: sa.Row[Any]) -> Lane:
    return Lane(row.id, row.backend, tuple(row.tags), row.owner, row.fence, row.beat)


class Held(Protocol):
    """A row that one owner at a time holds, as it was seen."""

    @property
    def id(self) -> str: ...
    @property
    def owner(self) -> str | None: ...
    @property
    def fence(self) -> int: ...
    @property
    def beat(self) -> int: ...


class Leases:
    """The leases on the rows of a table, which has the columns id, owner, fence and beat."""

    def __init__(self, table: sa.Table) -> None:
        here = table.c
        self._as_seen = table.update().where(
            here.id == _ID, here.fence == sa.bindparam("b_fence"), here.owner.is_not_distinct_from(sa.bindparam("b_owner"))
        )
        taken = {"owner": sa.bindparam("b_taker"), "fence": here.fence + 1, "beat": 0}
        self._take = self._as_seen.where(here.beat == sa.bindparam("b_beat")).values(taken)
        self._beat = self._as_seen.values(beat=here.beat + 1)
        self._release = self._beat.values(owner=None)
        self._beat_all = table.update().where(here.owner == sa.bindparam("b_owner")).values(beat=here.beat + 1)

    def take(self, conn: sa.Connection, seen: Held, owner: str) -> Lease | None:
        """Take what still stands as it was seen; None if somebody was faster or gave a sign of life."""
        as_seen = {"b_id": seen.id, "b_fence": seen.fence, "b_owner": seen.owner, "b_beat": seen.beat}
        done = conn.execute(self._take, as_seen | {"b_taker": owner})
        return Lease(seen.id, owner, seen.fence + 1) if done.rowcount else None

    def hold(self, conn: sa.Connection, lease: Lease, *, release: bool = False) -> None:
        """Give a sign of life in what is held, or give it back. Raises LaneLost where it is held no more."""
        held = {"b_id": lease.lane_id, "b_fence": lease.fence, "b_owner": lease.owner}
        if not conn.execute(self._release if release else self._beat, held).rowcount:
            raise LaneLost(lease.lane_id)

    def beat_all(self, conn: sa.Connection, owner: str) -> None:
        """Give a sign of life in all that an owner holds."""
        conn.execute(self._beat_all, {"b_owner": owner})


_LEASES = Leases(lane)


def take(conn: sa.Connection, seen: Lane, owner: str) -> Lease | None:
    """Take a lane that still stands as it was seen; None if somebody was faster or gave a sign of life."""
    return _LEASES.take(conn, seen, owner)


def hold(conn: sa.Connection, lease: Lease, *, release: bool = False) -> None:
    """Give a sign of life in a lane that is held, or give the lane back. Raises LaneLost where it is held no more.

    Every transaction that writes what came of a pass calls this first: it is the fence of the database.
    """
    _LEASES.hold(conn, lease, release=release)
