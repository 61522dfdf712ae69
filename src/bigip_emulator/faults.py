"""The fault switchboard: what goes wrong, when, and how often."""

from __future__ import annotations

import itertools
import re
import threading
from dataclasses import asdict, dataclass, field
from typing import Any

from bigip_emulator.clock import Clock
from bigip_emulator.web import Json, Refused

REQUEST = ("latency", "hold", "reset-before", "reset-after", "bad-gateway", "unavailable", "unauthorized", "context-timeout")
"""Faults of requests, chosen by method and path."""

WRITE = ("slow", "late-script", "failed-script", "refuse", "read-failure", "device-read-failure", "store-failure")
"""Faults of AS3's writes, chosen by tenant."""

_HELD = ("hold", "slow")


@dataclass
class Fault:
    """Something that goes wrong the next `times` times that it fits, or always where that is None; for `life` seconds at most."""

    kind: str
    id: int = 0
    times: int | None = 1
    seconds: float = 0.0
    method: str = ""
    path: str = ""
    """A regular expression that the path has to contain. Empty: any but those of the switchboard itself."""
    tenant: str = ""
    text: str = ""
    hits: int = 0
    ends: float | None = field(default=None, repr=False)

    def shown(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "ends"}


_TYPES: dict[str, tuple[type, ...]] = {
    "kind": (str,),
    "times": (int, type(None)),
    "seconds": (int, float),
    "method": (str,),
    "path": (str,),
    "tenant": (str,),
    "text": (str,),
    "life": (int, float),
}


class Faults:
    """The faults that are switched on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._gates: dict[int, threading.Event] = {}
        """What those wait for who have met a fault that holds them up."""
        self._faults: list[Fault] = []

    def add(self, body: Json) -> Fault:
        """Switch one on. Raises Refused, with what is allowed."""
        if not isinstance(body, dict) or body.get("kind") not in REQUEST + WRITE:
            raise Refused(422, {"message": f"kind has to be one of: {', '.join(REQUEST + WRITE)}"})
        for name, value in body.items():
            if name not in _TYPES or not isinstance(value, _TYPES[name]) or isinstance(value, bool):
                raise Refused(422, {"message": f"{name} is not a property of a fault, or has another type"})
        given = {name: value for name, value in body.items() if name != "life"}
        try:
            re.compile(given.get("path", ""))
        except re.error as problem:
            raise Refused(422, {"message": f"path is not a regular expression: {problem}"}) from None
        ends = self._clock.now() + body["life"] if "life" in body else None
        with self._lock:
            fault = Fault(**given, id=next(self._ids), ends=ends)
            self._faults.append(fault)
        return fault

    def listed(self) -> list[dict[str, Any]]:
        with self._lock:
            self._expire()
            return [fault.shown() for fault in self._faults]

    def clear(self, number: int | None = None) -> None:
        with self._lock:
            self._faults = [fault for fault in self._faults if number is not None and fault.id != number]

    def hold(self, fault: Fault, seconds: float | None = None) -> None:
        """Wait until `release` is called after this fault was met, or for so many of the device's seconds."""
        with self._lock:
            gate = self._gates.get(fault.id)
        if gate is None:
            return
        if seconds is None:
            gate.wait()
        else:
            self._clock.wait(gate, seconds)

    def release(self) -> None:
        """Let go on whatever is held, and whatever is slow."""
        with self._lock:
            for gate in self._gates.values():
                gate.set()
            self._gates.clear()

    def of_request(self, method: str, path: str) -> list[Fault]:
        """The faults that this request meets."""
        return self._take(
            lambda fault: fault.kind in REQUEST and fault.method in ("", method) and re.search(fault.path, path) is not None
        )

    def of_write(self, kind: str, tenant: str = "") -> Fault | None:
        """The fault of this kind that a write meets, for a tenant or as a whole."""
        found = self._take(lambda fault: fault.kind == kind and fault.tenant in ("", tenant), most=1)
        return found[0] if found else None

    def _take(self, fits: Any, most: int = 100) -> list[Fault]:
        with self._lock:
            self._expire()
            found = [fault for fault in self._faults if fits(fault)][:most]
            for fault in found:
                fault.hits += 1
                if fault.kind in _HELD:
                    self._gates.setdefault(fault.id, threading.Event())
            self._faults = [fault for fault in self._faults if fault.times is None or fault.hits < fault.times]
        return found

    def _expire(self) -> None:
        now = self._clock.now()
        self._faults = [fault for fault in self._faults if fault.ends is None or now < fault.ends]
