"""One pass over a batch of units of one lane: resolve, render, read, compare, apply. Touches data planes, writes no database.

A pass is the only way in which anything comes onto a data plane or off it. It does not know why a unit is due: creating, changing,
deleting, failing over, repairing and starting anew after a crash are all the same pass.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bascule.core import codec
from bascule.core.known import Known
from bascule.core.recorder import Result
from bascule.core.resolve import Resolver
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
from bascule.model.definition import Definition, ServiceDefinition, SharedDefinition, with_last_accepted
from bascule.model.documents import Documents, Held, Holding, diff, digests, holding
from bascule.model.status import CarrierState, Fault, FaultKind
from bascule.store.observed import Carrier
from bascule.store.units import LOAD_BALANCER, Rank, shared_id

LOG = logging.getLogger(__name__)

_NEED_PAUSE = 1.0
"""Seconds after which a load balancer looks again for a shared unit, should nobody have woken it."""

_ROUNDS = 10
"""How often a pass leaves out what was refused and tries the rest, before it gives up until the next pass."""

INTERNAL = "Something went wrong inside the load balancer service. It is tried again."


@dataclass(slots=True)
class _Job:
    """One unit on its way through a pass. `target` is what each carrier should hold.

    `definition` is what is carried out, `kept` what is remembered as accepted: they differ by what was left out altogether.
    """

    known: Known
    definition: Definition | None = None
    kept: ServiceDefinition | None = None
    left_out: set[str] = field(default_factory=set)
    target: dict[str, Documents] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    stop: Outcome | None = None

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
            user_text=user_text,
            operator_text=operator_text,
        )


class Passes:
    """Runs passes with one backend per provider and one resolver."""

    def __init__(self, backends: Mapping[str, Backend], resolver: Resolver, secrets: Secrets) -> None:
        self._backends = backends
        self._resolver = resolver
        self._secrets = secrets

    def run(self, lane_id: str, fence: Fence, batch: Sequence[Known], shared: Mapping[str, Known]) -> list[Result]:
        """One pass over units of one lane and backend. `shared` are the units that any of them needs. Raises Fenced."""
        backend = self._backends[batch[0].unit.backend]
        jobs = [self._prepare(backend, known, shared) for known in batch]
        ready = [job for job in jobs if job.stop is None]
        for _ in range(_ROUNDS):
            self._carry_out(backend, lane_id, fence, ready)
            ready = [job for job in ready if self._leave_out(backend, job)]
            if not ready:
                break
        return [self._result(backend, job) for job in jobs]

    def plans(self, lane_id: str, known: Known, shared: Mapping[str, Known]) -> tuple[list[Plan], list[str]]:
        """What the next pass over a unit would change, and why it might not. Changes nothing."""
        backend = self._backends[known.unit.backend]
        job = self._prepare(backend, known, shared)
        reasons = [fault.user_text for fault in job.faults.values()]
        if job.stop is not None:
            return [], [*reasons, *(filter(None, [getattr(job.stop, "reason", None)]))]
        plans = self._plans(backend, lane_id, [job])
        return plans, reasons + [outcome.reason for outcome in job.outcomes.values() if isinstance(outcome, Lost)]

    def _prepare(self, backend: Backend, known: Known, shared: Mapping[str, Known]) -> _Job:
        """Everything that happens to a unit before its data plane is touched. Never raises: one bad unit harms no other."""
        job = _Job(known)
        try:
            job.stop = _too_new(backend, known) or _not_ready(known, shared)
            if job.stop is None:
                self._define(job)
                self._render(backend, job)
        except Exception as error:
            LOG.exception("unit %s cannot be prepared", job.id)
            job.stop = Retry(INTERNAL, f"{type(error).__name__}: {error}")
        return job

    def _define(self, job: _Job) -> None:
        unit, stored = job.known.unit, job.known.stored
        if unit.deleted is not None:
            return
        if stored is None:
            job.definition = SharedDefinition(
                unit_id=unit.id, generation=unit.generation, kind=unit.kind, key=unit.key, users=tuple(job.known.users)
            )
            return
        definition, missing = self._resolver.definition(stored.tree, unit.id, unit.generation, unit.replace)
        for each in missing:
            job.fault(FaultKind.REJECTED, each.object_id, each.text)
        job.kept = job.definition = with_last_accepted(definition, _accepted(job.known), job.faults) if missing else definition

    def _render(self, backend: Backend, job: _Job) -> None:
        wanted = tuple(backend.carriers(job.definition))
        if job.definition is None:
            job.target = {name: {} for name in (*wanted, *job.known.carriers)}
            return
        job.target = {name: backend.render(job.definition, name) for name in wanted}
        job.target |= {name: {} for name in job.known.carriers if name not in job.target}

    def _carry_out(self, backend: Backend, lane_id: str, fence: Fence, jobs: Sequence[_Job]) -> None:
        """Read, compare and apply. Afterwards every job has an outcome for each of its carriers."""
        by_id = {job.id: job for job in jobs}
        try:
            plans = self._plans(backend, lane_id, jobs)
            outcomes = backend.apply(lane_id, fence, plans, self._secrets) if plans else {}
        except Fenced:
            raise
        except Exception as error:
            LOG.exception("lane %s: a batch of %d failed", lane_id, len(jobs))
            outcomes = {}
            failed = Retry("The data plane cannot be reached.", f"{type(error).__name__}: {error}")
            for job in jobs:
                job.outcomes |= {name: failed for name in job.target if name not in job.outcomes}
        for (unit_id, name), outcome in outcomes.items():
            by_id[unit_id].outcomes[name] = outcome
        for job in jobs:
            job.outcomes |= {name: Retry("No answer.") for name in job.target if name not in job.outcomes}

    def _plans(self, backend: Backend, lane_id: str, jobs: Sequence[_Job]) -> list[Plan]:
        """The plans that are not empty. Carriers that need none, or do not answer, get their outcome here."""
        targets = [(job.id, name) for job in jobs for name in job.target]
        read: Mapping[Target, Documents | Lost] = backend.read(lane_id, targets) if backend.reads is Reads.DEVICE else {}
        plans: list[Plan] = []
        for job in jobs:
            memo = _memo(job.known)
            job.outcomes = {}
            for name, target in job.target.items():
                actual = _actual(backend, job, name, read)
                if isinstance(actual, Lost):
                    job.outcomes[name] = actual
                    continue
                steps = diff(actual, target)
                if steps:
                    unit = job.known.unit
                    plans.append(Plan(unit.id, name, unit.generation, steps, target, memo.get(name)))
                else:
                    job.outcomes[name] = Done()
        return plans

    def _leave_out(self, backend: Backend, job: _Job) -> bool:
        """Put what was refused back to its last accepted form; what is refused even so, leave out.

        Tells whether the rest is worth another try.
        """
        refused = [outcome for outcome in job.outcomes.values() if isinstance(outcome, Rejected)]
        before = (len(job.faults), len(job.left_out))
        for outcome in refused:
            for object_id in outcome.objects:
                if object_id in job.faults:
                    job.left_out.add(object_id)
                elif object_id != job.id:
                    job.fault(FaultKind.REJECTED, object_id, outcome.reason, outcome.operator_text)
        if before == (len(job.faults), len(job.left_out)) or job.kept is None:
            return False
        job.kept = with_last_accepted(job.kept, _accepted(job.known), job.faults)
        job.definition = with_last_accepted(job.kept, None, job.left_out)
        try:
            self._render(backend, job)
        except Exception as error:
            LOG.exception("unit %s cannot be rendered", job.id)
            job.stop = Retry(INTERNAL, f"{type(error).__name__}: {error}")
            return False
        return True

    def _result(self, backend: Backend, job: _Job) -> Result:
        unit = job.known.unit
        outcomes: Iterable[Outcome] = [job.stop] if job.stop is not None else job.outcomes.values()
        carriers = dict(job.known.carriers) if job.stop else _carriers(backend, job)
        bad = [each for each in outcomes if isinstance(each, Retry | Rejected)]
        waits = [each for each in outcomes if isinstance(each, Wait)]
        all_lost = not job.stop and bool(job.outcomes) and all(isinstance(each, Lost) for each in job.outcomes.values())
        for each in bad:
            kind = FaultKind.REJECTED if isinstance(each, Rejected) else FaultKind.TRANSIENT
            job.fault(kind, unit.id, each.reason, each.operator_text)
        if all_lost:
            job.fault(FaultKind.TRANSIENT, unit.id, "Nothing that carries the load balancer answers.")
        settled = not bad and not waits and not all_lost
        return Result(
            unit=unit,
            carriers=carriers,
            settled=settled,
            faults=tuple(job.faults.values()),
            wait=min(each.seconds for each in waits) if waits and not bad else None,
            memo={name: each.memo for name, each in job.outcomes.items() if isinstance(each, Wait) and each.memo},
            accepted=codec.encode(job.kept) if settled and job.kept else None,
            wanted=_wanted(backend, unit.lane_id, job.kept),
        )


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
    return codec.decode(known.unit.accepted) if known.unit.accepted else None


def _memo(known: Known) -> dict[str, str]:
    return json.loads(known.unit.memo) if known.unit.memo else {}


def _actual(backend: Backend, job: _Job, name: str, read: Mapping[Target, Documents | Lost]) -> Holding | Lost:
    if backend.reads is Reads.RECORD:
        carrier = job.known.carriers.get(name)
        if carrier is None:
            return {}
        # Who looks for drift does not believe the record: everything is sent again.
        drift = job.known.unit.rank == Rank.DRIFT
        return {doc: Held("" if drift else digest) for doc, digest in carrier.digests.items()}
    documents = read.get((job.id, name), Lost("No answer."))
    return documents if isinstance(documents, Lost) else holding(documents)


def _carriers(backend: Backend, job: _Job) -> dict[str, Carrier]:
    """The carriers of a unit after a pass: what each has confirmed, and whether it still serves."""
    unit = job.known.unit
    wanted = () if job.definition is None else tuple(backend.carriers(job.definition))
    found: dict[str, Carrier] = {}
    for name, outcome in job.outcomes.items():
        was = job.known.carriers.get(name)
        carrier = was or Carrier(unit_id=unit.id, name=name, state=CarrierState.FILLING, observed=0, version=backend.version)
        if name not in wanted:
            if not isinstance(outcome, Done):
                found[name] = replace(carrier, state=CarrierState.RETIRING)
        elif isinstance(outcome, Done):
            found[name] = replace(
                carrier,
                state=CarrierState.SERVING,
                observed=unit.generation,
                version=backend.version,
                digests=digests(job.target[name]),
            )
        elif isinstance(outcome, Lost):
            found[name] = replace(carrier, state=CarrierState.LOST)
        else:
            found[name] = carrier
    return found
