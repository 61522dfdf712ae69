"""What goes wrong, who is blamed for it, and how it heals."""

from __future__ import annotations

import dataclasses

import pytest

from bascule.model.backend import Reads
from bascule.model.objects import Listener, ListenerProtocol, Tree
from tests.certificates import AUTHORITY
from tests.scenarios.conftest import Build
from tests.scenarios.world import World, new_id, standard


def _front(tree: Tree) -> Listener:
    return next(listener for listener in tree.listeners if listener.name == "front")


def test_a_refused_change_blames_its_object_and_keeps_the_last_accepted_form(world: World) -> None:
    tree = world.create()
    world.tick()
    front = _front(tree)
    accepted = world.held(tree.id)[f"listener/{front.id}"]
    world.device.switches.rejected[front.id] = "The port is not allowed here."
    world.put(tree.id, dataclasses.replace(front, connection_limit=5))
    world.tick()
    assert world.status(tree.id, front.id) == "ERROR"
    assert world.status(tree.id) == "ACTIVE"
    assert world.faults(tree.id) == {front.id: "The port is not allowed here."}
    assert world.held(tree.id)[f"listener/{front.id}"] == accepted
    assert "The listener front: The port is not allowed here." in world.events(tree.id)


def test_the_rest_goes_on_changing_while_one_object_is_refused(world: World) -> None:
    tree = world.create()
    world.tick()
    front = _front(tree)
    world.device.switches.rejected[front.id] = "no"
    world.put(tree.id, dataclasses.replace(front, connection_limit=5))
    world.tick()
    member = tree.members_of(front.default_pool_id or "")[0]
    world.put(tree.id, dataclasses.replace(member, weight=42))
    assert world.status(tree.id, member.id) == "PENDING_UPDATE"
    world.tick()
    assert '"weight": 42' in world.held(tree.id)[f"member/{member.id}"]
    assert world.status(tree.id, member.id) == "ACTIVE"
    assert world.status(tree.id, front.id) == "ERROR"
    assert '"connection_limit": -1' in world.held(tree.id)[f"listener/{front.id}"]


def test_a_refused_new_object_is_left_out_with_what_belongs_to_it(world: World) -> None:
    tree = standard()
    policy = tree.policies[0]
    world.device.switches.rejected[policy.id] = "no policies today"
    world.create(tree)
    world.tick()
    statuses = world.statuses(tree.id)
    assert statuses.pop(policy.id) == statuses.pop(tree.rules[0].id) == "ERROR"
    assert set(statuses.values()) == {"ACTIVE"}
    assert world.faults(tree.id)[policy.id] == "no policies today"
    assert "something else is not" in world.faults(tree.id)[tree.rules[0].id]
    assert f"l7policy/{policy.id}" not in world.held(tree.id)
    assert f"l7rule/{tree.rules[0].id}" not in world.held(tree.id)


def test_what_is_refused_even_in_its_last_accepted_form_is_left_out(world: World) -> None:
    """The device lost everything and refuses what it took before: the rest is carried all the same."""
    tree = world.create()
    world.tick()
    front = _front(tree)
    world.device.switches.rejected[front.id] = "The port is taken."
    world.device.documents.clear()
    world.health.tick()
    world.tick()
    assert world.status(tree.id, front.id) == "ERROR"
    assert world.status(tree.id) == "ACTIVE"
    assert f"listener/{front.id}" not in world.held(tree.id)
    assert f"listener/{tree.listeners[1].id}" in world.held(tree.id)
    world.put(tree.id, dataclasses.replace(front, connection_limit=5))
    world.device.switches.rejected.clear()
    world.settle()
    assert '"connection_limit": 5' in world.held(tree.id)[f"listener/{front.id}"]
    assert set(world.statuses(tree.id).values()) == {"ACTIVE"}


def test_a_refusal_is_tried_again_and_heals_by_itself(world: World) -> None:
    tree = world.create()
    world.tick()
    front = _front(tree)
    world.device.switches.rejected[front.id] = "no"
    world.put(tree.id, dataclasses.replace(front, connection_limit=5))
    world.tick()
    world.device.switches.rejected.clear()
    world.tick(60)
    assert world.status(tree.id, front.id) == "ACTIVE"
    assert '"connection_limit": 5' in world.held(tree.id)[f"listener/{front.id}"]
    assert world.events(tree.id)[-1] == "The listener front: the trouble is over."


def test_taking_the_change_back_heals_at_once(world: World) -> None:
    tree = world.create()
    world.tick()
    front = _front(tree)
    world.device.switches.rejected[front.id] = "no"
    world.put(tree.id, dataclasses.replace(front, connection_limit=5))
    world.tick()
    world.put(tree.id, front)
    world.tick()
    assert world.status(tree.id, front.id) == "ACTIVE"
    assert world.faults(tree.id) == {}


def test_a_refused_object_can_be_deleted(world: World) -> None:
    tree = standard()
    front = _front(tree)
    world.device.switches.rejected[front.id] = "no"
    world.create(tree)
    world.tick()
    world.drop(tree.id, front.id)
    world.tick()
    assert front.id not in world.statuses(tree.id)
    assert set(world.statuses(tree.id).values()) == {"ACTIVE"}
    assert world.faults(tree.id) == {}


def test_a_refusal_that_names_nobody_is_the_load_balancers_own(world: World) -> None:
    tree = world.create()
    world.tick()
    before = world.held(tree.id)
    world.device.switches.refused_units[tree.id] = "Something about it is wrong."
    member = tree.members[0]
    world.put(tree.id, dataclasses.replace(member, weight=3))
    world.tick()
    assert world.status(tree.id) == "ERROR"
    assert world.status(tree.id, member.id) == "ERROR"
    assert world.status(tree.id, tree.members[3].id) == "ACTIVE"
    assert world.held(tree.id) == before
    world.device.switches.refused_units.clear()
    world.tick(60)
    assert set(world.statuses(tree.id).values()) == {"ACTIVE"}


def test_a_passing_trouble_is_an_error_only_after_a_while_and_heals(world: World) -> None:
    tree = world.create()
    world.device.switches.failing[tree.id] = "The device is busy."
    seen: dict[float, str] = {}
    start = world.clock.now
    while world.clock.now < start + 700:
        world.tick(5)
        seen[world.clock.now - start] = world.status(tree.id)
    assert {status for age, status in seen.items() if age < 600} == {"PENDING_CREATE"}
    assert {status for age, status in seen.items() if age > 610} == {"ERROR"}
    assert world.faults(tree.id) == {tree.id: "The device is busy."}
    world.device.switches.failing.clear()
    world.tick(80)
    assert set(world.statuses(tree.id).values()) == {"ACTIVE"}
    assert world.faults(tree.id) == {}


def test_the_pauses_grow(world: World) -> None:
    tree = world.create()
    world.device.switches.failing[tree.id] = "busy"
    world.tick()
    pauses = []
    for _ in range(9):
        due = world.next_due()
        assert due is not None
        pauses.append(due - world.clock.now)
        world.tick(pauses[-1])
    assert 0.8 <= pauses[0] <= 1.2
    assert 48 <= pauses[-1] <= 72


def test_a_failing_load_balancer_delays_no_other(world: World) -> None:
    bad = world.create()
    world.device.switches.failing[bad.id] = "busy"
    world.tick()
    world.rename(bad.id, "again")
    good = [world.create() for _ in range(10)]
    world.tick()
    assert {world.status(tree.id) for tree in good} == {"ACTIVE"}
    assert world.status(bad.id) == "PENDING_CREATE"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("reads", list(Reads))
def test_an_unknown_outcome_is_looked_up_or_sent_again(build: Build, when: str, reads: Reads) -> None:
    world = build(reads=reads)
    trees = [world.create() for _ in range(3)]
    world.device.switches.broken = when
    world.tick()
    assert {world.status(tree.id) for tree in trees} == {"PENDING_CREATE"}
    world.settle()
    assert {world.status(tree.id) for tree in trees} == {"ACTIVE"}
    assert all(world.held(tree.id) for tree in trees)


def test_wait_is_no_failure_and_its_memo_survives_a_crash(world: World) -> None:
    tree = world.create()
    world.device.switches.slow[tree.id] = 3
    world.tick()
    assert world.status(tree.id) == "PENDING_CREATE"
    world.restart()
    world.tick(1000)
    assert world.status(tree.id) == "PENDING_CREATE"
    assert world.faults(tree.id) == {}
    world.settle(step=1)
    assert world.status(tree.id) == "ACTIVE"
    assert list(world.device.tasks) == ["task-1"]


def _tls(tree: Tree, ref: str) -> Tree:
    secure = Listener(
        id=new_id(),
        name="secure",
        protocol=ListenerProtocol.TERMINATED_HTTPS,
        protocol_port=443,
        default_tls_container_ref=ref,
        default_pool_id=tree.pools[0].id,
    )
    return tree.put(secure)


def test_an_unreadable_certificate_is_its_listeners_fault_only(world: World) -> None:
    path = world.certificate("shop.pem", AUTHORITY.issue())
    tree = world.create(_tls(standard(), "shop.pem"))
    world.tick()
    secure = next(listener for listener in tree.listeners if listener.name == "secure")
    accepted = world.held(tree.id)[f"listener/{secure.id}"]
    path.unlink()
    world.clock.now += 2
    member = tree.members[0]
    world.put(tree.id, dataclasses.replace(member, weight=5))
    world.tick()
    assert world.status(tree.id, secure.id) == "ERROR"
    assert "shop.pem" in world.faults(tree.id)[secure.id]
    assert (world.status(tree.id), world.status(tree.id, member.id)) == ("ACTIVE", "ACTIVE")
    assert world.held(tree.id)[f"listener/{secure.id}"] == accepted
    world.certificate("shop.pem", AUTHORITY.issue())
    world.tick(700)
    assert world.status(tree.id, secure.id) == "ACTIVE"
    assert world.held(tree.id)[f"listener/{secure.id}"] != accepted


def test_deleting_needs_nothing_that_may_be_gone(world: World) -> None:
    path = world.certificate("shop.pem", AUTHORITY.issue())
    tree = world.create(_tls(standard(), "shop.pem"))
    world.tick()
    path.unlink()
    world.restart()
    world.delete(tree.id)
    world.tick()
    assert world.is_gone(tree.id)
    assert world.device.documents == {}


def test_one_that_cannot_be_deleted_says_so_and_goes_later(world: World) -> None:
    tree = world.create()
    world.tick()
    world.device.switches.refused_units[tree.id] = "It is in use."
    world.delete(tree.id)
    world.tick()
    assert set(world.statuses(tree.id).values()) == {"ERROR"}
    assert world.faults(tree.id) == {tree.id: "It is in use."}
    world.device.switches.refused_units.clear()
    world.settle()
    assert world.is_gone(tree.id)


def test_deleting_again_after_an_error_tries_at_once(world: World) -> None:
    tree = world.create()
    world.tick()
    world.device.switches.refused_units[tree.id] = "It is in use."
    world.delete(tree.id)
    world.tick()
    world.device.switches.refused_units.clear()
    world.delete(tree.id)
    world.tick()
    assert world.is_gone(tree.id)


def test_a_defect_of_ours_harms_one_load_balancer_only(world: World) -> None:
    """A renderer that raises is a bug; it must not stop the batch."""
    good, bad = world.create(), world.create()
    render = world.backend.render

    def broken(definition, carrier):  # type: ignore[no-untyped-def]
        if definition.unit_id == bad.id:
            raise KeyError("a bug")
        return render(definition, carrier)

    world.backend.render = broken  # type: ignore[method-assign]
    world.tick()
    assert world.status(good.id) == "ACTIVE"
    assert world.status(bad.id) == "PENDING_CREATE"
    world.backend.render = render  # type: ignore[method-assign]
    world.settle()
    assert world.status(bad.id) == "ACTIVE"
