"""What selects the rows of load balancers and of everything below them.

One load balancer takes one statement: the tables are put below each other, each with its columns in those of its types. Many take
one statement for each table, which is as many however many they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from bascule.model.status import Provisioning, Standing
from bascule.store.ready import Ready
from bascule.store.rows import CODECS, Codec
from bascule.store.tables import load_balancer

Found = tuple[Any, Standing, str, Any]
"""An object, how it stands, and two more columns: the id and the origin of a load balancer; for everything else, the load balancer
that it belongs to, and its place in the order of creation."""


def there(table: sa.Table) -> sa.ColumnElement[bool]:
    """Whether an object is not DELETED."""
    return table.c.provisioning_status != str(Provisioning.DELETED)


def one(conn: sa.Connection, load_balancer_id: str) -> Iterator[Found]:
    """One load balancer, with everything below it."""
    readers = _readers(conn.dialect)
    for row in _ONE[conn.dialect.name].raw(conn, {"b_id": load_balancer_id}):
        read, home, last = readers[row[0]]
        yield *read(row), row[home], row[last]


def many(conn: sa.Connection, ids: Sequence[str]) -> Iterator[Found]:
    """Some load balancers, with everything below them."""
    for select, (read, home, last) in _MANY:
        for row in conn.execute(select, {"ids": list(ids)}).all():
            yield *read(row), row[home], row[last]


def _columns(codec: Codec) -> list[sa.Column[Any]]:
    if codec.table is load_balancer:
        return [*codec.columns, load_balancer.c.origin]
    return [*codec.columns, codec.table.c.load_balancer_id, codec.table.c.seq]


_Reader = tuple[Callable[[Sequence[Any]], tuple[Any, Standing]], int, int]
"""What makes an object and its standing of a row, and where in the row the two other columns are."""


def _reader(codec: Codec, places: Mapping[str, int], converts: Mapping[int, Callable[[Any], Any]]) -> _Reader:
    home, last = ("id", "origin") if codec.table is load_balancer else ("load_balancer_id", "seq")
    return codec.reader(places, converts), places[home], places[last]


def _select(codec: Codec, chosen: Callable[[sa.Column[str]], sa.ColumnElement[bool]], *columns: Any) -> sa.Select[Any]:
    home = codec.table.c.get("load_balancer_id", codec.table.c.id)
    return sa.select(*columns).where(chosen(home), there(codec.table))


_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_ID: sa.BindParameter[Any] = sa.bindparam("b_id")
_MANY = [
    (
        _select(codec, lambda home: home.in_(_IDS), *_columns(codec)),
        _reader(codec, {column.name: place for place, column in enumerate(_columns(codec))}, {}),
    )
    for codec in CODECS.values()
]


# One statement for all tables

_TYPES: tuple[type[Any], ...] = (sa.String, sa.Integer, sa.Double, sa.Boolean, sa.JSON)


def _type(column: sa.Column[Any]) -> type[Any]:
    return next(each for each in _TYPES if isinstance(column.type, each))


def _typed(codec: Codec) -> dict[type[Any], list[sa.Column[Any]]]:
    columns = _columns(codec)
    return {each: [column for column in columns if _type(column) is each] for each in _TYPES}


_WIDTHS = {each: max(len(_typed(codec)[each]) for codec in CODECS.values()) for each in _TYPES}
"""How many columns of each type the widest table has."""


def _padded(codec: Codec, dialect: str) -> sa.Select[Any]:
    """The rows of one table, after the name of their kind, with NULL where a wider table has another column."""
    columns: list[Any] = [sa.literal_column(f"'{codec.table.name}'", sa.String).label("kind")]
    for each, some in _typed(codec).items():
        columns += some
        # Only PostgreSQL wants to be told what a NULL would be.
        missing = sa.cast(sa.null(), each()) if dialect == "postgresql" else sa.type_coerce(sa.null(), each())
        columns += [missing] * (_WIDTHS[each] - len(some))
    labelled = [column.label(f"c{place}") for place, column in enumerate(columns)]
    return _select(codec, lambda home: home == _ID, *labelled)


def _places(codec: Codec) -> dict[str, int]:
    """Where in a row of the one statement the columns of a table are."""
    places: dict[str, int] = {}
    first = 1
    for each, some in _typed(codec).items():
        places |= {column.name: first + offset for offset, column in enumerate(some)}
        first += _WIDTHS[each]
    return places


_ONE = {
    dialect: Ready(sa.union_all(*(_padded(codec, dialect) for codec in CODECS.values())))
    for dialect in ("sqlite", "postgresql", "mysql")
}
_READERS: dict[str, dict[str, _Reader]] = {}
"""For each kind of database what reads the rows of the one statement, by the name of the kind that comes first in each."""


def _readers(dialect: sa.Dialect) -> dict[str, _Reader]:
    found = _READERS.get(dialect.name)
    if found is None:
        converts = _ONE[dialect.name].converts(dialect)
        found = _READERS[dialect.name] = {codec.table.name: _reader(codec, _places(codec), converts) for codec in CODECS.values()}
    return found
