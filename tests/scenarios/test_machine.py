"""Random edits, faults, crashes and time, in any order. In the end the device holds what is wanted and nothing is pending."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from bascule.model.backend import Reads
from bascule.model.errors import Refused
from bascule.model.objects import Listener, ListenerProtocol, Member, Object, Tree
from bascule.store.engine import Database
from bascule.store.tables import unit
from tests.scenarios.test_crashes import Crash, dying
from tests.scenarios.test_quotas import there, used
from tests.scenarios.world import ORIGIN, PROJECT, World, new_id, standard


class Machine(RuleBasedStateMachine):
    """One world under arbitrary treatment."""

    template: ClassVar[Path]
    load_balancers = Bundle("load_balancers")

    @initialize(networks=st.booleans(), reads=st.sampled_from(Reads), carriers=st.sampled_from([("a",), ("a", "b")]))
    def begin(self, networks: bool, reads: Reads, carriers: tuple[str, ...]) -> None:
        self.folder = Path(tempfile.mkdtemp())
        shutil.copyfile(self.template, self.folder / "bascule.db")
        self.database = Database(f"sqlite:///{self.folder}/bascule.db")
        self.carriers = carriers
        self.world = World(self.database, self.folder, networks=networks, reads=reads, carriers=carriers)
        self.wanted: dict[str, Tree] = {}

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self._heal()
            self._compare()
        finally:
            self.database.close()
            shutil.rmtree(self.folder)

    # Edits

    @rule(target=load_balancers)
    def create(self) -> str:
        tree = self.world.create(standard())
        self.wanted[tree.id] = tree
        return tree.id

    @rule(load_balancer_id=load_balancers, data=st.data())
    def edit(self, load_balancer_id: str, data: st.DataObject) -> None:
        tree = self.wanted[load_balancer_id]
        member = data.draw(st.sampled_from(tree.members or [None]))  # type: ignore[list-item]
        if member is not None:
            self._put(load_balancer_id, dataclasses.replace(member, weight=data.draw(st.integers(0, 256))))

    @rule(load_balancer_id=load_balancers, port=st.integers(1, 5))
    def add_listener(self, load_balancer_id: str, port: int) -> None:
        new = Listener(id=new_id(), name=f"port {port}", protocol=ListenerProtocol.TCP, protocol_port=port)
        self._put(load_balancer_id, new)

    @rule(load_balancer_id=load_balancers, number=st.integers(1, 5), data=st.data())
    def add_member(self, load_balancer_id: str, number: int, data: st.DataObject) -> None:
        pool = data.draw(st.sampled_from(self.wanted[load_balancer_id].pools))
        self._put(load_balancer_id, Member(id=new_id(), pool_id=pool.id, address="10.9.3.3", protocol_port=number))

    @rule(load_balancer_id=load_balancers, data=st.data())
    def drop(self, load_balancer_id: str, data: st.DataObject) -> None:
        tree = self.wanted[load_balancer_id]
        droppable = [*tree.listeners, *tree.members, *tree.monitors, *tree.policies]
        if droppable:
            child = data.draw(st.sampled_from(droppable))
            stored = self.world.drop(load_balancer_id, child.id)
            self.wanted[load_balancer_id] = stored.tree

    @rule(load_balancer_id=load_balancers)
    def failover(self, load_balancer_id: str) -> None:
        self.world.writer.failover(load_balancer_id, origin=ORIGIN)

    @rule(load_balancer_id=consumes(load_balancers))
    def delete(self, load_balancer_id: str) -> None:
        self.world.delete(load_balancer_id)
        del self.wanted[load_balancer_id]

    def _put(self, load_balancer_id: str, each: Object) -> None:
        try:
            self.wanted[load_balancer_id] = self.world.put(load_balancer_id, each).tree
        except Refused:
            pass  # a duplicate; then nothing may have changed
        assert self.world.stored(load_balancer_id).tree == self.wanted[load_balancer_id]

    # Time, crashes, faults

    @rule(seconds=st.sampled_from([0, 1, 20, 700]))
    def tick(self, seconds: int) -> None:
        self.world.tick(seconds)

    @rule()
    def look(self) -> None:
        self.world.health.tick()

    @rule()
    def keep_house(self) -> None:
        self.world.housekeeping.tick()

    @rule(step=st.integers(1, 60))
    def crash(self, step: int) -> None:
        with dying(self.world, step):
            try:
                self.world.tick()
                self.world.health.tick()
            except Crash:
                self.world.restart()

    @rule(load_balancer_id=load_balancers, data=st.data(), what=st.sampled_from(["refuse", "refuse all", "fail", "slow"]))
    def spoil(self, load_balancer_id: str, data: st.DataObject, what: str) -> None:
        switches = self.world.device.switches
        if what == "refuse":
            child = data.draw(st.sampled_from(list(self.wanted[load_balancer_id].children.values())))
            switches.rejected[child.id] = "refused by a switch"
        elif what == "refuse all":
            switches.refused_units[load_balancer_id] = "refused by a switch"
        elif what == "fail":
            switches.failing[load_balancer_id] = "failing by a switch"
        else:
            switches.slow[load_balancer_id] = 2

    @rule(when=st.sampled_from(["before", "after"]))
    def break_connection(self, when: str) -> None:
        self.world.device.switches.broken = when

    @rule(carrier=st.sampled_from(["a", "b"]))
    def lose(self, carrier: str) -> None:
        self.world.device.switches.lost.add(carrier)

    @rule()
    def mend(self) -> None:
        self._mend()

    @rule(target=load_balancers)
    def nothing_new(self) -> object:
        return multiple()

    # What must hold

    @invariant()
    def what_was_acknowledged_is_wanted(self) -> None:
        if hasattr(self, "world"):
            for load_balancer_id, tree in self.wanted.items():
                assert self.world.stored(load_balancer_id).tree == tree

    @invariant()
    def whoever_is_behind_says_since_when(self) -> None:
        if hasattr(self, "world"):
            with self.world.database.read() as conn:
                for row in conn.execute(sa.select(unit)):
                    assert (row.behind_since is not None) == (row.observed < row.generation)

    @invariant()
    def quotas_count_what_is_there(self) -> None:
        if hasattr(self, "world"):
            assert used(self.database, PROJECT) == there(self.database, PROJECT)

    def _mend(self) -> None:
        switches = self.world.device.switches
        for each in (switches.rejected, switches.refused_units, switches.failing, switches.slow, switches.lost):
            each.clear()
        switches.broken = None

    def _heal(self) -> None:
        self._mend()
        self.world.tick()
        self.world.tick(16)
        self.world.settle(step=100)
        self.world.health.tick()
        self.world.settle(step=100)

    def _compare(self) -> None:
        """Desired equals actual, and nothing is pending anywhere."""
        for load_balancer_id, tree in self.wanted.items():
            assert set(self.world.statuses(load_balancer_id).values()) == {"ACTIVE"}
            assert self.world.faults(load_balancer_id) == {}
            ids = {tree.id, *tree.children}
            for carrier in self.carriers:
                held = {name.partition("/")[2] for name in self.world.held(load_balancer_id, carrier)}
                assert held == ids
            assert self.world.preview(load_balancer_id).plans == []
        balancers = {unit for unit, _ in self.world.device.documents if "/" not in unit}
        assert balancers == set(self.wanted)
        shared = {unit for unit, _ in self.world.device.documents if "/" in unit}
        assert not shared or self.wanted


def _run(template: Path, examples: int) -> None:
    Machine.template = template
    case = Machine.TestCase
    case.settings = settings(max_examples=examples, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
    case().runTest()


def test_anything_in_any_order_converges_briefly(migrated_file: Path) -> None:
    _run(migrated_file, 10)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_anything_in_any_order_converges(migrated_file: Path) -> None:
    _run(migrated_file, 200)
