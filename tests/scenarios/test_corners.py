"""Rare sequences that once went wrong."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping

import pytest
import sqlalchemy as sa

from bascule.core.reader import Reader
from bascule.core.subnets import Subnets
from bascule.model.backend import Done, Fence, Outcome, Plan, Reads, Rejected, Retry, Target, Wait
from bascule.model.definition import ServiceDefinition, Subnet, with_last_accepted
from bascule.model.errors import Away, Conflict, Invalid
from bascule.model.objects import (
    Algorithm,
    CompareType,
    L7Rule,
    Listener,
    ListenerProtocol,
    Pool,
    PoolProtocol,
    RuleType,
    Tree,
)
from bascule.model.secrets import SecretRef
from bascule.model.status import Report, Statistics
from bascule.store import meta, units
from bascule.store.engine import Database
from tests.scenarios.conftest import Build
from tests.scenarios.test_crashes import Crash
from tests.scenarios.world import World, bare, new_id, standard

pytestmark = pytest.mark.slow


def _front(tree: Tree) -> Listener:
    return next(listener for listener in tree.listeners if listener.name == "front")


def _ports(count: int) -> list[Listener]:
    return [
        Listener(id=new_id(), name=f"l{number}", protocol=ListenerProtocol.TCP, protocol_port=100 + number)
        for number in range(count)
    ]


def _new_pool() -> Pool:
    return Pool(id=new_id(), name="new", protocol=PoolProtocol.HTTP, lb_algorithm=Algorithm.ROUND_ROBIN)


# Carriers


def test_what_dies_twice_between_two_looks_is_brought_back_twice(world: World) -> None:
    tree = world.create()
    world.tick()
    world.health.tick()
    for _ in range(3):
        world.device.documents.clear()
        world.health.tick()
        world.tick()
        assert world.held(tree.id)


def test_deleting_while_a_carrier_is_lost_is_not_forgotten(build: Build) -> None:
    world = build(carriers=("a", "b"), networks=True)
    tree = world.create()
    world.settle()
    world.device.switches.lost.add("b")
    world.delete(tree.id)
    for _ in range(20):
        world.tick(60)
    assert world.status(tree.id) == "ERROR"
    assert "does not answer" in world.faults(tree.id)[tree.id]
    assert ("memory:0/network/network-1", "b") in world.device.documents  # not before its user
    world.device.switches.lost.clear()
    world.settle()
    assert world.is_gone(tree.id)
    assert world.device.documents == {}


def test_a_carrier_that_answers_again_serves_even_while_an_edit_is_refused(world: World) -> None:
    tree = world.create()
    world.tick()
    world.health.tick()
    world.device.switches.refused_units[tree.id] = "Refused."
    world.rename(tree.id, "x")
    world.tick()
    world.device.switches.lost.add("memory")
    world.health.tick()
    world.device.switches.lost.clear()
    world.health.tick()
    assert world.operating(tree.id) == "ONLINE"


def test_what_two_carriers_refuse_stays_in_its_last_accepted_form(build: Build) -> None:
    world = build(carriers=("a", "b"))
    tree = world.create()
    world.tick()
    front = _front(tree)
    world.device.switches.rejected[front.id] = "no"
    world.put(tree.id, dataclasses.replace(front, connection_limit=5))
    world.tick()
    assert f"listener/{front.id}" in world.held(tree.id, "a")
    assert f"listener/{front.id}" in world.held(tree.id, "b")


def test_a_refusal_says_more_than_a_passing_trouble(build: Build) -> None:
    world = build(carriers=("a", "b"))
    tree = world.create()

    def one(plan: Plan) -> Outcome:
        return Rejected("refused") if plan.carrier == "a" else Retry("busy")

    world.device._one = one  # type: ignore[method-assign]
    world.tick()
    assert world.status(tree.id) == "ERROR"
    assert world.faults(tree.id) == {tree.id: "refused"}


# Blame


def test_many_refused_objects_named_one_at_a_time_do_not_stop_the_rest(world: World) -> None:
    one = world.device._one

    def first_only(plan: Plan) -> Outcome:
        outcome = one(plan)
        return dataclasses.replace(outcome, objects=outcome.objects[:1]) if isinstance(outcome, Rejected) else outcome

    world.device._one = first_only  # type: ignore[method-assign]
    listeners = _ports(14)
    for listener in listeners[:11]:
        world.device.switches.rejected[listener.id] = "port taken"
    tree = world.create(bare().put(*listeners))
    world.tick()
    assert {name for name in world.held(tree.id) if name.startswith("listener/")} == {
        f"listener/{listener.id}" for listener in listeners[11:]
    }
    assert world.status(tree.id) == "ACTIVE"


def test_a_policy_is_not_widened_by_a_rule_that_is_refused(world: World) -> None:
    tree = standard()
    policy = tree.policies[0]
    rule = L7Rule(id=new_id(), l7policy_id=policy.id, type=RuleType.HOST_NAME, compare_type=CompareType.EQUAL_TO, value="only.this")
    world.device.switches.rejected[rule.id] = "no"
    world.create(tree.put(rule))
    world.tick()
    assert f"l7policy/{policy.id}" not in world.held(tree.id)
    assert world.status(tree.id, policy.id) == "ERROR"
    assert "something else is not: L7 rule" in world.faults(tree.id)[policy.id]


@pytest.mark.parametrize("what", ["listener", "policy"])
def test_what_is_moved_to_a_new_pool_that_is_refused_stays_where_it_was(world: World, what: str) -> None:
    tree = world.create()
    world.tick()
    before = world.held(tree.id)
    pool = _new_pool()
    world.device.switches.rejected[pool.id] = "no such pool"
    front, policy = _front(tree), tree.policies[0]
    moved = {
        "listener": dataclasses.replace(front, default_pool_id=pool.id),
        "policy": dataclasses.replace(policy, redirect_pool_id=pool.id),
    }[what]
    world.put(tree.id, pool, moved)
    world.tick()
    assert world.held(tree.id) == before
    assert world.status(tree.id, pool.id) == world.status(tree.id, moved.id) == "ERROR"
    assert world.status(tree.id) == "ACTIVE"


def test_nothing_is_active_that_is_not_carried(world: World) -> None:
    tree = standard()
    world.device.switches.rejected[_front(tree).id] = "no"
    world.create(tree)
    world.tick()
    carried = {name.partition("/")[2] for name in world.held(tree.id)}
    active = {object_id for object_id, status in world.statuses(tree.id).items() if status == "ACTIVE"}
    assert active <= carried


def test_an_object_kept_in_an_earlier_form_does_not_change_what_others_mean() -> None:
    tree = standard()
    first, second = (
        Listener(id=new_id(), protocol=ListenerProtocol.TERMINATED_HTTPS, protocol_port=port, default_tls_container_ref="x.pem")
        for port in (443, 444)
    )

    def definition(tree: Tree, content: str) -> ServiceDefinition:
        secrets = {"x.pem": SecretRef("p", "x.pem", content)}
        return ServiceDefinition(unit_id=tree.id, generation=1, replace=0, tree=tree, secrets=secrets)

    result = with_last_accepted(definition(tree.put(first, second), "new"), definition(tree.put(first), "old"), [first.id])
    assert result.secret(first.id, "x.pem").sha256 == "old"
    assert result.secret(second.id, "x.pem").sha256 == "new"


# Faults and memos


def test_a_task_that_fails_again_and_again_is_an_error_in_the_end(world: World) -> None:
    tree = world.create()
    looks = 0

    def one(plan: Plan) -> Outcome:
        nonlocal looks
        looks += 1
        return Wait(5, "working", "t") if looks % 2 else Retry("The task failed.")

    world.device._one = one  # type: ignore[method-assign]
    for _ in range(60):
        world.tick(30)
    assert world.status(tree.id) == "ERROR"


def test_a_broken_connection_does_not_hide_a_refusal(world: World) -> None:
    tree = world.create()
    world.tick()
    world.device.switches.refused_units[tree.id] = "Refused."
    world.rename(tree.id, "x")
    world.tick()
    world.device.switches.broken = "before"
    world.tick(60)
    assert world.status(tree.id) == "ERROR"
    assert world.faults(tree.id) == {tree.id: "Refused."}


def test_an_older_worker_does_not_lose_the_memo_of_a_newer_one(world: World) -> None:
    tree = world.create()
    world.backend.version = 2
    world.device.switches.slow[tree.id] = 3
    world.tick()
    memo = world.unit(tree.id).memo
    world.backend.version = 1
    world.tick(2)
    assert world.unit(tree.id).memo == memo is not None


def test_a_memo_is_known_in_the_next_round_of_the_same_pass(build: Build) -> None:
    world = build(carriers=("a", "b"))
    tree = standard()
    front = _front(tree)
    memos: list[tuple[str, str | None]] = []

    def one(plan: Plan) -> Outcome:
        memos.append((plan.carrier, plan.memo))
        if plan.carrier == "a":
            return Wait(1, "working", "task-of-a")
        return Rejected("no", (front.id,)) if any(step.name.endswith(front.id) for step in plan.steps) else Done()

    world.device._one = one  # type: ignore[method-assign]
    world.create(tree)
    world.tick()
    assert [memo for carrier, memo in memos if carrier == "a"] == [None, "task-of-a"]


# One bad row harms no other


def test_a_definition_that_cannot_be_read_harms_one_load_balancer_only(world: World) -> None:
    bad, good = world.create(), world.create()
    world.tick()
    garbage = units.unit.update().where(units.unit.c.id == bad.id).values(accepted='{"old": "format"}')
    world.database.write(lambda conn: conn.execute(garbage))
    world.device.switches.rejected[bad.listeners[0].id] = "no"
    world.put(bad.id, dataclasses.replace(bad.listeners[0], connection_limit=7))
    world.rename(good.id, "innocent")
    world.tick()
    assert world.status(good.id) == "ACTIVE"
    assert world.status(bad.id, bad.listeners[0].id) == "ERROR"


def test_a_row_that_cannot_be_read_is_put_off_and_harms_no_other(world: World) -> None:
    bad, good = world.create(), world.create()
    spoil = sa.text("UPDATE pool SET lb_algorithm = 'NEWER' WHERE load_balancer_id = :id")
    world.database.write(lambda conn: conn.execute(spoil, {"id": bad.id}))
    world.tick()
    assert world.status(good.id) == "ACTIVE"
    mend = sa.text("UPDATE pool SET lb_algorithm = 'ROUND_ROBIN' WHERE load_balancer_id = :id")
    world.database.write(lambda conn: conn.execute(mend, {"id": bad.id}))
    world.settle()
    assert world.status(bad.id) == "ACTIVE"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_edit_that_comes_while_something_is_put_off_goes_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = world.create()
    record = world.recorder.record

    def fail(*_: object) -> None:
        monkeypatch.setattr(world.recorder, "record", record)
        world.rename(tree.id, "newer")
        raise ValueError("a defect of ours")

    monkeypatch.setattr(world.recorder, "record", fail)
    world.tick()
    assert world.status(tree.id) == "ACTIVE"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("what", ["record", "intend"])
def test_a_database_that_goes_away_in_a_pass_puts_nothing_off(build: Build, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    world = build(reads=Reads.RECORD)
    tree = world.create()
    real = getattr(world.recorder, what)

    def away(*_: object) -> None:
        monkeypatch.setattr(world.recorder, what, real)
        raise Away("the database cannot be reached")

    monkeypatch.setattr(world.recorder, what, away)
    world.tick()
    world.tick()
    assert world.status(tree.id) == "ACTIVE"


@pytest.mark.parametrize("text", ["a\0b", "half \ud800", "x" * 100_000])
def test_odd_words_of_a_device_are_written_down_all_the_same(world: World, text: str) -> None:
    tree = world.create()
    world.device.switches.refused_units[tree.id] = text
    world.tick()
    assert world.status(tree.id) == "ERROR"
    assert len(world.faults(tree.id)[tree.id]) <= 2000


# Carriers of which only our record tells what they hold


def test_nothing_stays_behind_after_an_unknown_outcome(build: Build) -> None:
    world = build(reads=Reads.RECORD)
    tree = world.create()
    world.device.switches.broken = "after"
    world.tick()
    world.delete(tree.id)
    world.settle()
    assert world.device.documents == {}


def test_nothing_stays_behind_after_a_crash(build: Build) -> None:
    world = build(reads=Reads.RECORD)
    tree = world.create()

    def die() -> None:
        world.device.after_apply = None
        raise Crash

    world.device.after_apply = die
    with pytest.raises(Crash):
        world.tick()
    world.restart()
    world.tick()
    world.delete(tree.id)
    world.tick(16)
    world.settle()
    assert world.device.documents == {}


def test_taking_a_change_back_after_an_unknown_outcome_is_carried_out(build: Build) -> None:
    world = build(reads=Reads.RECORD)
    tree = world.create()
    world.tick()
    member = tree.members[0]
    world.device.switches.broken = "after"
    world.put(tree.id, dataclasses.replace(member, weight=99))
    world.tick()
    world.put(tree.id, member)
    world.settle()
    assert json.loads(world.held(tree.id)[f"member/{member.id}"])["weight"] == 1


def test_a_search_for_drift_that_failed_is_repeated(build: Build) -> None:
    world = build(reads=Reads.RECORD)
    tree = world.create()
    world.tick()
    before = world.held(tree.id)
    world.device.documents[(tree.id, "memory")][f"load_balancer/{tree.id}"] = "somebody was here"
    world.clock.now += 3601
    world.housekeeping.tick()
    world.device.switches.broken = "before"
    world.tick()
    world.settle()
    assert world.held(tree.id) == before


def test_what_one_of_two_carriers_took_before_the_other_refused_it_is_removed(build: Build) -> None:
    world = build(reads=Reads.RECORD, carriers=("a", "b"))
    tree = world.create()
    world.tick()
    (new,) = _ports(1)
    one = world.device._one

    def b_refuses(plan: Plan) -> Outcome:
        if plan.carrier == "b" and any(step.name.endswith(new.id) and step.body for step in plan.steps):
            return Rejected("no", (new.id,))
        return one(plan)

    world.device._one = b_refuses  # type: ignore[method-assign]
    world.put(tree.id, new)
    world.tick()
    assert f"listener/{new.id}" not in world.held(tree.id, "a")
    assert world.status(tree.id, new.id) == "ERROR"


# Lanes


def test_a_slow_lane_holds_up_no_other(build: Build) -> None:
    world = build(lanes=("memory:0", "memory:1"))
    worker = world.new_worker(lanes_at_once=2)
    trees = {world.unit(tree.id).lane_id: tree for tree in (world.create() for _ in range(20))}
    slow, quick = trees["memory:0"], trees["memory:1"]
    worker.tick()
    apply = world.device.apply
    seen: list[str] = []

    def slow_lane(lane: str, fence: Fence, plans: tuple[Plan, ...]) -> Mapping[Target, Outcome]:
        if lane == "memory:0":
            world.rename(quick.id, "while the other lane is busy")
            worker.begin()
            deadline = time.monotonic() + 10
            while world.status(quick.id) != "ACTIVE" and time.monotonic() < deadline:
                time.sleep(0.01)
            seen.append(world.status(quick.id))
        return apply(lane, fence, plans)

    world.device.apply = slow_lane  # type: ignore[method-assign]
    world.rename(slow.id, "slow")
    worker.tick()
    worker.stop()
    assert seen == ["ACTIVE"]
    assert world.status(slow.id) == "ACTIVE"


# Addresses


def test_a_range_of_ipv6_is_not_too_large(sqlite_database: Database) -> None:
    subnet = Subnet("s6", "v6", "n", "fd00::/64", "fd00::1", "fd00::ffff:ffff:ffff:ffff")
    address, _ = sqlite_database.write(lambda conn: Subnets([subnet]).allocate(conn, "unit", subnet, ""))
    assert address.startswith("fd00::")


def test_a_gateway_is_given_to_nobody(sqlite_database: Database) -> None:
    subnet = Subnet("s", "n", "n", "10.0.0.0/24", "10.0.0.1", "10.0.0.2", gateway="10.0.0.1")

    def two(conn: sa.Connection) -> list[str]:
        return [Subnets([subnet]).allocate(conn, unit, subnet, "")[0] for unit in ("first", "second")]

    with pytest.raises(Conflict, match="no free address"):
        sqlite_database.write(two)


@pytest.mark.parametrize("address", ["10.0.0.1", "10.0.0.0", "10.0.0.255", "10.0.1.1"])
def test_gateways_and_ends_of_a_subnet_are_no_vips(sqlite_database: Database, address: str) -> None:
    subnet = Subnet("s", "n", "n", "10.0.0.0/24", "10.0.0.10", "10.0.0.20", gateway="10.0.0.1")
    with pytest.raises(Invalid, match="vip_address"):
        sqlite_database.write(lambda conn: Subnets([subnet]).allocate(conn, "unit", subnet, address))


# Fences and counters


def test_a_restored_database_writes_nothing_until_a_new_epoch_begins(world: World, caplog: pytest.LogCaptureFixture) -> None:
    tree = world.create()
    world.device.fences["memory:0"] = Fence(1, 3)  # the backup was made when the lane had had fewer owners
    for _ in range(10):
        world.tick(2)
    assert world.device.documents == {}
    assert "new-epoch" in caplog.text
    world.database.write(meta.new_epoch)
    world.tick()
    assert world.status(tree.id) == "ACTIVE"


def test_counters_of_a_listener_go_with_it_and_connections_do_not_freeze(world: World) -> None:
    tree = world.create()
    world.tick()
    front, side = tree.listeners
    traffic = dict.fromkeys((front.id, side.id), Statistics(10, 20, 7, 3, 0))
    watch = world.watch()
    world.recorder.count([Report(tree.id, "memory", alive=True, statistics=traffic)], watch)
    world.recorder.count([Report(tree.id, "memory", alive=True, statistics={side.id: Statistics(11, 20, 5, 3, 0)})], watch)
    reader = Reader(world.database)
    assert {each: found.active_connections for each, found in reader.statistics(tree.id).items()} == {front.id: 0, side.id: 5}
    world.drop(tree.id, front.id)
    world.tick()
    assert set(reader.statistics(tree.id)) == {side.id}
