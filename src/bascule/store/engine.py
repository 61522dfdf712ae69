"""The database: transactions that read one snapshot, transactions that write."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from prometheus_client import Counter

from bascule.model.errors import Away
from bascule.store.connections import Connections
from bascule.store.dialects import DIALECTS
from bascule.store.turns import Turns

T = TypeVar("T")

RETRIES = Counter("bascule_database_retries", "Transactions that were tried again, for others or a lost link.")

ATTEMPTS = 12
"""How often a write is tried when other writers are in the way, or the database goes away before the commit."""

PAUSE = 0.02
"""Seconds: the longest pause after the first attempt; it doubles from one attempt to the next."""

LONGEST_PAUSE = 1.0
"""Seconds: pauses do not grow beyond this."""

PATIENCE = 30.0
"""Seconds after which a write is not tried again, however often it was."""


class Database:
    """One database. May be shared by threads; a process that forks makes its own.

    `url` is an SQLAlchemy URL: `sqlite:////path`, `postgresql+psycopg://...` or `mysql+pymysql://...` (MariaDB).
    Raises ValueError for any other and for a file that is no database. A SQLite file that does not exist is created,
    readable by its owner only.
    Up to `pool_size` connections are opened to read and as many to write. `dialect` is SQLAlchemy's name for the kind of
    database; `mysql` is MariaDB. `engines` are the two that read and write: together they see every statement.
    Whatever reads or writes raises Away where the database cannot be reached, or others are in the way for too long. What else the
    database has to say comes as SQLAlchemy's errors.
    """

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        address = _checked(url)
        self._turns: Turns | None = None
        if address.drivername == "sqlite":
            path = _prepare_file(address)
            self._turns = Turns(path)
            address = address.set(database=path)
        self.dialect = address.get_backend_name()
        self._ways = DIALECTS[self.dialect]
        self._ahead = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        # One engine each, so that connections are set up once for what they do and not anew for every transaction.
        reading = self._engine(address, reads=True)
        self._readers = Connections(reading, pool_size)
        writing = self._engine(address, reads=False)
        self._writers = Connections(writing, pool_size)
        self.engines = (reading, writing)

    def _engine(self, address: sa.URL, *, reads: bool) -> sa.Engine:
        engine = sa.create_engine(
            address,
            poolclass=sa.NullPool,
            json_serializer=lambda value: msgspec.json.encode(value).decode(),
            json_deserializer=msgspec.json.Decoder().decode,
            **self._ways.engine,
            **(self._ways.read if reads else self._ways.write),
        )
        self._ways.install(engine, reads)
        if self._ways.now:
            sa.event.listen(engine, "connect", self._compare_clocks)
        return engine

    def _compare_clocks(self, dbapi: Any, _record: object) -> None:
        """Note by how much the server's clock is ahead of this machine's time since its start, which nobody sets."""
        with closing(dbapi.cursor()) as cursor:
            cursor.execute(self._ways.now)
            self._ahead = float(cursor.fetchone()[0]) - time.clock_gettime(time.CLOCK_BOOTTIME)
        dbapi.rollback()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection that sees one snapshot of the database, taken when it is first used, and cannot write."""
        connected = False
        try:
            # Ended by a commit: psycopg forgets the statements that it has prepared when a transaction is rolled back.
            with self._readers.one() as conn, conn.begin():
                connected = True
                yield conn
        except sa.exc.DBAPIError as error:
            if self._ways.is_away(error, connected):
                raise self._away(error) from error
            raise

    def look(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work`, which reads in a single `Ready` statement, and return what it returned. It takes no transaction for that.

        `work` runs a second time if the connection was lost.
        """
        again = True
        while True:
            connected = False
            try:
                with self._readers.one() as conn:
                    connected = True
                    return work(conn)
            except sa.exc.DBAPIError as error:
                if not self._ways.is_away(error, connected):
                    raise
                if not (again and error.connection_invalidated):
                    raise self._away(error) from error
            again = False
            self._readers.close()  # the others are most likely lost, too

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in one transaction, commit it, return what it returned.

        `work` runs again from the start when other writers were in the way, or the database was lost before the commit
        began, so it must do nothing but use its connection. What it raises rolls everything back and is passed on. Raises Away when
        the last attempt failed, or at once when the database was lost in the commit.
        """
        begun, attempt = time.monotonic(), 1
        while True:
            connected = committing = False
            try:
                with self._turn(), self._writers.one() as conn, conn.begin():
                    connected = True
                    done = work(conn)
                    committing = True
                return done
            except sa.exc.DBAPIError as error:
                if not self._ways.is_away(error, connected):
                    raise
                unsure = committing and not self._ways.is_passing(error)
                if unsure or attempt == ATTEMPTS or time.monotonic() - begun > PATIENCE:
                    raise self._away(error, unsure=unsure) from error
            RETRIES.inc()
            time.sleep(random.uniform(0, min(PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE)))
            attempt += 1

    def _away(self, error: sa.exc.DBAPIError, *, unsure: bool = False) -> Away:
        why = "was lost in a commit" if unsure else "is busy" if self._ways.is_passing(error) else "cannot be reached"
        return Away(f"the database {why}: {' '.join(str(error.orig).split())}", unsure=unsure)

    def clock(self) -> float:
        """The time in seconds since the epoch, as all who use this database see it: that of its server, or of this machine."""
        return self._ahead + time.clock_gettime(time.CLOCK_BOOTTIME) if self._ways.now else time.time()

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._readers.close()
        self._writers.close()

    def _turn(self) -> AbstractContextManager[None]:
        # The turn comes before the connection, so that those who wait for one leave the connections to the readers.
        return self._turns.turn() if self._turns else nullcontext()


def _checked(url: str) -> sa.URL:
    try:
        address = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise ValueError("the database URL cannot be read; it looks like sqlite:////path/to/file") from None
    if address.drivername not in {"sqlite", "postgresql+psycopg", "mysql+pymysql"}:
        raise ValueError(
            f"the database URL begins with {address.drivername}; allowed are sqlite, postgresql+psycopg, mysql+pymysql"
        )
    if address.drivername == "sqlite" and (address.database or ":memory:").startswith((":", "file:")):
        raise ValueError("a SQLite database is a file: sqlite:////path/to/file")
    return address


def _prepare_file(address: sa.URL) -> str:
    """Create the file and its folder where they do not exist, for the owner only. Returns the file's real path."""
    path = os.path.realpath(str(address.database))
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    if os.path.isdir(path):
        raise ValueError(f"{path} is a directory")
    with suppress(FileExistsError):
        # A file that is there must not be opened and closed: that would undo the locks that SQLite has on it for this process, and
        # the next process that closes the database would take itself for the last one and remove the log that is still written to.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    # The write-ahead log is a property of the file. Setting it needs the file for oneself for a moment, hence the turn.
    try:
        with Turns(path).turn(), closing(sqlite3.connect(path, timeout=10)) as file:
            file.execute("PRAGMA journal_mode = wal")
    except sqlite3.Error as error:
        raise ValueError(f"{path} cannot be used as a SQLite database: {error}") from error
    return path
