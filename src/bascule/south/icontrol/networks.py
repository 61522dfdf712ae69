"""Network units on devices: what is not wanted goes, then what is missing comes, on all devices of a group in step.

Every time, the devices are asked first what they have. There is no compare-and-set, so each object says in its description who
wrote it last, and whoever finds a later owner's stamp writes nothing. Nor does anybody go by what was read long ago: whoever was
stopped meanwhile may not be the owner any more.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bascule.clients.bigip import Busy, Device, DeviceError, LoginRefused, Refused, Unreachable
from bascule.model.backend import (
    NETWORK,
    Done,
    Fence,
    Fenced,
    Lost,
    Marked,
    Need,
    Outcome,
    Plan,
    Rejected,
    Retry,
    Target,
    Wait,
)
from bascule.south.icontrol.inventory import Body, Foreign, Inventory, taken
from bascule.south.icontrol.network import KINDS, kind_of

LOG = logging.getLogger(__name__)

_BUSY_PAUSE = 5.0

_FRESH = 8.0
"""Seconds for which what the devices have said may be gone by: less than a lease, which the owner renewed just before it asked."""

_NAMES = {"net/vlan": "VLAN", "net/route-domain": "route domain", "net/self": "self IP", "net/route": "route"}


def is_network(plan: Plan) -> bool:
    """Whether a plan is that of a network unit. It is not empty."""
    return kind_of(plan.steps[0].name) in KINDS


@dataclass(slots=True)
class _Site:
    """One network on one device. `outcome` ends it there."""

    plan: Plan
    wanted: Mapping[str, Body]
    inventory: Inventory
    is_fresh: Callable[[], bool]
    outcome: Outcome | None = None

    @property
    def device(self) -> str:
        return self.inventory.device.name


class Networks:
    """Writes networks to the devices of lanes: `devices` by lane id and by their names, which are those of the carriers. `clock` is
    monotonic."""

    def __init__(self, devices: Mapping[str, Mapping[str, Device]], clock: Callable[[], float] = time.monotonic) -> None:
        self._devices = devices
        self._clock = clock

    def apply(self, lane: str, fence: Fence, plans: Sequence[Plan]) -> Mapping[Target, Outcome]:
        """Bring networks to their targets. Raises Fenced."""
        outcomes: dict[Target, Outcome] = {}
        inventories: dict[str, Inventory] = {}
        devices = self._devices.get(lane, {})
        for name in dict.fromkeys(plan.carrier for plan in plans):
            if name not in devices:
                outcomes |= {(plan.unit_id, name): _forgotten(plan) for plan in plans if plan.carrier == name}
                continue
            try:
                inventories[name] = taken(devices[name], fence.installation)
            except DeviceError as problem:
                LOG.info("device %s: %s", name, problem)
                failed = _failed(problem)
                outcomes |= {(plan.unit_id, name): failed for plan in plans if plan.carrier == name}
        if any(stamp > fence for inventory in inventories.values() for stamp in inventory.stamps(f"{lane}/")):
            raise Fenced(lane)
        until = self._clock() + _FRESH
        for unit_id in dict.fromkeys(plan.unit_id for plan in plans):
            mine = [plan for plan in plans if plan.unit_id == unit_id and plan.carrier in inventories]
            sites = [_site(plan, inventories[plan.carrier], lambda: self._clock() <= until) for plan in mine]
            # The active device first: what it has goes to the others by itself, and would replace what they were given before.
            sites.sort(key=lambda site: not site.inventory.active)
            _clear(sites)
            _fill(sites, fence)
            outcomes |= {(unit_id, site.plan.carrier): site.outcome or Done() for site in sites}
        return outcomes

    def marked(self, lane: str, installation: str) -> list[Marked]:
        """The networks of ours on those devices of a lane that can be asked now."""
        prefix = f"{lane}/{NETWORK}/"
        found: dict[Target, list[str]] = {}
        for name, device in self._devices.get(lane, {}).items():
            try:
                objects = list(taken(device, installation).marked(prefix))
            except DeviceError as problem:
                LOG.info("device %s: %s", name, problem)
                continue
            for unit_id, path in objects:
                found.setdefault((unit_id, name), []).append(path)
        return [
            Marked(unit_id, name, tuple(paths), Need(NETWORK, unit_id.removeprefix(prefix)))
            for (unit_id, name), paths in found.items()
        ]


def _forgotten(plan: Plan) -> Outcome:
    """What becomes of a network on a device that is not in the configuration any more."""
    if plan.target:
        return Lost(f"Device {plan.carrier} is not in the configuration.")
    LOG.warning("device %s is not in the configuration: what it has of %s stays there", plan.carrier, plan.unit_id)
    return Done()


def _site(plan: Plan, inventory: Inventory, is_fresh: Callable[[], bool]) -> _Site:
    return _Site(plan, {path: json.loads(body) for path, body in plan.target.items()}, inventory, is_fresh)


def _clear(sites: Sequence[_Site]) -> None:
    """Remove what has to go, the last made first."""
    stale = {site.device: site.inventory.stale(site.plan.unit_id, site.wanted) for site in sites}
    for kind in reversed(KINDS):
        for site in sites:
            for path in sorted(path for path in stale[site.device] if kind_of(path) == kind):
                _try(site, path, partial(_remove, site, path), making=False)


def _remove(site: _Site, path: str) -> None:
    if site.inventory.shared_with(path, site.plan.unit_id):
        raise Refused(site.device, 400, f"{path} holds VLANs that are not ours")
    site.inventory.remove(path)


def _fill(sites: Sequence[_Site], fence: Fence) -> None:
    """Make what is missing or different, in order."""
    for kind in KINDS:
        for site in sites:
            for path, wanted in site.wanted.items():
                if kind_of(path) == kind:
                    _try(site, path, partial(site.inventory.make, path, site.plan.unit_id, wanted, fence), making=True)


def _try(site: _Site, path: str, work: Callable[[], None], *, making: bool) -> None:
    """One write. A device on which one failed gets no more in this pass."""
    if site.outcome is None and not site.is_fresh():
        site.outcome = Wait(0.0, "The network is being made or removed.")
    if site.outcome is not None:
        return
    what = _NAMES[kind_of(path)]
    try:
        work()
    except Foreign:
        text = f"{path} on {site.device} exists and is not ours"
        site.outcome = Rejected(f"Somebody else's {what} is where that of the network belongs.", operator_text=text)
    except Refused as refused:
        words = f"{site.device}: {path}: {refused.text}"
        if making and site.inventory.active and refused.status < 500 and refused.status != 404:
            site.outcome = Rejected(f"The device refuses the {what} of the network.", operator_text=words)
        else:
            site.outcome = Retry(f"The {what} of the network cannot be {'made' if making else 'removed'} yet.", words)
    except DeviceError as problem:
        site.outcome = _failed(problem)


def _failed(problem: DeviceError) -> Outcome:
    if isinstance(problem, Busy):
        return Wait(_BUSY_PAUSE, "The device is busy.")
    if isinstance(problem, Unreachable):
        return Lost(f"Device {problem.device} does not answer.")
    reason = "The device does not let the service in." if isinstance(problem, LoginRefused) else "The device gave no usable answer."
    return Retry(reason, str(problem))
