"""Writing what differs between two states of some rows, in as few statements as that takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa


def upsert(
    conn: sa.Connection,
    table: sa.Table,
    keys: tuple[str, ...],
    known: Iterable[tuple[str, ...]],
    rows: Sequence[dict[str, Any]],
) -> None:
    """Insert rows whose key is not among the known ones, update the others. The transaction holds the unit or the lane."""
    there = set(known)
    fresh = [row for row in rows if tuple(row[key] for key in keys) not in there]
    stale = [row for row in rows if tuple(row[key] for key in keys) in there]
    if fresh:
        conn.execute(table.insert(), fresh)
    if stale:
        conn.execute(_update(table, keys, tuple(stale[0])), [{f"b_{name}": value for name, value in row.items()} for row in stale])


def delete(conn: sa.Connection, table: sa.Table, keys: tuple[str, ...], gone: Sequence[tuple[str, ...]]) -> None:
    """Remove rows by their keys."""
    if gone:
        statement = table.delete().where(*_is(table, keys))
        conn.execute(statement, [{f"b_{k}": v for k, v in zip(keys, key, strict=True)} for key in gone])


@cache
def _update(table: sa.Table, keys: tuple[str, ...], columns: tuple[str, ...]) -> sa.Update:
    values = {name: sa.bindparam(f"b_{name}", type_=table.c[name].type) for name in columns if name not in keys}
    return table.update().where(*_is(table, keys)).values(values)


def _is(table: sa.Table, keys: tuple[str, ...]) -> list[sa.ColumnElement[bool]]:
    return [table.c[key] == sa.bindparam(f"b_{key}") for key in keys]
