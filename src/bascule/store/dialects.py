"""What differs between SQLite, PostgreSQL and MariaDB in how transactions begin and fail.

| | read | write |
|---|---|---|
| SQLite | a snapshot of the write-ahead log; never waits for writers | `BEGIN IMMEDIATE`, in turns |
| PostgreSQL, MariaDB | REPEATABLE READ, read only | READ COMMITTED |

Writes are READ COMMITTED because whoever writes first updates the row that guards what it is about to change (a unit, a
lane, a project's quota). That update waits for those who came before; everything read after it must be what they left,
and not a snapshot that was taken earlier.

Connections that read begin no transaction by themselves: a single statement is a snapshot of its own, without one.

Nodes of Galera are asked to have taken over what was committed on the others before they answer, so that whoever reads on one what
was written on another finds it. It costs one round trip between the nodes for each transaction.

On the servers nobody waits for a lock for ever, and a client that vanished with a transaction open is thrown out.
"""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How to talk to one kind of database.

    `engine` are options of both engines, `read` and `write` those of one of them, `install` prepares an engine's connections.
    `code` is what the database itself calls an error. `passing` are those that say that nothing was written because other writers
    were in the way: deadlock, lock wait timeout, serialization or certification failure; or because a node of a cluster is not
    ready. A lost connection is not among them: nobody knows whether a commit went through. `ending` are those that a server
    that is being stopped gives before it closes the connection.
    `now` asks the server for its time, in seconds since the epoch; it is empty where there is no server.
    """

    engine: Mapping[str, Any]
    read: Mapping[str, Any]
    write: Mapping[str, Any]
    install: Callable[[sa.Engine, bool], None]
    code: Callable[[Any], Any]
    passing: frozenset[int | str]
    ending: frozenset[int | str] = frozenset()
    now: str = ""

    def is_passing(self, error: sa.exc.DBAPIError) -> bool:
        """Whether trying the same transaction again may help."""
        return error.orig is not None and self.code(error.orig) in self.passing

    def is_away(self, error: sa.exc.DBAPIError, connected: bool) -> bool:
        """Whether it says only that the database cannot be used now. `connected`: a moment ago it could."""
        lost = error.connection_invalidated or not connected
        return lost or (error.orig is not None and self.code(error.orig) in self.passing | self.ending)


SYNCHRONOUS = "full"
"""Every commit to SQLite waits for the disk: what was answered outlives a loss of power, and no data plane knows a newer owner
then."""

_VANISHED = 15
"""Seconds after which a client that has a transaction open and says nothing is thrown out: a lease. So what it had locked, such as
a lane, is free when others may take it. Nobody waits for anything but the database in a transaction."""

# Nothing here listens to "begin": where anybody listens to that, SQLAlchemy looks for listeners at every single statement.


def _sqlite(engine: sa.Engine, reads: bool) -> None:
    @sa.event.listens_for(engine, "connect")
    def connect(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None  # Left to itself, the driver begins a transaction only before the first write.
        dbapi.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
        dbapi.execute(f"PRAGMA query_only = {reads:d}")

    words = "BEGIN" if reads else "BEGIN IMMEDIATE"

    def begin(dbapi: Any) -> None:
        dbapi.execute(words)

    engine.dialect.do_begin = begin  # type: ignore[method-assign, assignment]


def _postgresql(engine: sa.Engine, reads: bool) -> None:
    @sa.event.listens_for(engine, "connect")
    def connect(dbapi: Any, _record: Any) -> None:
        dbapi.autocommit = reads
        dbapi.execute("SET lock_timeout = '10s'")
        dbapi.execute(f"SET idle_in_transaction_session_timeout = '{_VANISHED}s'")
        if reads:
            dbapi.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        else:
            dbapi.commit()

    def begin(dbapi: Any) -> None:
        dbapi.execute("BEGIN")

    if reads:
        engine.dialect.do_begin = begin  # type: ignore[method-assign, assignment]


def _mariadb(engine: sa.Engine, reads: bool) -> None:
    @sa.event.listens_for(engine, "connect")
    def connect(dbapi: Any, _record: Any) -> None:
        dbapi.autocommit(reads)
        with dbapi.cursor() as cursor:
            # TRADITIONAL: a value that does not fit is an error, as it is for PostgreSQL.
            cursor.execute("SET SESSION sql_mode = 'TRADITIONAL', innodb_lock_wait_timeout = 10")
            cursor.execute(f"SET SESSION idle_transaction_timeout = {_VANISHED}")
            cursor.execute(f"SET SESSION TRANSACTION READ {'ONLY' if reads else 'WRITE'}")
            cursor.execute(f"SET SESSION group_concat_max_len = {2**30}")  # The ids of all members of a pool stand in one text.
            cursor.execute("SHOW VARIABLES LIKE 'wsrep_on'")
            if (cursor.fetchone() or ("", "OFF"))[1] == "ON":
                # A node of Galera answers only when it has taken over what was committed on any other before.
                cursor.execute("SET SESSION wsrep_sync_wait = 7")
        _notice_cut_links(dbapi._sock)

    def begin(dbapi: Any) -> None:
        dbapi.begin()

    if reads:
        engine.dialect.do_begin = begin  # type: ignore[method-assign, assignment]

    @sa.event.listens_for(engine, "handle_error")
    def handle_error(context: sa.engine.ExceptionContext) -> None:
        # The next connection may lead to another node.
        if getattr(context.original_exception, "args", ())[:1] == (_NOT_READY,):
            context.is_disconnect = True


def _notice_cut_links(link: socket.socket) -> None:
    """Have the kernel give up a connection over which nothing gets through, which would else take it hours."""
    if link.family != socket.AF_UNIX:
        for option, value in ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 4)):
            link.setsockopt(socket.IPPROTO_TCP, option, value)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000)


_NO_SAVEPOINT = 1305
"""What MariaDB says of a savepoint of ours when the whole transaction was rolled back meanwhile, as after a deadlock."""

_NOT_READY = 1047
"""What a node of Galera says that is no part of its cluster, or not yet."""

DIALECTS = {
    "sqlite": Dialect(
        engine={"connect_args": {"timeout": 10}},
        read={},
        write={},
        install=_sqlite,
        passing=frozenset({sqlite3.SQLITE_BUSY}),
        code=lambda error: getattr(error, "sqlite_errorcode", 0) & 0xFF,
    ),
    "postgresql": Dialect(
        engine={
            "connect_args": {
                "connect_timeout": 10,
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 4,
                "tcp_user_timeout": 30_000,
            },
        },
        read={},
        write={"isolation_level": "READ COMMITTED"},
        install=_postgresql,
        passing=frozenset({"40001", "40P01", "55P03"}),
        now="SELECT extract(epoch FROM clock_timestamp())",
        code=lambda error: error.sqlstate,
    ),
    "mysql": Dialect(
        engine={"connect_args": {"connect_timeout": 10}},
        read={"isolation_level": "REPEATABLE READ"},
        write={"isolation_level": "READ COMMITTED"},
        install=_mariadb,
        passing=frozenset({1020, 1205, 1213, _NO_SAVEPOINT, _NOT_READY}),
        ending=frozenset({1053}),
        now="SELECT unix_timestamp(now(6))",
        code=lambda error: error.args[0] if error.args else None,
    ),
}
"""By SQLAlchemy's names; `mysql` is MariaDB."""
