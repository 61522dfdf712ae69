"""AS3: declarations go in, and what is stored comes out. Nothing here waits for a task: that is data, and asked for again later."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from bascule.clients.bigip.device import ATTEMPTS, TIMEOUT, Device
from bascule.clients.bigip.errors import Refused
from bascule.clients.bigip.icontrol import checked, read
from bascule.clients.bigip.replies import Reply, of_task, reply
from bascule.clients.bigip.wire import Answer

BASE = "/mgmt/shared/appsvcs"
LONGEST = 75.0
"""How long a declaration may take to be answered, in seconds. After 45, AS3 makes a task of it."""

_BY_NAME = 50
"""Up to how many tenants are asked for by their names."""

_TIMES = 3
"""How often they are, while some of them are not there, before all there are is asked for."""

_NAME = re.compile(r"[A-Za-z][0-9A-Za-z_.-]*")


@dataclass(frozen=True, slots=True)
class Info:
    """The AS3 that is installed. `schema` is the newest version of the language that it knows."""

    version: str
    release: str
    schema: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A tenant as AS3 stored it, which is what was declared last and not what the device holds.

    `body` may hold the keys of certificates.
    """

    name: str
    label: str
    remark: str
    lock_key: str
    """Goes into the next declaration of this tenant as `optimisticLockKey`: it is refused if somebody was quicker."""
    body: Mapping[str, Any] = field(repr=False)


class AS3:
    """The AS3 of one device. Methods raise DeviceError where no answer is to be had."""

    def __init__(self, device: Device) -> None:
        self.device = device

    def info(self, *, timeout: float = TIMEOUT, attempts: int = ATTEMPTS) -> Info:
        """Busy is raised while AS3 loads, and where it is not installed."""
        body = read(self.device, f"{BASE}/info", timeout=timeout, attempts=attempts)
        return Info(str(body.get("version", "")), str(body.get("release", "")), str(body.get("schemaCurrent", "")))

    def declare(self, body: Mapping[str, Any]) -> Reply:
        """Hand in a declaration."""
        answer = self.device.post(f"{BASE}/declare", body, timeout=LONGEST)
        return reply(503 if answer.busy else answer.status, answer.body, answer.text)

    def task(self, task: str) -> Reply:
        """What a task has come to; the task again while it is under way."""
        answer = self.device.get(f"{BASE}/task/{task}")
        if answer.busy:
            checked(self.device, answer)
        return of_task(answer.status, answer.body, answer.text)

    def declared(self, tenants: Collection[str] | None = None, *, show_hash: bool = True) -> dict[str, Stored]:
        """The tenants that AS3 has stored, by name; all of them, or those of `tenants` that there are."""
        if tenants is not None and len(tenants) <= _BY_NAME:
            found = self._named(set(tenants), show_hash)
        else:
            found = self._tree(self._ask("", show_hash))
        return {
            name: _stored(name, body)
            for name, body in found.items()
            if isinstance(body, dict) and body.get("class") == "Tenant" and (tenants is None or name in tenants)
        }

    def _named(self, names: set[str], show_hash: bool) -> dict[str, Any]:
        """A name that is not known spoils the request for the others. AS3 says which, and is asked for those that are left."""
        for _ in range(_TIMES):
            if not names:
                return {}
            answer = self._ask("/" + ",".join(sorted(names)), show_hash)
            if answer.status != 404 or answer.busy:
                return self._tree(answer)
            unknown = names.intersection(_NAME.findall(answer.text)) if len(names) > 1 else names
            if not unknown:
                break
            names = names - unknown
        return self._tree(self._ask("", show_hash))

    def _ask(self, which: str, show_hash: bool) -> Answer:
        return self.device.get(f"{BASE}/declare{which}" + ("?showHash=true" if show_hash else ""), timeout=LONGEST)

    def _tree(self, answer: Answer) -> dict[str, Any]:
        body = checked(self.device, answer)
        if not isinstance(body, dict):
            raise Refused(self.device.name, answer.status, "the answer is not a declaration")
        return body


def _stored(name: str, body: Mapping[str, Any]) -> Stored:
    return Stored(name, str(body.get("label", "")), str(body.get("remark", "")), str(body.get("optimisticLockKey", "")), body)
