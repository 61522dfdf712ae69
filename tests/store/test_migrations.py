from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from bascule.model.backend import Fence
from bascule.store import meta, migrate
from bascule.store.engine import Database
from bascule.store.tables import metadata
from tests.conftest import SERVERS


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    database = Database(empty_url)
    yield database
    database.close()


def table_names(database: Database) -> set[str]:
    with database.read() as conn:
        return set(sa.inspect(conn).get_table_names())


def differences(database: Database) -> list[object]:
    with database.read() as conn:
        return compare_metadata(MigrationContext.configure(conn, opts={"compare_server_default": True}), metadata)


def test_migrations_make_the_tables_that_the_code_knows(empty: Database) -> None:
    migrate.upgrade(empty)
    assert differences(empty) == []
    assert table_names(empty) == {*metadata.tables, "alembic_version"}


def test_differences_would_be_seen(database: Database) -> None:
    def work(conn: sa.Connection) -> None:
        conn.exec_driver_sql("ALTER TABLE pool ADD COLUMN unknown INTEGER")
        conn.exec_driver_sql("DROP TABLE seen")

    database.write(work)
    assert sorted(change[0] for change in differences(database)) == ["add_table", "remove_column"]


@pytest.mark.parametrize("database_url", SERVERS[1:], indirect=True)
def test_every_table_compares_text_exactly(database: Database) -> None:
    with database.read() as conn:
        rows = conn.exec_driver_sql(
            "SELECT table_name, engine, table_collation FROM information_schema.tables WHERE table_schema = database()"
        ).all()
        columns = conn.exec_driver_sql(
            "SELECT DISTINCT collation_name FROM information_schema.columns WHERE table_schema = database()"
            " AND data_type = 'varchar' AND table_name <> 'alembic_version'"
        ).scalars()
        assert columns.all() == ["utf8mb4_nopad_bin"]
    made = {name: (engine, collation) for name, engine, collation in rows if name != "alembic_version"}
    assert made == dict.fromkeys(metadata.tables, ("InnoDB", "utf8mb4_nopad_bin"))


def test_an_upgrade_that_has_nothing_to_do_does_nothing(database: Database) -> None:
    epoch = database.write(meta.new_epoch)
    migrate.upgrade(database)
    with database.read() as conn:
        assert meta.epoch(conn) == epoch


def test_an_upgrade_goes_on_after_a_crash(empty: Database) -> None:
    migrate.upgrade(empty)

    def interrupt(conn: sa.Connection) -> None:
        conn.exec_driver_sql("DELETE FROM alembic_version")
        conn.exec_driver_sql("DROP TABLE meta")
        next(iter(metadata.tables["claim"].indexes)).drop(conn)

    empty.write(interrupt)
    migrate.upgrade(empty)
    assert differences(empty) == []
    with empty.read() as conn:
        assert meta.epoch(conn) == 1


@pytest.mark.parametrize("empty_url", ["sqlite", SERVERS[0]], indirect=True)
def test_an_upgrade_that_fails_leaves_nothing(empty: Database) -> None:
    empty.write(lambda conn: conn.exec_driver_sql("CREATE TABLE meta (somebody_elses INTEGER)"))
    with pytest.raises(sa.exc.DBAPIError):
        migrate.upgrade(empty)
    assert table_names(empty) == {"meta"}


def test_an_empty_database_is_outdated(empty: Database) -> None:
    assert migrate.current(empty) is None
    with pytest.raises(migrate.Outdated, match=f"is empty; this version needs {migrate.NEEDED}: run bascule-db-manage upgrade"):
        migrate.check(empty)


def test_a_migrated_database_is_not(database: Database) -> None:
    assert migrate.current(database) == migrate.HEAD
    migrate.check(database)


def test_a_database_of_a_newer_version_is_left_alone(sqlite_database: Database) -> None:
    sqlite_database.write(lambda conn: conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(migrate.Outdated, match="at migration 9999, which this version does not know"):
        migrate.upgrade(sqlite_database)


def test_a_newer_version_that_only_added_something_may_run_beside(sqlite_database: Database) -> None:
    sqlite_database.write(lambda conn: conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9998'"))
    migrate.check(sqlite_database)
    sqlite_database.write(lambda conn: meta.set_oldest(conn, "9998"))
    with pytest.raises(migrate.Outdated, match="at migration 9998, for versions that know 9998; this one knows only up to"):
        migrate.check(sqlite_database)


def test_expanding_stops_before_anything_is_taken_away(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "NEEDED", "0001")  # as if what comes after it took something away
    migrate.upgrade(empty, expand=True)
    assert migrate.current(empty) == "0001"
    migrate.check(empty)
    migrate.upgrade(empty, expand=True)
    assert migrate.current(empty) == "0001"
    migrate.upgrade(empty)
    assert migrate.current(empty) == migrate.HEAD


def test_head_is_the_newest_migration() -> None:
    revisions = [revision for revision, _ in migrate.history()]
    assert revisions == sorted(revisions)
    assert revisions[-1] == migrate.HEAD


def test_epochs_only_grow(database: Database) -> None:
    with database.read() as conn:
        assert meta.epoch(conn) == 1
    second = database.write(meta.new_epoch)
    third = database.write(meta.new_epoch)
    assert 1 < second < third
    with database.read() as conn:
        assert meta.epoch(conn) == third


def test_an_installation_stays_what_it_is_until_it_is_told(database: Database) -> None:
    def is_now() -> str:
        with database.read() as conn:
            assert meta.fence(conn, 7) == Fence(meta.epoch(conn), 7)
            assert meta.fence(conn, 7).installation == meta.installation(conn)
            return meta.installation(conn)

    first = is_now()
    assert re.fullmatch("[0-9a-f]{12}", first)
    database.write(meta.new_epoch)
    migrate.upgrade(database)
    assert is_now() == first
    assert database.write(meta.new_installation) == is_now() != first


def test_no_two_databases_are_of_one_installation(tmp_path: Path) -> None:
    found = set()
    for name in ("one", "other"):
        made = Database(f"sqlite:///{tmp_path / name}.db")
        migrate.upgrade(made)
        with made.read() as conn:
            found.add(meta.installation(conn))
        made.close()
    assert len(found) == 2


def test_restoring_the_same_backup_twice_gives_two_epochs(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    first = sqlite_database.write(meta.new_epoch)
    sqlite_database.write(lambda conn: conn.exec_driver_sql("UPDATE meta SET value = '1' WHERE name = 'epoch'"))
    monkeypatch.setattr(meta.time, "time", lambda: first + 60.5)
    assert sqlite_database.write(meta.new_epoch) == first + 60
