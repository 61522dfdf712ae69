"""What is known of the carriers of a unit in a pass: what each holds, what it is about to, what has come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bascule.core.jobs import Job
from bascule.model.backend import Backend, Done, Lost, Plan, Reads, Target, Wait
from bascule.model.documents import Documents, Held, Holding, digests, holding
from bascule.model.status import CarrierState
from bascule.store.observed import Carrier
from bascule.store.units import Rank


def holds(backend: Backend, job: Job, name: str, read: Mapping[Target, Documents | Lost]) -> Holding | Lost:
    """What a carrier holds: as it was `read` from the data plane, or as it is on record where that cannot be asked."""
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


def _new_carrier(backend: Backend, job: Job, name: str) -> Carrier:
    return Carrier(unit_id=job.id, name=name, state=CarrierState.FILLING, observed=0, version=backend.version)


def intended(backend: Backend, job: Job, plan: Plan) -> Carrier:
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


def take_over(backend: Backend, job: Job) -> None:
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


def _was_there(job: Job, name: str) -> bool:
    """Whether a carrier that serves had confirmed, before this pass, what it should hold: then others have changed it."""
    before = job.known.carriers.get(name)
    if before is None or before.state is not CarrierState.SERVING or before.observed < job.known.unit.generation:
        return False
    return _undoubted(before.digests) == digests(job.target[name])
