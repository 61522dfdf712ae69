"""BIG-IPs in trouble: whatever goes wrong, in the end they hold what is wanted, nothing is PENDING, and the reason was shown."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bascule.core.orphans import Orphans
from bascule.south.as3.names import tenant_name
from bascule.store.engine import Database
from tests.clients.bigip.site import Counted
from tests.emulator.site import Box, box, pair, small, state, sync, tenant
from tests.scenarios.f5 import F5World
from tests.scenarios.world import standard

Make = Callable[..., F5World]


@pytest.fixture
def make(sqlite_url: str, tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as stack:

        def made(*boxes: Box, sync_group: str = "") -> F5World:
            database = Database(sqlite_url)
            stack.callback(database.close)
            world = F5World(database, tmp_path, boxes, sync_group)
            stack.callback(world.close)
            return world

        yield made


@pytest.fixture
def device() -> Iterator[Box]:
    """A device whose time runs fast, but not so fast that a busy machine takes for a task what is not."""
    with box(speed=20) as made:
        yield made


@pytest.fixture
def bigip() -> Iterator[Box]:
    with box() as made:
        yield made


@pytest.fixture
def world(make: Make, device: Box) -> F5World:
    return make(device)


def posts(device: Box) -> int:
    """How many declarations AS3 has worked on."""
    return len(device.get("/mgmt/shared/appsvcs/task").body["items"])


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


ONCE: list[dict[str, Any]] = [
    {"kind": "reset-before", "method": "POST", "path": "declare"},
    {"kind": "reset-after", "method": "POST", "path": "declare"},
    {"kind": "bad-gateway", "method": "POST", "path": "declare"},
    {"kind": "context-timeout", "method": "POST", "path": "declare"},
    {"kind": "unauthorized", "method": "POST", "path": "declare"},
    {"kind": "unavailable", "method": "POST", "path": "declare"},
    {"kind": "unavailable", "method": "GET", "path": "declare"},
    {"kind": "device-read-failure"},
    {"kind": "store-failure"},
]


@pytest.mark.parametrize("fault", ONCE, ids=lambda fault: f"{fault['kind']} {fault.get('method', '')}".strip())
def test_what_goes_wrong_once_is_not_seen(world: F5World, device: Box, fault: dict[str, Any]) -> None:
    device.fault(**fault)
    made = world.create()
    world.tick()
    assert world.faults(made.id) == {}
    world.settle()
    assert set(world.statuses(made.id).values()) == {"ACTIVE"}
    assert world.is_on(device, made.id)


@pytest.mark.parametrize("kind", [pytest.param("late-script", marks=pytest.mark.slow), "failed-script", "read-failure"])
def test_a_tenant_in_trouble_is_sent_again(world: F5World, device: Box, kind: str) -> None:
    guilty, other = world.create(), world.create()
    device.fault(kind, tenant=tenant_name(guilty.id), seconds=20)
    world.tick()
    assert world.status(other.id) == "ACTIVE"
    assert world.faults(guilty.id) == {guilty.id: "The device could not carry out the change now. It is sent again."}
    assert world.status(guilty.id) == "PENDING_CREATE"
    time.sleep(1.2)  # until the late script is over: 50 seconds of the device's
    world.settle()
    assert set(world.statuses(guilty.id).values()) == {"ACTIVE"}
    assert world.faults(guilty.id) == {}
    assert world.is_on(device, guilty.id, other.id)


def test_tokens_may_be_lost(world: F5World, device: Box) -> None:
    world.create()
    world.settle()
    device.ask("POST", "/emulator/expire-tokens")
    made = world.create()
    world.tick()
    assert world.status(made.id) == "ACTIVE"


@pytest.mark.slow
def test_a_device_may_be_busy_for_minutes(world: F5World, device: Box) -> None:
    assert device.ask("POST", "/emulator/busy", {"seconds": 60}).status == 204  # 3 of ours
    made = world.create()
    world.tick()
    assert (world.status(made.id), world.faults(made.id)) == ("PENDING_CREATE", {})
    world.tick(310)
    assert world.faults(made.id) == {made.id: "The device has been busy with other changes for long."}
    world.settle()
    assert set(world.statuses(made.id).values()) == {"ACTIVE"}
    assert world.is_on(device, made.id)


@pytest.mark.slow
def test_a_slow_change_becomes_a_task_that_is_looked_after(world: F5World, device: Box) -> None:
    made = world.create()
    device.fault("slow", tenant=tenant_name(made.id), seconds=60)  # AS3 answers after 45
    world.tick()
    assert world.unit(made.id).memo is not None
    assert world.faults(made.id) == {}
    world.rename(made.id, "another")  # while it is under way
    world.settle()
    assert world.unit(made.id).memo is None
    assert set(world.statuses(made.id).values()) == {"ACTIVE"}
    assert world.is_on(device, made.id)


@pytest.mark.slow
@pytest.mark.parametrize("deleted", [False, True], ids=["changed", "deleted"])
def test_what_a_task_was_not_about_is_sent_after_it(world: F5World, device: Box, deleted: bool) -> None:
    made = world.create()
    device.fault("slow", tenant=tenant_name(made.id), seconds=60)  # AS3 answers after 45
    world.tick()
    assert world.unit(made.id).memo is not None
    if deleted:
        world.delete(made.id)
    else:
        world.drop(made.id, made.members[0].id)
    world.tick()
    assert world.unit(made.id).memo is not None, "still under way"
    world.settle()
    assert world.is_on(device, *([] if deleted else [made.id]))


def test_lost_configuration_comes_back(world: F5World, device: Box) -> None:
    one, other = world.create(), world.create()
    world.settle()
    assert device.ask("POST", "/emulator/lose-configuration", {"tenants": [tenant_name(one.id)]}).body["objects"] > 5
    world.compare(one.id, other.id)
    world.settle()
    assert world.is_on(device, one.id, other.id)


def test_a_round_of_the_health_manager_is_one_look(
    world: F5World, device: Box, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """However many load balancers there are, and however long it takes to write down what they do."""
    monkeypatch.setattr("bascule.core.health_manager._CHUNK", 2)
    for _ in range(5):
        world.create()
    world.settle()
    asked = Counted(device, "GET", "/mgmt/")
    for rounds in (1, 2):
        world.health.tick()
        assert asked.so_far() == 3 * rounds
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


def orphans(world: F5World, **options: Any) -> Orphans:
    return Orphans(world.database, world.backends, clock=world.clock, monotonic=world.clock, **options)


def unknown(device: Box, number: int) -> str:
    """A tenant with our mark that no database knows. Gives its name."""
    load_balancer_id = f"1b000000-0000-4000-8000-{number:012d}"
    name = tenant_name(load_balancer_id)
    assert device.declare(tenant(name, small(f"10.9.200.{number}"), label=f"bascule {load_balancer_id}")).status == 200
    return name


def partitions(device: Box) -> set[str]:
    return {each["name"] for each in device.get("/mgmt/tm/auth/partition").body["items"]} - {"Common"}


def test_orphans_are_removed_after_a_while_and_what_is_not_ours_stays(world: F5World, device: Box) -> None:
    made, deleted = world.create(), world.create()
    world.settle()
    world.delete(deleted.id)
    world.settle()
    unknown(device, 1)
    again = tenant_name(deleted.id)  # as a worker leaves it behind that comes too late
    device.declare(tenant(again, small("10.9.200.9"), label=f"bascule {deleted.id}"))
    device.declare(tenant("Others", small("10.9.200.8")), tenant("Words", small("10.9.200.7"), label="bascule was tried here"))
    looking = orphans(world)
    for seconds, left in ((0, 5), (3000, 5), (700, 3)):
        world.clock.now += seconds
        looking.tick()
        world.settle()
        assert len(partitions(device)) == left, seconds
    assert partitions(device) == {tenant_name(made.id), "Others", "Words"}
    unknown(device, 1)  # once more
    for _ in range(2):
        world.clock.now += 3700
        looking.tick()
        world.settle()
    assert partitions(device) == {tenant_name(made.id), "Others", "Words"}


def test_the_wrong_database_removes_nothing(world: F5World, device: Box, caplog: pytest.LogCaptureFixture) -> None:
    made = world.create()
    world.settle()
    for number in range(1, 5):
        unknown(device, number)
    looking = orphans(world, grace=0)
    looking.tick()
    world.settle()
    assert len(partitions(device)) == 5
    assert "4 of 5 load balancers there are not in the database" in caplog.text
    orphans(world, grace=0, share=1).tick()
    world.settle()
    assert partitions(device) == {tenant_name(made.id)}


def test_one_poisoned_load_balancer_among_fifty(make: Make, bigip: Box) -> None:
    world, device = make(bigip), bigip
    guilty, *others = [world.create() for _ in range(50)]
    words = "01070333:3: Virtual Server /b/app/x illegally shares destination address with Virtual Server /Secret/other."
    device.fault("refuse", tenant=tenant_name(guilty.id), text=words, times=None)
    world.tick()
    assert {world.status(each.id) for each in others} == {"ACTIVE"}
    assert world.status(guilty.id) == "ERROR"
    assert world.faults(guilty.id) == {guilty.id: "The address and port are in use by something else on the device."}
    assert posts(device) <= 3
    device.ask("DELETE", "/emulator/faults")
    world.settle()
    assert world.status(guilty.id) == "ACTIVE"
    assert world.is_on(device, guilty.id, *(each.id for each in others))


def test_a_refused_object_is_left_as_it_was(world: F5World, device: Box) -> None:
    """The device's words name it by its item."""
    made = world.create()
    world.settle()
    listener, other = made.listeners
    item = f"ls_{listener.id.replace('-', '_')}"
    words = f"01070151:3: something about /{tenant_name(made.id)}/app/{item} is wrong"
    device.fault("refuse", tenant=tenant_name(made.id), text=words)
    world.put(made.id, dataclasses.replace(listener, protocol_port=81), dataclasses.replace(other, protocol_port=82))
    world.tick()
    assert world.status(made.id, listener.id) == "ERROR"
    assert world.status(made.id, other.id) == "ACTIVE"
    ports = {each["destination"].rpartition(":")[2] for each in device.get("/mgmt/tm/ltm/virtual").body["items"]}
    assert ports == {"80", "82"}
    world.settle()
    assert world.status(made.id, listener.id) == "ACTIVE"
    assert world.is_on(device, made.id)


@pytest.mark.slow
def test_a_device_that_goes_away_is_lost_and_comes_back_with_everything(world: F5World, device: Box) -> None:
    made = world.create()
    world.settle()
    world.health.tick()
    assert world.operating(made.id) != "ERROR"
    device.ask("POST", "/emulator/reboot", {"seconds": 60})  # nothing was saved, so it comes back empty
    world.clock.now += 10
    world.health.tick()
    assert world.operating(made.id) == "ERROR"
    assert world.status(made.id) == "ACTIVE", "a matter of health"

    def answers() -> bool:
        world.clock.now += 10
        world.health.tick()
        world.worker.tick()
        return world.operating(made.id) != "ERROR"

    device.until(answers, 30)
    world.settle()
    assert world.is_on(device, made.id)


@pytest.mark.slow
def test_another_device_takes_over_in_the_middle_of_a_change(make: Make) -> None:
    with pair() as (one, two):
        world = make(one, two)
        before = world.create()
        world.settle()
        made = world.create(standard())
        one.fault("slow", tenant=tenant_name(made.id), seconds=5)
        passing = threading.Thread(target=world.tick)
        passing.start()
        time.sleep(0.5)
        one.ask("POST", "/emulator/reboot", {"seconds": 600})
        passing.join(60)
        assert not passing.is_alive()
        two.until(lambda: state(two) == "active", 30)
        world.settle()
        assert set(world.statuses(made.id).values()) == {"ACTIVE"}
        assert world.is_on(two, before.id, made.id)


@pytest.mark.slow
def test_devices_that_are_told_to_synchronize_hold_the_same(make: Make) -> None:
    with pair(automatic=False) as (one, two):
        world = make(one, two, sync_group="/Common/dg")
        made = world.create()
        world.settle()
        two.until(lambda: sync(two) == "In Sync" and partitions(two), 30)
        assert partitions(two) == {tenant_name(made.id)}
