"""The one writer: every door's edits end here, each in one transaction.

The first statement of the transaction raises the unit's generation and thereby holds the unit's row; everything that is checked
after it stays true until the commit. The last effect of the commit is that the unit is due. No device and no other service is
talked to in between; a backend may only look at this machine, whether a port can be bound.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import sqlalchemy as sa

from bascule.core import offers, quotas, scheduler, standing
from bascule.core.scheduler import PlaceBy
from bascule.core.story import Story, edits
from bascule.core.subnets import NoneFree, Subnets
from bascule.model import rules
from bascule.model.backend import Backend, Need
from bascule.model.errors import Conflict, Immutable, Invalid, NotFound, Unsupported
from bascule.model.objects import Kind, Object, Tree, Vip
from bascule.model.rules import Deployment
from bascule.model.status import Provisioning
from bascule.store import observed, placement, trees, units
from bascule.store.engine import Database
from bascule.store.ready import together
from bascule.store.trees import Stored
from bascule.store.units import LOAD_BALANCER, Rank, Unit

T = TypeVar("T")

_TRIM_EVERY = 16
"""After how many edits old events are forgotten here. Every pass does so too, but nobody knows when the next one comes."""


class _Unchanged(Exception):
    """An edit that changes nothing: the transaction is rolled back, no generation is used up."""

    def __init__(self, stored: Stored) -> None:
        self.stored = stored


class Writer:
    """Writes what users want. `wake` is called after every commit; `clock` gives seconds since the epoch, UTC.

    `place_by`: what new load balancers go by. `default_quotas`: how many objects of a kind a project may have for which nobody has
    set another limit; without one, as many as it wants. `allowed`: what the operator leaves to users.
    """

    def __init__(
        self,
        database: Database,
        backends: Mapping[str, Backend],
        subnets: Subnets,
        *,
        place_by: PlaceBy = PlaceBy.LOAD_BALANCERS,
        default_quotas: Mapping[Kind, int] | None = None,
        allowed: Deployment = rules.EVERYTHING,
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._backends = backends
        self._subnets = subnets
        self._place_by = place_by
        self._default_quotas = default_quotas or {}
        self._allowed = allowed
        self._wake = wake
        self._clock = clock

    def create(self, tree: Tree, *, origin: str) -> Stored:
        """Create a load balancer with everything below it. A VIP without an address gets a free one of its subnet.

        Raises Unsupported, Invalid, Conflict or QuotaMet; then nothing was written.
        """
        backend = self._backend(tree)
        rules.check(tree, None, self._allowed)
        return self._write(lambda conn: self._create(conn, backend, tree, origin))

    def edit(self, load_balancer_id: str, change: Callable[[Tree], Tree], *, origin: str) -> Stored:
        """Change a load balancer or anything below it. `change` is pure, may be called again, and may raise Refused.

        Raises NotFound when the load balancer does not exist, Immutable when it is being deleted, QuotaMet.
        """
        try:
            return self._write(lambda conn: self._edit(conn, load_balancer_id, change, origin))
        except _Unchanged as same:
            return same.stored

    def delete(self, load_balancer_id: str, *, cascade: bool, origin: str) -> None:
        """Delete a load balancer. Raises Invalid when it has children and `cascade` is not asked for.

        Deleting again one whose deletion is in ERROR tries it again at once.
        """

        def work(conn: sa.Connection) -> None:
            now = self._clock()
            unit, before = self._begin(conn, load_balancer_id, origin, now, again=True)
            if unit.deleted is not None:
                return
            if before.tree.children and not cascade:
                raise Invalid(f"Cannot delete Load Balancer {load_balancer_id} - it has children")
            units.stamp(conn, unit, "deleted")
            placement.change(conn, unit.lane_id, listeners=-scheduler.listeners(before.tree))
            after = standing.deleted(before, unit.generation, unit.observed)
            _save(conn, unit, before, after, [(before.tree.load_balancer, "is to be deleted")], now)

        self._write(work)

    def failover(self, load_balancer_id: str, *, origin: str) -> None:
        """Want new carriers: those made before now are replaced."""

        def work(conn: sa.Connection) -> None:
            now = self._clock()
            unit, before = self._begin(conn, load_balancer_id, origin, now)
            units.stamp(conn, unit, "replace")
            after = standing.touched(before, unit.generation, unit.observed)
            _save(conn, unit, before, after, [(before.tree.load_balancer, "is to be failed over")], now)

        self._write(work)

    def look(self, load_balancer_id: str) -> None:
        """Have a load balancer compared with what carries it, soon."""
        self._write(lambda conn: units.ask(conn, [load_balancer_id], self._clock(), Rank.DRIFT))

    def _write(self, work: Callable[[sa.Connection], T]) -> T:
        """Commit, then have the workers look at once: what there is to do is in the database by now."""
        done = self._database.write(work)
        self._wake()
        return done

    def _create(self, conn: sa.Connection, backend: Backend, tree: Tree, origin: str) -> Stored:
        now = self._clock()
        tree = self._with_addresses(conn, Tree(offers.chosen(conn, tree.load_balancer), tree.children))
        rules.check_vips(tree)
        _refuse(backend, tree, None)  # only now, because a port can be bound on one address and not on another
        lane_id = scheduler.place(conn, backend, tree, self._place_by)  # late, because others who create wait from here on
        unit = Unit(
            id=tree.id,
            kind=LOAD_BALANCER,
            key=tree.id,
            project_id=tree.load_balancer.project_id,
            lane_id=lane_id,
            backend=backend.name,
            due_at=now,
            behind_since=now,
        )
        units.add(conn, unit)
        self._need(conn, unit, backend.needs(tree), now)
        stored = standing.fresh(tree, origin, now)
        _save(conn, unit, None, stored, [(tree.load_balancer, "was created")], now)
        quotas.take(conn, None, tree, self._default_quotas)
        return stored

    def _edit(self, conn: sa.Connection, load_balancer_id: str, change: Callable[[Tree], Tree], origin: str) -> Stored:
        now = self._clock()
        unit, before = self._begin(conn, load_balancer_id, origin, now)
        after = change(before.tree)
        if after == before.tree:
            raise _Unchanged(before)
        backend = self._backend(after)
        rules.check(after, before.tree, self._allowed)
        _refuse(backend, after, before.tree)
        placement.change(conn, unit.lane_id, listeners=scheduler.listeners(after) - scheduler.listeners(before.tree))
        self._need(conn, unit, backend.needs(after), now)
        stored = standing.edited(before, after, unit.generation, unit.observed, now)
        _save(conn, unit, before, stored, edits(before.tree, after), now)
        quotas.take(conn, before.tree, after, self._default_quotas)
        return stored

    def _begin(
        self, conn: sa.Connection, load_balancer_id: str, origin: str, now: float, *, again: bool = False
    ) -> tuple[Unit, Stored]:
        """Hold a load balancer for a change. With `again`, also one whose deletion is in ERROR."""
        unit = units.bump(conn, load_balancer_id, now)
        stored = trees.load(conn, [load_balancer_id]).get(load_balancer_id) if unit else None
        if unit is None or stored is None:
            raise NotFound(Kind.LOAD_BALANCER, load_balancer_id)
        status = stored.standings[load_balancer_id].provisioning_status
        if unit.deleted is not None and not (again and status is Provisioning.ERROR):
            raise Immutable(Kind.LOAD_BALANCER, load_balancer_id, Provisioning.PENDING_DELETE)
        if stored.origin != origin:
            raise Invalid(f"Load balancer {load_balancer_id} belongs to {stored.origin} and is changed only there.")
        return unit, stored

    def _backend(self, tree: Tree) -> Backend:
        provider = tree.load_balancer.provider
        if provider not in self._backends:
            raise Invalid(f"Provider '{provider}' is not enabled. Enabled: {', '.join(sorted(self._backends))}.")
        return self._backends[provider]

    def _with_addresses(self, conn: sa.Connection, tree: Tree) -> Tree:
        load_balancer = tree.load_balancer
        vip = self._with_address(conn, tree.id, load_balancer.vip)
        more = tuple(self._with_address(conn, tree.id, each) for each in load_balancer.additional_vips)
        return Tree(dataclasses.replace(load_balancer, vip=vip, additional_vips=more), tree.children)

    def _with_address(self, conn: sa.Connection, unit_id: str, vip: Vip) -> Vip:
        """The VIP in the first subnet that it may lie in and that has room."""
        full = None
        for subnet in self._subnets.for_vip(vip):
            try:
                address, claim_id = self._subnets.allocate(conn, unit_id, subnet, vip.address)
            except NoneFree as error:
                full = full or error
            else:
                return Vip(address=address, subnet_id=subnet.id, network_id=subnet.network_id, port_id=vip.port_id or claim_id)
        allowed = ", ".join(each.id for each in self._subnets.all() if each.vips)
        raise full or Invalid(f"vip_subnet_id {vip.subnet_id} is not a subnet for VIPs. Allowed: {allowed}.")

    def _need(self, conn: sa.Connection, unit: Unit, wanted: Sequence[Need], now: float) -> None:
        """Make the shared units that a load balancer needs and does not need yet, or want them again."""
        if not wanted:
            return
        present = set(units.needs(conn, [unit.id]).get(unit.id, ()))
        for need in wanted:
            shared_id = units.shared_id(unit.lane_id, need)
            if shared_id in present:
                continue
            shared = Unit(
                id=shared_id, kind=need.kind, key=need.key, lane_id=unit.lane_id, backend=unit.backend, due_at=now, behind_since=now
            )
            units.want_shared(conn, shared, now)
            units.add_need(conn, unit.id, shared_id)


def _save(
    conn: sa.Connection, unit: Unit, before: Stored | None, after: Stored, changes: Sequence[tuple[Object, str]], now: float
) -> None:
    """Write down what differs, and tell of the changes."""
    story = Story(unit.id, unit.generation, now)
    for each, what in changes:
        story.tell(each, what)
    with together(conn):
        trees.save(conn, before, after)
        observed.add_events(conn, story.events)
    if unit.generation % _TRIM_EVERY == 0:
        observed.trim_events(conn, [unit.id])


def _refuse(backend: Backend, tree: Tree, before: Tree | None) -> None:
    """Raises Unsupported, or Conflict where nothing but what is in the way now speaks against it."""
    refusals = backend.refuse(tree, before)
    if never := [refusal.text for refusal in refusals if not refusal.in_the_way]:
        raise Unsupported(backend.name, " ".join(never))
    if refusals:
        raise Conflict(" ".join(refusal.text for refusal in refusals))
