"""What is worked on next in a lane. However much is due, choosing takes the same time: every statement reads a few index entries.

What waits longest goes first. Where more is due than goes at a time, projects take turns, so that one that changes thousands of
load balancers does not have the others wait for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bascule.store.tables import unit
from bascule.store.units import SELECT, Rank, Unit, load, units_of

_TURNS = 10
"""How many times it is somebody's turn when units are chosen. Each may take as many units as the turns leave room for."""

_ALWAYS = 1e18
"""Later than any clock says."""

_LIMIT: sa.BindParameter[int] = sa.bindparam("b_limit", type_=sa.Integer)
_HERE = (unit.c.lane_id == sa.bindparam("b_lane"), unit.c.rank == sa.bindparam("b_rank"))
_OLDEST = SELECT.where(*_HERE, unit.c.due_at <= sa.bindparam("b_now")).order_by(unit.c.due_at).limit(_LIMIT)
# Only what is in the index: MariaDB would otherwise read all that is due, to find those after a project.
_ENTRIES = sa.select(unit.c.id, unit.c.project_id, unit.c.due_at).where(*_HERE).limit(_LIMIT)
_NEXT = _ENTRIES.where(unit.c.project_id > sa.bindparam("b_after")).order_by(unit.c.project_id, unit.c.due_at)
_MINE = _ENTRIES.where(unit.c.project_id == sa.bindparam("b_project")).order_by(unit.c.due_at)


@dataclass(slots=True)
class Turns:
    """Whose turn it was last in a lane: a project, for what goes together and for what goes alone."""

    together: str = ""
    alone: str = ""


Choose = Callable[[sa.Connection, str, float, int, Turns], list[Unit]]
"""What is next in a lane, at a time, and how many at most."""


def together(conn: sa.Connection, lane_id: str, now: float, limit: int, turns: Turns) -> list[Unit]:
    """Up to `limit` units that go together: what was waited for in at most half of the places, then edits, then drift."""
    waited = _oldest(conn, lane_id, now, Rank.WAIT, limit)
    found = waited[: -(-limit // 2)]
    if len(found) < limit:
        found += _edits(conn, lane_id, limit - len(found), turns)
    found = list({each.id: each for each in (*found, *waited)}.values())[:limit]
    if len(found) < limit:
        found += _oldest(conn, lane_id, now, Rank.DRIFT, limit - len(found))
    return found


def alone(conn: sa.Connection, lane_id: str, now: float, limit: int, turns: Turns) -> list[Unit]:
    """One unit that was refused, or whose outcome was unknown, whatever the limit. Projects take turns."""
    oldest = _oldest(conn, lane_id, now, Rank.ALONE, 2)
    if len(oldest) < 2:
        return oldest
    for _ in range(_TURNS):
        following = _next(conn, lane_id, Rank.ALONE, turns.alone, 1)
        turns.alone = following[0].project_id if following else ""
        if following and following[0].due_at <= now:
            return list(load(conn, [following[0].id]).values())
    return oldest[:1]


def _edits(conn: sa.Connection, lane_id: str, limit: int, turns: Turns) -> list[Unit]:
    """Edits: first some of each project whose turn it is, then those that wait longest."""
    oldest = {each.id: each for each in _oldest(conn, lane_id, _ALWAYS, Rank.EDIT, limit)}
    if len(oldest) < limit:
        return list(oldest.values())
    chosen = list(dict.fromkeys([*_in_turn(conn, lane_id, limit, turns), *oldest]))[:limit]
    found = oldest | load(conn, [unit_id for unit_id in chosen if unit_id not in oldest])
    return [found[unit_id] for unit_id in chosen]


def _in_turn(conn: sa.Connection, lane_id: str, limit: int, turns: Turns) -> list[str]:
    """Edits of the projects whose turn it is, and before them of what several projects share, which holds up all of them."""
    share = -(-limit // _TURNS)
    found = {row.id: row.project_id for row in _of(conn, lane_id, "", share)}
    begun_at, around = turns.together, False
    for _ in range(_TURNS):
        room = min(share, limit - len(found))
        following = _next(conn, lane_id, Rank.EDIT, turns.together, room)
        found |= {row.id: row.project_id for row in following}
        around = around or len(following) < room
        turns.together = following[-1].project_id if len(following) == room else ""
        if len(found) >= limit or (around and turns.together >= begun_at):
            break
    projects = sorted(set(found.values()))
    if len(found) < limit and len(projects) <= _TURNS:  # so few that each can have more
        for project_id in projects:
            found |= {row.id: project_id for row in _of(conn, lane_id, project_id, limit // len(projects))}
    return list(found)


def _oldest(conn: sa.Connection, lane_id: str, now: float, rank: Rank, limit: int) -> list[Unit]:
    return units_of(conn.execute(_OLDEST, {"b_lane": lane_id, "b_rank": int(rank), "b_now": now, "b_limit": limit}))


def _next(conn: sa.Connection, lane_id: str, rank: Rank, after: str, limit: int) -> Sequence[Any]:
    """Those of the projects that come after one, by project, whether it is time for them or not."""
    return conn.execute(_NEXT, {"b_lane": lane_id, "b_rank": int(rank), "b_after": after, "b_limit": limit}).all()


def _of(conn: sa.Connection, lane_id: str, project_id: str, limit: int) -> Sequence[Any]:
    """The edits of one project that wait longest."""
    return conn.execute(_MINE, {"b_lane": lane_id, "b_rank": int(Rank.EDIT), "b_project": project_id, "b_limit": limit}).all()
