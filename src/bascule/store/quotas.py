"""How much projects have, and how much they may have: one row for each project.

Whoever adds objects writes the row, with the limits in the statement, so that of two who add at a time the second one counts what
the first one added. It is the last row that a transaction holds: who holds it waits for nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bascule.model.objects import Kind
from bascule.store.ready import Ready
from bascule.store.tables import quota

UNLIMITED = -1

Counts = Mapping[Kind, int]
"""Numbers by kind. A kind that is missing has 0."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What a project may have and what it has, by kind. A limit is None where nobody has set one for the project."""

    project_id: str
    limits: Mapping[Kind, int | None]
    used: Counts


def _limit(kind: Kind) -> sa.Column[int]:
    return quota.c[f"{kind}_limit"]


def _used(kind: Kind) -> sa.Column[int]:
    return quota.c[f"{kind}_used"]


def _number(name: str, kind: Kind) -> sa.BindParameter[int]:
    return sa.bindparam(f"{name}_{kind}", type_=sa.Integer)


def _allowed(kind: Kind) -> sa.ColumnElement[bool]:
    growth, limit = _number("growth", kind), sa.func.coalesce(_limit(kind), _number("default", kind))
    return sa.or_(growth <= 0, limit < 0, _used(kind) + growth <= limit)


# Statements that every edit runs are built once: building one costs more than running it.
_PROJECT: sa.BindParameter[str] = sa.bindparam("b_project")
_ADD = (
    quota.update()
    .where(quota.c.project_id == _PROJECT)
    .values({_used(kind): _used(kind) + _number("added", kind) for kind in Kind})
)
_NUMBERS = [(kind, f"added_{kind}", f"growth_{kind}", f"default_{kind}") for kind in Kind]
_TAKE = Ready(_ADD.where(*(_allowed(kind) for kind in Kind)))
_ONE = sa.select(quota).where(quota.c.project_id == _PROJECT)


def take(conn: sa.Connection, project_id: str, added: Counts, growth: Counts, defaults: Counts) -> Sequence[Kind]:
    """Count what a project has more from now on. Gives the kinds of which it may not have so many: then nothing is counted.

    `added` are objects that are there from now on, `growth` how many more are wanted: what is leaving makes room for others in the
    same transaction, and is there until it is gone.
    """
    values: dict[str, Any] = {"b_project": project_id}
    for kind, more, wanted, default in _NUMBERS:
        values[more], values[wanted] = added.get(kind, 0), growth.get(kind, 0)
        values[default] = defaults.get(kind, UNLIMITED)
    while not _TAKE.run(conn, values):
        ensure(conn, project_id)
        if exceeded := _exceeded(one(conn, project_id), growth, defaults):
            return exceeded
        # The row was not there, or others have given back in between.
    return ()


def _exceeded(row: Quota, growth: Counts, defaults: Counts) -> Sequence[Kind]:
    found = []
    for kind in Kind:
        own, more = row.limits[kind], growth.get(kind, 0)
        limit = defaults.get(kind, UNLIMITED) if own is None else own
        if more > 0 and limit >= 0 and row.used[kind] + more > limit:
            found.append(kind)
    return found


def give_back(conn: sa.Connection, gone: Mapping[str, Counts]) -> None:
    """Count what projects have less from now on, by project."""
    rows = [
        {"b_project": project_id} | {f"added_{kind}": -counts.get(kind, 0) for kind in Kind}
        for project_id, counts in sorted(gone.items())
        if any(counts.values())
    ]
    if rows:
        conn.execute(_ADD, rows)


def ensure(conn: sa.Connection, project_id: str) -> None:
    """Make the row of a project where there is none."""
    if conn.execute(_ONE, {"b_project": project_id}).first() is not None:
        return
    try:
        with conn.begin_nested():
            conn.execute(quota.insert().values({"project_id": project_id} | {_used(kind): 0 for kind in Kind}))
    except sa.exc.IntegrityError:
        pass  # another transaction made it in between


def one(conn: sa.Connection, project_id: str) -> Quota:
    """The quota of a project, which may be one that nothing is known of."""
    row = conn.execute(_ONE, {"b_project": project_id}).first()
    return Quota(project_id, dict.fromkeys(Kind), dict.fromkeys(Kind, 0)) if row is None else _quota(row)


def limited(conn: sa.Connection, project_id: str | None) -> list[Quota]:
    """The quotas of projects for which somebody has set a limit, by project; only of this project where one is given."""
    chosen = sa.select(quota).where(sa.or_(*(_limit(kind).is_not(None) for kind in Kind))).order_by(quota.c.project_id)
    if project_id is not None:
        chosen = chosen.where(quota.c.project_id == project_id)
    return [_quota(row) for row in conn.execute(chosen)]


def limit(conn: sa.Connection, project_id: str, limits: Mapping[Kind, int | None]) -> None:
    """Set limits of a project; None for those of the settings. Kinds that are not named keep theirs."""
    ensure(conn, project_id)
    if limits:
        values: dict[Any, Any] = {_limit(kind): value for kind, value in limits.items()}
        conn.execute(quota.update().where(quota.c.project_id == project_id).values(values))


def _quota(row: sa.Row[Any]) -> Quota:
    values = row._mapping
    limits = {kind: values[f"{kind}_limit"] for kind in Kind}
    return Quota(row.project_id, limits, {kind: values[f"{kind}_used"] for kind in Kind})
