"""Carriers that are processes of their own, for administrators to look at. There is no table of them: they are carriers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bascule.model.backend import Backend
from bascule.model.rules.text import CONTROL
from bascule.model.status import CarrierState, Statistics
from bascule.store import amphorae, shown
from bascule.store.amphorae import Amphora
from bascule.store.engine import Database

__all__ = ["Amphora", "Amphorae", "CarrierState"]


class Amphorae:
    """Shows the carriers of those backends that have processes."""

    def __init__(self, database: Database, backends: Mapping[str, Backend]) -> None:
        self._database = database
        self._backends = sorted(name for name, each in backends.items() if each.processes)

    def all(self, project_id: str | None, load_balancer_id: str | None) -> Sequence[Amphora]:
        """All of them, oldest first; only those of this project, and of this load balancer, where one is given."""
        if not all(CONTROL.search(each or "") is None for each in (project_id, load_balancer_id)):
            return ()
        with self._database.read() as conn:
            return amphorae.amphorae(conn, self._backends, project_id, load_balancer_id)

    def one(self, amphora_id: str) -> Amphora | None:
        """One of them."""
        if CONTROL.search(amphora_id):
            return None
        with self._database.read() as conn:
            return amphorae.find(conn, self._backends, amphora_id)

    def statistics(self, amphora: Amphora) -> Mapping[str, Statistics]:
        """What it has counted, by listener id."""
        with self._database.read() as conn:
            return shown.traffic(conn, amphora.load_balancer_id, amphora.name)
