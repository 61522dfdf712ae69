"""Bringing a database to the tables that this version of Bascule needs.

Alembic is imported only where migrations are run or listed: it costs 12 MB, and every process asks whether all is well.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bascule.store.engine import Database

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0001"
"""The newest migration."""


class Outdated(Exception):
    """The database is not at the newest migration. The text says where it is and what to do."""


def current(database: Database) -> str | None:
    """The migration that the database is at; None for one that is empty."""
    version = sa.table("alembic_version", sa.column("version_num", sa.String))
    with database.read() as conn:
        if not sa.inspect(conn).has_table("alembic_version"):
            return None
        return conn.scalar(sa.select(version.c.version_num))


def check(database: Database) -> None:
    """Raises Outdated unless the database is at the newest migration."""
    found = current(database)
    if found != HEAD:
        place = f"at migration {found}" if found else "empty"
        raise Outdated(f"the database is {place}; this version needs {HEAD}: run bascule-db-manage upgrade")


def history() -> list[tuple[str, str]]:
    """Every migration and what it does, oldest first."""
    from alembic.script import ScriptDirectory

    newest_first = ScriptDirectory.from_config(_config()).walk_revisions()
    return [(step.revision, step.doc) for step in newest_first][::-1]


def upgrade(database: Database) -> None:
    """Run the migrations that are missing.

    SQLite and PostgreSQL run all of them or none. MariaDB commits every change of a table by itself: after a crash, run
    it again. Raises Outdated for a database that a newer version has migrated.
    """
    found = current(database)
    if found not in {None, *(revision for revision, _ in history())}:
        raise Outdated(f"the database is at migration {found}, which this version does not know; its newest is {HEAD}")
    database.write(_upgrade)


def _upgrade(conn: sa.Connection) -> None:
    from alembic import command

    config = _config()
    config.attributes["connection"] = conn
    command.upgrade(config, "head")


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    # Config reads values as configparser does, to which % is special.
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    return config
