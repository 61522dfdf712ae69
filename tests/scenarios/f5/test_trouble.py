"""A BIG-IP in trouble: whatever goes wrong, in the end it holds what is wanted, nothing is PENDING, and the reason was shown."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from bascule.model.objects import CompareType, L7Policy, L7Rule, PolicyAction, RuleType
from bascule.south.as3.names import tenant_name
from tests.emulator.site import Box
from tests.scenarios.f5.conftest import Make
from tests.scenarios.f5.site import F5World, partitions, posts
from tests.scenarios.world import new_id, standard

pytestmark = pytest.mark.slow

SOON = 100
"""How fast the time of a device runs on which AS3 makes tasks of what takes long."""

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
    changed = world.create()
    world.settle()
    device.fault(**fault)
    world.drop(changed.id, changed.members[0].id)
    new = world.create()
    world.tick()
    assert device.get("/emulator/faults").body == {"faults": []}, "it was met"
    for made in (changed, new):
        assert world.faults(made.id) == {}
    world.settle()
    for made in (changed, new):
        assert set(world.statuses(made.id).values()) == {"ACTIVE"}
    assert world.is_on(device, changed.id, new.id)


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        *({"kind": kind, "method": "POST", "path": "declare"} for kind in ("reset-before", "reset-after", "bad-gateway")),
        {"kind": "device-read-failure"},
        {"kind": "store-failure"},
    ],
    ids=lambda fault: str(fault["kind"]),
)
def test_what_goes_on_going_wrong_is_told_and_done_when_it_ends(world: F5World, device: Box, fault: dict[str, Any]) -> None:
    changed = world.create()
    world.settle()
    world.drop(changed.id, changed.members[0].id)
    new = world.create()
    both = {changed.id: "PENDING_UPDATE", new.id: "PENDING_CREATE"}
    device.fault(**fault, times=None)
    reason = "Whether the change was carried out is not known. It is sent again."
    for seconds in (0, 5, 5):
        world.tick(seconds)
        assert {each: world.faults(each) for each in both} == {each: {each: reason} for each in both}
        assert {each: world.status(each) for each in both} == both
    world.tick(700)
    assert {(world.status(each), *world.faults(each).values()) for each in both} == {("ERROR", reason)}
    device.ask("DELETE", "/emulator/faults")
    world.settle()
    for each in both:
        assert (set(world.statuses(each).values()), world.faults(each)) == ({"ACTIVE"}, {})
    assert world.is_on(device, *both)


@pytest.mark.parametrize("kind", [pytest.param("late-script", marks=pytest.mark.slow), "failed-script", "read-failure"])
def test_a_tenant_in_trouble_is_sent_again(world: F5World, device: Box, kind: str) -> None:
    guilty, other = world.create(), world.create()
    device.fault(kind, tenant=tenant_name(guilty.id), seconds=20)
    world.tick()
    assert world.status(other.id) == "ACTIVE"
    assert world.faults(guilty.id) == {guilty.id: "The device could not carry out the change now. It is sent again."}
    assert world.status(guilty.id) == "PENDING_CREATE"
    if kind == "late-script":
        device.until(lambda: tenant_name(guilty.id) in partitions(device))
    world.settle()
    assert set(world.statuses(guilty.id).values()) == {"ACTIVE"}
    assert world.faults(guilty.id) == {}
    assert world.is_on(device, guilty.id, other.id)


def test_tokens_may_be_lost(world: F5World, device: Box) -> None:
    before = world.create()
    world.settle()
    device.ask("POST", "/emulator/expire-tokens")
    made = world.create()
    world.tick()
    assert (world.status(made.id), world.faults(made.id)) == ("ACTIVE", {})
    assert world.is_on(device, before.id, made.id)


@pytest.mark.slow
def test_a_device_may_be_busy_for_minutes(world: F5World, device: Box) -> None:
    assert device.ask("POST", "/emulator/busy", {"seconds": 72_000}).status == 204
    made = world.create()
    world.tick()
    assert (world.status(made.id), world.faults(made.id)) == ("PENDING_CREATE", {})
    world.tick(310)
    assert world.faults(made.id) == {made.id: "The device has been busy with other changes for long."}
    device.ask("POST", "/emulator/busy", {"seconds": 0})
    world.settle()
    assert set(world.statuses(made.id).values()) == {"ACTIVE"}
    assert world.is_on(device, made.id)


def test_a_program_that_is_refused_is_the_fault_of_its_policy(world: F5World, device: Box) -> None:
    """The others go on as they are. Where the device does not tell the line, all of them may be meant."""
    tree = standard()
    front = tree.listeners[0]
    first, second = (
        L7Policy(id=new_id(), listener_id=front.id, action=PolicyAction.REJECT, position=2 + number) for number in (0, 1)
    )
    rules = [
        L7Rule(id=new_id(), l7policy_id=each.id, type=RuleType.PATH, compare_type=CompareType.EQUAL_TO, value=f"/{number}")
        for number, each in enumerate((first, second))
    ]
    made = world.create(tree.put(first, second, *rules))
    world.settle()
    (rule,) = (each for each in device.get("/mgmt/tm/ltm/rule").body["items"] if each["name"].endswith("_l7"))
    line = next(n for n, text in enumerate(rule["apiAnonymous"].splitlines(), 1) if second.id.replace("-", "_") in text) + 2
    words = f"01070151:3: Rule [{rule['fullPath']}] error: {rule['fullPath']}:{line}: error: [undefined procedure: x][x]"
    for told, guilty in (
        (words, {second.id}),
        (words.replace(f":{line}:", ":"), {each.id for each in tree.put(first, second).policies}),
    ):
        device.fault("refuse", tenant=tenant_name(made.id), text=told)
        world.put(
            made.id, dataclasses.replace(rules[1], value=f"/other-{len(guilty)}"), dataclasses.replace(front, connection_limit=9)
        )
        world.tick()
        assert {each for each in world.faults(made.id) if world.status(made.id, each) == "ERROR"} >= guilty
        assert world.status(made.id, front.id) == "ACTIVE"
        assert world.status(made.id, first.id) == ("ERROR" if first.id in guilty else "ACTIVE")
        world.settle()
        assert set(world.statuses(made.id).values()) == {"ACTIVE"}
        assert world.is_on(device, made.id)


@pytest.mark.parametrize("device", [SOON], indirect=True)
def test_a_slow_change_becomes_a_task_that_is_looked_after(world: F5World, device: Box) -> None:
    made = world.create()
    device.fault("slow", tenant=tenant_name(made.id), seconds=72_000)  # AS3 answers after 45
    world.tick()
    assert world.unit(made.id).memo is not None
    assert world.faults(made.id) == {}
    world.rename(made.id, "another")  # while it is under way
    device.release()
    world.settle()
    assert world.unit(made.id).memo is None
    assert set(world.statuses(made.id).values()) == {"ACTIVE"}
    assert world.is_on(device, made.id)


@pytest.mark.parametrize("device", [SOON], indirect=True)
def test_a_task_that_never_ends_is_told_and_does_not_hold_up_the_device_for_ever(world: F5World, device: Box) -> None:
    made = world.create()
    device.fault("slow", tenant=tenant_name(made.id), seconds=72_000)  # an hour of ours
    world.tick()
    other = world.create()
    world.tick(2)
    assert (world.faults(made.id), world.faults(other.id)) == ({}, {})
    world.tick(310)
    reason = "The device has been working on changes for long."
    assert (world.faults(made.id), world.faults(other.id)) == ({made.id: reason}, {other.id: reason})
    world.tick(60)  # it is sent again, and AS3 is still at it
    assert world.faults(made.id) == {made.id: "The device has been busy with other changes for long."}
    device.ask("POST", "/emulator/reboot", {"seconds": 0})
    world.settle()
    for each in (made, other):
        assert (set(world.statuses(each.id).values()), world.faults(each.id)) == ({"ACTIVE"}, {})
    assert world.is_on(device, made.id, other.id)


@pytest.mark.parametrize("device", [SOON], indirect=True)
def test_what_others_changed_is_told_even_if_it_takes_the_device_long(world: F5World, device: Box) -> None:
    made = world.create()
    world.settle()
    virtual = device.get("/mgmt/tm/ltm/virtual").body["items"][0]["fullPath"].replace("/", "~")
    for changed in (True, False):
        if changed:
            assert device.ask("PATCH", f"/mgmt/tm/ltm/virtual/{virtual}", {"connectionLimit": 7}).status == 200
        device.fault("slow", tenant=tenant_name(made.id), seconds=72_000)  # AS3 answers after 45
        world.compare(made.id)
        world.tick()
        assert world.unit(made.id).memo is not None
        device.release()
        world.settle()
        assert sum("was found changed" in text for text in world.events(made.id)) == 1
    assert world.is_on(device, made.id)


@pytest.mark.parametrize("device", [SOON], indirect=True)
@pytest.mark.parametrize("deleted", [False, True], ids=["changed", "deleted"])
def test_what_a_task_was_not_about_is_sent_after_it(world: F5World, device: Box, deleted: bool) -> None:
    made = world.create()
    device.fault("slow", tenant=tenant_name(made.id), seconds=72_000)  # AS3 answers after 45
    world.tick()
    assert world.unit(made.id).memo is not None
    if deleted:
        world.delete(made.id)
    else:
        world.drop(made.id, made.members[0].id)
    world.tick()
    assert world.unit(made.id).memo is not None, "still under way"
    device.release()
    world.settle()
    assert world.is_on(device, *([] if deleted else [made.id]))


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
