"""Where new load balancers go, what is counted of it, and what operators say about it."""

from __future__ import annotations

import itertools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest
import sqlalchemy as sa

from bascule.core.scheduler import PlaceBy
from bascule.core.writer import Writer
from bascule.model.backend import LaneSpec, Reads
from bascule.model.errors import Conflict, Invalid
from bascule.model.objects import Listener, Tree
from bascule.store import lanes, placement, tables
from bascule.store.engine import Database
from bascule.store.tables import unit
from tests.scenarios.conftest import Build
from tests.scenarios.world import ORIGIN, World, bare, new_id

pytestmark = pytest.mark.slow

GROUPS = ("memory:a", "memory:b", "memory:c", "memory:d")


def counters(world: World) -> dict[str, tuple[int, int]]:
    """Load balancers and listeners by lane, as they are counted."""
    with world.database.read() as conn:
        return {lane_id: (each.load_balancers, each.listeners) for lane_id, each in placement.every(conn).items()}


def where(world: World) -> Counter[str]:
    """Load balancers by lane, as they are."""
    with world.database.read() as conn:
        return Counter(conn.scalars(sa.select(unit.c.lane_id).where(unit.c.gone_at.is_(None))))


def test_a_hundred_at_a_time_end_even_over_four_groups(build: Build, database_url: str) -> None:
    world = build(lanes=GROUPS)
    trees = [bare() for _ in range(100)]
    with closing(Database(database_url)) as one, closing(Database(database_url)) as other, ThreadPoolExecutor(20) as pool:
        writers = itertools.cycle([Writer(each, world.backends, world.subnets) for each in (one, other)])
        list(pool.map(lambda pair: pair[0].create(pair[1], origin=ORIGIN), zip(writers, trees, strict=False)))
    assert where(world) == dict.fromkeys(GROUPS, 25)
    assert counters(world) == dict.fromkeys(GROUPS, (25, 0))


def test_a_hundred_at_a_time_never_exceed_what_groups_may_have(build: Build, database_url: str) -> None:
    world = build(lanes=(LaneSpec("memory:a", max_load_balancers=7), LaneSpec("memory:b", max_load_balancers=20)))

    def create(tree: Tree) -> bool:
        try:
            world.writer.create(tree, origin=ORIGIN)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(create, [bare() for _ in range(100)])) == 27
    assert where(world) == {"memory:a": 7, "memory:b": 20}


def test_fewest_listeners_when_the_operator_wants_it(build: Build) -> None:
    world = build(lanes=GROUPS[:2])
    world.writer = Writer(world.database, world.backends, world.subnets, place_by=PlaceBy.LISTENERS, clock=world.clock)
    busy = world.create()
    for _ in range(3):
        world.create(bare())
    assert counters(world) == {"memory:a": (1, 2), "memory:b": (3, 0)}
    world.delete(busy.id)
    assert counters(world) == {"memory:a": (1, 0), "memory:b": (3, 0)}, "what is leaving has no listeners any more"
    world.create(bare())
    assert where(world) == {"memory:a": 2, "memory:b": 3}


def test_counters_follow_what_comes_and_goes(world: World) -> None:
    tree = world.create()
    world.create(bare())
    assert counters(world) == {"memory:0": (2, 2)}
    (side,) = [each for each in tree.children.values() if isinstance(each, Listener) and each.name == "side"]
    world.drop(tree.id, side.id)
    assert counters(world) == {"memory:0": (2, 1)}
    world.put(tree.id, replace(side, id=new_id()), replace(side, id=new_id(), protocol_port=81))
    assert counters(world) == {"memory:0": (2, 3)}
    world.rename(tree.id, "with the same listeners")
    assert counters(world) == {"memory:0": (2, 3)}
    world.delete(tree.id)
    assert counters(world) == {"memory:0": (2, 0)}, "it is on the data plane until a worker has removed it"
    world.settle()
    assert counters(world) == {"memory:0": (1, 0)}


def test_a_refused_creation_is_not_counted(world: World) -> None:
    tree = world.create(bare())
    with pytest.raises(Conflict):
        world.create(bare().put(replace(bare().load_balancer, vip=tree.load_balancer.vip)))
    assert counters(world) == {"memory:0": (1, 0)}


def test_a_group_that_is_full_or_drained_gets_nothing_new(build: Build) -> None:
    world = build(lanes=(LaneSpec("memory:a", max_load_balancers=1), LaneSpec("memory:b")))
    kept = [world.create(bare()) for _ in range(3)]
    assert where(world) == {"memory:a": 1, "memory:b": 2}
    world.lanes.drain("memory:b", True)
    with pytest.raises(Conflict, match="of its 2 places, 1 have as many as they may have and 1 take no new ones"):
        world.create(bare())
    world.settle()
    assert {world.status(each.id) for each in kept} == {"ACTIVE"}, "what is there stays, and is worked on"
    world.lanes.drain("memory:b", False)
    world.create(bare())
    assert where(world) == {"memory:a": 1, "memory:b": 3}


def test_the_only_place_can_be_full_or_drained_too(build: Build) -> None:
    world = build(lanes=(LaneSpec("memory:0", max_load_balancers=1),))
    world.create(bare())
    with pytest.raises(Conflict, match=r"Provider 'memory' has no room .* 1 have as many"):
        world.create(bare())


def test_an_availability_zone_narrows_the_choice(build: Build) -> None:
    world = build(lanes=(LaneSpec("memory:a", availability_zone="north"), LaneSpec("memory:b", availability_zone="south")))
    for _ in range(2):
        tree = bare()
        world.create(tree.put(replace(tree.load_balancer, zone={"compute_zone": "south"})))
    assert where(world) == {"memory:b": 2}
    with pytest.raises(Invalid, match="has no place for such a flavor in such an availability zone"):
        world.create(tree.put(replace(bare().load_balancer, zone={"compute_zone": "west"})))


def test_places_are_found_without_a_worker(build: Build) -> None:
    world = build(lanes=GROUPS)
    world.database.write(lambda conn: [conn.execute(table.delete()) for table in (tables.lane, tables.placement)])
    world.create()
    assert where(world) == {"memory:a": 1}


def test_housekeeping_counts_anew_what_was_counted_wrong(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.create()
    world.housekeeping.tick()
    assert "put right" not in caplog.text
    wrong = tables.placement.update().values(load_balancers=7, listeners=-3)
    world.database.write(lambda conn: conn.execute(wrong))
    world.housekeeping.tick()
    assert counters(world) == {"memory:0": (7, -3)}, "it does not look in every round"
    world.clock.now += 601
    world.housekeeping.tick()
    assert counters(world) == {"memory:0": (1, 2)}
    assert "the counters of lanes were wrong and were put right: memory:0" in caplog.text


@pytest.mark.parametrize("reads", list(Reads))
def test_resync_brings_back_what_a_device_lost_at_an_even_pace(build: Build, reads: Reads) -> None:
    world = build(reads=reads)
    ids = [world.create().id for _ in range(25)]
    world.settle()
    before = dict(world.device.documents)
    world.device.documents.clear()
    assert world.lanes.resync("memory:0") == 25
    world.tick()
    assert len(world.device.documents) == 10
    assert world.lanes.named("memory:0").to_resync == 15
    world.rename(next(each for each in ids if (each, "memory") not in world.device.documents), "renamed in between")
    world.tick()
    assert len(world.device.documents) == 11, "an edit waits for nobody, and believes the record no more than the others do"
    world.tick(1)
    world.tick(1)
    assert world.device.documents.keys() == before.keys()
    assert world.lanes.named("memory:0").to_resync == 0
    assert {world.status(each) for each in ids} == {"ACTIVE"}


def test_operators_see_what_is_in_error_and_what_waits(world: World) -> None:
    tree = world.create(bare("poisoned"))
    world.device.switches.refused_units[tree.id] = "no such thing"
    world.clock.now += 7
    (seen,) = world.lanes.all()
    assert (seen.due, seen.waiting, seen.owner) == (1, 7.0, None)
    world.tick()
    (failed,) = world.lanes.in_error("memory:0")
    assert (failed.id, failed.name) == (tree.id, "poisoned")
    assert "no such thing" in failed.reason + failed.details
    assert world.lanes.named("0").waiting is None


def test_forget_takes_only_what_carries_nothing(build: Build) -> None:
    world = build(lanes=("memory:old",))
    first, second = world.create(), world.create()
    world.settle()
    fence = lanes_of(world)["memory:old"]
    world._backend["lanes"] = ("memory:new",)
    world.restart()
    with pytest.raises(Conflict, match=r"memory:old is not empty: load balancers 2, .* 0"):
        world.lanes.forget("memory:old")
    assert world.lanes.named("memory:old").load_balancers == 2
    with pytest.raises(Conflict, match="memory:new is in the configuration"):
        world.lanes.forget("memory:new")
    world.delete(first.id)
    world.delete(second.id)
    world.settle()
    world.lanes.forget("memory:old")
    assert [each.id for each in world.lanes.all()] == ["memory:new"]
    world._backend["lanes"] = ("memory:new", "memory:old")
    world.restart()
    assert lanes_of(world)["memory:old"] > fence, "or else the device would take its new owner for an older one"


def lanes_of(world: World) -> dict[str, int]:
    """Fencing numbers by lane."""
    with world.database.read() as conn:
        return {lane.id: lane.fence for lane in lanes.load(conn)}
