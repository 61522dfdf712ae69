"""What doors read with. Every answer comes from one snapshot, in a number of statements that does not depend on its size."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from bascule.model.objects import Kind
from bascule.model.status import Statistics
from bascule.store import lists, meta, shown, trees
from bascule.store.engine import Database
from bascule.store.lists import Query, Shown
from bascule.store.trees import Place, Stored

__all__ = ["Place", "Query", "Reader", "Shown", "Stored"]


class Reader:
    """Reads objects. What is DELETED does not exist for it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def check(self) -> None:
        """Raises whatever keeps the database from being read."""
        with self._database.read() as conn:
            meta.epoch(conn)

    def one(self, kind: Kind, object_id: str) -> Shown | None:
        """One object, with the ids of what belongs to it."""
        return self._database.look(lambda conn: lists.one(conn, kind, object_id))

    def many(self, kind: Kind, query: Query) -> list[Shown]:
        """One page of the objects of a kind. Raises Invalid for an unknown marker."""
        if query.marker is None:
            return self._database.look(lambda conn: lists.many(conn, kind, query))
        with self._database.read() as conn:
            return lists.many(conn, kind, query)

    def stored(self, load_balancer_id: str) -> Stored | None:
        """A load balancer with everything below it, what is leaving included."""
        with self._database.read() as conn:
            return trees.load(conn, [load_balancer_id]).get(load_balancer_id)

    def locate(self, kind: Kind, object_id: str) -> Place | None:
        """The load balancer and the project that an object belongs to."""
        return self._database.look(lambda conn: trees.locate(conn, kind, object_id))

    def statistics(self, load_balancer_id: str) -> dict[str, Statistics]:
        """Traffic counters by listener id, summed over everything that has carried the load balancer."""
        with self._database.read() as conn:
            return shown.traffic(conn, load_balancer_id)

    def events(self, load_balancer_id: str, limit: int) -> list[sa.Row[Any]]:
        """What happened to a load balancer, newest first: at, generation, object_kind, object_id, text."""
        with self._database.read() as conn:
            return shown.events(conn, load_balancer_id, limit)

    def faults(self, load_balancer_id: str) -> dict[str, str]:
        """Why objects of a load balancer are in ERROR, in words for its owner, by object id."""
        with self._database.read() as conn:
            return shown.faults(conn, load_balancer_id)
