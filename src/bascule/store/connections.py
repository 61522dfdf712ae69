"""Connections, kept open for whoever needs one next.

SQLAlchemy's own pool does more for every use of a connection than most requests need from the database.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue

import sqlalchemy as sa

from bascule.model.errors import Away

_WAIT_SECONDS = 30.0
_IDLE_SECONDS = 1.0
_LONGEST_SECONDS = 600.0
"""Then a connection is made anew, and the server's clock is looked at again."""


class Connections:
    """Up to `size` connections of an engine that has no pool. May be shared by threads."""

    def __init__(self, engine: sa.Engine, size: int) -> None:
        self._engine = engine
        self._idle: deque[tuple[sa.Connection, float]] = deque()
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(size):
            self._free.put(None)

    @contextmanager
    def one(self) -> Iterator[sa.Connection]:
        """A connection that is in no transaction. Raises Away where none is free for half a minute."""
        try:
            self._free.get(timeout=_WAIT_SECONDS)
        except Empty:
            raise Away(f"no connection to the database was free for {_WAIT_SECONDS:g} seconds") from None
        try:
            conn = self._open()
            try:
                yield conn
                if conn.in_transaction():
                    conn.rollback()
            except BaseException:
                conn.close()
                raise
            self._idle.append((conn, time.monotonic()))
        finally:
            self._free.put(None)

    def close(self) -> None:
        """Close every connection that is not in use."""
        while self._idle:
            self._idle.pop()[0].close()

    def _open(self) -> sa.Connection:
        """The connection that was used last, as long as it is still there."""
        try:
            conn, used = self._idle.pop()
        except IndexError:
            return self._connect()
        if time.monotonic() - conn.info["made"] > _LONGEST_SECONDS:
            conn.close()
            return self._connect()
        # Asking every time would cost as much as most reads do.
        if time.monotonic() - used < _IDLE_SECONDS or self._answers(conn):
            return conn
        conn.close()
        self.close()  # the others are most likely lost, too
        return self._connect()

    def _connect(self) -> sa.Connection:
        conn = self._engine.connect()
        conn.info["made"] = time.monotonic()
        return conn

    def _answers(self, conn: sa.Connection) -> bool:
        try:
            return bool(self._engine.dialect.do_ping(conn.connection.dbapi_connection))  # type: ignore[arg-type]
        except conn.dialect.loaded_dbapi.Error:
            return False
