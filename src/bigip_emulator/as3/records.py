"""What AS3 remembers on the device: declarations, finished tasks and settings. They are part of its configuration."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from bigip_emulator.as3.structure import Declaration
from bigip_emulator.clock import stamp
from bigip_emulator.device import Device
from bigip_emulator.rules import VALUE_LIMIT, too_long

TASKS = 25
TASK_LIFE = 7 * 86400.0
_BLOCK = 64512

SETTINGS: dict[str, Any] = {
    "asyncTaskStorage": "data-group",
    "perAppDeploymentAllowed": True,
    "burstHandlingEnabled": False,
    "performanceTracingEnabled": False,
    "performanceTracingEndpoint": "",
    "serializeFileUploads": False,
    "serviceDiscoveryEnabled": True,
    "encodeDeclarationMetadata": False,
    "webhook": "",
}


class Records:
    """The records of one device. Whoever uses them holds the device's lock. Stored values are never changed in place."""

    def __init__(self, device: Device) -> None:
        self._device = device

    # Declarations, newest first, each with the time at which it was stored.

    def declarations(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._device.records.get("declarations", [])
        return found

    def current(self) -> Declaration | None:
        found = self.declarations()
        return found[0]["declaration"] if found else None

    def keep(self, declaration: Declaration, tenants: list[str], limit: int) -> None:
        """Store a declaration. Raises DeviceError when the names of all tenants are too much for one record."""
        milliseconds = int(self._device.clock.now() * 1000)
        before = self.declarations()
        if before:
            milliseconds = max(milliseconds, before[0]["time"] + 1)
        size = len(json.dumps(declaration)) if tenants else 0
        metadata = (
            f"date^{stamp(milliseconds / 1000)}|id^{declaration['id']}|tenants^{','.join(tenants)}|blocks^{size // _BLOCK + 1}"
        )
        if len(metadata) > VALUE_LIMIT and not self.settings()["encodeDeclarationMetadata"]:
            raise too_long(len(metadata))
        self._device.record("declarations", [{"time": milliseconds, "declaration": declaration}, *before][:limit])

    # Tasks, newest first.

    def tasks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._device.records.get("tasks", [])
        return found

    def finished(self, body: dict[str, Any]) -> None:
        now = self._device.clock.now()
        kept = [task for task in self.tasks() if now - task["time"] < TASK_LIFE]
        self._device.record("tasks", [{"time": now, "body": body}, *kept][:TASKS], local=True)

    # Settings

    def settings(self) -> dict[str, Any]:
        return {**SETTINGS, **self._device.records.get("settings", {})}

    def set(self, changed: dict[str, Any]) -> None:
        self._device.record("settings", {**self._device.records.get("settings", {}), **changed})


def lock_key(tenant: Declaration) -> str:
    """What tells one state of a stored tenant from another."""
    digest = hashlib.sha256(json.dumps(tenant, sort_keys=True).encode()).digest()
    return base64.b64encode(digest).decode()
