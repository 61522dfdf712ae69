"""Two BIG-IPs of a group: one takes over from the other."""

from __future__ import annotations

import threading

import pytest

from bascule.south.as3.names import tenant_name
from tests.emulator.site import pair, state, sync
from tests.scenarios.f5.conftest import Make
from tests.scenarios.f5.site import partitions
from tests.scenarios.world import standard

pytestmark = pytest.mark.slow


@pytest.mark.slow
def test_another_device_takes_over_in_the_middle_of_a_change(make: Make) -> None:
    with pair() as (one, two):
        world = make(one, two)
        before = world.create()
        world.settle()
        made = world.create(standard())
        one.fault("slow", tenant=tenant_name(made.id), seconds=600)
        passing = threading.Thread(target=world.tick)
        passing.start()
        one.until(lambda: one.get("/emulator/faults").body == {"faults": []}, 30)  # it is at it
        one.ask("POST", "/emulator/reboot", {"seconds": 600})
        one.ask("POST", "/emulator/release")
        passing.join(60)
        assert not passing.is_alive()
        assert set(world.faults(made.id).values()) <= {
            "Whether the change was carried out is not known. It is sent again.",
            "No device is active now.",
            "The device does not answer.",
        }
        two.until(lambda: state(two) == "active", 30)
        world.settle()
        assert (set(world.statuses(made.id).values()), world.faults(made.id)) == ({"ACTIVE"}, {})
        assert world.is_on(two, before.id, made.id)


@pytest.mark.slow
def test_devices_that_are_told_to_synchronize_hold_the_same(make: Make) -> None:
    with pair(automatic=False) as (one, two):
        world = make(one, two, sync_group="/Common/dg")
        made = world.create()
        world.settle()
        two.until(lambda: sync(two) == "In Sync" and partitions(two), 30)
        assert partitions(two) == {tenant_name(made.id)}


@pytest.mark.slow
def test_operators_see_how_both_devices_are_through_a_failover(make: Make) -> None:
    with pair() as (one, two):
        world = make(two, one)
        made = world.create()
        world.settle()
        one.ask("PUT", "/emulator/processors", {"busy": [40, 60]})
        virtual = one.get("/mgmt/tm/ltm/virtual").body["items"][0]["fullPath"]
        one.ask("PUT", "/emulator/counters", {virtual: {"curConns": 7}})
        world.health.tick()
        seen = world.lanes.named("pair")
        names = [box.url.removeprefix("https://") for box in (two, one)]
        runs = ("BIG-IP 17.1.1", "AS3 3.56.0")
        assert [(each.name, each.state, each.versions) for each in seen.devices] == [
            (names[0], "standby", runs),
            (names[1], "active", runs),
        ]
        assert seen.load is not None
        assert (seen.load.cpu, seen.load.connections) == (50.0, 7)
        world.clock.now += 1
        one.ask("POST", "/emulator/reboot", {"seconds": 600})
        world.health.tick()  # perhaps nobody is active
        assert world.operating(made.id) != "ERROR"
        two.until(lambda: state(two) == "active", 30)
        world.clock.now += 11
        world.health.tick()
        seen = world.lanes.named("pair")
        assert [each.state for each in seen.devices] == ["active", "unknown"]
        assert seen.devices[1].problem
        assert (seen.state, seen.to_resync, world.next_due()) == ("ready", 0, None), "nothing is sent again"
