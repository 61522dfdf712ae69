"""How long it takes to choose what is worked on next in a lane, with few and many units due in it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bascule.store import due, lanes, units
from bascule.store.engine import Database
from bascule.store.tables import unit
from bench import seed, standard
from bench.databases import Databases

_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How many units are due, of how many projects, and how often it is chosen among them."""

    due: tuple[int, ...] = (0, 10_000, 100_000)
    projects: int = 500
    rounds: int = 50


@dataclass(frozen=True, slots=True)
class Times:
    """Medians in milliseconds: to find the lanes in which something is due, and to choose 50 units of one."""

    find: float
    choose: float


def measure(databases: Databases, effort: Effort, say: Callable[[str], None]) -> dict[int, Times]:
    """The times by the number of units that are due."""
    found = {}
    for count in effort.due:
        say(f"{databases.name}: choosing among {count} due units")
        database = Database(databases.holding(1))
        _fill(database, count, effort.projects)
        found[count] = _times(database, effort.rounds)
        database.close()
    return found


def _fill(database: Database, count: int, projects: int) -> None:
    """Edits in the lane of the seed. Every other one is of one project."""
    now = time.time()
    for start in range(0, count, _AT_ONCE):
        rows: list[dict[str, Any]] = []
        for number in range(start, min(start + _AT_ONCE, count)):
            project_id = standard.PROJECT if number % 2 else f"project-{number % projects}"
            new = units.Unit(
                id=f"due-{number}", kind=units.LOAD_BALANCER, key=f"due-{number}", project_id=project_id, lane_id=seed.LANE,
                backend="memory", due_at=now + number / 1e6,
            )  # fmt: skip
            rows.append({name: getattr(new, name) for name in units.Unit.__dataclass_fields__})
        database.write(lambda conn, rows=rows: conn.execute(unit.insert(), rows))  # type: ignore[misc]
    if database.dialect != "sqlite":
        analyze = "ANALYZE TABLE unit" if database.dialect == "mysql" else "ANALYZE unit"
        database.write(lambda conn: conn.exec_driver_sql(analyze))


def _times(database: Database, rounds: int) -> Times:
    turns, now = due.Turns(), time.time() + 3600
    find, choose = [], []
    for _ in range(rounds):
        with database.read() as conn:
            conn.execute(sa.text("SELECT 1"))
            begun = time.perf_counter()
            lanes.with_due(conn, now)
            found = time.perf_counter()
            due.together(conn, seed.LANE, now, 50, turns)
            find.append(found - begun)
            choose.append(time.perf_counter() - found)
    return Times(statistics.median(find) * 1000, statistics.median(choose) * 1000)
