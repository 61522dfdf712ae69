"""What the health manager sees of devices, who of several watches them, and what follows for new load balancers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import sqlalchemy as sa

from bascule.core.reader import Reader
from bascule.model.backend import Backend, Reads
from bascule.model.objects import Tree
from bascule.model.status import MemberSeen, Report, Statistics
from bascule.south.memory import MemoryBackend
from bascule.store import watches
from bascule.store.tables import unit
from tests.scenarios.conftest import Build
from tests.scenarios.world import Clock, World, bare
from tests.store.examples import statements

pytestmark = pytest.mark.slow

A, B = LANES = ("memory:a", "memory:b")


def state(world: World, lane: str) -> str:
    return world.lanes.named(lane).state


def lane_of(world: World, tree: Tree) -> str:
    with world.database.read() as conn:
        return str(conn.scalar(sa.select(unit.c.lane_id).where(unit.c.id == tree.id)))


def looked(world: World, seconds: float = 2.0) -> None:
    world.clock.now += seconds
    world.health.tick()


def test_what_is_seen_of_devices_is_shown(build: Build) -> None:
    world = build(lanes=LANES, carriers=("one", "two"))
    assert world.lanes.named(A).looked is None
    looked(world)
    seen = world.lanes.named(A)
    assert [(device.name, device.state) for device in seen.devices] == [("one", "active"), ("two", "standby")]
    assert (seen.state, seen.looked, seen.load is not None) == ("ready", 0.0, True)
    world.device.switches.lost.add("one")
    looked(world, 11)
    seen = world.lanes.named(A)
    assert [(device.state, device.problem) for device in seen.devices] == [("unknown", "no answer"), ("active", "")]
    assert seen.looked == 11.0, "what there is to do is asked once a minute"


def test_a_group_that_does_not_answer_gets_nothing_new_while_another_does(build: Build) -> None:
    world = build(lanes=LANES)
    away = world.device.switches.away
    away.add(A)
    looked(world)
    assert (state(world, A), state(world, B)) == ("away", "ready")
    assert [lane_of(world, world.create(bare())) for _ in range(3)] == [B, B, B]
    away.add(B)
    looked(world, 11)
    waiting = world.create(bare())
    assert lane_of(world, waiting) == A, "nothing is refused that may be carried out later"
    assert world.status(waiting.id) == "PENDING_CREATE"
    away.clear()
    looked(world)
    assert (state(world, A), state(world, B)) == ("filling", "filling")
    world.settle()
    looked(world)
    assert (state(world, A), state(world, B)) == ("ready", "ready")
    assert world.status(waiting.id) == "ACTIVE"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_stays_away_is_written_down_once(build: Build) -> None:
    """Else a group that is away would keep the database busy for as long as it is, the more the more it carries."""
    world = build(lanes=[A])
    made = world.create()
    world.settle()
    looked(world)
    for _ in range(2):  # it comes back, and is away again before anybody has looked
        world.device.switches.away.add(A)
        looked(world)
        assert world.operating(made.id) == "ERROR"
        with statements(world.database) as seen:
            looked(world)
        assert [each for each in seen if "listener" in each] == []
        world.device.switches.away.clear()
        world.lanes.resync(A)
        world.settle()
        assert world.operating(made.id) != "ERROR"


def test_a_group_that_comes_back_is_filled_before_it_gets_anything_new(build: Build) -> None:
    world = build(lanes=LANES, reads=Reads.RECORD)
    ids = {lane_of(world, tree): tree.id for tree in (world.create(), world.create())}
    world.settle()
    looked(world)
    world.device.switches.away.add(A)
    looked(world)
    world.tick()  # it is tried, and fails
    world.device.documents.clear()
    world.device.switches.away.clear()
    looked(world)
    assert world.lanes.named(A).to_resync == 1
    for _ in range(3):
        world.rename(ids[B], "edited")  # whatever else is done
        assert lane_of(world, world.create(bare())) == B
        looked(world)
        assert state(world, A) == "filling"
    world.tick()
    assert world.held(ids[A]), "all of it is there again at once, however often it failed before"
    looked(world)
    assert state(world, A) == "ready"
    assert lane_of(world, world.create(bare())) == A


def test_what_is_refused_keeps_no_group_from_being_used(build: Build) -> None:
    world = build(lanes=LANES)
    refused = world.create(bare())
    world.device.switches.refused_units[refused.id] = "no such thing"
    world.tick()
    for seconds, away in ((2, {lane_of(world, refused)}), (2, set())):
        world.device.switches.away = away
        looked(world, seconds)
        world.tick()
    looked(world)
    assert state(world, A) == state(world, B) == "ready"
    assert world.status(refused.id) == "ERROR"


def test_a_group_that_lost_what_it_held_is_filled_too(build: Build) -> None:
    world = build(lanes=LANES, reads=Reads.RECORD)
    trees = [world.create() for _ in range(4)]
    world.settle()
    looked(world)
    for tree in trees:
        if lane_of(world, tree) == A:
            listeners = {f"listener/{each.id}" for each in tree.listeners}
            held = world.device.documents[(tree.id, "memory")]
            world.device.documents[(tree.id, "memory")] = {name: text for name, text in held.items() if name not in listeners}
    looked(world)
    assert (state(world, A), state(world, B)) == ("filling", "ready")
    world.settle()
    looked(world)
    assert state(world, A) == "ready"
    assert all(world.held(tree.id).keys() >= {f"listener/{each.id}" for each in tree.listeners} for tree in trees)


@pytest.mark.parametrize("away", [set(), set(LANES)])
def test_placing_takes_two_statements_however_groups_are(build: Build, away: set[str]) -> None:
    world = build(lanes=LANES)
    world.device.switches.away = away
    looked(world)
    with statements(world.database) as seen:
        world.create(bare())
    assert sum("placement" in each for each in seen) == 2


class Counting(MemoryBackend):
    """Counts looks, each of which takes so many seconds, and may be in vain."""

    looks = 0
    vain = False
    clock: Clock | None = None
    seconds = 0.0

    def report(self, lane: str, units: Sequence[str]) -> Sequence[Report]:
        self.looks += 1
        if self.clock:
            self.clock.now += self.seconds
        return () if self.vain else super().report(lane, units)


def test_one_of_several_health_managers_watches_and_another_one_goes_on(world: World) -> None:
    world.create()
    world.settle()
    backends = [Counting(world.device, reads=Reads.RECORD) for _ in range(2)]
    managers = []
    for each in backends:
        world.backends = dict[str, Backend](memory=each)
        managers.append(world.new_health_manager())
    first, second = managers

    def rounds(*who: object, seconds: float = 2.0) -> list[int]:
        for each in backends:
            each.looks = 0
        for _ in range(10):
            world.clock.now += seconds
            for manager in managers:
                if manager in who:
                    manager.tick()
        return [each.looks for each in backends]

    assert rounds(first, second) == [10, 0], "signs of life are given often enough"
    died = rounds(second)  # the first one is stopped where it stands
    assert died[0] == 0
    assert 0 < died[1] < 7, "15 seconds after the last sign of life, not before"
    assert rounds(first, second) == [0, 10], "who comes back finds somebody else there"
    second.stop()
    assert rounds(first) == [10, 0], "who ends of its own accord leaves it to others at once"
    backends[0].clock, backends[0].seconds = world.clock, 1.0
    assert rounds(first)[0] == 2, "who takes long for an answer is asked more seldom"
    backends[0].vain, backends[0].seconds = True, 5.0
    assert 0 < rounds(first)[0] < 5, "nor is one that cannot tell asked without a pause"
    backends[0].vain = False
    world.device.switches.away.add("memory:0")
    rounds(first)
    assert rounds(first)[0] == 10, "but not who gives none"


def test_who_does_not_know_a_lane_leaves_it_to_those_who_do(world: World) -> None:
    """Its settings are the old ones still. With the watch it would keep others from the lane, and see nothing."""
    world.backends = dict[str, Backend](memory=MemoryBackend(world.device, lanes=()))
    world.new_health_manager().tick()
    with world.database.read() as conn:
        assert watches.load(conn) == {}


class Late(MemoryBackend):
    """Gives what it saw before something else happened."""

    meanwhile: Callable[[], None] | None = None
    traffic = 0
    members = MemberSeen.UP

    def report(self, lane: str, units: Sequence[str]) -> Sequence[Report]:
        seen = [self._like(each) for each in super().report(lane, units)]
        act, self.meanwhile = self.meanwhile, None
        if act is not None:
            act()
        return seen

    def _like(self, each: Report) -> Report:
        counted = dict.fromkeys(each.listeners, Statistics(self.traffic, 0, 0, 1, 0))
        return replace(each, members=dict.fromkeys(each.members, self.members), statistics=counted)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_somebody_says_who_was_stopped_meanwhile_is_not_written(build: Build) -> None:
    """Who watches by then has told it already, and would not tell it again."""
    world = build()
    made = world.create()
    world.settle()
    late, now = (Late(world.device) for _ in range(2))
    late.traffic, now.traffic, now.members = 100, 1000, MemberSeen.DOWN
    managers = []
    for each in (late, now):
        world.backends = dict[str, Backend](memory=each)
        managers.append(world.new_health_manager())
    first, second = managers

    def stopped() -> None:
        for _ in range(2):
            second.tick()
            world.clock.now += 16

    first.tick()
    assert world.operating(made.id) == "ONLINE"
    late.meanwhile = stopped
    late.traffic += 1
    world.clock.now += 2
    first.tick()
    second.tick()
    assert world.operating(made.id) == "ERROR"
    listener = made.listeners[0].id
    assert Reader(world.database).statistics(made.id)[listener].bytes_in == 1000
