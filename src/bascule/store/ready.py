"""Statements that are put into a database's own words once, and then handed to its driver as they are.

For a request that reads a handful of rows, what SQLAlchemy does for every single execution costs several times what the
database does. A `Ready` does that work at its first execution on each kind of database. It is for statements that are built
once and run all the time; whatever is run seldom, or has a list of values in it, goes through the connection itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler

_Process = Callable[[Any], Any]
Values = Mapping[str, Any]
Row = tuple[Any, ...]


class Ready:
    """A statement that is ready to be run. Its values are given by the names of its bound parameters.

    An INSERT or UPDATE without values of its own sets the columns that are given first, and the same ones ever after.
    """

    def __init__(self, statement: sa.Select[Any] | sa.CompoundSelect[Any] | sa.Insert | sa.Update | sa.Delete) -> None:
        self._statement = statement
        self._words: dict[str, _Words] = {}

    def all(self, conn: sa.Connection, values: Values) -> list[Row]:
        """Every row that is found."""
        return self._in(conn.dialect, values).read(self.raw(conn, values))

    def raw(self, conn: sa.Connection, values: Values) -> list[Row]:
        """Every row that is found, as the driver gives it."""
        words = self._in(conn.dialect, values)
        cursor = conn.connection.cursor()
        try:
            found: list[Row] = self._send(conn, words, words.values(values), "execute", cursor).fetchall()
            return found
        finally:
            cursor.close()

    def converts(self, dialect: sa.Dialect) -> dict[int, _Process]:
        """What a raw row of a SELECT needs for its columns to be what they are declared as, by place."""
        return dict(self._in(dialect, {}).converts)

    def first(self, conn: sa.Connection, values: Values) -> Row | None:
        """The row that is found, of which there is one at most."""
        rows = self.all(conn, values)
        return rows[0] if rows else None

    def run(self, conn: sa.Connection, values: Values) -> int:
        """Write; gives the number of rows that were there to be written."""
        words = self._in(conn.dialect, values)
        count: int = self._send(conn, words, words.values(values), "execute", _writing(conn)).rowcount
        return count

    def run_many(self, conn: sa.Connection, rows: Sequence[Values]) -> None:
        """Write once for each of these values."""
        if len(rows) == 1:
            self.run(conn, rows[0])
            return
        words = self._in(conn.dialect, rows[0])
        self._send(conn, words, [words.values(each) for each in rows], "executemany", _writing(conn))

    def _in(self, dialect: sa.Dialect, values: Values) -> _Words:
        words = self._words.get(dialect.name)
        if words is None:
            words = self._words[dialect.name] = _Words(self._statement, dialect, values)
        return words

    def _send(self, conn: sa.Connection, words: _Words, values: Any, how: str, cursor: Any) -> Any:
        for notify in conn.engine.dispatch.before_cursor_execute:
            notify(conn, cursor, words.text, values, None, how == "executemany")
        try:
            getattr(cursor, how)(words.sent, values)
        except conn.dialect.loaded_dbapi.Error as error:
            raise _wrapped(conn, words.text, values, error, cursor) from error
        return cursor


@contextmanager
def together(conn: sa.Connection) -> Iterator[None]:
    """Send the statements of this block one after the other, without waiting for answers in between where the driver can do so.

    Nothing but `run_many` may be used within. What goes wrong may show at the end only.
    """
    pipeline = getattr(conn.connection.dbapi_connection, "pipeline", None)
    if pipeline is None:
        yield
        return
    try:
        with pipeline():
            yield
    except conn.dialect.loaded_dbapi.Error as error:
        raise _wrapped(conn, "several statements", None, error, None) from error


def _writing(conn: sa.Connection) -> Any:
    """The cursor on which a connection writes. One is kept for psycopg, which takes longer to make it than many a statement.

    Not for others: with a cursor left, SQLite would keep what a connection has locked that was closed in a transaction.
    """
    link = conn.connection
    if conn.dialect.driver != _PSYCOPG:
        return link.cursor()
    cursor = link.info.get(_WRITING)
    if cursor is None:
        cursor = link.info[_WRITING] = link.cursor()
    return cursor


_PSYCOPG = "psycopg"
_WRITING = "bascule.writing"


class _Words:
    """A statement in the words of one kind of database: its text, what becomes of the values, and what becomes of the rows."""

    def __init__(self, statement: Any, dialect: sa.Dialect, values: Values) -> None:
        keys = None if isinstance(statement, sa.SelectBase) else list(values)
        compiled: SQLCompiler = statement.compile(dialect=dialect, column_keys=keys)
        self.text = str(compiled)
        # psycopg would make bytes of a text every time, and look at every one of them to find out whether it knows the statement.
        self.sent = self.text.encode() if dialect.driver == _PSYCOPG else self.text
        self._fixed = {name: bind.effective_value for bind, name in compiled.bind_names.items() if not bind.required}
        self._processes = [(name, process) for name, process in compiled._bind_processors.items() if callable(process)]
        names = compiled.positiontup
        self._pick = dict if names is None else _picker(names)
        self.converts = _converters(compiled, dialect)

    def values(self, given: Values) -> Any:
        """What the driver is given. Raises KeyError where a value is missing."""
        values = {**self._fixed, **given}
        for name, process in self._processes:
            values[name] = process(values[name])
        return self._pick(values)

    def read(self, rows: list[Row]) -> list[Row]:
        """Rows as their columns are declared."""
        if not self.converts:
            return rows
        found = []
        for row in rows:
            values = list(row)
            for place, convert in self.converts:
                values[place] = convert(values[place])
            found.append(tuple(values))
        return found


def _picker(names: Sequence[str]) -> _Process:
    """What takes values in this order."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)


def _converters(compiled: SQLCompiler, dialect: sa.Dialect) -> list[tuple[int, _Process]]:
    """What makes of some columns what they are declared as. Drivers give everything else as it is wanted."""
    found: list[tuple[int, _Process]] = []
    for place, column in enumerate(compiled._result_columns):
        if isinstance(column.type, sa.Boolean | sa.JSON):
            convert = column.type.dialect_impl(dialect).result_processor(dialect, None)
            if convert is not None:
                found.append((place, convert))
    return found


def _wrapped(conn: sa.Connection, text: str, values: Any, error: Exception, cursor: Any) -> Exception:
    """A driver's error as SQLAlchemy would raise it. A connection that is lost is not used again."""
    dialect = conn.dialect
    lost = dialect.is_disconnect(error, conn.connection.dbapi_connection, cursor)  # type: ignore[arg-type]
    if lost:
        conn.invalidate(error)
    return sa.exc.DBAPIError.instance(text, values, error, dialect.loaded_dbapi.Error, connection_invalidated=lost, dialect=dialect)
