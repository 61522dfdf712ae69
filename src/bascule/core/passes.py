"""One pass over a batch of units of one lane: resolve, render, read, compare, apply. Touches data planes, writes no database.

A pass is the only way in which anything comes onto a data plane or off it. It does not know why a unit is due: creating, changing,
deleting, failing over, repairing and starting anew after a crash are all the same pass.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bascule.core import codec, metrics
from bascule.core.known import Known
from bascule.core.networks import NetworkTrouble
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
from bascule.model.definition import Definition, ServiceDefinition, with_last_accepted
from bascule.model.documents import Documents, Held, Holding, diff, digests, holding
from bascule.model.status import CarrierState, Fault, FaultKind
from bascule.store.lanes import LaneLost
from bascule.store.observed import Carrier
from bascule.store.secrets import SecretUse
from bascule.store.units import LOAD_BALANCER, Rank, shared_id

LOG = logging.getLogger(__name__)

_NEED_PAUSE = 10.0
"""Seconds after which a load balancer looks again for a shared unit, should nobody have woken it."""

_LONGEST = 2000
"""Characters of a text of a data plane that are kept."""

Intend = Callable[[Sequence[Carrier]], None]
"""Is told each time before anything is written; commits the record of the carriers it is given. Raises LaneLost, Interrupted."""


class Interrupted(Exception):
    """Nothing more is to be written, because the process stops. What was not recorded is still due."""


INTERNAL = "Something went wrong inside the load balancer service. It is tried again."


@dataclass(slots=True)
class _Job:
    """One unit on its way through a pass. `target` is what each carrier should hold.

    `definition` is what is carried out, `kept` what is remembered as accepted: they differ by what was left out altogether.
    `carriers` and `memo` are what is known of the carriers so far. `repaired`: something was not there any more as it is on record.
    """

    known: Known
    carriers: dict[str, Carrier]
    memo: dict[str, str]
    definition: Definition | None = None
    kept: ServiceDefinition | None = None
    uses: Sequence[SecretUse] | None = None
    left_out: set[str] = field(default_factory=set)
    target: dict[str, Documents] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    stop: Outcome | None = None
    repaired: bool = False

    @property
    def id(self) -> str:
        return self.known.unit.id

    def fault(self, kind: FaultKind, object_id: str, user_text: str, operator_text: str = "") -> None:
        stored = self.known.stored
        each = (stored.tree.get(object_id) or stored.leaving.get(object_id)) if stored else None
        self.faults[object_id] = Fault(
            object_id=object_id,
            object_kind=each.kind if each else self.known.unit.kind,
            kind=kind,
            generation=self.known.unit.generation,
            since=0.0,
            user_text=_clean(user_text),
            operator_text=_clean(operator_text),
        )


def _clean(text: str) -> str:
    """A text as every database takes it: no NUL, no half characters, not endless."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:_LONGEST]


@contextlib.contextmanager
def _guarded(job: _Job) -> Iterator[None]:
    """Whatever goes wrong here ends the pass of this unit and of no other."""
    try:
        yield
    except NetworkTrouble as trouble:
        if trouble.lasting:
            job.stop = Rejected(trouble.text, operator_text=trouble.operator_text)
        else:
            job.stop = Retry(trouble.text, trouble.operator_text)
    except Exception as error:
        LOG.exception("unit %s cannot be prepared", job.id)
        job.stop = Retry(INTERNAL, f"{type(error).__name__}: {error}")


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
        jobs = [self._prepare(backend, known, shared, hold=True) for known in batch]
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
        job = self._prepare(backend, known, shared, hold=False)
        reasons = [fault.user_text for fault in job.faults.values()]
        if job.stop is not None:
            return [], [*reasons, *(filter(None, [getattr(job.stop, "reason", None)]))]
        plans = self._plans(backend, lane_id, [job])
        return plans, reasons + [outcome.reason for outcome in job.outcomes.values() if isinstance(outcome, Lost)]

    def _prepare(self, backend: Backend, known: Known, shared: Mapping[str, Known], *, hold: bool) -> _Job:
        """Everything that happens to a unit before its data plane is touched. Never raises: one bad unit harms no other.

        With `hold`, what a shared unit takes outside its data plane is made.
        """
        job = _Job(known, dict(known.carriers), json.loads(known.unit.memo) if known.unit.memo else {})
        with _guarded(job):
            job.stop = _too_new(backend, known) or _not_ready(known, shared)
            if job.stop is None:
                self._define(job, hold=hold)
                self._render(backend, job)
        return job

    def _define(self, job: _Job, *, hold: bool) -> None:
        unit, stored = job.known.unit, job.known.stored
        if unit.deleted is not None:
            return
        if stored is None:
            with metrics.RESOLVE.time():
                job.definition = self._resolver.shared(unit, hold=hold)
            return
        with metrics.RESOLVE.time():
            resolved = self._resolver.resolve(stored.tree, unit)
        for each in resolved.missing:
            job.fault(FaultKind.REJECTED, each.object_id, each.text)
        job.uses = resolved.uses
        job.kept = job.definition = resolved.definition
        if resolved.missing:
            job.kept = job.definition = with_last_accepted(resolved.definition, _accepted(job.known), job.faults)

    def _render(self, backend: Backend, job: _Job) -> None:
        wanted = tuple(backend.carriers(job.known.unit.lane_id, job.definition))
        if job.definition is None:
            job.target = {name: {} for name in (*wanted, *job.known.carriers)}
            return
        with metrics.RENDER.time():
            job.target = {name: backend.render(job.definition, name) for name in wanted}
        job.target |= {name: {} for name in job.known.carriers if name not in job.target}

    def _release(self, job: _Job) -> None:
        """Let go of what a shared unit held outside its data plane, once that is empty."""
        unit = job.known.unit
        empty = job.stop is None and all(isinstance(outcome, Done) for outcome in job.outcomes.values())
        if empty and unit.deleted is not None and unit.kind != LOAD_BALANCER:
            with _guarded(job):
                self._resolver.release(unit)

    def _carry_out(self, backend: Backend, lane_id: str, fence: Fence, jobs: Sequence[_Job], intend: Intend) -> None:
        """Read, compare and apply. Afterwards every job has an outcome for each of its carriers."""
        by_id = {job.id: job for job in jobs}
        outcomes: Mapping[Target, Outcome] = {}
        try:
            plans = self._plans(backend, lane_id, jobs)
            if plans:
                unknown = plans if backend.reads is Reads.RECORD else ()
                intend([_intended(backend, by_id[plan.unit_id], plan) for plan in unknown])
                with metrics.APPLY.time():
                    outcomes = backend.apply(lane_id, fence, plans, self._secrets)
        except (Fenced, LaneLost, Interrupted):
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
            _take_over(backend, job)

    def _plans(self, backend: Backend, lane_id: str, jobs: Sequence[_Job]) -> list[Plan]:
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
                actual = _actual(backend, job, name, read)
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

    def _leave_out(self, backend: Backend, job: _Job) -> bool:
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
        job.kept = with_last_accepted(job.kept, _accepted(job.known), job.faults)
        job.definition = with_last_accepted(job.kept, None, job.left_out)
        with _guarded(job):
            self._render(backend, job)
        return job.stop is None

    def _result(self, backend: Backend, job: _Job) -> Result:
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


def _blame_the_rest(job: _Job) -> None:
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


def _too_new(backend: Backend, known: Known) -> Outcome | None:
    """A worker of an older version leaves alone what a newer one wrote."""
    if any(carrier.version > backend.version for carrier in known.carriers.values()):
        return Wait(_NEED_PAUSE, "A newer version of the service takes care of this load balancer.")
    return None


def _not_ready(known: Known, shared: Mapping[str, Known]) -> Outcome | None:
    """Whether a load balancer has to wait for what it needs. One that is being deleted waits for nothing."""
    if known.unit.kind != LOAD_BALANCER or known.unit.deleted is not None:
        return None
    for needed in known.needs:
        other = shared[needed]
        if other.unit.observed >= other.unit.generation:
            continue
        for fault in other.faults.values():
            return Retry(f"{other.unit.kind} {other.unit.key} cannot be made ready: {fault.user_text}", fault.operator_text)
        return Wait(_NEED_PAUSE, f"{other.unit.kind} {other.unit.key} is being made ready.")
    return None


def _accepted(known: Known) -> ServiceDefinition | None:
    """What was accepted last; None if nothing was, or if it was written down in a form that is not known here."""
    if not known.unit.accepted:
        return None
    try:
        return codec.decode(known.unit.accepted)
    except ValueError:
        LOG.exception("unit %s: the last accepted definition cannot be read", known.unit.id)
        return None


def _actual(backend: Backend, job: _Job, name: str, read: Mapping[Target, Documents | Lost]) -> Holding | Lost:
    if backend.reads is Reads.RECORD:
        carrier = job.carriers.get(name)
        if carrier is None:
            return {}
        # Who looks for drift, or has to forget what is known, does not believe the record, nor is it true of what was lost:
        # everything is sent again.
        unit = job.known.unit
        doubted = unit.rank == Rank.DRIFT or unit.resync or carrier.state is CarrierState.LOST
        again = doubted and carrier == job.known.carriers.get(name)
        return {doc: Held("" if again else digest) for doc, digest in carrier.digests.items()}
    documents = read.get((job.id, name), Lost("No answer."))
    return documents if isinstance(documents, Lost) else holding(documents)


def _new_carrier(backend: Backend, job: _Job, name: str) -> Carrier:
    return Carrier(unit_id=job.id, name=name, state=CarrierState.FILLING, observed=0, version=backend.version)


def _intended(backend: Backend, job: _Job, plan: Plan) -> Carrier:
    """The record of a carrier that is about to be written to: of what is written, it is not known any more what is there.

    What is written again just as it was on record stays there in doubt: should the answer take several passes, it can still be told
    that others had changed it.
    """
    carrier = job.carriers.get(plan.carrier) or _new_carrier(backend, job, plan.carrier)
    before, wanted = _undoubted(carrier.digests), digests(plan.target)
    unknown = {
        step.name: _DOUBT + wanted[step.name] if step.name in wanted and before.get(step.name) == wanted[step.name] else ""
        for step in plan.steps
    }
    job.carriers[plan.carrier] = replace(carrier, digests={**carrier.digests, **unknown})
    return job.carriers[plan.carrier]


_DOUBT = "?"
"""Before a digest on record: so it was, and whether it still is is not known. That equals no digest, so it is sent again."""


def _undoubted(held: Mapping[str, str]) -> dict[str, str]:
    return {name: digest.removeprefix(_DOUBT) for name, digest in held.items()}


def _take_over(backend: Backend, job: _Job) -> None:
    """What the outcomes of a round say of the carriers: what each has confirmed, whether it serves, what it asks to be kept."""
    wanted = () if job.definition is None else tuple(backend.carriers(job.known.unit.lane_id, job.definition))
    for name, outcome in job.outcomes.items():
        carrier = job.carriers.get(name) or _new_carrier(backend, job, name)
        if isinstance(outcome, Wait) and outcome.memo:
            job.memo[name] = outcome.memo
        elif not isinstance(outcome, Wait | Lost):
            job.memo.pop(name, None)
        if isinstance(outcome, Done) and name not in wanted:
            job.carriers.pop(name, None)
        elif isinstance(outcome, Done):
            job.repaired = job.repaired or (outcome.changed and _was_there(job, name))
            job.carriers[name] = replace(
                carrier,
                state=CarrierState.SERVING,
                observed=job.known.unit.generation,
                version=backend.version,
                digests=digests(job.target[name]),
            )
        elif name not in wanted:
            job.carriers[name] = replace(carrier, state=CarrierState.RETIRING)
        elif isinstance(outcome, Lost):
            job.carriers[name] = replace(carrier, state=CarrierState.LOST)
        else:
            job.carriers[name] = carrier


def _was_there(job: _Job, name: str) -> bool:
    """Whether a carrier that serves had confirmed, before this pass, what it should hold: then others have changed it."""
    before = job.known.carriers.get(name)
    if before is None or before.state is not CarrierState.SERVING or before.observed < job.known.unit.generation:
        return False
    return _undoubted(before.digests) == digests(job.target[name])
