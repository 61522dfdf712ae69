"""The device: documents in memory, and switches for everything that can go wrong with a data plane.

It outlives the backend objects that talk to it, as a real device outlives the processes that drive it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bascule.model.backend import Done, Fence, Fenced, Lost, Outcome, Plan, Rejected, Retry, Target, Wait
from bascule.model.documents import Documents, Verb


class Broken(OSError):
    """The connection to the device broke. Whether anything was written is not known."""


@dataclass(slots=True)
class Switches:
    """What is to go wrong. All off at first.

    `rejected`: object ids whose documents the device refuses, with its words. `refused_units`: units it refuses without naming an
    object. `failing`: units for which every write fails for now. `slow`: units that need this many looks at a task before they are
    done. `lost`: carriers that do not answer. `away`: lanes that do not. `broken`: the connection breaks, `before` or `after` the
    writes of the next apply.
    """

    rejected: dict[str, str] = field(default_factory=dict)
    refused_units: dict[str, str] = field(default_factory=dict)
    failing: dict[str, str] = field(default_factory=dict)
    slow: dict[str, int] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    away: set[str] = field(default_factory=set)
    broken: str | None = None


class Device:
    """Several carriers side by side, each with the documents of many units. Safe to use from several threads."""

    def __init__(self) -> None:
        self.switches = Switches()
        self.documents: dict[Target, dict[str, str]] = {}
        self.fences: dict[str, Fence] = {}
        self.writes: list[Plan] = []
        self.tasks: dict[str, int] = {}
        self.before_apply: Callable[[], None] | None = None
        self.after_apply: Callable[[], None] | None = None
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()

    def read(self, target: Target) -> Documents | Lost:
        with self._lock:
            if target[1] in self.switches.lost:
                return Lost(f"Carrier {target[1]} does not answer.")
            return dict(self.documents.get(target, {}))

    def apply(self, lane: str, fence: Fence, plans: tuple[Plan, ...]) -> Mapping[Target, Outcome]:
        """Write plans, one after the other. Raises Fenced for an owner that is not the latest, Broken when switched on."""
        if self.before_apply is not None:
            self.before_apply()
        with self._lock:
            if fence < self.fences.get(lane, fence):
                raise Fenced(lane)
            self.fences[lane] = fence
            if lane in self.switches.away:
                raise Broken("no route to host")
            broken, self.switches.broken = self.switches.broken, None
            if broken == "before":
                raise Broken("connection reset")
            outcomes = {(plan.unit_id, plan.carrier): self._one(plan) for plan in plans}
            if broken == "after":
                raise Broken("connection reset")
        if self.after_apply is not None:
            self.after_apply()
        return outcomes

    def _one(self, plan: Plan) -> Outcome:
        switches = self.switches
        if plan.carrier in switches.lost:
            return Lost(f"Carrier {plan.carrier} does not answer.")
        if plan.unit_id in switches.failing:
            return Retry(switches.failing[plan.unit_id], f"switch: {switches.failing[plan.unit_id]}")
        if plan.unit_id in switches.refused_units:
            return Rejected(switches.refused_units[plan.unit_id], (), "switch")
        written = {step.name.partition("/")[2] for step in plan.steps if step.verb is not Verb.DELETE}
        guilty = tuple(sorted(written & switches.rejected.keys()))
        if guilty:
            return Rejected(switches.rejected[guilty[0]], guilty, f"switch: refused {', '.join(guilty)}")
        if plan.unit_id in switches.slow and (wait := self._task(plan)) is not None:
            return wait
        return Done(changed=self._write(plan))

    def _task(self, plan: Plan) -> Wait | None:
        """Look at the task of a plan, or begin one where no memo names it."""
        if plan.memo is None or plan.memo not in self.tasks:
            task = f"task-{next(self._numbers)}"
            self.tasks[task] = self.switches.slow[plan.unit_id]
            return Wait(1.0, "The device is working on it.", task)
        self.tasks[plan.memo] -= 1
        return Wait(1.0, "The device is working on it.", plan.memo) if self.tasks[plan.memo] > 0 else None

    def _write(self, plan: Plan) -> bool:
        """Tells whether anything is different afterwards."""
        before = dict(self.documents.get((plan.unit_id, plan.carrier), {}))
        held = self.documents.setdefault((plan.unit_id, plan.carrier), {})
        for step in plan.steps:
            if step.body is None:
                held.pop(step.name, None)
            else:
                held[step.name] = step.body
        if not held:
            del self.documents[(plan.unit_id, plan.carrier)]
        self.writes.append(plan)
        return held != before
