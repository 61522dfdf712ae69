"""What others change on a device: found, set right, and told to the owner; and nothing is told that did not happen."""

from __future__ import annotations

import dataclasses

import pytest

from bascule.model.backend import Reads
from bascule.store import units
from bascule.store.units import Rank
from tests.scenarios.conftest import Build
from tests.scenarios.world import World

pytestmark = pytest.mark.slow

TOLD = "was found changed on the device and was set right"


def told(world: World, load_balancer_id: str) -> int:
    return sum(TOLD in text for text in world.events(load_balancer_id))


def compare(world: World, load_balancer_id: str) -> None:
    world.database.write(lambda conn: units.ask(conn, [load_balancer_id], world.clock(), Rank.DRIFT))
    world.settle()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("reads", list(Reads))
@pytest.mark.parametrize("looks", [0, 3], ids=["at once", "after a while"])
def test_what_others_changed_is_told_once(build: Build, reads: Reads, looks: int) -> None:
    world = build(reads=reads)
    made = world.create()
    world.settle()
    if looks:
        world.device.switches.slow[made.id] = looks
    held = world.device.documents[(made.id, "memory")]
    name = f"listener/{made.listeners[0].id}"
    before = held[name]
    held[name] = "{}"
    compare(world, made.id)
    assert world.held(made.id)[name] == before
    assert told(world, made.id) == 1
    assert world.events(made.id)[-1] == f"The load balancer {made.load_balancer.name} {TOLD}."
    compare(world, made.id)
    assert told(world, made.id) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("reads", list(Reads))
def test_nothing_is_told_of_edits_failures_and_what_is_as_it_was(build: Build, reads: Reads) -> None:
    world = build(reads=reads)
    made = world.create()
    world.settle()
    compare(world, made.id)
    world.lanes.resync("memory:0")
    world.settle()
    world.rename(made.id, "renamed")
    world.device.switches.broken = "after"  # it is written, and nobody knows
    world.settle()
    member = made.members[0]
    world.put(made.id, dataclasses.replace(member, weight=7))
    world.device.switches.failing[made.id] = "not now"
    world.tick()
    world.put(made.id, member)
    world.device.switches.failing.clear()
    world.settle()
    world.writer.failover(made.id, origin="test")
    world.settle()
    world.health.tick()
    world.device.switches.lost.add("memory")
    world.health.tick()
    world.tick()
    world.device.switches.lost.clear()
    world.health.tick()
    world.settle()
    assert world.status(made.id) == "ACTIVE"
    assert told(world, made.id) == 0
