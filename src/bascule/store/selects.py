"""What selects the rows of load balancers and of everything below them.

One load balancer takes one statement: the tables are put below each other, each with its columns in those of its types. Many take
one statement for each table, which is as many however many they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from bascule.model.objects import Kind
from bascule.model.status import Provisioning
from bascule.store.ready import Ready, Row
from bascule.store.rows import CODECS, Codec
from bascule.store.tables import load_balancer

Found = tuple[Kind, Row]
"""A row of the table of a kind. It begins with the columns of the kind's codec. The last column of a load balancer is its origin,
the last two of everything else are the load balancer that it belongs to and its place in the order of creation."""


def there(table: sa.Table) -> sa.ColumnElement[bool]:
    """Whether an object is not DELETED."""
    return table.c.provisioning_status != str(Provisioning.DELETED)


def one(conn: sa.Connection, load_balancer_id: str) -> Iterator[Found]:
    """The rows of one load balancer."""
    pick = _PICK
    for row in _ONE[conn.dialect.name].all(conn, {"b_id": load_balancer_id}):
        kind, columns = pick[row[0]]
        yield kind, columns(row)


def many(conn: sa.Connection, ids: Sequence[str]) -> Iterator[Found]:
    """The rows of some load balancers."""
    for kind, select in _MANY:
        for row in conn.execute(select, {"ids": list(ids)}).all():
            yield kind, row


def _columns(codec: Codec) -> list[sa.Column[Any]]:
    if codec.table is load_balancer:
        return [*codec.columns, load_balancer.c.origin]
    return [*codec.columns, codec.table.c.load_balancer_id, codec.table.c.seq]


def _select(codec: Codec, chosen: Callable[[sa.Column[str]], sa.ColumnElement[bool]], *columns: Any) -> sa.Select[Any]:
    home = codec.table.c.get("load_balancer_id", codec.table.c.id)
    return sa.select(*columns).where(chosen(home), there(codec.table))


_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_ID: sa.BindParameter[Any] = sa.bindparam("b_id")
_MANY = [(kind, _select(codec, lambda home: home.in_(_IDS), *_columns(codec))) for kind, codec in CODECS.items()]


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


def _places(codec: Codec) -> Callable[[Row], Row]:
    """What takes the columns of a table from a row of the one statement."""
    places: dict[str, int] = {}
    first = 1
    for each, some in _typed(codec).items():
        places |= {column.name: first + offset for offset, column in enumerate(some)}
        first += _WIDTHS[each]
    return itemgetter(*(places[column.name] for column in _columns(codec)))


_ONE = {
    dialect: Ready(sa.union_all(*(_padded(codec, dialect) for codec in CODECS.values())))
    for dialect in ("sqlite", "postgresql", "mysql")
}
_PICK = {codec.table.name: (kind, _places(codec)) for kind, codec in CODECS.items()}
