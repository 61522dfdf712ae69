"""What the next pass would change. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bascule.core import known as knowledge
from bascule.core.passes import Passes
from bascule.model.backend import Plan
from bascule.model.errors import NotFound
from bascule.model.objects import Kind
from bascule.model.status import Fault
from bascule.store import units
from bascule.store.engine import Database


@dataclass(frozen=True, slots=True)
class Preview:
    """The plans of the next pass, one per carrier that would change, and what would keep it from being carried out.

    `faults` are those that the last pass has left, also of what several load balancers need.
    """

    generation: int
    observed: int
    plans: Sequence[Plan]
    reasons: Sequence[str]
    faults: Sequence[Fault]


def preview(database: Database, passes: Passes, load_balancer_id: str) -> Preview:
    """What the next pass over a load balancer would do. Reads the database and the data plane. Raises NotFound."""
    with database.read() as conn:
        found = units.load(conn, [load_balancer_id])
        unit = found.get(load_balancer_id)
        if unit is None or unit.kind != units.LOAD_BALANCER or unit.gone_at is not None:
            raise NotFound(Kind.LOAD_BALANCER, load_balancer_id)
        known = knowledge.load(conn, found)[load_balancer_id]
        shared = knowledge.load(conn, units.load(conn, list(known.needs)))
    plans, reasons = passes.plans(unit.lane_id, known, shared)
    faults = [fault for each in (known, *shared.values()) for fault in each.faults.values()]
    return Preview(unit.generation, unit.observed, plans, reasons, faults)
