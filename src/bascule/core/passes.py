"""One pass over a batch of units of one lane: resolve, render, read, compare, apply. Touches data planes, writes no database.

A pass is the only way in which anything comes onto a data plane or off it. It does not know why a unit is due: creating, changing,
deleting, failing over, repairing and starting anew after a crash are all the same pass.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from bascule.core import codec, metrics
from bascule.core.carriers import holds, intended, take_over
from bascule.core.jobs import Job, guarded
from bascule.core.known import Known
from bascule.core.preparation import accepted, prepare, render
from bascule.core.recorder import Result
from bascule.core.resolve import Resolver
from bascule.core.story import describe
from bascule.model.backend import (
    Backend,
    Done,
    Fence,
    Fenced,
    Lost,
    Outcome,
    Plan,
    Reads,
    Rejected,
    Retry,
    Secrets,
    Target,
    Wait,
)
from bascule.model.definition import ServiceDefinition, with_last_accepted
from bascule.model.documents import Documents, diff
from bascule.model.errors import Away
from bascule.model.status import FaultKind
from bascule.store.lanes import LaneLost
from bascule.store.observed import Carrier
from bascule.store.units import LOAD_BALANCER, shared_id

LOG = logging.getLogger(__name__)

Intend = Callable[[Sequence[Carrier]], None]
"""Is told each time before anything is written; commits the record of these carriers. Raises LaneLost, Interrupted, Away."""


class Interrupted(Exception):
    """Nothing more is to be written, because the process stops. What was not recorded is still due."""


class Passes:
    """Runs passes with one backend per provider and one resolver."""

    def __init__(self, backends: Mapping[str, Backend], resolver: Resolver, secrets: Secrets) -> None:
        self._backends = backends
        self._resolver = resolver
        self._secrets = secrets

    def run(self, lane_id: str, fence: Fence, batch: Sequence[Known], shared: Mapping[str, Known], intend: Intend) -> list[Result]:
        """One pass over units of one lane and backend. `shared` are the units that any of them needs. Raises Fenced.

        `intend` is told, before anything is written, what may be on carriers that cannot be asked what they hold; of others, that
        something is.
        """
        backend = self._backends[batch[0].unit.backend]
        jobs = [prepare(self._resolver, backend, known, shared, hold=True) for known in batch]
        ready = [job for job in jobs if job.stop is None]
        while ready:  # ends: every round leaves out something more
            self._carry_out(backend, lane_id, fence, ready, intend)
            ready = [job for job in ready if self._leave_out(backend, job)]
        for job in jobs:
            self._release(job)
        return [self._result(backend, job) for job in jobs]

    def plans(self, lane_id: str, known: Known, shared: Mapping[str, Known]) -> tuple[list[Plan], list[str]]:
        """What the next pass over a unit would change, and why it might not. Changes nothing."""
        backend = self._backends[known.unit.backend]
        job = prepare(self._resolver, backend, known, shared, hold=False)
        reasons = [fault.user_text for fault in job.faults.values()]
        if job.stop is not None:
            return [], [*reasons, *(filter(None, [getattr(job.stop, "reason", None)]))]
        plans = self._plans(backend, lane_id, [job])
        return plans, reasons + [outcome.reason for outcome in job.outcomes.values() if isinstance(outcome, Lost)]

    def _release(self, job: Job) -> None:
        """Let go of what a shared unit held outside its data plane, once that is empty."""
        unit = job.known.unit
        empty = job.stop is None and all(isinstance(outcome, Done) for outcome in job.outcomes.values())
        if empty and unit.deleted is not None and unit.kind != LOAD_BALANCER:
            with guarded(job):
                self._resolver.release(unit)

    def _carry_out(self, backend: Backend, lane_id: str, fence: Fence, jobs: Sequence[Job], intend: Intend) -> None:
        """Read, compare and apply. Afterwards every job has an outcome for each of its carriers."""
        by_id = {job.id: job for job in jobs}
        outcomes: Mapping[Target, Outcome] = {}
        try:
            plans = self._plans(backend, lane_id, jobs)
            if plans:
                unknown = plans if backend.reads is Reads.RECORD else ()
                intend([intended(backend, by_id[plan.unit_id], plan) for plan in unknown])
                with metrics.APPLY.time():
                    outcomes = backend.apply(lane_id, fence, plans, self._secrets)
        except (Fenced, LaneLost, Interrupted, Away):
            raise
        except Exception as error:
            LOG.exception("lane %s: a batch of %d failed", lane_id, len(jobs))
            failed = Retry("The data plane cannot be reached.", f"{type(error).__name__}: {error}")
            for job in jobs:
                job.outcomes |= {name: failed for name in job.target if name not in job.outcomes}
        for (unit_id, name), outcome in outcomes.items():
            by_id[unit_id].outcomes[name] = outcome
        for job in jobs:
            job.outcomes |= {name: Retry("No answer.") for name in job.target if name not in job.outcomes}
            take_over(backend, job)

    def _plans(self, backend: Backend, lane_id: str, jobs: Sequence[Job]) -> list[Plan]:
        """The plans that are not empty. Carriers that need none, or do not answer, get their outcome here."""
        targets = [(job.id, name) for job in jobs for name in job.target]
        read: Mapping[Target, Documents | Lost] = {}
        if backend.reads is Reads.DEVICE:
            with metrics.READ.time():
                read = backend.read(lane_id, targets)
        plans: list[Plan] = []
        for job in jobs:
            job.outcomes = {}
            for name, target in job.target.items():
                actual = holds(backend, job, name, read)
                if isinstance(actual, Lost):
                    job.outcomes[name] = actual
                    continue
                steps = diff(actual, target)
                if steps:
                    unit = job.known.unit
                    plans.append(Plan(unit.id, name, unit.generation, steps, target, job.memo.get(name)))
                else:
                    job.outcomes[name] = Done(changed=False)
        return plans

    def _leave_out(self, backend: Backend, job: Job) -> bool:
        """Put what was refused back to its last accepted form; what is refused even so, leave out.

        Tells whether the rest is worth another try.
        """
        if job.kept is None:
            return False
        refused = [outcome for outcome in job.outcomes.values() if isinstance(outcome, Rejected)]
        blamed = {object_id: each for each in refused for object_id in each.objects if object_id in job.kept.tree.children}
        again = blamed.keys() & job.faults.keys()
        fresh = blamed.keys() - again
        if not fresh and again <= job.left_out:
            return False
        for object_id in fresh:
            job.fault(FaultKind.REJECTED, object_id, blamed[object_id].reason, blamed[object_id].operator_text)
        job.left_out |= again
        job.kept = with_last_accepted(job.kept, accepted(job.known), job.faults)
        job.definition = with_last_accepted(job.kept, None, job.left_out)
        with guarded(job):
            render(backend, job)
        return job.stop is None

    def _result(self, backend: Backend, job: Job) -> Result:
        unit = job.known.unit
        outcomes = [job.stop] if job.stop is not None else list(job.outcomes.values())
        bad = [each for each in outcomes if isinstance(each, Retry | Rejected)]
        waits = [each for each in outcomes if isinstance(each, Wait)]
        lost = [each for each in outcomes if isinstance(each, Lost)]
        if lost and (unit.deleted is not None or len(lost) == len(outcomes)):
            bad.append(Retry("Nothing that carries the load balancer answers." if unit.deleted is None else _NOT_CLEARED))
        for each in sorted(bad, key=lambda each: isinstance(each, Rejected)):  # a refusal says more
            kind = FaultKind.REJECTED if isinstance(each, Rejected) else FaultKind.TRANSIENT
            job.fault(kind, unit.id, each.reason, each.operator_text)
        settled = not bad and not waits
        if settled:
            _blame_the_rest(job)
        return Result(
            unit=unit,
            carriers=job.carriers,
            settled=settled,
            faults=tuple(job.faults.values()),
            wait=min(each.seconds for each in waits) if waits and not bad else None,
            memo={} if settled else job.memo,
            accepted=codec.encode(job.kept) if settled and job.kept else None,
            wanted=_wanted(backend, unit.lane_id, job.kept),
            uses=job.uses if settled else None,
            repaired=job.repaired,
        )


_NOT_CLEARED = "A part that carries the load balancer does not answer, so it cannot be removed from there."


def _blame_the_rest(job: Job) -> None:
    """Say of what is not carried as wanted only because of something else that it is so."""
    if not job.faults or not isinstance(job.definition, ServiceDefinition) or job.known.stored is None:
        return
    wanted = job.known.stored.tree
    causes = [describe(each) for object_id in job.faults if (each := wanted.get(object_id))]
    for object_id, child in wanted.children.items():
        if object_id not in job.faults and job.definition.tree.children.get(object_id) != child:
            text = f"It is not carried as wanted because something else is not: {', '.join(causes)}."
            job.fault(FaultKind.REJECTED, object_id, text)


def _wanted(backend: Backend, lane_id: str, definition: ServiceDefinition | None) -> frozenset[str]:
    needs = backend.needs(definition.tree) if definition else ()
    return frozenset(shared_id(lane_id, need) for need in needs)
