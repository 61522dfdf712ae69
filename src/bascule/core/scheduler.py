"""Where a new load balancer goes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from enum import StrEnum

import sqlalchemy as sa

from bascule.model.backend import Backend, LaneSpec
from bascule.model.errors import Conflict, Invalid
from bascule.model.health import LaneState
from bascule.model.objects import Kind, Tree
from bascule.store import placement
from bascule.store.placement import Placement

LOG = logging.getLogger(__name__)


_BEST_FIRST = (LaneState.READY, LaneState.FILLING, LaneState.AWAY)


class PlaceBy(StrEnum):
    """What a new load balancer goes by: the lane that has the fewest of these gets it."""

    LOAD_BALANCERS = "load_balancers"
    LISTENERS = "listeners"


def place(conn: sa.Connection, backend: Backend, tree: Tree, by: PlaceBy = PlaceBy.LOAD_BALANCERS) -> str:
    """The lane that carries a new load balancer; it is counted there already.

    One whose devices are ready goes before one that is being filled again, and that one before one that is away. Where no other has
    room, it waits in such a lane: nothing is refused that may be carried out later.

    Raises Invalid where the backend has nothing for its flavor and availability zone, Conflict where no lane has room.
    """
    specs = backend.lanes_for(tree.load_balancer)
    if not specs:
        raise Invalid(f"Provider '{backend.name}' has no place for such a flavor in such an availability zone.")
    count = listeners(tree)
    if len(specs) == 1 and placement.give(conn, specs[0].id, listeners=count, most=specs[0].max_load_balancers):
        return specs[0].id  # where there is no choice there is nothing to look at first
    rows = _held(conn, backend, specs)
    for spec in sorted(specs, key=lambda spec: _order(rows[spec.id], by)):
        if placement.give(conn, spec.id, listeners=count, most=spec.max_load_balancers, state=rows[spec.id].state):
            return spec.id
    raise Conflict(_no_room(backend, specs, rows))


def listeners(tree: Tree) -> int:
    """How many listeners a load balancer has."""
    return sum(child.kind is Kind.LISTENER for child in tree.children.values())


def _held(conn: sa.Connection, backend: Backend, specs: Sequence[LaneSpec]) -> dict[str, Placement]:
    """The rows of all these lanes, held. They are made where no worker has made them yet."""
    ids = [spec.id for spec in specs]
    rows = placement.hold(conn, ids)
    if len(rows) < len(ids):
        placement.ensure(conn, {backend.name: specs})
        rows = placement.hold(conn, ids)
    return rows


def _order(row: Placement, by: PlaceBy) -> tuple[int, int, int, str]:
    """First the state. Where the one number is the same, the other one decides."""
    state = _BEST_FIRST.index(row.state)
    if by is PlaceBy.LISTENERS:
        return state, row.listeners, row.load_balancers, row.lane_id
    return state, row.load_balancers, row.listeners, row.lane_id


def _no_room(backend: Backend, specs: Sequence[LaneSpec], rows: dict[str, Placement]) -> str:
    """Why a load balancer goes nowhere, in words for its owner. The log names the places, which are the operator's business."""
    drained = [spec.id for spec in specs if rows[spec.id].drained]
    full = [spec.id for spec in specs if not rows[spec.id].drained]
    LOG.warning(
        "provider %s has no room for a load balancer. Full: %s. Drained: %s",
        backend.name,
        ", ".join(full) or "none",
        ", ".join(drained) or "none",
    )
    return (
        f"Provider '{backend.name}' has no room for another load balancer: of its {len(specs)} places, "
        f"{len(full)} have as many as they may have and {len(drained)} take no new ones."
    )
