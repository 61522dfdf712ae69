"""Choosing what is next in a lane: fair between projects, indifferent to clocks, as fast with many as with none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from bascule.store import due, lanes
from bascule.store.engine import Database
from bascule.store.tables import unit
from bascule.store.units import LOAD_BALANCER, Rank, Unit

pytestmark = pytest.mark.slow

LANE = "memory:0"
NOW = 1_000_000.0


def fill(database: Database, project_id: str, count: int, *, rank: Rank = Rank.EDIT, due_at: float | None = NOW) -> None:
    rows = [
        {name: getattr(each, name) for name in Unit.__dataclass_fields__}
        for each in (
            Unit(
                id=f"{project_id}-{rank}-{number:06d}", kind=LOAD_BALANCER, key="k", project_id=project_id, lane_id=LANE,
                backend="memory", rank=rank, due_at=None if due_at is None else due_at + number / 1000,
            )
            for number in range(count)
        )
    ]  # fmt: skip
    database.write(lambda conn: conn.execute(unit.insert(), rows))


def choose(
    database: Database, turns: due.Turns, how: due.Choose = due.together, now: float = NOW + 3600, limit: int = 50
) -> list[str]:
    """The ids of what is chosen, which is then due no more."""

    def work(conn: sa.Connection) -> list[str]:
        ids = [each.id for each in how(conn, LANE, now, limit, turns)]
        conn.execute(unit.update().where(unit.c.id.in_(ids)).values(due_at=None, rank=int(Rank.IDLE)))
        return ids

    return database.write(work)


def owners(ids: Sequence[str]) -> Counter[str]:
    return Counter(each.partition("-")[0] for each in ids)


def test_one_project_with_much_to_do_does_not_have_another_wait(sqlite_database: Database) -> None:
    fill(sqlite_database, "loud", 2000)
    fill(sqlite_database, "calm", 1, due_at=NOW + 1800)
    fill(sqlite_database, "slow", 100, due_at=NOW + 1800)
    turns = due.Turns()
    first = owners(choose(sqlite_database, turns))
    assert first["calm"] == 1
    assert first["slow"] >= 16
    assert sum(first.values()) == 50
    passes = 1
    while owners(choose(sqlite_database, turns))["slow"]:
        passes += 1
    assert passes <= 5


def test_a_thousand_projects_take_turns(sqlite_database: Database) -> None:
    fill(sqlite_database, "a", 3000)
    for number in range(300):
        fill(sqlite_database, f"p{number:04d}", 1, due_at=NOW + 1800)
    turns = due.Turns()
    seen: Counter[str] = Counter()
    for _ in range(10):
        seen += owners(choose(sqlite_database, turns))
    assert len(seen) == 301
    assert seen["a"] > 100


def test_with_a_batch_of_one_nobody_is_passed_over(sqlite_database: Database) -> None:
    for name in ("a", "b", "c"):
        fill(sqlite_database, name, 4)
    turns = due.Turns()
    seen = [next(iter(owners(choose(sqlite_database, turns, limit=1)))) for _ in range(6)]
    assert sorted(seen) == ["a", "a", "b", "b", "c", "c"]


def test_what_failed_goes_alone_and_projects_take_turns(sqlite_database: Database) -> None:
    fill(sqlite_database, "loud", 500, rank=Rank.ALONE)
    fill(sqlite_database, "calm", 1, rank=Rank.ALONE, due_at=NOW + 1800)
    fill(sqlite_database, "late", 1, rank=Rank.ALONE, due_at=NOW + 10_000)
    turns = due.Turns()
    chosen = [choose(sqlite_database, turns, due.alone) for _ in range(3)]
    assert all(len(each) == 1 for each in chosen)
    assert owners([each[0] for each in chosen]) == {"loud": 2, "calm": 1}


def test_what_was_waited_for_leaves_room_for_edits(sqlite_database: Database) -> None:
    fill(sqlite_database, "waiting", 100, rank=Rank.WAIT)
    fill(sqlite_database, "edited", 100, due_at=NOW + 1800)
    fill(sqlite_database, "drifting", 100, rank=Rank.DRIFT)
    assert owners(choose(sqlite_database, due.Turns())) == {"waiting": 25, "edited": 25}


def test_an_edit_is_found_whatever_the_clock_says(sqlite_database: Database) -> None:
    sqlite_database.write(lambda conn: lanes.ensure(conn, {"memory": [lanes.LaneSpec(LANE)]}))
    fill(sqlite_database, "ahead", 1, due_at=NOW + 3600)
    with sqlite_database.read() as conn:
        assert [each.id for each in lanes.with_due(conn, NOW)] == [LANE]
    assert owners(choose(sqlite_database, due.Turns(), now=NOW)) == {"ahead": 1}
    fill(sqlite_database, "paused", 1, rank=Rank.WAIT, due_at=NOW + 3600)
    with sqlite_database.read() as conn:
        assert lanes.with_due(conn, NOW) == []
    assert choose(sqlite_database, due.Turns(), now=NOW) == []


STATEMENTS: dict[str, Any] = {"oldest": due._OLDEST, "next": due._NEXT, "mine": due._MINE, "with due": lanes._WITH_DUE}
VALUES = {"b_lane": LANE, "b_rank": 0, "b_now": NOW + 3600, "b_limit": 50, "b_after": "p10", "b_project": "p11"}


def plan(conn: sa.Connection, statement: Any) -> str:
    """How the database answers a statement, in its own words; for MariaDB, how many rows and index entries it looked at."""
    text = str(statement.params(VALUES).compile(conn, compile_kwargs={"literal_binds": True}))
    if conn.dialect.name == "mysql":
        conn.exec_driver_sql("FLUSH STATUS")
        conn.exec_driver_sql(text).all()
        counters = conn.exec_driver_sql("SHOW SESSION STATUS LIKE 'Handler_read%%'").all()
        how = conn.exec_driver_sql(f"EXPLAIN {text}").first()
        return f"{sum(int(value) for _, value in counters)} {how}"
    how = "EXPLAIN QUERY PLAN" if conn.dialect.name == "sqlite" else "EXPLAIN"
    return "\n".join(str(row) for row in conn.exec_driver_sql(f"{how} {text}"))


def test_choosing_walks_along_an_index(database: Database) -> None:
    database.write(lambda conn: lanes.ensure(conn, {"memory": [lanes.LaneSpec(LANE)]}))
    for number in range(20):
        fill(database, f"p{number:02d}", 250)
    database.write(lambda conn: conn.exec_driver_sql("ANALYZE TABLE unit" if database.dialect == "mysql" else "ANALYZE"))
    with database.read() as conn:
        for name, statement in STATEMENTS.items():
            found = plan(conn, statement)
            if database.dialect == "mysql":
                assert int(found.split()[0]) < 200, (name, found)
                assert "index condition" not in found or name in {"oldest", "with due"}, (name, found)
            else:
                assert "ix_unit_lane_" in found, (name, found)
                assert not any(word in found for word in ("Sort", "TEMP B-TREE", "Seq Scan on unit", "SCAN unit")), (name, found)
