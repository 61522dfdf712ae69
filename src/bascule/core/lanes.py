"""What operators see of the lanes, and what they want of them. Operators know them as device groups, or as hosts with HAProxy."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from bascule.model.backend import Backend, LaneSpec
from bascule.model.errors import Conflict, Invalid
from bascule.model.health import DeviceSeen, Load
from bascule.store import lanes, overview, placement, units, watches
from bascule.store.engine import Database
from bascule.store.lanes import Lane
from bascule.store.placement import Placement
from bascule.store.watches import Watch

RESYNC_PER_SECOND = 10
"""How many load balancers a second a resync brings up, so that it leaves room for edits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneView:
    """A lane as operators see it.

    `configured`: whether the settings here name it; what others name, such as other hosts, is not known here, and neither are its
    `max_load_balancers` and `availability_zone`. `owner` is the worker that holds it, `due` how many units are due, and `waiting`
    for how many seconds the oldest of them has been. `to_resync`: what a resync has not come to yet.

    `state` and what follows is what the health manager `watcher` saw: it is in that state for so many seconds, and its `load` was
    asked for so many seconds ago. Both times are None where nobody has looked yet.
    """

    id: str
    provider: str
    tags: tuple[str, ...]
    configured: bool
    load_balancers: int
    listeners: int
    max_load_balancers: int | None
    availability_zone: str | None
    drained: bool
    owner: str | None
    fence: int
    due: int
    waiting: float | None
    to_resync: int
    state: str
    in_state: float | None
    devices: tuple[DeviceSeen, ...]
    load: Load | None
    looked: float | None
    watcher: str | None

    @property
    def nearly_full(self) -> bool:
        """Whether it has four of five load balancers that it may have, or more."""
        return self.max_load_balancers is not None and self.load_balancers * 5 >= self.max_load_balancers * 4


@dataclass(frozen=True, slots=True)
class InError:
    """A load balancer that shows ERROR, and why: in words for its owner, and in those of the data plane."""

    id: str
    name: str
    reason: str
    details: str


class Lanes:
    """Lanes in the database, and those that backends have. `clock` gives seconds since the epoch, UTC."""

    def __init__(self, database: Database, backends: Mapping[str, Backend], *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._wanted = {name: backend.lanes() for name, backend in backends.items()}
        self._specs: dict[str, LaneSpec] = {spec.id: spec for specs in self._wanted.values() for spec in specs}
        self._clock = clock

    def all(self) -> list[LaneView]:
        """Every lane, those that no worker has seen yet included, by name."""
        now = self._clock()
        with self._database.read() as conn:
            rows = {row.id: row for row in lanes.load(conn)}
            given, due, to_resync = placement.every(conn), overview.due(conn, now), overview.to_resync(conn)
            seen = watches.load(conn)
        for provider, specs in self._wanted.items():
            for spec in specs:
                rows.setdefault(spec.id, Lane(spec.id, provider, spec.tags, owner=None, fence=0, beat=0))
        return [
            self._view(row, given.get(row.id, Placement(row.id)), due.get(row.id), to_resync.get(row.id, 0), seen.get(row.id), now)
            for row in sorted(rows.values(), key=lambda row: row.id)
        ]

    def named(self, name: str) -> LaneView:
        """The lane of this name: its whole id, or what follows the provider where only one is called so. Raises Invalid."""
        every = self.all()
        found = [each for each in every if each.id == name] or [each for each in every if each.id.partition(":")[2] == name]
        if len(found) == 1:
            return found[0]
        known = ", ".join(each.id for each in (found or every)) or "none"
        raise Invalid(f"{name} may be any of these: {known}" if found else f"there is no {name}. Known: {known}")

    def in_error(self, lane_id: str) -> Sequence[InError]:
        """The load balancers of a lane that show ERROR, by name."""
        with self._database.read() as conn:
            rows = overview.in_error(conn, lane_id)
        return [InError(row.id, row.name, row.user_text or "", row.operator_text or "") for row in rows]

    def drain(self, lane_id: str, drained: bool) -> None:
        """Have a lane get nothing new, or something new again. What it has stays."""

        def work(conn: sa.Connection) -> None:
            placement.ensure(conn, self._wanted)
            placement.drain(conn, lane_id, drained)

        self._database.write(work)

    def resync(self, lane_id: str) -> int:
        """Forget what is known of what a lane's carriers hold, and have all of it brought about anew. Gives how many units."""
        now = self._clock()
        return self._database.write(lambda conn: units.resync(conn, lane_id, now, RESYNC_PER_SECOND))

    def forget(self, lane_id: str) -> None:
        """Remove a lane. Raises Conflict where it has anything, or is still to be used."""
        if lane_id in self._specs:
            raise Conflict(f"{lane_id} is in the configuration and would come back: take it out first")

        def work(conn: sa.Connection) -> None:
            placement.forget(conn, lanes.get(conn, lane_id))
            load_balancers, others = overview.left(conn, lane_id)
            if load_balancers or others:
                raise Conflict(
                    f"{lane_id} is not empty: load balancers {load_balancers}, what they share, such as networks, {others}"
                )

        self._database.write(work)

    def _view(
        self, row: Lane, given: Placement, due: tuple[int, float] | None, to_resync: int, seen: Watch | None, now: float
    ) -> LaneView:
        spec = self._specs.get(row.id)
        looked = seen if seen and seen.looked_at else None
        return LaneView(
            id=row.id,
            provider=row.backend,
            tags=row.tags,
            configured=spec is not None,
            load_balancers=given.load_balancers,
            listeners=given.listeners,
            max_load_balancers=spec.max_load_balancers if spec else None,
            availability_zone=spec.availability_zone if spec else None,
            drained=given.drained,
            owner=row.owner,
            fence=row.fence,
            due=due[0] if due else 0,
            waiting=max(now - due[1], 0.0) if due else None,
            to_resync=to_resync,
            state=str(given.state),
            in_state=max(now - looked.since, 0.0) if looked else None,
            devices=looked.devices if looked else (),
            load=looked.load if looked else None,
            looked=max(now - looked.looked_at, 0.0) if looked else None,
            watcher=seen.owner if seen else None,
        )
