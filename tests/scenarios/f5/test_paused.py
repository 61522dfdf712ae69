"""A worker is stopped while its declaration is on the way, another one takes its lane, and then the first one goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bascule.model.objects import Tree
from bascule.south.as3.names import tenant_name
from tests.emulator.site import Box
from tests.scenarios.f5.conftest import Make
from tests.scenarios.f5.site import F5World, partitions
from tests.scenarios.f5.test_network_orphans import NETWORK, held, network
from tests.scenarios.f5.test_orphans import orphans
from tests.scenarios.world import standard

pytestmark = pytest.mark.slow

SILENT = {"lease": 3600.0}
"""Who is stopped gives no sign of life."""


@contextmanager
def paused(world: F5World, device: Box, method: str = "POST", path: str = "declare") -> Iterator[Callable[[], None]]:
    """The worker is stopped inside a request, before the device looks at it. What is given lets it go on, and waits for its end."""
    device.fault("hold", method=method, path=path)
    working = threading.Thread(target=world.worker.tick, daemon=True)
    working.start()
    device.until(lambda: device.get("/emulator/faults").body == {"faults": []}, 30)

    def go_on() -> None:
        device.ask("POST", "/emulator/release")
        working.join(30)
        assert not working.is_alive()

    yield go_on
    go_on()


@pytest.fixture
def late(make: Make, bigip: Box) -> F5World:
    world = make(bigip)
    world.worker = world.new_worker(**SILENT)
    return world


@pytest.fixture
def successor(make: Make, bigip: Box, late: F5World) -> F5World:
    """Another worker, on the same database."""
    world = make(bigip)
    world.clock = late.clock
    world.restart()
    return world


def take_over(world: F5World) -> None:
    """Look at the lane, find its holder silent for a lease, take it, and do all there is to do."""
    for _ in range(3):
        world.tick(20)
    world.settle()


@pytest.mark.parametrize("there", [False, True], ids=["new", "changed"])
def test_what_the_next_worker_wrote_stays(
    late: F5World, successor: F5World, bigip: Box, caplog: pytest.LogCaptureFixture, there: bool
) -> None:
    made = late.create()
    if there:
        late.settle()
        late.drop(made.id, made.members[0].id)
    with paused(late, bigip) as go_on:
        successor.drop(made.id, made.members[1].id)
        take_over(successor)
        assert successor.is_on(bigip, made.id)
        go_on()
    assert "lane f5:pair was taken over by another worker" in caplog.text
    assert set(successor.statuses(made.id).values()) == {"ACTIVE"}
    assert successor.faults(made.id) == {}
    assert late.next_due() is None
    assert successor.is_on(bigip, made.id)
    late.drop(made.id, made.members[2].id)  # and the late one is of use again
    late.settle()
    assert successor.is_on(bigip, made.id)


def test_what_was_deleted_meanwhile_and_comes_back_is_removed(late: F5World, successor: F5World, bigip: Box) -> None:
    made = late.create()
    late.settle()
    late.drop(made.id, made.members[0].id)
    with paused(late, bigip) as go_on:
        successor.delete(made.id)
        take_over(successor)
        assert successor.is_gone(made.id)
        go_on()
    assert partitions(bigip) == {tenant_name(made.id)}, "AS3 looks at no lock key of a tenant that is not there"
    orphans(successor, grace=0).tick()
    successor.settle()
    assert partitions(bigip) == set()


def test_others_of_the_same_request_are_not_hurt(late: F5World, successor: F5World, bigip: Box) -> None:
    trees: list[Tree] = [late.create(standard()) for _ in range(3)]
    late.settle()
    for tree in trees:
        late.drop(tree.id, tree.members[0].id)
    with paused(late, bigip) as go_on:
        for tree in trees[:2]:
            successor.drop(tree.id, tree.members[1].id)
        successor.delete(trees[2].id)
        take_over(successor)
        go_on()
    orphans(successor, grace=0).tick()
    successor.settle()
    assert [set(successor.statuses(tree.id).values()) for tree in trees[:2]] == [{"ACTIVE"}] * 2
    assert successor.is_on(bigip, *(tree.id for tree in trees[:2]))


def test_a_network_that_goes_though_it_is_wanted_again_comes_back(make: Make, bigip: Box) -> None:
    """The successor finds it there and has nothing to do; only who was late knows better."""
    late, successor = (make(bigip, networks={NETWORK: network(bigip)}) for _ in range(2))
    late.worker = late.new_worker(**SILENT)
    successor.clock = late.clock
    successor.restart()
    made = late.create()
    late.settle()
    late.delete(made.id)
    with paused(late, bigip, "DELETE", "net/route") as go_on:
        again = successor.create()
        take_over(successor)
        assert len(held(bigip)) == 4
        go_on()
    assert len(held(bigip)) < 4
    successor.settle()
    assert len(held(bigip)) == 4
    assert set(successor.statuses(again.id).values()) == {"ACTIVE"}
