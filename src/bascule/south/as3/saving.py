"""Has devices write their running configuration to disk, some time after it was changed and not with every change."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable

from bascule.clients.bigip import Device, DeviceError, DeviceGroup, icontrol

_LOG = logging.getLogger(__name__)

_LOOK = 2.0
_PATIENCE = 120.0
"""How often, and for how long, is asked whether a device has saved, in seconds."""

_AT_THE_END = 5.0
"""Seconds that a device has to begin saving when the process ends."""


class Saver:
    """Saves the devices of one group at most `interval` seconds after a change. What it misses is lost if a device restarts."""

    def __init__(self, group: DeviceGroup, interval: float) -> None:
        self._group = group
        self._interval = interval
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._unsaved: set[Device] = set()

    def changed(self) -> None:
        """Something was changed."""
        self._note(self._group.devices)

    def end(self) -> None:
        """Have saved now what is not saved yet, and wait for none of it."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            unsaved, self._unsaved = self._unsaved, set()
        for device in unsaved:
            try:
                icontrol.start_saving(device, timeout=_AT_THE_END, attempts=1)
            except DeviceError as problem:
                _LOG.warning("the configuration of %s is not saved: %s", device.name, problem.text)

    def _note(self, devices: Iterable[Device]) -> None:
        """Have these saved when it is time to."""
        with self._lock:
            self._unsaved.update(devices)
            if self._timer is None and self._unsaved:
                self._timer = threading.Timer(self._interval, self._save)
                self._timer.name = f"save {self._group.name}"
                self._timer.daemon = True
                self._timer.start()

    def _save(self) -> None:
        with self._lock:
            self._timer = None  # what is changed from now on is saved next time
            devices = [device for device in self._group.devices if device in self._unsaved]
        self._note([device for device in devices if not self._saved(device)])

    def _saved(self, device: Device) -> bool:
        with self._lock:
            self._unsaved.discard(device)
        try:
            task = icontrol.start_saving(device)
            deadline = time.monotonic() + _PATIENCE
            while (state := icontrol.saving(device, task)) is icontrol.Saving.RUNNING and time.monotonic() < deadline:
                time.sleep(_LOOK)
        except DeviceError as problem:
            _LOG.warning("the configuration of %s cannot be saved now: %s", device.name, problem.text)
            return False
        if state is not icontrol.Saving.DONE:
            _LOG.warning("%s did not save its configuration: %s", device.name, state)
        return state is icontrol.Saving.DONE
