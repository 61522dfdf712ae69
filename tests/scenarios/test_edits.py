"""Edits and passes: nothing is lost, nothing is done twice, nothing waits."""

from __future__ import annotations

import dataclasses

import pytest

from bascule.cmd.plan import lines
from bascule.model.errors import Conflict, Immutable, Invalid, NotFound
from bascule.model.objects import HealthMonitor, Listener, ListenerProtocol, Member, MonitorType
from tests.scenarios.world import ORIGIN, World, bare, new_id, standard


def test_a_new_load_balancer_is_pending_and_then_active(world: World) -> None:
    tree = world.create()
    assert set(world.statuses(tree.id).values()) == {"PENDING_CREATE"}
    world.tick()
    assert set(world.statuses(tree.id).values()) == {"ACTIVE"}
    assert len(world.held(tree.id)) == 1 + len(list(tree.objects()))


def test_an_edit_is_seen_on_the_object_and_on_everything_above_it(world: World) -> None:
    tree = world.create()
    world.tick()
    member = tree.members[0]
    world.put(tree.id, dataclasses.replace(member, weight=7))
    pending = {object_id for object_id, status in world.statuses(tree.id).items() if status == "PENDING_UPDATE"}
    front = next(listener for listener in tree.listeners if listener.name == "front")
    assert pending == {tree.id, member.id, member.pool_id, front.id}
    world.tick()
    assert set(world.statuses(tree.id).values()) == {"ACTIVE"}


def test_an_edit_during_an_apply_is_not_lost(world: World) -> None:
    tree = world.create()
    world.tick()
    world.rename(tree.id, "first")

    def edit_once() -> None:
        world.device.before_apply = None
        world.rename(tree.id, "second")
        assert world.status(tree.id) == "PENDING_UPDATE"

    world.device.before_apply = edit_once
    world.tick()
    assert world.status(tree.id) == "ACTIVE"
    names = [step.body for plan in world.device.writes for step in plan.steps if step.name == f"load_balancer/{tree.id}"]
    assert ['"name": "first"' in str(names[1]), '"name": "second"' in str(names[2])] == [True, True]
    assert '"name": "second"' in world.held(tree.id)[f"load_balancer/{tree.id}"]


def test_an_edit_during_an_apply_keeps_its_object_pending(world: World) -> None:
    """What is recorded after the apply is compared with the stamps as they are then."""
    tree = world.create()
    world.tick()
    seen: list[str] = []

    def edit_once() -> None:
        world.device.after_apply = None
        world.rename(tree.id, "second")
        world.worker.stop(0)  # the pass that runs is recorded; no other one begins

    world.rename(tree.id, "first")
    world.device.after_apply = edit_once
    world.tick()
    seen.append(world.status(tree.id))
    world.restart()
    world.tick()
    seen.append(world.status(tree.id))
    assert seen == ["PENDING_UPDATE", "ACTIVE"]


def test_ten_edits_become_one_pass(world: World) -> None:
    tree = world.create()
    world.tick()
    before = len(world.device.writes)
    for number in range(10):
        world.rename(tree.id, f"name {number}")
    world.tick()
    assert len(world.device.writes) == before + 1
    assert '"name": "name 9"' in world.held(tree.id)[f"load_balancer/{tree.id}"]


def test_an_edit_that_changes_nothing_is_no_edit(world: World) -> None:
    tree = world.create()
    world.tick()
    world.put(tree.id, tree.members[0])
    assert world.unit(tree.id).generation == 1
    assert world.next_due() is None
    assert world.status(tree.id) == "ACTIVE"


@pytest.mark.parametrize("what", ["listener", "member", "monitor"])
def test_an_object_can_be_deleted_and_created_again_before_the_pass(world: World, what: str) -> None:
    tree = world.create()
    world.tick()
    old: Listener | Member | HealthMonitor
    if what == "listener":
        old = next(listener for listener in tree.listeners if listener.name == "side")
    elif what == "member":
        old = tree.members[0]
    else:
        old = tree.monitors[0]
    world.drop(tree.id, old.id)
    new = dataclasses.replace(old, id=new_id())
    world.put(tree.id, new)
    statuses = world.statuses(tree.id)
    assert (statuses[old.id], statuses[new.id]) == ("PENDING_DELETE", "PENDING_CREATE")
    world.tick()
    statuses = world.statuses(tree.id)
    assert old.id not in statuses
    assert statuses[new.id] == "ACTIVE"
    assert any(name.endswith(new.id) for name in world.held(tree.id))
    assert not any(name.endswith(old.id) for name in world.held(tree.id))


def test_the_natural_key_is_taken_while_an_object_is_there(world: World) -> None:
    tree = world.create()
    side = next(listener for listener in tree.listeners if listener.name == "side")
    with pytest.raises(Conflict):
        world.put(tree.id, dataclasses.replace(side, id=new_id()))
    assert world.unit(tree.id).generation == 1


def test_deleting_takes_everything_off_the_device(world: World) -> None:
    tree = world.create()
    world.tick()
    world.delete(tree.id)
    assert set(world.statuses(tree.id).values()) == {"PENDING_DELETE"}
    with pytest.raises(Immutable):
        world.rename(tree.id, "late")
    with pytest.raises(Immutable):
        world.delete(tree.id)
    world.tick()
    assert world.is_gone(tree.id)
    assert world.device.documents == {}
    with pytest.raises(NotFound):
        world.rename(tree.id, "late")


def test_one_with_children_is_deleted_only_when_asked_to(world: World) -> None:
    tree = world.create()
    with pytest.raises(Invalid, match="has children"):
        world.writer.delete(tree.id, cascade=False, origin=ORIGIN)
    assert world.status(tree.id) == "PENDING_CREATE"


def test_only_its_own_door_writes_a_load_balancer(world: World) -> None:
    tree = world.create()
    with pytest.raises(Invalid, match="belongs to test"):
        world.writer.edit(tree.id, lambda same: same, origin="another")


def test_addresses_are_given_once_and_given_back(world: World) -> None:
    wanted = bare()
    vip = dataclasses.replace(wanted.load_balancer.vip, address="10.9.0.77")
    first = world.create(wanted.put(dataclasses.replace(wanted.load_balancer, vip=vip)))
    assert first.load_balancer.vip.address == "10.9.0.77"
    assert first.load_balancer.vip.port_id
    other = bare()
    taken = other.put(dataclasses.replace(other.load_balancer, vip=vip))
    with pytest.raises(Conflict, match=r"10\.9\.0\.77 is already in use"):
        world.create(taken)
    world.delete(first.id)
    world.tick()
    assert world.create(taken).load_balancer.vip.address == "10.9.0.77"


def test_failover_is_a_stamp(world: World) -> None:
    tree = world.create()
    world.tick()
    before = world.held(tree.id)
    world.writer.failover(tree.id, origin=ORIGIN)
    assert world.status(tree.id) == "PENDING_UPDATE"
    world.tick()
    assert world.status(tree.id) == "ACTIVE"
    changed = {name for name, body in world.held(tree.id).items() if before.get(name) != body}
    assert changed == {f"instance/{tree.id}"}


def test_what_the_next_pass_would_change_can_be_seen_before(world: World) -> None:
    tree = world.create()
    world.tick()
    world.put(tree.id, dataclasses.replace(tree.members[0], weight=9))
    preview = world.preview(tree.id)
    assert [(step.verb, step.name) for plan in preview.plans for step in plan.steps] == [
        ("replace", f"member/{tree.members[0].id}")
    ]
    assert world.status(tree.id) == "PENDING_UPDATE"
    world.device.switches.broken = "before"
    world.tick()
    assert list(lines(world.preview(tree.id)))[1:4] == [
        f"Wrong with the load balancer {tree.id}: The data plane cannot be reached.",
        "  Broken: connection reset",
        "On memory:",
    ]
    world.clock.now += 60
    world.tick()
    assert (world.preview(tree.id).plans, world.preview(tree.id).faults) == ([], [])


def test_a_thousand_events_stay_bounded(world: World) -> None:
    tree = world.create(bare())
    for number in range(300):
        world.rename(tree.id, f"name {number}")
        assert len(world.events(tree.id)) <= 125 + 16
    world.tick()
    assert 100 <= len(world.events(tree.id)) <= 126
    assert "The load balancer name 299 was changed." in world.events(tree.id)[-3:]


def test_many_load_balancers_become_active_in_one_go(world: World) -> None:
    trees = [world.create(standard()) for _ in range(120)]
    world.tick()
    assert {world.status(tree.id) for tree in trees} == {"ACTIVE"}


def test_a_listener_keeps_its_port_for_another_transport(world: World) -> None:
    tree = world.create()
    port = 8080
    extra = Listener(id=new_id(), name="udp", protocol=ListenerProtocol.UDP, protocol_port=port)
    world.put(tree.id, extra)
    world.tick()
    assert world.status(tree.id, extra.id) == "ACTIVE"


def test_a_monitor_added_to_a_pool_is_carried(world: World) -> None:
    tree = world.create()
    world.tick()
    pool = next(pool for pool in tree.pools if pool.name == "api")
    monitor = HealthMonitor(id=new_id(), pool_id=pool.id, type=MonitorType.TCP, delay=5, timeout=3, max_retries=3)
    world.put(tree.id, monitor)
    world.tick()
    assert f"health_monitor/{monitor.id}" in world.held(tree.id)
