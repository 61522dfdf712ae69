"""The script of a run: which faults happen in which order and when. It follows from the seed alone."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DEVICES = ("a1", "a2", "b1", "b2")
"""The emulated devices: two pairs."""

PAIRS = ("pair-a", "pair-b")
"""As a target, the one of the two that is active at the time."""

CREW = ("api-1", "api-2", "worker-1", "worker-2", "health-manager-1", "health-manager-2", "housekeeping-1", "housekeeping-2")
"""The processes of Bascule. What is before the number is the program."""

PAUSE = 2.0
"""Seconds from one kill to the next, on average."""

LONGEST = 8.0
"""Seconds that a fault lasts at most."""

_TARGETS = {"worker": 3, "api": 2, "health-manager": 1, "housekeeping": 1}
"""How likely it is that a process is chosen, by its program."""

_NOT_THE_WATCHER = r"^/mgmt/(?!shared/appsvcs/declare/$)"
_DECLARE = "/declare$"


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happens `at` seconds after the beginning, to the thing that `target` names, for `seconds`."""

    at: float
    kind: str
    target: str
    seconds: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The step in words."""
        words = [self.kind, self.target, *(str(value) for value in self.details.values())]
        return " ".join(filter(None, words)) + (f" for {self.seconds:.1f} s" if self.seconds else "")


def steps(seed: int, kills: int, *, server: bool, broker: bool) -> list[Step]:
    """The faults of a run, in order. `server`: there is a database server that can be restarted. `broker`: there is one."""
    chosen = random.Random(f"{seed} faults")
    others = _others(server, broker)
    found: list[Step] = []
    at = 1.0
    for _ in range(kills):
        found.append(Step(at, "kill", _process(chosen), chosen.uniform(0.1, 2.0)))
        for _ in range(chosen.choice((0, 1, 1, 2))):
            kind = chosen.choices(list(others), list(others.values()))[0]
            found.append(_step(chosen, kind, at + chosen.uniform(0, PAUSE), broker=broker, server=server))
        at += chosen.uniform(0.2, 2 * PAUSE - 0.2)
    return sorted(found, key=lambda step: step.at)


def _others(server: bool, broker: bool) -> dict[str, float]:
    """The faults besides kills, and how likely each is."""
    found = {"pause": 5.0, "stop": 1.0, "link": 5.0, "device": 7.0, "reboot": 1.0, "standby": 1.0, "lose": 1.0}
    found |= {"busy": 1.0, "expire": 1.0, "haproxy": 2.0}
    return found | ({"database": 1.0} if server else {}) | ({"broker": 1.0} if broker else {})


def _process(chosen: random.Random) -> str:
    return chosen.choices(CREW, [_TARGETS[name.rpartition("-")[0]] for name in CREW])[0]


def _step(chosen: random.Random, kind: str, at: float, *, server: bool, broker: bool) -> Step:
    device, pair = chosen.choice(DEVICES), chosen.choice(PAIRS)
    match kind:
        case "pause":
            return Step(at, kind, _process(chosen), chosen.uniform(0.5, LONGEST))
        case "stop":
            return Step(at, kind, _process(chosen), chosen.uniform(0.1, 2.0))
        case "link":
            how = chosen.choice(("cut", "stall", "slow"))
            return Step(at, how, chosen.choice(list(links(server=server, broker=broker))), chosen.uniform(0.5, LONGEST))
        case "device":
            return Step(at, "fault", pair, 0.0, _fault(chosen))
        case "reboot":
            return Step(at, kind, device, chosen.uniform(0.5, LONGEST))
        case "busy":
            return Step(at, kind, pair, chosen.uniform(0.5, LONGEST))
        case "lose":
            return Step(at, kind, pair)
        case "database":
            return Step(at, kind, chosen.choice(("kill", "restart")), chosen.uniform(0.1, 3.0))
        case "broker":
            return Step(at, kind, "stop", chosen.uniform(0.5, LONGEST))
        case "haproxy":
            return Step(at, kind, f"{chosen.random():.3f}")
    return Step(at, kind, device)  # standby, expire


def links(*, server: bool, broker: bool) -> Iterator[str]:
    """The names of the links: of a process, to what it is connected with."""
    for name in CREW:
        program = name.rpartition("-")[0]
        if server:
            yield f"{name}>database"
        if broker and program in ("api", "worker"):
            yield f"{name}>broker"
        if program in ("worker", "health-manager"):
            yield from (f"{name}>{device}" for device in DEVICES)


def _fault(chosen: random.Random) -> dict[str, Any]:
    """A fault for the switchboard of a device. Times are in the device's own seconds."""
    post = {"method": "POST", "path": _DECLARE}
    anything = {"path": _NOT_THE_WATCHER, "times": chosen.randint(1, 3)}
    faults: Sequence[dict[str, Any]] = (
        {"kind": "latency", "seconds": chosen.uniform(1, 20), **anything},
        {"kind": "reset-before", **post},
        {"kind": "reset-before", **anything},
        {"kind": "reset-after", **post},
        {"kind": "reset-after", **post},
        {"kind": "bad-gateway", **anything},
        {"kind": "unavailable", **anything},
        {"kind": "unauthorized", **anything},
        {"kind": "context-timeout", **post},
        {"kind": "slow", "seconds": chosen.uniform(1, 30)},
        {"kind": "late-script", "seconds": chosen.uniform(2, 20)},
        {"kind": "failed-script"},
        {"kind": "refuse", "text": "01070734:3: Configuration error: refused for a while"},
        {"kind": "read-failure"},
        {"kind": "device-read-failure"},
        {"kind": "store-failure"},
    )
    return dict(chosen.choice(faults))
