"""How the objects of a load balancer stand, after an edit and after a pass. Pure.

An edit stamps what it touches with the new generation of the unit, and everything above it, so that a change is seen where
users look for it. A pass or a report changes no stamp: it changes what the stamps are compared with.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from bascule.model.objects import Child, Member, Object, Tree, above
from bascule.model.status import (
    Fault,
    ListenerSeen,
    MemberSeen,
    Operating,
    Provisioning,
    Seen,
    Stamps,
    Standing,
    operating,
    provisioning,
)
from bascule.store.observed import SeenBy
from bascule.store.trees import Stored


def fresh(tree: Tree, origin: str, now: float) -> Stored:
    """A new load balancer, all of it created at generation 1."""
    standings = {each.id: _created(tree, each, 1, now) for each in tree.objects()}
    return Stored(tree, {}, standings, origin)


def edited(before: Stored, after: Tree, generation: int, observed: int, now: float) -> Stored:
    """What an edit makes of a load balancer: what is new, changed and removed is stamped with `generation`."""
    old, new = before.tree, after
    different = new.unlike(old)
    created = [each for each in different if old.get(each.id) is None]
    changed = [each for each in different if old.get(each.id) is not None]
    removed = [child for child in old.children.values() if child.id not in new.children]
    standings = dict(before.standings)
    for each in changed:
        standings[each.id] = dataclasses.replace(standings[each.id], updated_at=now)
    for child in created:
        standings[child.id] = _created(new, child, generation, now)
    for child in removed:
        standings[child.id] = _deleted(standings[child.id], generation, observed)
    touched = {each.id for each in changed}
    for side, some in ((old, removed), (new, created), (old, changed), (new, changed)):
        touched |= {object_id for each in some for object_id in above(side, each)}
    for object_id in touched:
        if object_id == new.id or object_id in new.children:
            standings[object_id] = _stamped(standings[object_id], generation, observed)
    leaving = dict(before.leaving) | {child.id: child for child in removed}
    return Stored(new, leaving, standings, before.origin)


def touched(before: Stored, generation: int, observed: int) -> Stored:
    """The load balancer itself stamped with a new generation, nothing else."""
    standing = _stamped(before.standings[before.tree.id], generation, observed)
    return dataclasses.replace(before, standings=dict(before.standings) | {before.tree.id: standing})


def deleted(before: Stored, generation: int, observed: int) -> Stored:
    """The load balancer and everything below it on its way out."""
    leaving: dict[str, Child] = dict(before.leaving) | dict(before.tree.children)
    standings = {
        object_id: standing if standing.stamps.deleted is not None else _deleted(standing, generation, observed)
        for object_id, standing in before.standings.items()
    }
    return Stored(Tree(before.tree.load_balancer), leaving, standings, before.origin)


def recorded(before: Stored, observed: int, faults: Mapping[str, int], seen: Seen) -> Stored:
    """The load balancer with its statuses as they follow from what its carriers confirmed and report.

    `faults` gives the generation of the fault shown on an object, by object id. A fault of the load balancer itself holds up
    everything that has not been carried out yet. What is confirmed gone is left out; the load balancer itself stays, DELETED.
    """
    whole = faults.get(before.tree.id)
    statuses = operating(before.tree, seen)
    standings: dict[str, Standing] = {}
    for object_id, standing in before.standings.items():
        stamps = standing.stamps
        behind = (stamps.deleted or stamps.changed) > observed
        fault = max((each for each in (faults.get(object_id), whole if behind else None) if each is not None), default=None)
        state = provisioning(stamps, observed, fault)
        if state is Provisioning.DELETED and object_id != before.tree.id:
            continue
        shown = statuses.get(object_id, Operating.OFFLINE)
        standings[object_id] = dataclasses.replace(standing, provisioning_status=state, operating_status=shown)
    leaving = {child.id: child for child in before.leaving.values() if child.id in standings}
    return Stored(before.tree, leaving, standings, before.origin)


def together(said: Iterable[SeenBy], *, serving: int, lost: int) -> Seen:
    """What several carriers say, as one: something works as well as it does on the carrier where it works best."""
    listeners: dict[str, ListenerSeen] = {}
    members: dict[str, MemberSeen] = {}
    for each in said:
        for object_id, listener in each.listeners.items():
            if listeners.get(object_id) is not ListenerSeen.OPEN:
                listeners[object_id] = listener
        for object_id, member in each.members.items():
            if object_id not in members or _BEST.index(member) < _BEST.index(members[object_id]):
                members[object_id] = member
    return Seen(listeners, members, carriers_lost=lost, carriers_serving=serving)


_BEST = (MemberSeen.UP, MemberSeen.DRAIN, MemberSeen.NO_CHECK, MemberSeen.MAINT, MemberSeen.DOWN)


def _created(tree: Tree, each: Object, generation: int, now: float) -> Standing:
    bare = isinstance(each, Member) and not tree.monitors_of(each.pool_id)
    return Standing(
        stamps=Stamps(generation, generation),
        created_at=now,
        provisioning_status=Provisioning.PENDING_CREATE,
        operating_status=Operating.NO_MONITOR if bare else Operating.OFFLINE,
    )


def _stamped(standing: Standing, generation: int, observed: int) -> Standing:
    return _with(standing, Stamps(standing.stamps.created, generation, standing.stamps.deleted), observed)


def _deleted(standing: Standing, generation: int, observed: int) -> Standing:
    return _with(standing, Stamps(standing.stamps.created, standing.stamps.changed, generation), observed)


def _with(standing: Standing, stamps: Stamps, observed: int) -> Standing:
    return Standing(
        stamps=stamps,
        created_at=standing.created_at,
        updated_at=standing.updated_at,
        provisioning_status=provisioning(stamps, observed),
        operating_status=standing.operating_status,
    )


def shown_faults(faults: Mapping[str, Fault], now: float, error_after: float) -> dict[str, int]:
    """The generations of the faults that make their object ERROR, by object id."""
    return {object_id: fault.generation for object_id, fault in faults.items() if fault.shown(now, error_after)}
