"""What happened to a load balancer, in words: the events its owner reads."""

from __future__ import annotations

from collections.abc import Mapping

from bascule.model.objects import Kind, Member, Object, Tree
from bascule.model.status import CarrierState, Fault, Operating, Provisioning
from bascule.store.observed import Carrier, Event
from bascule.store.trees import Stored

_WORDS = {Kind.L7POLICY: "L7 policy", Kind.L7RULE: "L7 rule"}


def describe(each: Object) -> str:
    """An object in words: its kind, and the name its owner gave it or else its id."""
    name = getattr(each, "name", "")
    if isinstance(each, Member) and not name:
        name = f"{each.address} port {each.protocol_port}"
    return f"{_WORDS.get(each.kind, each.kind.replace('_', ' '))} {name or each.id}"


def edits(before: Tree, after: Tree) -> list[tuple[Object, str]]:
    """What an edit did, object by object."""
    different = after.unlike(before)
    created = [(each, "was created") for each in different if before.get(each.id) is None]
    changed = [(each, "was changed") for each in different if before.get(each.id) is not None]
    deleted = [(each, "is to be deleted") for each in before.objects() if after.get(each.id) is None]
    return [*created, *changed, *deleted]


class Story:
    """Collects the events of one load balancer at one moment (`now`, seconds since the epoch)."""

    def __init__(self, load_balancer_id: str, generation: int, now: float) -> None:
        self._load_balancer_id = load_balancer_id
        self._generation = generation
        self._now = now
        self.events: list[Event] = []

    def tell(self, each: Object, what: str) -> None:
        """Something that happened to an object."""
        self.say(each, f"The {describe(each)} {what}.")

    def say(self, each: Object, text: str) -> None:
        """Something about an object, as a whole sentence."""
        self._add(each.kind, each.id, text)

    def faults(self, stored: Stored, before: Mapping[str, Fault], after: Mapping[str, Fault]) -> None:
        """Troubles that came, changed or went."""
        for object_id, fault in after.items():
            was = before.get(object_id)
            if was is None or was.user_text != fault.user_text:
                self._add(fault.object_kind, object_id, f"{_name(stored, object_id)}: {fault.user_text}")
        for object_id, fault in before.items():
            if object_id not in after:
                self._add(fault.object_kind, object_id, f"{_name(stored, object_id)}: the trouble is over.")

    def carriers(self, before: Mapping[str, Carrier], after: Mapping[str, Carrier]) -> None:
        """Carriers that were lost or came back."""
        for name, carrier in after.items():
            was = before[name].state if name in before else CarrierState.FILLING
            if carrier.state is CarrierState.LOST and was is not CarrierState.LOST:
                self._add("carrier", name, f"The carrier {name} does not answer.")
            elif carrier.state is CarrierState.SERVING and was is CarrierState.LOST:
                self._add("carrier", name, f"The carrier {name} serves again.")

    def statuses(self, before: Stored, after: Stored) -> None:
        """What was carried out, and what works better or worse than before."""
        load_balancer = after.tree.load_balancer
        was, now = (side.standings[load_balancer.id] for side in (before, after))
        if was.provisioning_status is not now.provisioning_status:
            if now.provisioning_status is Provisioning.ACTIVE:
                self.tell(load_balancer, f"is carried as wanted at generation {self._generation}")
            elif now.provisioning_status is Provisioning.DELETED:
                self.tell(load_balancer, "is deleted")
        watched: list[Object] = [load_balancer, *after.tree.members]
        for each in watched:
            old, new = (side.standings.get(each.id) for side in (before, after))
            if old and new and old.operating_status is not new.operating_status:
                self.tell(each, f"is {_WORKS[new.operating_status]}")

    def _add(self, kind: str, object_id: str, text: str) -> None:
        self.events.append(Event(self._load_balancer_id, self._now, self._generation, kind, object_id, text))


_WORKS = {
    Operating.ONLINE: "online",
    Operating.OFFLINE: "offline",
    Operating.DEGRADED: "degraded: a part of it does not work",
    Operating.ERROR: "not working",
    Operating.DRAINING: "draining: it takes no new clients",
    Operating.NO_MONITOR: "not monitored",
}


def _name(stored: Stored, object_id: str) -> str:
    each = stored.tree.get(object_id) or stored.leaving.get(object_id)
    return f"The {describe(each)}" if each else object_id
