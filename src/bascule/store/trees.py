"""Load balancers with everything below them: loaded as values, and saved by what differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa

from bascule.model.objects import Child, Kind, LoadBalancer, Object, Tree
from bascule.model.status import Standing
from bascule.store import selects
from bascule.store.ready import Ready
from bascule.store.rows import CODECS, write_standing
from bascule.store.selects import there
from bascule.store.tables import objects, tag


@dataclass(frozen=True, slots=True)
class Stored:
    """A load balancer as it stands in the tables.

    `tree` is what is wanted. `leaving` holds what was deleted and is not confirmed gone yet, in order of creation.
    `standings` has an entry for every object in both, by id. `origin` is the door that writes this load balancer.
    `next_seq` is the place in the order of creation of the next child that is created; it is known after loading.
    """

    tree: Tree
    leaving: Mapping[str, Child]
    standings: Mapping[str, Standing]
    origin: str
    next_seq: int = field(default=0, compare=False)


# Loading

_ID: sa.BindParameter[Any] = sa.bindparam("b_id")
_LOCATE = {
    kind: Ready(sa.select(table.c.get("load_balancer_id", table.c.id), table.c.project_id).where(table.c.id == _ID, there(table)))
    for kind, table in ((Kind(name), table) for name, table in objects.items())
}


def load(conn: sa.Connection, ids: Sequence[str]) -> dict[str, Stored]:
    """Load balancers by id, with everything below them, in the same number of statements however many they are.

    Those that do not exist or are DELETED are left out.
    """
    return _loaded(selects.one(conn, ids[0]) if len(ids) == 1 else selects.many(conn, ids))


def _loaded(rows: Iterable[selects.Found]) -> dict[str, Stored]:
    below: dict[str, list[tuple[int, Any, Standing]]] = {}
    roots: list[tuple[LoadBalancer, Standing, str]] = []
    for each, standing, home, last in rows:
        if isinstance(each, LoadBalancer):
            roots.append((each, standing, last))
        else:
            below.setdefault(home, []).append((last, each, standing))
    return {root.id: _assembled(root, standing, origin, below.get(root.id, [])) for root, standing, origin in roots}


def _assembled(root: LoadBalancer, standing: Standing, origin: str, below: list[tuple[int, Any, Standing]]) -> Stored:
    below.sort(key=lambda each: each[0])
    standings = {root.id: standing}
    wanted: dict[str, Child] = {}
    leaving: dict[str, Child] = {}
    for _, child, stands in below:
        standings[child.id] = stands
        (wanted if stands.stamps.deleted is None else leaving)[child.id] = child
    return Stored(Tree(root, wanted), leaving, standings, origin, below[-1][0] + 1 if below else 0)


class Place(NamedTuple):
    """Where an object belongs."""

    load_balancer_id: str
    project_id: str


def locate(conn: sa.Connection, kind: Kind, object_id: str) -> Place | None:
    """What an object belongs to; None if there is no such object, or it is DELETED."""
    row = _LOCATE[kind].first(conn, {"b_id": object_id})
    return None if row is None else Place(*row)


# Saving

_Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Writes:
    """What is to be written: rows by kind, and tags."""

    removed: dict[Kind, _Rows] = field(default_factory=dict)
    stood: dict[Kind, _Rows] = field(default_factory=dict)
    changed: dict[Kind, _Rows] = field(default_factory=dict)
    created: dict[Kind, _Rows] = field(default_factory=dict)
    tags_removed: _Rows = field(default_factory=list)
    tags_added: _Rows = field(default_factory=list)


def save(conn: sa.Connection, before: Stored | None, after: Stored) -> None:
    """Write what differs between a load balancer as it was loaded and as it should be; `before` is None for a new one.

    Children that stand neither in `after.tree` nor in `after.leaving` lose their row.
    """
    save_all(conn, [(before, after)])


def save_all(conn: sa.Connection, changes: Iterable[tuple[Stored | None, Stored]]) -> None:
    """Save many load balancers, each as `save` does, in no more statements than one may need."""
    writes = _Writes()
    for before, after in changes:
        if before is None:
            _create_root(writes, after)
            _create_children(writes, after, after.tree.children.values(), 0)
        elif fresh := _compare(writes, before, after):
            _create_children(writes, after, fresh, before.next_seq)
    _execute(conn, writes)


def _compare(writes: _Writes, before: Stored, after: Stored) -> list[Child]:
    """Note what changed and what is gone. Gives the children that are new."""
    old, new = _all(before), _all(after)
    for object_id, each in new.items():
        was, standing = old.get(object_id), after.standings[object_id]
        if was is None:
            continue
        if was is not each and was != each:
            row = CODECS[each.kind].write(each) | write_standing(standing) | {"b_id": object_id}
            writes.changed.setdefault(each.kind, []).append(row)
            _retag(writes, after, object_id, was.tags, each.tags)
        elif (stood := before.standings[object_id]) is not standing and stood != standing:
            writes.stood.setdefault(each.kind, []).append(write_standing(standing) | {"b_id": object_id})
    for object_id, was in old.items():
        if object_id not in new:
            writes.removed.setdefault(was.kind, []).append({"b_id": object_id})
            _retag(writes, after, object_id, was.tags, ())
    return [child for child in after.tree.children.values() if child.id not in old]


def _all(stored: Stored) -> dict[str, Object]:
    return {stored.tree.id: stored.tree.load_balancer, **stored.tree.children, **stored.leaving}


def _create_root(writes: _Writes, after: Stored) -> None:
    root = after.tree.load_balancer
    row = CODECS[root.kind].write(root) | write_standing(after.standings[root.id]) | {"origin": after.origin}
    writes.created.setdefault(root.kind, []).append(row)
    _retag(writes, after, root.id, (), root.tags)


def _create_children(writes: _Writes, after: Stored, fresh: Iterable[Child], first: int) -> None:
    root = after.tree.load_balancer
    for seq, child in enumerate(fresh, first):
        place = {"project_id": root.project_id, "load_balancer_id": root.id, "seq": seq}
        row = CODECS[child.kind].write(child) | write_standing(after.standings[child.id]) | place
        writes.created.setdefault(child.kind, []).append(row)
        _retag(writes, after, child.id, (), child.tags)


def _retag(writes: _Writes, after: Stored, object_id: str, old: Iterable[str], new: Iterable[str]) -> None:
    was, wanted = set(old), set(new)
    for each in was - wanted:
        writes.tags_removed.append({"b_id": object_id, "b_tag": each})
    for each in wanted - was:
        writes.tags_added.append({"object_id": object_id, "tag": each, "load_balancer_id": after.tree.id})


_CREATE = {kind: Ready(codec.table.insert()) for kind, codec in CODECS.items()}
_STAND = {kind: Ready(codec.table.update().where(codec.table.c.id == _ID)) for kind, codec in CODECS.items()}
_CHANGE = {kind: Ready(codec.table.update().where(codec.table.c.id == _ID)) for kind, codec in CODECS.items()}
_REMOVE = {kind: Ready(codec.table.delete().where(codec.table.c.id == _ID)) for kind, codec in CODECS.items()}
_ADD_TAG = Ready(tag.insert())
_REMOVE_TAG = Ready(tag.delete().where(tag.c.object_id == _ID, tag.c.tag == sa.bindparam("b_tag")))


def _execute(conn: sa.Connection, writes: _Writes) -> None:
    """Write rows in an order in which natural keys are given up before they are taken."""
    for kind in CODECS:
        if removed := writes.removed.get(kind):
            _REMOVE[kind].run_many(conn, removed)
        if stood := writes.stood.get(kind):
            _STAND[kind].run_many(conn, stood)
        if changed := writes.changed.get(kind):
            _CHANGE[kind].run_many(conn, sorted(changed, key=lambda row: row["live"] is not None))
        if created := writes.created.get(kind):
            _CREATE[kind].run_many(conn, created)
    if writes.tags_removed:
        _REMOVE_TAG.run_many(conn, writes.tags_removed)
    if writes.tags_added:
        _ADD_TAG.run_many(conn, writes.tags_added)
