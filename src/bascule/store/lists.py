"""Lists of objects: filters, tags, sorting, paging, and the ids of what belongs to each object.

Rows are given as they are, because lists are long. A NULL sorts before every value, on every database. The SQL of a list
follows from its shape alone, that is, from which columns, tags and limits are named; so it is put together once.
"""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from bascule.model.errors import Invalid
from bascule.model.objects import Kind
from bascule.model.status import Provisioning
from bascule.store.ready import Ready
from bascule.store.tables import health_monitor, l7policy, l7rule, listener, member, objects, pool, tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which objects of a kind to list, and in which order.

    `filters` are exact matches, by column or by what follows from others; a time means the second that begins with it.
    An object must have all of `tags`, at least one of `tags_any`, not all of `not_tags` and none of `not_tags_any`; an empty
    tuple asks for nothing.
    `sort` names columns and tells for each whether it ascends; time of creation and id always follow. A page begins after
    the object with the id `marker`, or ends before it where `reverse` is set, and holds up to `limit` objects.
    """

    filters: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    tags_any: tuple[str, ...] = ()
    not_tags: tuple[str, ...] = ()
    not_tags_any: tuple[str, ...] = ()
    sort: tuple[tuple[str, bool], ...] = ()
    limit: int | None = None
    marker: str | None = None
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """One object: its row as a named tuple, and the ids of what belongs to it, by what it is."""

    row: Any
    related: Mapping[str, Sequence[str]]


Condition = sa.ColumnElement[bool]


def one(conn: sa.Connection, kind: Kind, object_id: str) -> Shown | None:
    """An object that is not DELETED. One statement."""
    return next(iter(_ONE[conn.dialect.name, kind].all(conn, {"id": object_id})), None)


def many(conn: sa.Connection, kind: Kind, query: Query) -> list[Shown]:
    """The objects of a kind that are not DELETED and match. Raises Invalid for a marker that is no object of the kind.

    One statement, and another one for the marker.
    """
    table = objects[kind]
    if not all(_can_match(table, name, value) for name, value in query.filters.items()):
        return []
    order = _order(table, query)
    marked = None if query.marker is None else _marked(conn, kind, query, order)
    found = _listed(conn.dialect.name, _shape(kind, query, order, marked)).all(conn, _values(query, marked))
    return found[::-1] if query.reverse else found


# The shape of a list, and the values that go with it

_Order = tuple[tuple[str, bool], ...]
"""Columns, and whether each ascends. The last one is the id, so that the order is total."""

_TAGS = ("tags", "tags_any", "not_tags", "not_tags_any")


@dataclass(frozen=True, slots=True)
class _Shape:
    """What decides about the SQL of a list. `filters` and `marked` tell of each value whether it is NULL; `tags` tells numbers."""

    kind: Kind
    filters: tuple[tuple[str, bool], ...]
    tags: tuple[tuple[str, int], ...]
    order: _Order
    marked: tuple[bool, ...] | None
    limited: bool


def _shape(kind: Kind, query: Query, order: _Order, marked: Sequence[Any] | None) -> _Shape:
    return _Shape(
        kind=kind,
        filters=tuple((name, value is None) for name, value in query.filters.items()),
        tags=tuple((name, len(set(getattr(query, name)))) for name in _TAGS if getattr(query, name)),
        order=order,
        marked=None if marked is None else tuple(value is None for value in marked),
        limited=query.limit is not None,
    )


def _values(query: Query, marked: Sequence[Any] | None) -> dict[str, Any]:
    values: dict[str, Any] = {f"is_{name}": value for name, value in query.filters.items()}
    for name in _TAGS:
        tags = set(getattr(query, name))
        if not all(map(_storable, tags)):
            raise Invalid(f"{name} holds a character that no tag may contain.")
        values |= {f"{name}_{place}": each for place, each in enumerate(tags)}
    values |= {f"marked_{place}": value for place, value in enumerate(marked or ())}
    return values | {"limit": query.limit}


def _column(table: sa.Table, name: str) -> sa.Column[Any]:
    column = table.c[name]
    if isinstance(column.type, sa.JSON):
        raise Invalid(f"{name} can neither be filtered nor sorted by.")
    return column


_LARGEST = {sa.SmallInteger: 2**15, sa.BigInteger: 2**63, sa.Integer: 2**31}


def _storable(text: str) -> bool:
    """Whether a text can stand in a database at all. What cannot be stored is not there either."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _possible(column: sa.Column[Any], value: Any) -> bool:
    """Whether a column can hold this value. Databases do not agree on what to do with others."""
    if isinstance(value, str):
        return _storable(value)
    if isinstance(column.type, sa.Integer) and value is not None:
        largest = next(limit for each, limit in _LARGEST.items() if isinstance(column.type, each))
        return bool(-largest <= value < largest)
    return not isinstance(value, float) or math.isfinite(value)


def _can_match(table: sa.Table, name: str, value: Any) -> bool:
    return _storable(value) if (table.name, name) in _DERIVED else _possible(_column(table, name), value)


def _order(table: sa.Table, query: Query) -> _Order:
    keys = dict.fromkeys(("created_at", "id"), True)
    for name, ascending in reversed(query.sort):
        keys = {_column(table, name).name: ascending} | {key: up for key, up in keys.items() if key != name}
    return tuple((name, ascending != query.reverse) for name, ascending in keys.items())


_FIXED = frozenset({"project_id", "pool_id", "l7policy_id"})
"""Columns that never change, so that an object is in a list filtered by them for as long as it is there, or never."""


def _marked(conn: sa.Connection, kind: Kind, query: Query, order: _Order) -> list[Any]:
    """What the marked object has in the columns of the order. It may have been DELETED since it was shown.

    It was never shown in a list of another project, pool or policy: there, it is no object.
    """
    marker = query.marker or ""
    row = conn.execute(_MARKED[kind], {"id": marker}).first() if _storable(marker) else None
    if row is None or any(row._mapping[name] != query.filters[name] for name in _FIXED & query.filters.keys()):
        raise Invalid(f"Supplied pagination marker '{marker}' is not valid.")
    return [row._mapping[name] for name, _ in order]


# From shapes to SQL


class _Listing:
    """A statement that finds objects of a kind, with the ids of what belongs to each."""

    def __init__(self, dialect: str, kind: Kind, page: sa.FromClause, select: sa.Select[Any]) -> None:
        below = {name: below(page) for name, below in _BELOW[kind].items()}
        columns = [_ids(dialect, page, *each).label(name) for name, each in below.items()]
        self._ready = Ready(select.add_columns(*columns))
        self._related = tuple(below)
        self._row = namedtuple("Row", objects[kind].c.keys())._make  # type: ignore[attr-defined]
        self._end = len(objects[kind].c)

    def all(self, conn: sa.Connection, values: Mapping[str, Any]) -> list[Shown]:
        """What is found."""
        make, end, names = self._row, self._end, self._related
        rows = self._ready.all(conn, values)
        return [Shown(make(row[:end]), dict(zip(names, map(_split, row[end:]), strict=True))) for row in rows]


def _ids(dialect: str, page: sa.FromClause, chosen: sa.Select[Any], order: Sequence[sa.Column[Any]]) -> sa.ColumnElement[Any]:
    """The ids that a statement finds for one row of a page, in one column. Every database has its own way to keep their order."""
    if dialect == "mysql":
        (column,) = chosen.selected_columns
        clause = column.op("ORDER BY", precedence=9)(order[0])  # falling, so that nothing of it is put in parentheses
        for more in order[1:]:
            clause = clause.op(",", precedence=8)(more)
        joined = sa.func.group_concat(clause.op("SEPARATOR", precedence=7)(_SPACE))
        return chosen.with_only_columns(joined).correlate(page).scalar_subquery()
    in_order = chosen.order_by(*order).correlate(page)
    if dialect == "postgresql":
        return sa.func.array(in_order.scalar_subquery())
    inner = in_order.subquery()
    return sa.select(sa.func.group_concat(inner.c.id, _SPACE)).scalar_subquery()


_SPACE: sa.ColumnClause[Any] = sa.literal_column("' '")


def _split(ids: list[str] | str | None) -> list[str]:
    return ids.split(" ") if isinstance(ids, str) else ids or []


@lru_cache(maxsize=256)
def _listed(dialect: str, shape: _Shape) -> _Listing:
    """The objects of a page."""
    table = objects[shape.kind]
    select = sa.select(table).where(*_conditions(table, shape)).order_by(*_clauses(table, shape.order))
    if shape.limited:
        select = select.limit(sa.bindparam("limit", type_=sa.Integer))
    if not _BELOW[shape.kind]:
        return _Listing(dialect, shape.kind, table, select)
    # What belongs to an object is looked for only once the page is known, and not for everything that is sorted.
    page = select.subquery("page")
    return _Listing(dialect, shape.kind, page, sa.select(page).order_by(*_clauses(page, shape.order)))


def _there(table: sa.Table) -> Condition:
    return table.c.provisioning_status != str(Provisioning.DELETED)


def _conditions(table: sa.Table, shape: _Shape) -> Iterator[Condition]:
    yield _there(table)
    for name, null in shape.filters:
        yield _DERIVED[table.name, name] if (table.name, name) in _DERIVED else _match(table.c[name], null)
    for name, count in shape.tags:
        yield _tagged(table, name, count)
    if shape.marked is not None:
        yield from _beyond(table, shape.order, shape.marked)


_DERIVED: dict[tuple[str, str], Condition] = {
    ("pool", "healthmonitor_id"): pool.c.id.in_(
        sa.select(health_monitor.c.pool_id).where(
            health_monitor.c.id == sa.bindparam("is_healthmonitor_id", type_=sa.String()), _there(health_monitor)
        )
    ),
    ("load_balancer", "vip_vnic_type"): sa.bindparam("is_vip_vnic_type", type_=sa.String()) == "normal",
}
"""Filters that are no columns. Every port of a VIP is a normal one."""


def _match(column: sa.Column[Any], null: bool) -> Condition:
    if null:
        return column.is_(None)
    value: sa.BindParameter[Any] = sa.bindparam(f"is_{column.name}", type_=column.type)
    if column.name in ("created_at", "updated_at"):
        return sa.and_(column >= value, column < value + 1)
    return column == value


def _tagged(table: sa.Table, name: str, count: int) -> Condition:
    """What a filter by tags asks for. Where all are asked for, each is looked up by itself, so that the rarest can come first."""
    wanted: list[Any] = [sa.bindparam(f"{name}_{place}", type_=tag.c.tag.type) for place in range(count)]
    if name.endswith("_any"):
        found: Condition = table.c.id.in_(sa.select(tag.c.object_id).where(sa.or_(*(tag.c.tag == each for each in wanted))))
    else:
        found = sa.and_(*(table.c.id.in_(sa.select(tag.c.object_id).where(tag.c.tag == each)) for each in wanted))
    return sa.not_(found) if name.startswith("not_") else found


def _clauses(table: sa.FromClause, order: _Order) -> Iterator[sa.ColumnElement[Any]]:
    for name, ascending in order:
        column = table.c[name]
        if column.nullable:  # databases do not agree on where NULL stands
            known = sa.case((column.is_(None), 0), else_=1)
            yield known.asc() if ascending else known.desc()
        yield column.asc() if ascending else column.desc()


def _beyond(table: sa.Table, order: _Order, marked: Sequence[bool]) -> Iterator[Condition]:
    """What comes after a place in an order: at the first column that differs, it differs in the right direction."""
    steps: list[Condition] = []
    same: list[Condition] = []
    for place, ((name, ascending), null) in enumerate(zip(order, marked, strict=True)):
        column = table.c[name]
        value: sa.BindParameter[Any] = sa.bindparam(f"marked_{place}", type_=column.type)
        steps.append(sa.and_(*same, _after(column, ascending, None if null else value)))
        same.append(column.is_(None) if null else column == value)
        if place == 0 and not column.nullable:  # says nothing new, but an index can be used for it
            yield column >= value if ascending else column <= value
    yield sa.or_(*steps)


def _after(column: sa.Column[Any], ascending: bool, value: sa.BindParameter[Any] | None) -> Condition:
    if value is None:
        return column.is_not(None) if ascending else sa.false()
    if ascending:
        return column > value
    return sa.or_(column < value, column.is_(None)) if column.nullable else column < value


_Below = Callable[[sa.FromClause], tuple[sa.Select[Any], Sequence[sa.Column[Any]]]]
"""For a page: what selects the ids that belong to one of its rows, and the columns that order them."""


def _children(owner: sa.Column[Any], *order: sa.Column[Any]) -> _Below:
    """The ids of the objects of one table that name the objects of a page as their owner."""
    table = owner.table
    return lambda page: (sa.select(table.c.id).where(owner == page.c.id), (*order, table.c.seq))


def _listeners(page: sa.FromClause) -> tuple[sa.Select[Any], Sequence[sa.Column[Any]]]:
    """The ids of the listeners that send traffic to the pools of a page, by default or through an L7 policy."""
    through = sa.select(l7policy.c.listener_id).where(l7policy.c.redirect_pool_id == page.c.id).correlate(page)
    uses = sa.or_(listener.c.default_pool_id == page.c.id, listener.c.id.in_(through))
    return sa.select(listener.c.id).where(listener.c.load_balancer_id == page.c.load_balancer_id, uses), (listener.c.seq,)


_BELOW: dict[Kind, dict[str, _Below]] = {
    Kind.LOAD_BALANCER: {
        "listeners": _children(listener.c.load_balancer_id),
        "pools": _children(pool.c.load_balancer_id),
    },
    Kind.LISTENER: {"l7policies": _children(l7policy.c.listener_id, l7policy.c.position)},
    Kind.POOL: {
        "listeners": _listeners,
        "members": _children(member.c.pool_id),
        "health_monitors": _children(health_monitor.c.pool_id),
    },
    Kind.MEMBER: {},
    Kind.HEALTH_MONITOR: {},
    Kind.L7POLICY: {"l7rules": _children(l7rule.c.l7policy_id)},
    Kind.L7RULE: {},
}

_ID: sa.BindParameter[Any] = sa.bindparam("id")
_MARKED = {kind: sa.select(objects[kind]).where(objects[kind].c.id == _ID) for kind in Kind}
_ONE = {
    (dialect, kind): _Listing(dialect, kind, objects[kind], marked.where(_there(objects[kind])))
    for kind, marked in _MARKED.items()
    for dialect in ("sqlite", "postgresql", "mysql")
}
