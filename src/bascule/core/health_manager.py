"""The health manager: asks data planes what they see, and has the recorder write down what is new."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from bascule.core.recorder import Recorder
from bascule.model.backend import Backend
from bascule.model.status import Report
from bascule.store import lanes, observed
from bascule.store.engine import Database

LOG = logging.getLogger(__name__)

_CHUNK = 200
"""How many load balancers are asked for, and written down, at a time."""


class HealthManager:
    """Watches the lanes of its backends whose tags it has."""

    def __init__(
        self, database: Database, backends: Mapping[str, Backend], recorder: Recorder, *, tags: Sequence[str] = ()
    ) -> None:
        self._database = database
        self._backends = backends
        self._recorder = recorder
        self._tags = frozenset(tags)
        self._last: dict[tuple[str, str], Report] = {}

    def tick(self) -> bool:
        """Ask every lane once. Tells whether anything was new."""
        with self._database.read() as conn:
            mine = [
                (lane, observed.serving(conn, lane.id))
                for lane in lanes.load(conn)
                if lane.backend in self._backends and self._tags.issuperset(lane.tags)
            ]
        seen: dict[tuple[str, str], Report] = {}
        news = False
        for lane, ids in mine:
            for start in range(0, len(ids), _CHUNK):
                reports = self._ask(self._backends[lane.backend], lane.id, ids[start : start + _CHUNK])
                fresh = [each for each in reports if not self._is_known(each)]
                self._recorder.report(fresh)
                self._recorder.count([each for each in reports if self._last.get((each.unit_id, each.carrier)) != each])
                seen |= {(each.unit_id, each.carrier): each for each in reports}
                news = news or bool(fresh)
        self._last = seen
        return news

    def _is_known(self, report: Report) -> bool:
        """Whether a report says, but for its counters, what the last one said. One that is not alive is never old news:
        the carrier may have come back and died again in between."""
        last = self._last.get((report.unit_id, report.carrier))
        if last is None or not (last.alive and report.alive):
            return False
        return (last.listeners, last.members, last.places) == (report.listeners, report.members, report.places)

    def _ask(self, backend: Backend, lane_id: str, ids: Sequence[str]) -> Sequence[Report]:
        """The reports of some load balancers; none where the lane cannot be asked: then nothing is known to have changed."""
        try:
            return backend.report(lane_id, ids)
        except Exception:
            LOG.exception("lane %s cannot be asked", lane_id)
            return []
