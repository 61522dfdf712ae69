"""Bringing a database to the tables that this version of Bascule needs.

Alembic is imported only where migrations are run or listed: it costs 12 MB, and every process asks whether all is well.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bascule.store import meta
from bascule.store.engine import Database

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0002"
"""The newest migration."""

NEEDED = "0002"
"""The newest migration that adds something: this version cannot work without it. Those after it only take away what this version
does not use any more, but what the version before it still does."""


class Outdated(Exception):
    """The database is not for this version. The text says where it is and what to do."""


def current(database: Database) -> str | None:
    """The migration that the database is at; None for one that is empty."""
    version = sa.table("alembic_version", sa.column("version_num", sa.String))
    with database.read() as conn:
        if not sa.inspect(conn).has_table("alembic_version"):
            return None
        return conn.scalar(sa.select(version.c.version_num))


def check(database: Database) -> None:
    """Raises Outdated unless this version can work with the database.

    It can with one to which a newer version has added something, and taken nothing away: then processes of both run side by side.
    """
    found = current(database)
    if found is None or found < NEEDED:
        place = f"at migration {found}" if found else "empty"
        raise Outdated(f"the database is {place}; this version needs {NEEDED}: run bascule-db-manage upgrade")
    with database.read() as conn:
        oldest = meta.oldest(conn)
    if oldest > HEAD:
        raise Outdated(f"the database is at migration {found}, for versions that know {oldest}; this one knows only up to {HEAD}")


def history() -> list[tuple[str, str]]:
    """Every migration and what it does, oldest first."""
    from alembic.script import ScriptDirectory

    newest_first = ScriptDirectory.from_config(_config()).walk_revisions()
    return [(step.revision, step.doc) for step in newest_first][::-1]


def upgrade(database: Database, *, expand: bool = False) -> None:
    """Run the migrations that are missing; with `expand`, only those that the version before this one can live with.

    SQLite and PostgreSQL run all of them or none. MariaDB commits every change of a table by itself: after a crash, run
    it again. Raises Outdated for a database that a newer version has migrated.
    """
    found = current(database)
    if found not in {None, *(revision for revision, _ in history())}:
        raise Outdated(f"the database is at migration {found}, which this version does not know; its newest is {HEAD}")
    if not expand or (found or "") < NEEDED:
        database.write(lambda conn: _upgrade(conn, NEEDED if expand else "head", found))


def _upgrade(conn: sa.Connection, target: str, found: str | None) -> None:
    from alembic import command

    config = _config()
    config.attributes["connection"] = conn
    if target == "head" and found is not None:
        meta.set_oldest(conn, NEEDED)  # first, so that no older process starts on what is being taken away
    command.upgrade(config, target)
    if found is None:
        meta.set_oldest(conn, NEEDED)


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    # Config reads values as configparser does, to which % is special.
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    return config
