"""One unit on its way through a pass."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bascule.core.known import Known
from bascule.core.networks import NetworkTrouble
from bascule.model.backend import Outcome, Rejected, Retry
from bascule.model.definition import Definition, ServiceDefinition
from bascule.model.documents import Documents
from bascule.model.status import Fault, FaultKind
from bascule.store.observed import Carrier
from bascule.store.secrets import SecretUse

LOG = logging.getLogger(__name__)

_LONGEST = 2000
"""Characters of a text of a data plane that are kept."""

INTERNAL = "Something went wrong inside the load balancer service. It is tried again."


@dataclass(slots=True)
class Job:
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
def guarded(job: Job) -> Iterator[None]:
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
