"""Housekeeping: what is looked after slowly and all the time. Plain functions of the database; any number may run."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from bascule.core.certificates import CertificateLibrary
from bascule.core.renewal import Renewals
from bascule.store import placement, purge, units
from bascule.store.engine import Database
from bascule.store.units import Rank

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Intervals:
    """In seconds. `deleted_kept`: how long deleted load balancers and their events are kept. `events_kept`: how long any event is.
    `drift`: how often every load balancer is compared with what carries it. `secrets`: how long after a look at a certificate in
    use the next round looks at it again. `counters`: how often it is counted what lanes have been given. `rounds`: how often
    there is a round. `at_once`: how many of anything else a round takes, so that no round is long."""

    deleted_kept: float = 604800.0
    events_kept: float = 7776000.0
    drift: float = 3600.0
    secrets: float = 30.0
    counters: float = 600.0
    rounds: float = 60.0
    at_once: int = 100


class Housekeeping:
    """`clock` gives seconds since the epoch, UTC."""

    def __init__(
        self,
        database: Database,
        certificates: CertificateLibrary,
        intervals: Intervals | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._intervals = intervals or Intervals()
        self._clock = clock
        self._counted_at: float | None = None
        self._renewals = Renewals(
            database, certificates, every=self._intervals.secrets, at_once=self._intervals.at_once, clock=clock
        )

    def tick(self) -> bool:
        """One round of everything. Tells whether there is more to do at once."""
        more = any([self._database.write(self._purge), self._database.write(self._ask), self._renewals.look()])
        self._count()
        return more

    def _purge(self, conn: sa.Connection) -> bool:
        """Forget what has been deleted for long enough, and what is long past."""
        now, kept = self._clock(), self._intervals
        deleted = purge.units(conn, now - kept.deleted_kept, kept.at_once)
        past = purge.events(conn, now - kept.events_kept, kept.at_once)
        return kept.at_once in (deleted, past)

    def _ask(self, conn: sa.Connection) -> bool:
        """Make due what has not been compared with its carriers for long, and what should be due and is not."""
        now = self._clock()
        forgotten = units.forgotten(conn, self._intervals.at_once)
        if forgotten:
            LOG.error("units were behind and not due: %s", ", ".join(forgotten))
            units.ask(conn, forgotten, now, Rank.EDIT)
        units.ask(conn, units.unchecked(conn, now - self._intervals.drift, self._share(conn)), now, Rank.DRIFT)
        return bool(forgotten)

    def _share(self, conn: sa.Connection) -> int:
        """How many units one round has compared, so that all of them are by turns and devices have as much of it at any time."""
        return math.ceil(placement.given(conn) * self._intervals.rounds / self._intervals.drift) + 1

    def _count(self) -> None:
        """Count what lanes have been given, and put right what is counted otherwise.

        Mostly it is only looked at, in a snapshot, so that nobody who creates has to wait.
        """
        now = self._clock()
        if self._counted_at is not None and now - self._counted_at < self._intervals.counters:
            return
        with self._database.read() as conn:
            found = placement.wrong(conn)
        if found and (repaired := self._database.write(lambda conn: placement.repair(conn, found))):
            LOG.error("the counters of lanes were wrong and were put right: %s", ", ".join(repaired))
        self._counted_at = now
