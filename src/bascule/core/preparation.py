"""What happens to a unit before its data plane is touched: may it go now, what is wanted of it, what should its carriers hold."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from bascule.core import codec, metrics
from bascule.core.jobs import Job, guarded
from bascule.core.known import Known
from bascule.core.resolve import Resolver
from bascule.model.backend import Backend, Outcome, Retry, Wait
from bascule.model.definition import ServiceDefinition, with_last_accepted
from bascule.model.status import FaultKind
from bascule.store.units import LOAD_BALANCER

LOG = logging.getLogger(__name__)

_NEED_PAUSE = 10.0
"""Seconds after which a load balancer looks again for a shared unit, should nobody have woken it."""


def prepare(resolver: Resolver, backend: Backend, known: Known, shared: Mapping[str, Known], *, hold: bool) -> Job:
    """Everything that happens to a unit before its data plane is touched. Never raises: one bad unit harms no other.

    With `hold`, what a shared unit takes outside its data plane is made.
    """
    job = Job(known, dict(known.carriers), json.loads(known.unit.memo) if known.unit.memo else {})
    with guarded(job):
        job.stop = _too_new(backend, known) or _not_ready(known, shared)
        if job.stop is None:
            _define(resolver, job, hold=hold)
            render(backend, job)
    return job


def _define(resolver: Resolver, job: Job, *, hold: bool) -> None:
    unit, stored = job.known.unit, job.known.stored
    if unit.deleted is not None:
        return
    if stored is None:
        with metrics.RESOLVE.time():
            job.definition = resolver.shared(unit, hold=hold)
        return
    with metrics.RESOLVE.time():
        resolved = resolver.resolve(stored.tree, unit)
    for each in resolved.missing:
        job.fault(FaultKind.REJECTED, each.object_id, each.text)
    job.uses = resolved.uses
    job.kept = job.definition = resolved.definition
    if resolved.missing:
        job.kept = job.definition = with_last_accepted(resolved.definition, accepted(job.known), job.faults)


def render(backend: Backend, job: Job) -> None:
    """Say what each carrier should hold; nothing, where it is not wanted any more."""
    wanted = tuple(backend.carriers(job.known.unit.lane_id, job.definition))
    if job.definition is None:
        job.target = {name: {} for name in (*wanted, *job.known.carriers)}
        return
    with metrics.RENDER.time():
        job.target = {name: backend.render(job.definition, name) for name in wanted}
    job.target |= {name: {} for name in job.known.carriers if name not in job.target}


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


def accepted(known: Known) -> ServiceDefinition | None:
    """What was accepted last; None if nothing was, or if it was written down in a form that is not known here."""
    if not known.unit.accepted:
        return None
    try:
        return codec.decode(known.unit.accepted)
    except ValueError:
        LOG.exception("unit %s: the last accepted definition cannot be read", known.unit.id)
        return None
