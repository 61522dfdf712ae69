"""bascule plan: what the next pass over a load balancer would change."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from bascule.cmd import wiring
from bascule.cmd.process import StartError
from bascule.cmd.settings import Settings
from bascule.core.planning import Preview, preview
from bascule.core.reader import Query, Reader
from bascule.model.backend import Plan
from bascule.model.documents import Step, Verb
from bascule.model.errors import NotFound
from bascule.model.objects import Kind
from bascule.store.engine import Database


def run(settings: Settings, wanted: str) -> int:
    """Print the plan of the load balancer with this id or name. Gives the exit status. Raises StartError."""
    database = wiring.checked_database(settings)
    try:
        found = preview(database, wiring.passes(settings, wiring.backends(settings)), _find(database, wanted))
    except NotFound as error:
        raise StartError(str(error)) from error
    finally:
        database.close()
    print("\n".join(lines(found)))
    return 0


def _find(database: Database, wanted: str) -> str:
    """The id of the load balancer with this id or, where it is the only one, this name."""
    reader = Reader(database)
    if reader.one(Kind.LOAD_BALANCER, wanted) is not None:
        return wanted
    named = [shown.row.id for shown in reader.many(Kind.LOAD_BALANCER, Query(filters={"name": wanted}))]
    if len(named) > 1:
        raise StartError(f"several load balancers have the name {wanted}: {', '.join(named)}")
    return named[0] if named else wanted


def lines(found: Preview) -> Iterator[str]:
    """A preview in words."""
    yield f"Wanted is generation {found.generation}; what carries it has confirmed generation {found.observed}."
    for fault in found.faults:
        yield f"Wrong with the {fault.object_kind.replace('_', ' ')} {fault.object_id}: {fault.user_text}"
        for line in fault.operator_text.splitlines():
            yield f"  {line}"
    for reason in found.reasons:
        yield f"In the way: {reason}"
    for plan in found.plans:
        yield from _plan(plan)
    if not found.plans:
        yield "The next pass would change nothing."


def _plan(plan: Plan) -> Iterator[str]:
    yield f"On {plan.carrier}:"
    for step in plan.steps:
        yield f"  {step.verb} {step.name}"
        for line in _difference(step):
            yield f"    {line}"


def _difference(step: Step) -> Iterator[str]:
    if step.verb is Verb.REPLACE and step.before is None:
        yield "(of what is there now, only the digest is on record)"
        return
    before, after = (step.before or "").splitlines(), (step.body or "").splitlines()
    # The first two lines name files, and there are none.
    yield from list(difflib.unified_diff(before, after, lineterm=""))[2:]
