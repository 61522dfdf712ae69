"""bascule-db-manage: create and migrate the database, and tell it apart from what it was before it was restored or copied."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from bascule.cmd import settings
from bascule.cmd.values import SettingsError
from bascule.model.errors import Away
from bascule.store import meta, migrate
from bascule.store.engine import Database

NAME = "bascule-db-manage"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Gives the exit status: 0 done, 1 not done and the reason on standard error."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except sa.exc.DBAPIError as error:
        return _failed(f"the database cannot be used: {error.orig}")
    except (SettingsError, Away, migrate.Outdated, ValueError, ImportError, OSError) as error:
        return _failed(str(error))
    return 0


def _failed(text: str) -> int:
    print(f"{NAME}: {text}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=NAME, description="Look after the database of Bascule.")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--config-file",
        action="append",
        metavar="FILE",
        help=f"read settings from FILE; may be repeated. Default: ${settings.ENVIRONMENT}, then {settings.SYSTEM_FILE}",
    )
    where.add_argument("--database", metavar="URL", help="the database, instead of the one that the settings name")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    text = "create the tables, or bring them to what this version needs"
    upgrade = commands.add_parser("upgrade", help=text, description=text)
    upgrade.add_argument(
        "--expand",
        action="store_true",
        help="only add what is new, so that processes of the version before go on; without it, what they use is taken away too",
    )
    upgrade.set_defaults(run=_upgrade)
    for name, run, text in (
        ("current", _current, "show the migration that the database is at"),
        ("history", _history, "show every migration and what it does, oldest first"),
        ("new-epoch", _new_epoch, "to be run after the database was restored, before Bascule is started again"),
        ("installation", _installation, "show what marks this database's load balancers on devices that several databases share"),
        ("new-installation", _new_installation, "to be run in a copy of a database that is to be used beside the original"),
    ):
        commands.add_parser(name, help=text, description=text).set_defaults(run=run)
    return parser


@contextmanager
def _database(arguments: argparse.Namespace) -> Iterator[Database]:
    database = Database(arguments.database or settings.load(arguments.config_file).database.connection)
    try:
        yield database
    finally:
        database.close()


def _upgrade(arguments: argparse.Namespace) -> None:
    with _database(arguments) as database:
        before = migrate.current(database)
        migrate.upgrade(database, expand=arguments.expand)
        print(f"was: {before or 'empty'}, is: {migrate.current(database)}")


def _current(arguments: argparse.Namespace) -> None:
    with _database(arguments) as database:
        found = migrate.current(database)
    print(f"{found or 'empty'}{' (newest)' if found == migrate.HEAD else ''}")


def _history(_arguments: argparse.Namespace) -> None:
    for revision, text in migrate.history():
        print(f"{revision}  {text}")


def _new_epoch(arguments: argparse.Namespace) -> None:
    with _database(arguments) as database:
        migrate.check(database)
        print(f"epoch: {database.write(meta.new_epoch)}")


def _installation(arguments: argparse.Namespace) -> None:
    with _database(arguments) as database:
        migrate.check(database)
        with database.read() as conn:
            print(f"installation: {meta.installation(conn)}")


def _new_installation(arguments: argparse.Namespace) -> None:
    with _database(arguments) as database:
        migrate.check(database)
        print(f"installation: {database.write(meta.new_installation)}")
