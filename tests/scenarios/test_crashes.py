"""A process may die between any two steps, and an owner may be late: everything converges, nothing moves backwards."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY

from bascule.core import known as knowledge
from bascule.model.backend import Fence
from bascule.store import lanes, tables, units
from bascule.store.lanes import LaneLost
from tests.scenarios.clouds import SHARED, Cloud, claimed
from tests.scenarios.conftest import Build
from tests.scenarios.world import World, bare, standard

pytestmark = pytest.mark.slow


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Hundreds of crashes, so on the quickest database only."""
    return sqlite_url


class Crash(BaseException):
    """The process is gone. Nothing may catch this."""


@contextmanager
def dying(world: World, step: int) -> Iterator[Callable[[], int]]:
    """Die at a step: a statement, a commit, or the begin or end of an apply. Gives a function that tells how many there were."""
    count = 0

    def one(*_: Any, **__: Any) -> None:
        nonlocal count
        count += 1
        if count == step:
            raise Crash

    for engine in world.database.engines:
        sa.event.listen(engine, "before_cursor_execute", one)
        sa.event.listen(engine, "commit", one)
    world.device.before_apply = world.device.after_apply = one
    try:
        yield lambda: count
    finally:
        for engine in world.database.engines:
            sa.event.remove(engine, "before_cursor_execute", one)
            sa.event.remove(engine, "commit", one)
        world.device.before_apply = world.device.after_apply = None


def _create(world: World) -> str:
    return world.create().id


def _edit(world: World) -> str:
    tree = world.create()
    world.tick()
    world.put(tree.id, dataclasses.replace(tree.members[0], weight=9))
    return tree.id


def _delete(world: World) -> str:
    tree = world.create()
    world.tick()
    world.delete(tree.id)
    return tree.id


def _refuse(world: World) -> str:
    tree = standard()
    world.device.switches.rejected[tree.policies[0].id] = "no"
    return world.create(tree).id


@pytest.mark.parametrize("prepare", [_edit, _delete, *(pytest.param(each, marks=pytest.mark.slow) for each in (_create, _refuse))])
@pytest.mark.parametrize("networks", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_crash_between_any_two_steps_of_a_pass_converges(build: Build, prepare: Callable[[World], str], networks: bool) -> None:
    world = build(networks=networks)
    step, died = 0, True
    while died:
        step += 1
        load_balancer_id = prepare(world)
        with dying(world, step):
            try:
                world.tick()
                died = False
            except Crash:
                pass
        world.restart()
        world.tick()  # sees who holds the lane
        world.tick(16)  # and that it gives no sign of life
        world.device.switches.rejected.clear()
        world.settle()
        if prepare is _delete:
            assert world.is_gone(load_balancer_id), f"step {step}"
            assert not any(unit == load_balancer_id for unit, _ in world.device.documents)
        else:
            assert set(world.statuses(load_balancer_id).values()) == {"ACTIVE"}, f"step {step}"
            assert world.preview(load_balancer_id).plans == []
    assert step > 15


@pytest.mark.slow
def test_a_crash_between_any_two_steps_leaves_no_port_behind(build: Build) -> None:
    cloud = Cloud(build)
    world = cloud.world()
    step, died = 0, True
    while died:
        step += 1
        with dying(world, step):
            try:
                died = False
                tree = world.create(bare())
                world.settle()
                world.delete(tree.id)
                world.settle()
            except Crash:
                died = True
        world.restart()
        world.tick()  # sees who holds the lane
        world.tick(16)  # and that it gives no sign of life
        world.settle()
        for left in [each for each in claimed(world).values() if each != SHARED]:
            world.delete(left)
        world.settle()
        assert (cloud.addresses, claimed(world), world.device.documents) == ([], {}, {}), f"step {step}"
    assert step > 10


def test_a_crash_in_the_middle_of_a_request_leaves_nothing_behind(world: World) -> None:
    tree = world.create()
    world.tick()
    step, died = 0, True
    while died:
        step += 1
        generation = world.unit(tree.id).generation
        with dying(world, step):
            try:
                world.rename(tree.id, f"name {step}")
                died = False
            except Crash:
                assert world.unit(tree.id).generation == generation
                assert world.status(tree.id) == "ACTIVE"
        world.restart()
    assert step > 5
    world.tick()
    assert f'"name": "name {step}"' in world.held(tree.id)[f"load_balancer/{tree.id}"]


def test_a_worker_that_lost_its_lane_is_refused_by_the_data_plane(world: World) -> None:
    tree = world.create()
    world.tick()
    late, other = world.worker, world.new_worker()
    world.rename(tree.id, "old")

    def while_it_sleeps() -> None:
        """The first worker has read everything and is about to write; it sleeps for longer than its lease."""
        world.device.before_apply = None
        other.tick()
        world.clock.now += 16
        world.rename(tree.id, "new")
        assert other.tick()

    world.device.before_apply = while_it_sleeps
    lost = REGISTRY.get_sample_value("bascule_leases_lost_total") or 0
    assert not late.tick()
    assert REGISTRY.get_sample_value("bascule_leases_lost_total") == lost + 1
    assert '"name": "new"' in world.held(tree.id)[f"load_balancer/{tree.id}"]
    assert world.status(tree.id) == "ACTIVE"
    assert not any('"name": "old"' in str(step.body) for plan in world.device.writes for step in plan.steps)


def test_a_worker_that_lost_its_lane_is_refused_by_the_database(world: World) -> None:
    tree = world.create()
    world.tick()
    world.rename(tree.id, "old")
    with world.database.read() as conn:
        lane = lanes.load(conn)[0]
        batch = knowledge.load(conn, units.load(conn, [tree.id]))
    lease = world.database.write(lambda conn: lanes.take(conn, lane, "late"))
    assert lease is not None
    results = world.passes.run(lane.id, Fence(1, lease.fence), list(batch.values()), {}, lambda _: None)
    other = world.new_worker()
    other.tick()
    world.clock.now += 16
    assert other.tick()
    before = world.unit(tree.id)
    with pytest.raises(LaneLost):
        world.recorder.record(lease, results)
    assert world.unit(tree.id) == before


def test_a_lane_is_taken_over_only_after_its_lease(world: World) -> None:
    tree = world.create()
    with world.database.read() as conn:
        lane = lanes.load(conn)[0]
    world.database.write(lambda conn: lanes.take(conn, lane, "somebody who died"))
    world.tick()
    world.tick(14)
    assert world.status(tree.id) == "PENDING_CREATE"
    world.tick(2)
    assert world.status(tree.id) == "ACTIVE"


def test_a_lane_whose_holder_gives_signs_of_life_is_left_to_it(world: World) -> None:
    tree = world.create()
    with world.database.read() as conn:
        lane = lanes.load(conn)[0]
    lease = world.database.write(lambda conn: lanes.take(conn, lane, "somebody busy"))
    assert lease is not None
    for _ in range(10):
        world.tick(14)
        world.database.write(lambda conn: lanes.hold(conn, lease))
    assert world.status(tree.id) == "PENDING_CREATE"


def test_two_workers_never_take_the_same_lane(world: World) -> None:
    with world.database.read() as conn:
        lane = lanes.load(conn)[0]
    taken = [world.database.write(lambda conn, owner=owner: lanes.take(conn, lane, owner)) for owner in ("a", "b")]  # type: ignore[misc]
    assert taken[0] is not None
    assert taken[1] is None


def test_a_worker_serves_only_lanes_whose_tags_it_has(world: World) -> None:
    tree = world.create()
    tagged = world.new_worker(tags=["site-a", "site-b"])
    world.database.write(lambda conn: conn.execute(tables.lane.update().values(tags=["site-b"])))
    world.tick()
    assert world.status(tree.id) == "PENDING_CREATE"
    tagged.tick()
    assert world.status(tree.id) == "ACTIVE"
