"""A worker that is told to stop: what is being written is finished, nothing else is begun, and no lane stays behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from bascule.store import lanes, watches
from tests.scenarios.conftest import Build
from tests.scenarios.world import World, standard

pytestmark = pytest.mark.slow

PATIENCE = 30.0


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What is tried here is the worker's own; the leases are tried on all databases elsewhere."""
    return sqlite_url


def owners(world: World) -> dict[str, str | None]:
    with world.database.read() as conn:
        return {lane.id: lane.owner for lane in lanes.load(conn)}


def watchers(world: World) -> dict[str, str | None]:
    with world.database.read() as conn:
        return {each.id: each.owner for each in watches.load(conn).values()}


def begin_to_stop(world: World) -> None:
    assert world.worker.stop(0) == ["memory:0"]


def in_first_apply(world: World, action: Callable[[], None]) -> None:
    """Do something when the device is first written to, before it is."""

    def act() -> None:
        world.device.before_apply = None
        action()

    world.device.before_apply = act


def test_a_device_that_takes_too_long_keeps_only_its_own_lane(build: Build) -> None:
    world = build(lanes=("memory:0", "memory:1"))
    world.worker = world.new_worker(lanes_at_once=2)
    slow, begun, answer = world.create(), threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        assert answer.wait(PATIENCE)

    in_first_apply(world, hang)
    world.worker.begin()
    assert begun.wait(PATIENCE)
    other = world.create()
    world.worker.begin()
    assert world.worker.stop(1.0) == [world.unit(slow.id).lane_id]
    free = {lane_id for lane_id, owner in owners(world).items() if owner is None}
    assert free == {world.unit(other.id).lane_id}

    successor = world.new_worker(lanes_at_once=2)
    successor.tick()
    assert world.status(slow.id) == "PENDING_CREATE", "its holder may still be at it"
    world.clock.now += 20
    successor.tick()
    world.rename(slow.id, "later")
    successor.tick()
    answer.set()  # what the first one wanted to write comes after that
    assert world.worker.stop() == []
    assert {world.status(each.id) for each in (slow, other)} == {"ACTIVE"}
    assert "later" in world.held(slow.id)[f"load_balancer/{slow.id}"]
    assert set(owners(world).values()) == {None}


def test_what_is_being_written_is_recorded_and_the_rest_stays_due(world: World) -> None:
    trees = [world.create() for _ in range(3)]
    world.worker = world.new_worker(batch=1)
    in_first_apply(world, lambda: begin_to_stop(world))
    world.worker.tick()
    world.worker.stop()
    assert sorted(world.status(each.id) for each in trees) == ["ACTIVE", "PENDING_CREATE", "PENDING_CREATE"]
    assert owners(world) == {"memory:0": None}
    world.worker = world.new_worker()
    world.tick()  # without waiting for a lease
    assert {world.status(each.id) for each in trees} == {"ACTIVE"}


def test_a_pass_that_wants_to_write_once_more_is_broken_off(world: World) -> None:
    """What the device refuses is tried again without it; that is the next worker's business."""
    tree = standard()
    bad = tree.members[0]
    world.device.switches.rejected[bad.id] = "no such thing"
    world.create(tree)
    in_first_apply(world, lambda: begin_to_stop(world))
    world.worker.tick()
    world.worker.stop()
    assert world.status(tree.id) == "PENDING_CREATE"
    assert world.faults(tree.id) == {}
    assert owners(world) == {"memory:0": None}
    world.worker = world.new_worker()
    world.tick()
    assert (world.status(tree.id), world.status(tree.id, bad.id)) == ("ACTIVE", "ERROR")


def test_a_worker_that_stops_takes_no_lane(world: World) -> None:
    tree = world.create()
    world.worker.stop()
    world.worker.begin()
    assert world.status(tree.id) == "PENDING_CREATE"
    assert owners(world) == {"memory:0": None}


def test_who_watches_lets_go_at_once_of_what_it_does_not_look_at(build: Build) -> None:
    world = build(lanes=("memory:0", "memory:1"))
    trees = [world.create(), world.create()]
    world.tick()
    hanging, answer, looking = world.unit(trees[0].id).lane_id, threading.Event(), threading.Event()
    report = world.backend.report

    def slow(lane: str, units: list[str]) -> object:
        if lane == hanging:
            looking.set()
            assert answer.wait(PATIENCE)
        return report(lane, units)

    world.backend.report = slow  # type: ignore[method-assign, assignment]
    world.health = world.new_health_manager(lanes_at_once=2)
    world.health.begin()
    assert looking.wait(PATIENCE)
    stopping = threading.Thread(target=world.health.stop)
    stopping.start()
    deadline = time.monotonic() + PATIENCE
    while watchers(world)[world.unit(trees[1].id).lane_id] is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert watchers(world)[hanging] is not None
    answer.set()
    stopping.join(PATIENCE)
    assert set(watchers(world).values()) == {None}
