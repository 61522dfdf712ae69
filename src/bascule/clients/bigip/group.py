"""A group of devices that act as one: which of them is active, and how the others are."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bascule.clients.bigip import icontrol
from bascule.clients.bigip.device import ATTEMPTS, Device
from bascule.clients.bigip.errors import DeviceError, LoginRefused, NoActiveDevice, Unreachable

_LOOK = 15.0
"""How long a device may take to say how it is, in seconds. Busy ones need more than five."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Member:
    """A device of the group, as it answered. `problem` says why it did not, and is empty when it did."""

    device: Device
    name: str = ""
    """The device's own name for itself."""
    state: str = "unknown"
    """active, standby, offline, forced-offline or unknown."""
    version: str = ""
    problem: str = ""

    @property
    def active(self) -> bool:
        return self.state == "active"


class DeviceGroup:
    """Devices of which one is active. Threads may share it."""

    def __init__(self, name: str, devices: Sequence[Device]) -> None:
        """`devices` are at least one, in the order in which they are asked."""
        if not devices:
            raise ValueError(f"device group {name} has no device")
        self.name = name
        self.devices = tuple(devices)
        self._active: Device | None = None

    def active(self) -> Device:
        """The device that is active now: one request where it is the same as last time. Raises DeviceError.

        After a request to it found it unreachable or busy, ask again: another one may have taken over.
        """
        before = self._active
        order = sorted(self.devices, key=lambda device: device is not before)
        found: list[Member] = []
        problems: list[DeviceError] = []
        for device in order:
            try:
                member = self._look(device)
            except DeviceError as problem:
                problems.append(problem)
                continue
            if member.active:
                if before not in (None, device):
                    _LOG.warning(
                        "device group %s: %s is active now, before it was %s", self.name, device.name, before and before.name
                    )
                self._active = device
                return device
            found.append(member)
        raise self._none_active(found, problems)

    def members(self) -> tuple[Member, ...]:
        """How every device of the group is. Asks all at the same time, and each only once."""
        with ThreadPoolExecutor(len(self.devices), thread_name_prefix="device") as pool:
            return tuple(pool.map(self._seen, self.devices))

    def close(self) -> None:
        for device in self.devices:
            device.close()

    def _seen(self, device: Device) -> Member:
        try:
            return self._look(device, attempts=1)
        except DeviceError as problem:
            return Member(device, problem=problem.text)

    def _look(self, device: Device, attempts: int = ATTEMPTS) -> Member:
        for unit in icontrol.units(device, timeout=_LOOK, attempts=attempts):
            if unit.own:
                return Member(device, unit.name, unit.state, unit.version)
        return Member(device, problem="the device does not name itself among the devices that it knows")

    def _none_active(self, found: Sequence[Member], problems: Sequence[DeviceError]) -> DeviceError:
        """A refused login goes first: it is what somebody has to do something about."""
        texts = [f"{member.device.name} is {member.state}" for member in found] + [str(problem) for problem in problems]
        if found:
            return NoActiveDevice(self.name, "; ".join(texts))
        for problem in problems:
            if isinstance(problem, LoginRefused):
                return problem
        return Unreachable(self.name, "; ".join(texts)) if len(problems) > 1 else problems[0]
