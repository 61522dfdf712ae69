"""The device group: who is active, and how a changed configuration reaches the other device.

Two emulators know each other's URL. Each asks the other how it is, again and again. The one that is told to stand by, or is away,
leaves its work to the other; the configuration goes over when somebody asks for it, or by itself where the group is set up so.
"""

from __future__ import annotations

import base64
import http.client
import json
import logging
import ssl
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bigip_emulator.device import Device
from bigip_emulator.kinds import KINDS
from bigip_emulator.objects import Key, Object

PATH = "/emulator/cluster"
BEAT = 0.5
"""How often the other device is asked, in the device's seconds."""
LOST = 3
"""After how many questions without an answer it counts as away."""

_TIMEOUT = 10.0
_OFFLINE = 1 << 40
"""Added to what a device was told when it is offline, so that the other takes over."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Group:
    """What a device knows of its group. Without a URL it is alone."""

    name: str = "device-group-1"
    peer: str = ""
    automatic: bool = True


class Cluster:
    """This device's view of its group."""

    def __init__(self, device: Device, group: Group) -> None:
        self._device = device
        self.group = group
        self.active = not group.peer
        self.offline = False
        self._told = 0
        """Of two devices that stand by, the one that was told to do so later keeps doing it. 0 is never."""
        self.peer: dict[str, Any] | None = None
        """What the other said of itself last; None while it does not answer."""
        self.peer_name = ""
        self._missed = LOST
        self._stop = threading.Event()
        self._nudged = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="cluster", daemon=True)
        device.on_edit.append(self._edited)

    @property
    def _version(self) -> int:
        """Counts the edits of the group's configuration; the higher one is the newer. Saved and lost with the configuration."""
        return int(self._device.records.get("version", 0))

    # What others ask

    def state(self) -> str:
        if self.offline:
            return "forced-offline"
        return "active" if self.active else "standby"

    def sync_status(self) -> tuple[str, str]:
        """Status and colour."""
        if not self.group.peer:
            return "Standalone", "green"
        if self.peer is None:
            return "Disconnected", "red"
        return ("In Sync", "green") if self.peer["version"] == self._version else ("Changes Pending", "yellow")

    def told(self) -> dict[str, Any]:
        """What this device says of itself."""
        return {
            "name": self._device.settings.hostname,
            "state": self.state(),
            "version": self._version,
            "told": self._told + (_OFFLINE if self.offline else 0),
        }

    # What happens

    def start(self) -> None:
        if self.group.peer:
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._nudged.set()
        if self._thread.is_alive():
            self._thread.join(_TIMEOUT)

    def stand_by(self) -> None:
        """Leave the work to the other device. Alone, a device stays active."""
        if self.group.peer and self.peer is not None:
            self._told = max(self._told, self.peer["told"] % _OFFLINE) + 1
            self._become(False)
            self._nudge()

    def go_offline(self, offline: bool) -> None:
        self.offline = offline
        if offline or self.group.peer:
            self._become(False)
        else:
            self._become(True)
        self._nudge()

    def booted(self) -> None:
        """After a start the other one has the work, if it is there."""
        self._missed = 0 if self.peer else LOST
        if self.group.peer and self.peer:
            self._become(False)

    def sync(self) -> bool:
        """Send the whole configuration to the other device. False when it does not answer."""
        with self._device.lock:
            objects = [found.plain() for found in self._device.store.every() if not KINDS[found.kind].local]
            body = {"objects": objects, "records": {name: kept for name, kept in self._device.records.items() if name != "tasks"}}
        answer = self._ask("POST", "/config", body)
        if answer is not None:
            self.peer = answer
        return answer is not None

    def receive(self, body: dict[str, Any]) -> dict[str, Any]:
        """Take over the configuration of the other device; what is this device's own stays."""
        wanted = {made.key: made for made in (Object(**plain) for plain in body["objects"])}
        with self._device.lock:
            store = self._device.store
            gone: list[Key] = [found.key for found in store.every() if not KINDS[found.kind].local and found.key not in wanted]
            for kind, path in gone:
                store.drop(kind, path)
            for key, made in wanted.items():
                old = store.get(*key)
                if old is None or old.plain() != made.plain():
                    store.put(made)
            own = self._device.records.get("tasks", [])
            self._device.records = {**body["records"], "tasks": own}
            self._device.changed()
        return self.told()

    def _edited(self) -> None:
        newer = max(self._version, self.peer["version"] if self.peer else 0) + 1
        self._device.record("version", newer, local=True)
        self._nudge()

    def _nudge(self) -> None:
        self._nudged.set()

    def _become(self, active: bool) -> None:
        if self.active != active:
            self.active = active
            _LOG.warning("%s is now %s", self._device.settings.hostname, self.state())
            self._device.changed()

    def _beat(self) -> None:
        while not self._stop.is_set():
            self._nudged.clear()
            if not self._device.away():
                self._look()
            self._device.clock.wait(self._nudged, BEAT)

    def _look(self) -> None:
        answer = self._ask("POST", "", self.told())
        if answer is None:
            self._missed += 1
            if self._missed >= LOST:
                self.peer = None
        else:
            self._missed = 0
            self.peer, self.peer_name = answer, answer["name"]
            if self.group.automatic and answer["version"] < self._version:
                self.sync()
        self._decide()

    def heard(self, told: dict[str, Any]) -> dict[str, Any]:
        """The other device asks, and tells how it is."""
        self._missed = 0
        self.peer, self.peer_name = told, told["name"]
        self._decide()
        return self.told()

    def _decide(self) -> None:
        """One of the two is active: the one that is, or the one with the lower name, unless it was told otherwise."""
        if self.offline:
            return self._become(False)
        if self.peer is None:
            if self._missed >= LOST:
                self._become(True)
            return None
        other, mine = self.peer, self._device.settings.hostname
        if other["state"] == "active":
            if self.active and mine > other["name"]:
                self._become(False)
        elif not self.active and (other["told"] > self._told or (other["told"] == self._told and mine < other["name"])):
            self._become(True)
        return None

    def _ask(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        parts = urlsplit(self.group.peer)
        # The two know each other by their password; their certificates are their own.
        tls = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT, context=tls)
        user, password = next(iter(self._device.settings.users.items()))
        credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
        try:
            connection.request(method, PATH + path, json.dumps(body), {"Authorization": f"Basic {credentials}"})
            answer = connection.getresponse()
            text = answer.read()
            found: dict[str, Any] | None = json.loads(text) if answer.status == 200 else None
        except (OSError, ValueError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        return found
