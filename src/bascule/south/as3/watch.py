"""How a device group is, look by look: who of it answers, what runs there, how much there is to do."""

from __future__ import annotations

import logging
from collections.abc import Callable

from bascule.clients.bigip import AS3, Device, DeviceError, DeviceGroup, Unreachable, icontrol
from bascule.clients.bigip.group import Member
from bascule.model.health import DeviceSeen, Health, Load
from bascule.south.as3 import report as reporting
from bascule.south.as3.report import Sight

_LOG = logging.getLogger(__name__)

GRACE = 20.0
"""For how many seconds no device may be active before what the group carries counts as lost: a failover takes some, and so does
the look that finds out."""

_VERSION = 600.0
"""Seconds after which a device is asked again what AS3 it has."""

_TIMEOUT = 15.0


class Watch:
    """One device group. One thread at a time may use it. `clock` is monotonic."""

    def __init__(self, group: DeviceGroup, clock: Callable[[], float]) -> None:
        self._group = group
        self._clock = clock
        self._alone_since: float | None = None
        """Since when no device has been active, as far as it was looked."""
        self._told = False
        self._versions: dict[str, tuple[float, str]] = {}

    @property
    def away(self) -> bool:
        """Whether no device has been active for longer than the grace."""
        return self._alone_since is not None and self._clock() - self._alone_since >= GRACE

    def sight(self) -> Sight | None:
        """What the active device sees, asked of it now. None where there is none. Raises DeviceError where it cannot tell."""
        try:
            device = self._group.active()
        except Unreachable as problem:
            self._noted(False, str(problem))
            return None
        self._noted(True)
        return reporting.look(device)

    def health(self, *, load: bool) -> Health:
        """How every device is."""
        members = self._group.members()
        active = next((member.device for member in members if member.active), None)
        self._noted(active is not None, "; ".join(f"{each.device.name}: {each.problem or each.state}" for each in members))
        return Health(
            tuple(DeviceSeen(each.device.name, each.state, self._runs(each), each.problem) for each in members),
            away=self.away,
            load=self._load(active) if load and active else None,
        )

    def _noted(self, active: bool, why: str = "") -> None:
        if active:
            if self._told:
                _LOG.warning("device group %s answers again", self._group.name)
            self._alone_since, self._told = None, False
            return
        if self._alone_since is None:
            self._alone_since = self._clock()
        if self.away and not self._told:
            self._told = True
            _LOG.error("device group %s does not answer: %s", self._group.name, why)

    def _runs(self, member: Member) -> tuple[str, ...]:
        """What runs on a device, in words."""
        if member.problem:
            self._versions.pop(member.device.name, None)  # it may come back with another version
            return ()
        at, as3 = self._versions.get(member.device.name, (float("-inf"), ""))
        if not as3 or self._clock() - at >= _VERSION:
            try:
                as3 = AS3(member.device).info(timeout=_TIMEOUT, attempts=1).version
            except DeviceError as problem:
                _LOG.info("device group %s: the version of AS3 is not known: %s", self._group.name, problem)
            self._versions[member.device.name] = self._clock(), as3
        return (f"BIG-IP {member.version}", *([f"AS3 {as3}"] if as3 else []))

    def _load(self, device: Device) -> Load | None:
        try:
            return Load(icontrol.processors(device, timeout=_TIMEOUT), icontrol.connections(device, timeout=_TIMEOUT))
        except DeviceError as problem:
            _LOG.info("device group %s: what there is to do is not known: %s", self._group.name, problem)
            return None
