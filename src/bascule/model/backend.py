"""The contract between the worker and whatever carries load balancers.

A backend is asked for five things. `render` is pure. `refuse` is quick: it runs in the request, inside its transaction, and may
look at this machine but at no other. `read` and `apply` do I/O, in one lane at a time and never two workers at once in the same
lane. `report` tells what the data plane sees, `health` how its devices are.

What every backend promises:

- Writing what is already there changes nothing; deleting what is absent is not an error.
- After `apply` answered `Done`, `read` returns documents equal to the plan's target.
- `apply` answers for every plan it is given. One plan's failure does not touch another's.
- A fence lower than one the data plane has seen is refused by raising `Fenced`, before anything is written.
- The process may die anywhere: the next `read` tells the truth about what is *running*, not about what was written down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from bascule.model.definition import Definition
from bascule.model.documents import Documents, Step
from bascule.model.health import Health
from bascule.model.objects import LoadBalancer, Tree
from bascule.model.offers import Capability, OfferKind
from bascule.model.secrets import Secret, SecretRef
from bascule.model.status import Report


@dataclass(frozen=True, slots=True, order=True)
class Fence:
    """Who may write to a lane. A later owner has a higher number; restoring an old database raises the epoch.

    `installation` tells whose database it is, where several share a data plane. Fences of different ones are not compared.
    """

    epoch: int
    number: int
    installation: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class LaneSpec:
    """Something that one worker at a time writes to. A worker serves only lanes whose tags it has.

    `max_load_balancers`: how many it may be given, None for as many as come. `availability_zone`: where it stands, None for nowhere
    in particular.
    """

    id: str
    tags: tuple[str, ...] = ()
    max_load_balancers: int | None = None
    availability_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """A shared unit that a load balancer needs before it can be made, in the same lane."""

    kind: str
    key: str


NETWORK = "network"
"""The kind of shared unit that is a network on a device group. Its key is the network's id."""


class Reads(StrEnum):
    """Where `actual` comes from: asked of the data plane, or kept by us as digests of what it accepted."""

    DEVICE = "device"
    RECORD = "record"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a backend can never do, and which object asks for it.

    `in_the_way`: it could, but something else is in the way now, such as another program on the same port.
    """

    object_id: str
    text: str
    in_the_way: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The writes that bring one carrier of one unit to its target, in order.

    `memo` is what the last `Wait` asked to be kept. An empty plan is not applied.
    """

    unit_id: str
    carrier: str
    generation: int
    steps: tuple[Step, ...]
    target: Documents = field(default_factory=dict)
    memo: str | None = None


@dataclass(frozen=True, slots=True)
class Marked:
    """What bears a mark of ours on a carrier, whether anybody wants it or not: the names of its documents.

    It is that of a load balancer, or of what meets a `need` of several.
    """

    unit_id: str
    carrier: str
    documents: tuple[str, ...]
    need: Need | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The carrier holds the target. `changed`: something had to be written for it."""

    changed: bool = field(default=True, compare=False)


@dataclass(frozen=True, slots=True)
class Wait:
    """Not there yet, and nothing is wrong: come back in `seconds` with `memo`."""

    seconds: float
    reason: str
    memo: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """It did not work and may work later. The outcome may be unknown: the next pass reads or re-sends."""

    reason: str
    operator_text: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The data plane refuses this content. `objects` are the ids it blames; empty blames the load balancer itself."""

    reason: str
    objects: tuple[str, ...] = ()
    operator_text: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """The carrier does not answer. Others may go on."""

    reason: str


Outcome = Done | Wait | Retry | Rejected | Lost

Target = tuple[str, str]
"""A unit id and the name of one of its carriers."""


class Fenced(Exception):
    """The data plane has seen a newer owner. Nothing was written; the lane is not ours any more."""


Secrets = Callable[[SecretRef], Secret]
"""Gives the content of a reference. Raises KeyError when the content meant cannot be had."""


class Backend(Protocol):
    """One kind of data plane; users see it as an Octavia provider."""

    name: str
    description: str
    reads: Reads
    processes: bool
    """Whether every carrier of a load balancer is a group of processes of its own. Administrators see these as amphorae."""

    version: int
    """Raised when `render` changes its output. What a newer version wrote is not repaired by an older one."""

    def lanes(self) -> Sequence[LaneSpec]:
        """The lanes this backend can be placed in, from its settings."""

    def capabilities(self, kind: OfferKind) -> Sequence[Capability] | None:
        """What flavors, or availability zones, can tell this backend; None where it does not know what these are."""

    def lanes_for(self, load_balancer: LoadBalancer) -> Sequence[LaneSpec]:
        """Those of its lanes that a load balancer with this flavor and this availability zone can be placed in."""

    def refuse(self, tree: Tree, before: Tree | None) -> Sequence[Refusal]:
        """What of a tree can never be carried, or not now. `before` is the tree as it stands, None for a new one."""

    def needs(self, tree: Tree) -> Sequence[Need]:
        """The shared units a load balancer needs. Pure."""

    def carriers(self, lane: str, definition: Definition | None) -> Sequence[str]:
        """The names of the carriers wanted in a lane for a definition; for None, of all that a deleted unit may have had."""

    def render(self, definition: Definition, carrier: str) -> Documents:
        """What a carrier should hold. Pure."""

    def read(self, lane: str, targets: Sequence[Target]) -> Mapping[Target, Documents | Lost]:
        """What carriers hold now; an empty mapping where they hold nothing. Only where `reads` is DEVICE."""

    def apply(self, lane: str, fence: Fence, plans: Sequence[Plan], secrets: Secrets) -> Mapping[Target, Outcome]:
        """Carry out plans. Raises `Fenced`; any other exception counts as `Retry` for every plan without an answer."""

    def report(self, lane: str, units: Sequence[str]) -> Sequence[Report]:
        """What the carriers of these units see. One report per carrier, also for those that do not answer."""

    def health(self, lane: str, *, load: bool = False) -> Health:
        """How the devices of a lane are, and with `load` how much they have to do. Asks every one of them, and takes no longer than
        one that does not answer. Does not raise where they cannot be asked."""

    def marked(self, lane: str, installation: str) -> Sequence[Marked]:
        """All of an installation that is in a lane. Nothing where that cannot be told, or cannot outlive its load balancer."""
