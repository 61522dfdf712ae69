"""Orphans: load balancers and networks that bear our mark on a data plane and that nobody wants.

A worker that was paused and came too late can leave one behind, and so can a database that was restored from a backup. An orphan
becomes a unit that is to be deleted, and so it goes by the same pass, under the same lease and fence, as everything else.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence

import sqlalchemy as sa

from bascule.model.backend import Backend, Marked
from bascule.model.status import CarrierState
from bascule.store import lanes, meta, observed, units
from bascule.store.engine import Database
from bascule.store.lanes import Lane
from bascule.store.observed import Carrier
from bascule.store.units import Unit, shared_id

LOG = logging.getLogger(__name__)

KIND = "orphan"

EVERY = 600.0
"""Seconds between two looks."""


class Orphans:
    """Looks for orphans in the lanes whose tags it has, every `every` seconds.

    Something has to be one for `grace` seconds before it goes. Where more than the `share` of what there is in a lane would have to
    go, none does: then it is more likely that the database is not the right one. One may always go, as the share of a few is less
    than that. None of this is asked of what the database still knows to have been deleted: somebody came too late with it. If the
    share is 0, nothing ever goes. `clock` gives seconds since the epoch, UTC.
    """

    def __init__(
        self,
        database: Database,
        backends: Mapping[str, Backend],
        *,
        tags: Sequence[str] = (),
        every: float = EVERY,
        grace: float = 3600.0,
        share: float = 0.1,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._backends = backends
        self._tags = frozenset(tags)
        self._every = every
        self._grace = grace
        self._share = share
        self._clock = clock
        self._monotonic = monotonic
        self._next = float("-inf")
        self._since: dict[tuple[str, str], float] = {}

    def tick(self) -> None:
        """Look, if it is time to."""
        now = self._monotonic()
        if now < self._next:
            return
        self._next = now + self._every
        with self._database.read() as conn:
            known = lanes.load(conn)
        ours = {spec.id for backend in self._backends.values() for spec in backend.lanes()}
        mine = [each for each in known if each.id in ours and self._tags.issuperset(each.tags)]
        for lane in mine:
            try:
                self._look(lane, now)
            except Exception:
                LOG.exception("lane %s cannot be searched for what belongs to nothing", lane.id)

    def _look(self, lane: Lane, now: float) -> None:
        with self._database.read() as conn:
            installation = meta.installation(conn)
        # Before the units are asked for: whatever is on a data plane was wanted earlier.
        held = self._backends[lane.backend].marked(lane.id, installation)
        there = {each.unit_id for each in held}
        with self._database.read() as conn:
            wanted, deleted = units.known(conn, sorted(there))
        orphans = there - wanted - deleted
        ids = {(lane.id, each) for each in orphans}
        self._since = {key: at for key, at in self._since.items() if key[0] != lane.id or key in ids}
        for key in ids:
            self._since.setdefault(key, now)
        ripe = {each for each in orphans if now - self._since[lane.id, each] >= self._grace}
        if len(orphans) > self._most(len(there)):
            LOG.error(
                "lane %s: %d of %d load balancers and networks there are not in the database. That is too many to be removed; "
                "is it the right database?",
                lane.id, len(orphans), len(there),
            )  # fmt: skip
            ripe = set()
        ripe |= deleted if self._share else set()
        if ripe:
            LOG.warning("lane %s: what is not in the database is removed: %s", lane.id, ", ".join(sorted(ripe)))
            gone = {each: [marked for marked in held if marked.unit_id == each] for each in sorted(ripe)}
            self._database.write(lambda conn: self._remove(conn, lane, gone))

    def _most(self, there: int) -> int:
        """How many of what there is may go."""
        return max(1, int(self._share * there)) if self._share else 0

    def _remove(self, conn: sa.Connection, lane: Lane, gone: Mapping[str, Sequence[Marked]]) -> None:
        now, version = self._clock(), self._backends[lane.backend].version
        for parts in gone.values():
            unit = _unit(lane, parts[0], now)
            before = units.get(conn, unit.id)
            if before is not None and before.gone_at is None:
                continue
            if before is not None:
                units.drop(conn, unit.id)
            units.add(conn, unit)
            carriers = [
                Carrier(
                    unit_id=unit.id,
                    name=each.carrier,
                    state=CarrierState.RETIRING,
                    observed=0,
                    version=version,
                    digests=dict.fromkeys(each.documents, ""),
                )
                for each in parts
            ]
            observed.save_carriers(conn, [], carriers)
            units.ask(conn, [unit.id], now, units.Rank.EDIT)


def _unit(lane: Lane, marked: Marked, now: float) -> Unit:
    """What is to be deleted. A load balancer that is gone never comes back. What several need may be needed again at any time, so
    that is the unit itself."""
    need = marked.need
    unit_id, kind, key = (
        (shared_id(lane.id, need), need.kind, need.key) if need else (f"{lane.id}/{KIND}/{marked.unit_id}", KIND, marked.unit_id)
    )
    return Unit(id=unit_id, kind=kind, key=key, lane_id=lane.id, backend=lane.backend, deleted=1, behind_since=now)
