"""Lists of objects: filters, tags, sorting, paging, and the ids of what belongs to each object.

Rows are given as they are, because lists are long. A NULL sorts before every value, on every database. The SQL of a list
follows from its shape alone, that is, from which columns, tags and limits are named; so it is put together once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from bascule.model.errors import Invalid
from bascule.model.objects import Kind
from bascule.model.status import Provisioning
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
    """One object: its row, and the ids of what belongs to it, by what it is."""

    row: sa.Row[Any]
    related: Mapping[str, Sequence[str]]


Condition = sa.ColumnElement[bool]


def one(conn: sa.Connection, kind: Kind, object_id: str) -> Shown | None:
    """An object that is not DELETED."""
    wanted = {"id": object_id}
    row = conn.execute(_ONE[kind], wanted).first()
    if row is None:
        return None
    # Not `scalars`: for a handful of rows, picking their column that way costs more than fetching them.
    related = {name: [each[1] for each in conn.execute(below, wanted).all()] for name, below in _BELOW_ONE[kind].items()}
    return Shown(row, related)


def many(conn: sa.Connection, kind: Kind, query: Query) -> list[Shown]:
    """The objects of a kind that are not DELETED and match. Raises Invalid for a marker that is no object of the kind."""
    table = objects[kind]
    if not all(_can_match(table, name, value) for name, value in query.filters.items()):
        return []
    order = _order(table, query)
    marked = None if query.marker is None else _marked(conn, kind, query, order)
    select, selects_below = _statements(_shape(kind, query, order, marked))
    values = _values(query, marked)
    related = [(name, _grouped(conn.execute(below, values))) for name, below in selects_below]
    rows = conn.execute(select, values).all()
    if query.reverse:
        rows = rows[::-1]
    return [Shown(row, {name: below.get(row[0], ()) for name, below in related}) for row in rows]


def _grouped(found: Iterable[Any]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for owner_id, child_id in found:
        groups.setdefault(owner_id, []).append(child_id)
    return groups


# The shape of a list, and the values that go with it

_Order = tuple[tuple[str, bool], ...]
"""Columns, and whether each ascends. The last one is the id, so that the order is total."""

_TAGS = ("tags", "tags_any", "not_tags", "not_tags_any")


@dataclass(frozen=True, slots=True)
class _Shape:
    """What decides about the SQL of a list. `filters` and `marked` tell of each value whether it is NULL."""

    kind: Kind
    filters: tuple[tuple[str, bool], ...]
    tags: tuple[str, ...]
    order: _Order
    marked: tuple[bool, ...] | None
    limited: bool


def _shape(kind: Kind, query: Query, order: _Order, marked: Sequence[Any] | None) -> _Shape:
    return _Shape(
        kind=kind,
        filters=tuple((name, value is None) for name, value in query.filters.items()),
        tags=tuple(name for name in _TAGS if getattr(query, name)),
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
        values |= {name: list(tags), f"{name}_count": len(tags)}
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

_Below = Callable[[sa.Subquery], sa.Select[Any]]
_ID: sa.BindParameter[Any] = sa.bindparam("id")


@lru_cache(maxsize=256)
def _statements(shape: _Shape) -> tuple[sa.Select[Any], list[tuple[str, sa.Select[Any]]]]:
    """The objects of a page, and the ids below them."""
    table = objects[shape.kind]
    page = sa.select(table.c.id, _home(table)).where(*_conditions(table, shape)).order_by(*_clauses(table, shape.order))
    if shape.limited:
        page = page.limit(sa.bindparam("limit", type_=sa.Integer))
    below = [(name, below(page.subquery("page"))) for name, below in _BELOW[shape.kind].items()]
    return page.with_only_columns(*table.c), below


def _there(table: sa.Table) -> Condition:
    return table.c.provisioning_status != str(Provisioning.DELETED)


def _home(table: sa.Table) -> sa.ColumnElement[str]:
    """The id of the load balancer an object belongs to."""
    return table.c.get("load_balancer_id", table.c.id).label("home")


def _conditions(table: sa.Table, shape: _Shape) -> Iterator[Condition]:
    yield _there(table)
    for name, null in shape.filters:
        yield _DERIVED[table.name, name] if (table.name, name) in _DERIVED else _match(table.c[name], null)
    for name in shape.tags:
        having = _having(name)
        yield table.c.id.not_in(having) if name.startswith("not_") else table.c.id.in_(having)
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


def _having(name: str) -> sa.Select[Any]:
    """The ids of the objects that have one of some tags, or all of them."""
    having = sa.select(tag.c.object_id).where(tag.c.tag.in_(sa.bindparam(name, expanding=True)))
    if name.endswith("_any"):
        return having
    return having.group_by(tag.c.object_id).having(sa.func.count() == sa.bindparam(f"{name}_count", type_=sa.Integer))


def _clauses(table: sa.Table, order: _Order) -> Iterator[sa.ColumnElement[Any]]:
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


def _children(owner: sa.Column[Any], *order: sa.Column[Any]) -> _Below:
    """The ids of the objects of one table that name the objects of a page as their owner."""
    table = owner.table

    def below(page: sa.Subquery) -> sa.Select[Any]:
        return sa.select(owner, table.c.id).join(page, page.c.id == owner).order_by(*order, table.c.seq)

    return below


def _listeners(page: sa.Subquery) -> sa.Select[Any]:
    """The ids of the listeners that send traffic to the pools of a page, by default or through an L7 policy."""
    through = sa.exists().where(l7policy.c.redirect_pool_id == page.c.id, l7policy.c.listener_id == listener.c.id)
    uses = sa.or_(listener.c.default_pool_id == page.c.id, through)
    joined = page.join(listener, sa.and_(listener.c.load_balancer_id == page.c.home, uses))
    return sa.select(page.c.id, listener.c.id).select_from(joined).order_by(listener.c.seq)


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

_MARKED = {kind: sa.select(objects[kind]).where(objects[kind].c.id == _ID) for kind in Kind}
_ONE = {kind: marked.where(_there(objects[kind])) for kind, marked in _MARKED.items()}
_BELOW_ONE: dict[Kind, dict[str, sa.Select[Any]]] = {
    kind: {
        name: below(one.with_only_columns(objects[kind].c.id, _home(objects[kind])).subquery("page"))
        for name, below in _BELOW[kind].items()
    }
    for kind, one in _ONE.items()
}
