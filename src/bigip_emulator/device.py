"""The device itself: its configuration, running and saved, and everything that several parts of the emulator share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bigip_emulator import persistence, rules
from bigip_emulator.clock import Clock
from bigip_emulator.faults import Faults
from bigip_emulator.kinds import factory
from bigip_emulator.objects import Key, Object, Store
from bigip_emulator.seen import Seen
from bigip_emulator.uploads import Uploads


@dataclass(frozen=True)
class Settings:
    """How a device is started. Times are in its own seconds."""

    hostname: str = "bigip.localdomain"
    users: dict[str, str] = field(default_factory=lambda: {"admin": "admin"})
    speed: float = 1.0
    tokens: int = 100
    """How many tokens a user may have at once."""
    state: Path | None = None
    """The file that the saved configuration is kept in."""
    as3_start: float = 0.0
    """How long AS3 takes until it answers after a start."""
    apply: float = 0.0
    """How long the device takes to apply one tenant."""


class Device:
    """One BIG-IP. `lock` guards all of its configuration; nobody sleeps while holding it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock(settings.speed)
        self.lock = threading.RLock()
        self.store = Store()
        self.records: dict[str, Any] = {}
        """What is kept in data groups of the device's own. Values are replaced, never changed."""
        self.seen = Seen()
        self.faults = Faults(self.clock)
        self.uploads = Uploads()
        self.boots = 0
        self.started = 0.0
        self.away_until = 0.0
        self.on_edit: list[Callable[[], None]] = []
        """Told when somebody has changed the configuration, which is then a newer one."""
        self.on_change: list[Callable[[], None]] = []
        """Told when the configuration, or whether it is in use, is different, however that came about."""
        self.on_boot: list[Callable[[], None]] = []
        self._saved = persistence.load(settings.state) or persistence.State(factory(), {})
        self._boot()

    def change(self, puts: Collection[Object], drops: Collection[Key]) -> None:
        """Change the configuration, as a whole or not at all. Raises DeviceError."""
        with self.lock:
            self.store.change(puts, drops, lambda store: rules.check(store, puts, drops))
            self._edited()

    def record(self, name: str, value: Any, *, local: bool = False) -> None:
        """Keep something. What is local concerns nobody but this device."""
        with self.lock:
            self.records = {**self.records, name: value}
            if not local:
                self._edited()

    def _edited(self) -> None:
        for told in self.on_edit:
            told()
        self.changed()

    def changed(self) -> None:
        for told in self.on_change:
            told()

    def save(self) -> None:
        """Make the running configuration the one that a start begins with."""
        with self.lock:
            self._saved = persistence.State(list(self.store.every()), self.records)
            if self.settings.state is not None:
                persistence.save(self.settings.state, self._saved)

    def reboot(self, seconds: float) -> None:
        """Go away for a while and come back with the saved configuration."""
        with self.lock:
            self.away_until = self.clock.now() + seconds
            self._boot()

    def away(self) -> bool:
        return self.clock.now() < self.away_until

    def as3_ready(self) -> bool:
        return self.clock.now() >= self.started + self.settings.as3_start

    def _boot(self) -> None:
        self.boots += 1
        self.store.restore(self._saved.objects)
        self.records = self._saved.records
        self.seen.counters.clear()
        self.started = max(self.clock.now(), self.away_until)
        for told in self.on_boot:
            told()
        self.changed()
