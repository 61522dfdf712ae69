"""How much projects may have. It is counted in the transaction that adds an object, and in the one in which it is gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from bascule.model.errors import QuotaMet
from bascule.model.objects import Kind, Object, Tree
from bascule.model.status import Provisioning
from bascule.store import quotas
from bascule.store.engine import Database
from bascule.store.quotas import Counts
from bascule.store.trees import Stored

Limits = Mapping[Kind, int]
"""How many objects of each kind there may be: -1 for as many as are wanted."""


class Quotas:
    """Sets and shows limits. `defaults` are those of projects for which nobody has set any."""

    def __init__(self, database: Database, defaults: Counts) -> None:
        self._database = database
        self.defaults: Limits = {kind: defaults.get(kind, quotas.UNLIMITED) for kind in Kind}

    def of(self, project_id: str) -> Limits:
        """The limits of a project. Every text is one."""
        with self._database.read() as conn:
            return self._filled(quotas.one(conn, project_id))

    def listed(self, project_id: str | None) -> Sequence[tuple[str, Limits]]:
        """The limits of projects for which some were set, by project; only of this project where one is given."""
        with self._database.read() as conn:
            return [(each.project_id, self._filled(each)) for each in quotas.limited(conn, project_id)]

    def limit(self, project_id: str, limits: Mapping[Kind, int | None]) -> Limits:
        """Set limits of a project; None for the default. Those that are not named stay. What is there already stays, too.

        Gives the limits that there are then.
        """

        def work(conn: sa.Connection) -> quotas.Quota:
            quotas.limit(conn, project_id, limits)
            return quotas.one(conn, project_id)

        return self._filled(self._database.write(work))

    def reset(self, project_id: str) -> None:
        """Have all defaults apply to a project again."""
        self.limit(project_id, dict.fromkeys(Kind))

    def _filled(self, found: quotas.Quota) -> Limits:
        return {kind: self.defaults[kind] if limit is None else limit for kind, limit in found.limits.items()}


def take(conn: sa.Connection, before: Tree | None, after: Tree, defaults: Counts) -> None:
    """Count the objects that an edit adds. Raises QuotaMet where the project may not have so many.

    To be called last, for the quota's row is the last one that is held.
    """
    added = _counted(each for each in after.unlike(before) if before is None or before.get(each.id) is None)
    if not added:
        return
    growth = Counter(added)
    if before is not None:
        growth.subtract(_counted(each for each in before.children.values() if each.id not in after.children))
    if exceeded := quotas.take(conn, after.load_balancer.project_id, added, growth, defaults):
        raise QuotaMet(exceeded)


def give_back(conn: sa.Connection, changes: Iterable[tuple[Stored | None, Stored | None]]) -> None:
    """Count what is gone of load balancers, each as it was and as it is. To be called last, as `take`."""
    gone: dict[str, Counter[Kind]] = {}
    for before, after in changes:
        if before is not None and after is not None:
            there = {each.id for each in _there(after)}
            project = gone.setdefault(before.tree.load_balancer.project_id, Counter())
            project.update(_counted(each for each in _there(before) if each.id not in there))
    quotas.give_back(conn, gone)


def _there(stored: Stored) -> list[Object]:
    """What counts: everything that is wanted or leaving, as long as it is not gone."""
    root = stored.tree.load_balancer
    below: list[Object] = [*stored.tree.children.values(), *stored.leaving.values()]
    return below if stored.standings[root.id].provisioning_status is Provisioning.DELETED else [root, *below]


def _counted(objects: Iterable[Object]) -> Counter[Kind]:
    return Counter(each.kind for each in objects)
