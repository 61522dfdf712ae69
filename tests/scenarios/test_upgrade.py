"""A rolling upgrade: processes of the version before write what they always wrote, while those of this version work beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command

from bascule.store import migrate
from bascule.store.engine import Database
from bascule.store.tables import metadata
from tests.conftest import KINDS
from tests.scenarios.world import World, standard

BEFORE = "0001"
"""The migration that the version before this one knows."""


class Previous:
    """The tables as the version before knows them: it names these columns in everything it writes, and no others."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.tables = sa.MetaData()
        with database.read() as conn:
            self.tables.reflect(conn)

    def take_over(self, world: World) -> None:
        """Put everything into the database that a world has in its own."""
        ours = [table for table in self.tables.sorted_tables if table.name != "alembic_version"]
        with world.database.read() as conn:
            rows = {table: _rows(conn, table) for table in ours}

        def write(conn: sa.Connection) -> None:
            for table, found in rows.items():
                conn.execute(table.delete())
                if found:
                    conn.execute(metadata.tables[table.name].insert(), found)

        self.database.write(write)

    def rename(self, load_balancer_id: str, name: str, now: float) -> None:
        """An edit, as the version before makes it."""
        unit, load_balancer = self.tables.tables["unit"], self.tables.tables["load_balancer"]

        def write(conn: sa.Connection) -> None:
            bump = {"generation": unit.c.generation + 1, "asked": unit.c.asked + 1, "due_at": now, "rank": 0, "attempts": 0}
            conn.execute(unit.update().where(unit.c.id == load_balancer_id).values(bump))
            generation = conn.scalar(sa.select(unit.c.generation).where(unit.c.id == load_balancer_id))
            edit = {"name": name, "changed": generation, "provisioning_status": "PENDING_UPDATE"}
            conn.execute(load_balancer.update().where(load_balancer.c.id == load_balancer_id).values(edit))

        self.database.write(write)


def _rows(conn: sa.Connection, known: sa.Table) -> list[dict[str, object]]:
    """The rows of a table, with the columns that are known and their values as this version understands them."""
    table = metadata.tables[known.name]
    return [dict(row._mapping) for row in conn.execute(sa.select(*(table.c[each.name] for each in known.columns)))]


@pytest.fixture(params=KINDS)
def previous(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Previous]:
    """A database as the version before left it."""
    if request.param == "sqlite":
        yield from _at(f"sqlite:///{tmp_path / 'previous.db'}")
        return
    with request.getfixturevalue(request.param).empty() as url:
        yield from _at(url)


def _at(url: str) -> Iterator[Previous]:
    database = Database(url)

    def to_before(conn: sa.Connection) -> None:
        config = migrate._config()
        config.attributes["connection"] = conn
        command.upgrade(config, BEFORE)

    database.write(to_before)
    yield Previous(database)
    database.close()


def test_two_versions_work_side_by_side(previous: Previous, sqlite_database: Database, tmp_path: Path) -> None:
    before = World(sqlite_database, tmp_path / "certificates")
    carried = before.create()
    before.tick()
    waiting = before.create(standard("waiting"))
    previous.take_over(before)

    with pytest.raises(migrate.Outdated, match="run bascule-db-manage upgrade"):
        migrate.check(previous.database)
    migrate.upgrade(previous.database, expand=True)
    migrate.check(previous.database)

    world = World(previous.database, tmp_path / "certificates")
    world.device = before.device
    world.restart()
    assert world.unit(waiting.id).behind_since is not None
    assert world.unit(carried.id).behind_since is None
    previous.rename(carried.id, "by the version before", world.clock())
    assert world.status(carried.id) == "PENDING_UPDATE"
    world.settle()
    assert (world.status(carried.id), world.status(waiting.id)) == ("ACTIVE", "ACTIVE")
    assert world.stored(carried.id).tree.load_balancer.name == "by the version before"

    world.rename(carried.id, "by this version")
    previous.rename(carried.id, "by the version before, once more", world.clock())
    previous.rename(waiting.id, "waits no more", world.clock())
    world.settle()
    for each in (carried, waiting):
        unit = world.unit(each.id)
        assert (unit.behind_since, unit.observed, unit.due_at) == (None, unit.generation, None)
        assert world.status(each.id) == "ACTIVE"
        assert world.preview(each.id).plans == []

    migrate.upgrade(previous.database)
    world.delete(carried.id)
    world.settle()
    assert world.is_gone(carried.id)
