"""What one device has of networks: read whole, then written object by object. Foreign objects are seen and left alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bascule.clients.bigip import Device, OutcomeUnknown, Refused
from bascule.clients.bigip.icontrol import checked, items, read, units
from bascule.model.backend import Fence
from bascule.south import marks
from bascule.south.icontrol.network import KINDS, ROUTE, ROUTE_DOMAIN, SELF_IP, VLAN, kind_of
from bascule.south.marks import Mark

_STAMPED = re.compile(r"(?P<mark>.+) e(?P<epoch>\d+) f(?P<number>\d+)")
_FIXED = {VLAN: (), ROUTE_DOMAIN: ("id",), SELF_IP: ("address", "vlan"), ROUTE: ("network",)}
"""What cannot be changed about an object that is there."""

Body = dict[str, Any]


class Foreign(Exception):
    """Where an object of ours belongs, there is one of somebody else."""


@dataclass(slots=True)
class Inventory:
    """The network objects in /Common of a device, by path, as they were when it was read or last written to.

    Ours are those with the mark of `installation`.
    """

    device: Device
    active: bool
    installation: str
    objects: dict[str, Body] = field(default_factory=dict)

    def stamps(self, prefix: str) -> Iterator[Fence]:
        """Who wrote the objects of ours whose unit's id begins so."""
        for body in self.objects.values():
            found = _STAMPED.fullmatch(_description(body))
            mark = marks.read(found["mark"]) if found else None
            if found and mark and mark.installation == self.installation and mark.of.startswith(prefix):
                yield Fence(int(found["epoch"]), int(found["number"]), self.installation)

    def marked(self, prefix: str) -> Iterator[tuple[str, str]]:
        """The objects of ours whose unit's id begins so: its id, and the path."""
        for path, body in self.objects.items():
            found = _STAMPED.fullmatch(_description(body))
            mark = marks.read(found["mark"]) if found else None
            if mark and mark.installation == self.installation and mark.of.startswith(prefix):
                yield mark.of, path

    def of(self, unit_id: str) -> Iterator[str]:
        """The paths of what is there for a unit."""
        return (path for path, body in self.objects.items() if self._belongs(body, unit_id))

    def _belongs(self, body: Body, unit_id: str) -> bool:
        found = _STAMPED.fullmatch(_description(body))
        return found is not None and marks.read(found["mark"]) == Mark(self.installation, unit_id)

    def stale(self, unit_id: str, wanted: Mapping[str, Body]) -> set[str]:
        """The paths of what is there for a unit and has to go, because it is not wanted, or not so, or is in the way of that.

        What refers to something that goes has to go before it, and comes again.
        """
        mine = list(self.of(unit_id))
        gone = {path for path in mine if path not in wanted or not self._fits(path, wanted[path])}
        first = min((KINDS.index(kind_of(path)) for path in gone), default=len(KINDS))
        return gone | {path for path in mine if KINDS.index(kind_of(path)) > first}

    def _fits(self, path: str, wanted: Body) -> bool:
        here = self.objects[path]
        other_way = kind_of(path) == ROUTE and ("gw" in here) != ("gw" in wanted)
        return not other_way and all(here.get(name) == wanted[name] for name in _FIXED[kind_of(path)])

    def make(self, path: str, unit_id: str, wanted: Body, fence: Fence) -> None:
        """Make an object of a unit, or bring it to what is wanted. Raises DeviceError, Foreign."""
        stamped = f"{Mark(self.installation, unit_id)} e{fence.epoch} f{fence.number}"
        if path not in self.objects and not self._look(path):
            kind, name = path.rsplit("/~Common~", 1)
            body = {"name": name, "partition": "Common", **wanted, "description": stamped}
            answer = self.device.post(f"/mgmt/tm/{kind}", body)
            if answer.status != 409:
                self.objects[path] = _plain(checked(self.device, answer)) | {"interfaces": wanted.get("interfaces")}
                return
            # Another device of the group had it, and its configuration came in between.
            self._see(path)
        here = self.objects.get(path, {})
        if not self._belongs(here, unit_id):
            raise Foreign(path)
        if not _as_wanted(here, wanted):
            if kind_of(path) == ROUTE_DOMAIN:
                # Others may have put their VLANs into it, just now.
                self._see(path)
                others = self.objects[path].get("vlans", [])
                wanted = {**wanted, "vlans": [*others, *_missing(self.objects[path], wanted)]}
            changes = {name: value for name, value in wanted.items() if name not in _FIXED[kind_of(path)]}
            answer = self.device.patch(f"/mgmt/tm/{path}", {**changes, "description": stamped})
            checked(self.device, answer)
            self.objects[path] = {**here, **wanted}

    def remove(self, path: str) -> None:
        """Remove an object of ours. Raises DeviceError."""
        answer = self.device.delete(f"/mgmt/tm/{path}")
        if answer.status != 404:
            checked(self.device, answer)
        self.objects.pop(path, None)

    def shared_with(self, path: str, unit_id: str) -> bool:
        """Whether a route domain holds VLANs that are not this unit's."""
        if kind_of(path) != ROUTE_DOMAIN or not self._look(path):
            return False
        mine = {f"/Common/{each.rsplit('~', 1)[1]}" for each in self.of(unit_id)}
        return bool(set(self.objects[path].get("vlans", ())) - mine)

    def _see(self, path: str) -> None:
        """Read anew what was there a moment ago."""
        if not self._look(path):
            raise OutcomeUnknown(self.device.name, f"{path} came and went")

    def _look(self, path: str) -> bool:
        """Read one object anew. Tells whether it is there."""
        try:
            self.objects[path] = _plain(read(self.device, f"/mgmt/tm/{path}?expandSubcollections=true"))
        except Refused as refused:
            if refused.status != 404:
                raise
            self.objects.pop(path, None)
        return path in self.objects


def taken(device: Device, installation: str) -> Inventory:
    """What a device has. Five requests. Raises DeviceError."""
    active = any(unit.own and unit.state == "active" for unit in units(device))
    found = Inventory(device, active, installation)
    for kind in KINDS:
        query = "?expandSubcollections=true" if kind == VLAN else ""
        for body in items(read(device, f"/mgmt/tm/{kind}{query}")):
            found.objects[f"{kind}/{str(body.get('fullPath', '')).replace('/', '~')}"] = _plain(body)
    return found


def _plain(body: Body) -> Body:
    """An object with its interfaces as they are written."""
    listed = body.get("interfacesReference", {}).get("items", ())
    return {**body, "interfaces": [{"name": each.get("name"), "tagged": bool(each.get("tagged"))} for each in listed]}


def _description(body: Body) -> str:
    return str(body.get("description", ""))


def _as_wanted(here: Body, wanted: Body) -> bool:
    same = (here.get(name) == value for name, value in wanted.items() if name != "vlans")
    return all(same) and not _missing(here, wanted)


def _missing(here: Body, wanted: Body) -> list[str]:
    """VLANs that are wanted in a route domain and are not in it."""
    return [vlan for vlan in wanted.get("vlans", ()) if vlan not in here.get("vlans", ())]
