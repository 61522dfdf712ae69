"""Load balancers on a BIG-IP: made, changed, looked after, removed; what vanishes comes back."""

from __future__ import annotations

import pytest

from bascule.south.as3.names import tenant_name
from tests.clients.bigip.site import Counted
from tests.emulator.site import Box
from tests.scenarios.f5.site import F5World, posts
from tests.scenarios.world import bare

pytestmark = pytest.mark.slow


def test_a_life(world: F5World, device: Box) -> None:
    one, other = world.create(), world.create()
    world.settle()
    assert set(world.statuses(one.id).values()) == {"ACTIVE"}
    assert posts(device) == 1, "both go in one request"
    assert world.is_on(device, one.id, other.id)
    (member, *_) = one.members
    world.drop(one.id, member.id)
    world.settle()
    assert world.is_on(device, one.id, other.id)
    world.delete(one.id)
    world.settle()
    assert world.is_gone(one.id)
    assert world.is_on(device, other.id)


def test_lost_configuration_comes_back(world: F5World, device: Box) -> None:
    one, other = world.create(), world.create()
    world.settle()
    assert device.ask("POST", "/emulator/lose-configuration", {"tenants": [tenant_name(one.id)]}).body["objects"] > 5
    assert not world.is_on(device, one.id, other.id)
    for _ in range(2):
        world.compare(one.id, other.id)
        world.settle()
    assert world.is_on(device, one.id, other.id)
    assert [sum("was found changed" in text for text in world.events(each.id)) for each in (one, other)] == [1, 0]


def test_a_round_of_the_health_manager_is_one_look(
    world: F5World, device: Box, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """However many load balancers there are, and however long it takes to write down what they do."""
    monkeypatch.setattr("bascule.core.health_manager._CHUNK", 2)
    trees = [world.create(bare()) for _ in range(4)] + [world.create()]
    world.settle()
    world.health.tick()
    every, carried = Counted(device), Counted(device, "GET", "/mgmt/tm/ltm/")
    for rounds in (1, 2):
        world.health.tick()
        assert (every.so_far(), carried.so_far()) == (3 * rounds, 2 * rounds), "one of them is which device is active"
    assert {world.operating(each.id) for each in trees[:4]} == {"ONLINE"}
    assert world.operating(trees[-1].id) != "OFFLINE"
    device.fault("unavailable", method="GET", path="stats", times=None)
    world.health.tick()
    assert "device group pair cannot be asked now" in caplog.text


def test_what_vanishes_is_noticed_by_the_health_manager(world: F5World, device: Box) -> None:
    made, other = world.create(), world.create()
    world.settle()
    world.health.tick()
    assert world.next_due() is None
    device.ask("POST", "/emulator/lose-configuration", {"tenants": [tenant_name(made.id)]})
    world.clock.now += 2
    world.health.tick()
    assert world.unit(made.id).due_at is not None
    assert world.unit(other.id).due_at is None
    world.settle()
    assert world.is_on(device, made.id, other.id)


@pytest.mark.slow
def test_a_device_that_goes_away_is_lost_and_comes_back_with_everything(world: F5World, device: Box) -> None:
    made = world.create()
    world.settle()
    world.health.tick()
    assert world.operating(made.id) != "ERROR"
    device.ask("POST", "/emulator/reboot", {"seconds": 72_000})  # nothing was saved, so it comes back empty
    for seconds, lost in ((10, False), (15, False), (10, True)):
        world.clock.now += seconds
        world.health.tick()
        assert (world.operating(made.id) == "ERROR") == lost, "a device that takes over needs some seconds for it"
    assert world.status(made.id) == "ACTIVE", "a matter of health"
    assert world.lanes.named("pair").state == "away"
    device.ask("POST", "/emulator/reboot", {"seconds": 0})

    def answers() -> bool:
        world.clock.now += 10
        world.health.tick()
        states.append(world.lanes.named("pair").state)
        world.worker.tick()
        return world.operating(made.id) != "ERROR" and states[-1] == "ready"

    states: list[str] = []
    device.until(answers, 30)
    assert list(dict.fromkeys(states)) in (["away", "filling", "ready"], ["filling", "ready"])
    world.settle()
    assert world.is_on(device, made.id)
