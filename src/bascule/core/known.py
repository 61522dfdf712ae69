"""Everything known of units at one moment: loaded for a batch in a constant number of statements, changed as values, saved as
differences. Passes start from it; the recorder ends in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from bascule.core import standing
from bascule.core.story import Story
from bascule.model.objects import Listener
from bascule.model.status import CarrierState, Fault
from bascule.store import observed, trees, units
from bascule.store.observed import Carrier, Event, SeenBy
from bascule.store.trees import Stored
from bascule.store.units import LOAD_BALANCER, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One unit. `stored` is None for shared units; `needs` are the ids of the shared units it needs."""

    unit: Unit
    stored: Stored | None = None
    carriers: Mapping[str, Carrier] = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)
    said: Mapping[str, SeenBy] = field(default_factory=dict)
    needs: Sequence[str] = ()


def load(conn: sa.Connection, found: Mapping[str, Unit]) -> dict[str, Known]:
    """What is known of units whose rows have been read (or locked) already."""
    ids = list(found)
    balancers = [unit.id for unit in found.values() if unit.kind == LOAD_BALANCER]
    stored = trees.load(conn, balancers) if balancers else {}
    carriers = observed.carriers(conn, ids)
    faults = observed.faults(conn, ids)
    said = observed.seen_by(conn, balancers)
    needs = units.needs(conn, balancers)
    return {
        unit.id: Known(
            unit=unit,
            stored=stored.get(unit.id),
            carriers=carriers.get(unit.id, {}),
            faults=faults.get(unit.id, {}),
            said=said.get(unit.id, {}),
            needs=needs.get(unit.id, ()),
        )
        for unit in found.values()
    }


def stand(known: Known, now: float, error_after: float) -> Known:
    """The same with the statuses of all objects as they follow from it."""
    if known.stored is None:
        return known
    states = [carrier.state for carrier in known.carriers.values()]
    seen = standing.together(
        known.said.values(),
        serving=states.count(CarrierState.SERVING),
        lost=states.count(CarrierState.LOST),
    )
    shown = standing.shown_faults(known.faults, now, error_after)
    return dataclasses.replace(known, stored=standing.recorded(known.stored, known.unit.observed, shown, seen))


def save(conn: sa.Connection, before: Mapping[str, Known], after: Mapping[str, Known], now: float) -> None:
    """Write the differences, and tell the owners of load balancers what happened. The units are locked."""
    units.save(conn, {key: each.unit for key, each in before.items()}, {key: each.unit for key, each in after.items()})
    observed.save_carriers(conn, _carriers(before), _carriers(after))
    observed.save_faults(
        conn, {key: each.faults for key, each in before.items()}, {key: each.faults for key, each in after.items()}
    )
    observed.save_seen(conn, _said(before), _said(after))
    events: list[Event] = []
    changes: list[tuple[Stored | None, Stored]] = []
    gone: list[str] = []
    for unit_id, new in after.items():
        old = before[unit_id]
        if old.stored is not None and new.stored is not None:
            changes.append((old.stored, new.stored))
            gone += [
                each.id for each in old.stored.leaving.values() if isinstance(each, Listener) and each.id not in new.stored.leaving
            ]
            events += _story(old, new, old.stored, new.stored, now)
    trees.save_all(conn, changes)
    if gone:
        observed.forget_listeners(conn, gone)
    observed.add_events(conn, events)
    observed.trim_events(conn, [stored.tree.id for _, stored in changes])


def _story(old: Known, new: Known, was: Stored, stored: Stored, now: float) -> list[Event]:
    story = Story(new.unit.id, new.unit.generation, now)
    story.faults(was, old.faults, new.faults)
    story.carriers(old.carriers, new.carriers)
    story.statuses(was, stored)
    return story.events


def _carriers(side: Mapping[str, Known]) -> list[Carrier]:
    return [carrier for known in side.values() for carrier in known.carriers.values()]


def _said(side: Mapping[str, Known]) -> dict[tuple[str, str], SeenBy]:
    return {(unit_id, name): said for unit_id, known in side.items() for name, said in known.said.items()}
