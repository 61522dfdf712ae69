"""What a process counts and times of its own work, for Prometheus, and what it reads of the work that is left from the database.

The names here are those that operators see; docs/operations.md lists them. Counters begin at 0 with every process.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bascule.model.errors import Away
from bascule.store import lanes, overview
from bascule.store.engine import Database

PASSES = Counter("bascule_passes", "Passes over units, by what came of them.", ["backend", "outcome"])
"""Outcomes: `done`; `refused`, all is as wanted but for what the data plane refuses; `wait`, it takes a while and nothing is wrong;
`retry`, it went wrong and is tried again."""

PHASES = Histogram(
    "bascule_pass_phase_seconds",
    "How long the phases of passes took. One unit is resolved and rendered at a time; the other phases are of a whole batch.",
    ["phase"],
    buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300),
)
LOAD, RESOLVE, RENDER, READ, APPLY, RECORD = (
    PHASES.labels(phase) for phase in ("load", "resolve", "render", "read", "apply", "record")
)

LEASES_LOST = Counter("bascule_leases_lost", "Lanes that were taken over by another worker while this one held them.")

DRIFT_REPAIRED = Counter("bascule_drift_repaired", "Load balancers that were found changed on their data plane and set right.")


WAKEUPS = Counter("bascule_broker_wakeups", "Wake-ups by way of the broker: `sent`, `failed` to be sent, `heard`.", ["outcome"])


class Backlog(Collector):
    """What is left to do, read when it is asked for. Every process could tell; one does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now. Costs nothing for what is idle, however much that is.

        While the database is away there are none, and the process still tells everything else.
        """
        now = self._database.clock()  # that by which it was written down since when something is due
        try:
            with self._database.read() as conn:
                every = [each.id for each in lanes.load(conn)]
                due, behind = overview.due(conn, now), overview.behind(conn)
        except (Away, sa.exc.SQLAlchemyError):
            return
        oldest = GaugeMetricFamily(
            "bascule_oldest_change_seconds", "Age of the oldest change that is not carried out yet, in a lane.", labels=["lane"]
        )
        units = GaugeMetricFamily("bascule_due_units", "Units that are due now, in a lane.", labels=["lane"])
        for lane in every:
            units.add_metric([lane], due.get(lane, (0, now))[0])
            oldest.add_metric([lane], max(now - behind.get(lane, now), 0.0))
        yield oldest
        yield units

    def describe(self) -> Iterator[Metric]:
        """Nothing: so that registering does not ask the database."""
        return iter(())
