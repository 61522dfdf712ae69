"""Several carriers, lost carriers, shared units, drift, and what data planes report."""

from __future__ import annotations

import pytest

from bascule.model.backend import Reads
from bascule.model.status import MemberSeen, Report, Statistics
from bascule.store.observed import save_statistics
from tests.scenarios.conftest import Build
from tests.scenarios.world import ORIGIN, World, bare

pytestmark = pytest.mark.slow


def test_a_lost_carrier_is_a_matter_of_health_never_of_pending(build: Build) -> None:
    world = build(carriers=("a", "b"))
    tree = world.create()
    world.tick()
    assert world.held(tree.id, "a") == world.held(tree.id, "b") != {}
    world.device.switches.lost.add("b")
    world.health.tick()
    assert world.operating(tree.id) == "DEGRADED"
    assert world.status(tree.id) == "ACTIVE"
    world.rename(tree.id, "while b is lost")
    world.tick()
    assert world.status(tree.id) == "ACTIVE"
    assert "while b is lost" in world.held(tree.id, "a")[f"load_balancer/{tree.id}"]
    assert "The carrier b does not answer." in world.events(tree.id)
    world.device.switches.lost.clear()
    world.settle()
    assert world.held(tree.id, "a") == world.held(tree.id, "b")
    assert "The carrier b serves again." in world.events(tree.id)
    world.health.tick()
    assert world.operating(tree.id) == "ONLINE"


def test_when_nothing_answers_the_edit_waits_and_the_reason_shows(build: Build) -> None:
    world = build(carriers=("a", "b"))
    tree = world.create()
    world.tick()
    world.device.switches.lost |= {"a", "b"}
    world.health.tick()
    world.rename(tree.id, "later")
    world.tick()
    assert world.status(tree.id) == "PENDING_UPDATE"
    assert world.operating(tree.id) == "ERROR"
    for _ in range(20):
        world.tick(60)
    assert world.status(tree.id) == "ERROR"
    assert world.faults(tree.id) == {tree.id: "Nothing that carries the load balancer answers."}
    world.device.switches.lost.clear()
    world.settle()
    assert world.status(tree.id) == "ACTIVE"
    assert "later" in world.held(tree.id, "a")[f"load_balancer/{tree.id}"]


def test_a_carrier_that_forgot_everything_is_filled_again(world: World) -> None:
    tree = world.create()
    world.tick()
    before = world.held(tree.id)
    world.device.documents.clear()
    world.health.tick()
    assert world.operating(tree.id) == "ERROR"
    world.tick()
    assert world.held(tree.id) == before
    assert world.status(tree.id) == "ACTIVE"


@pytest.mark.parametrize("edited", [False, True], ids=["as it was", "edited"])
def test_a_carrier_that_comes_back_before_anybody_wrote_to_it_is_filled_again(build: Build, edited: bool) -> None:
    world = build(reads=Reads.RECORD)
    tree = world.create()
    world.tick()
    before = world.held(tree.id)
    world.device.switches.lost.add("memory")
    world.health.tick()
    del world.device.documents[tree.id, "memory"][f"listener/{tree.listeners[0].id}"]
    world.device.switches.lost.clear()
    world.health.tick()
    if edited:  # which touches one document alone
        world.drop(tree.id, tree.members[0].id)
    world.tick()
    assert world.held(tree.id).keys() == before.keys() - ({f"member/{tree.members[0].id}"} if edited else set())
    assert not world.unit(tree.id).resync


@pytest.mark.parametrize("reads", list(Reads))
def test_drift_is_found_slowly_and_repaired(build: Build, reads: Reads) -> None:
    world = build(reads=reads)
    tree = world.create()
    world.tick()
    before = world.held(tree.id)
    world.device.documents[(tree.id, "memory")][f"load_balancer/{tree.id}"] = "somebody was here"
    world.housekeeping.tick()
    world.tick()
    assert world.held(tree.id) != before
    world.clock.now += 3601
    world.housekeeping.tick()
    world.tick()
    assert world.held(tree.id) == before


def test_what_others_need_is_made_before_them_and_removed_after_them(build: Build) -> None:
    world = build(networks=True)
    first, second = world.create(), world.create()
    shared = "memory:0/network/network-1"
    world.settle()
    order = [plan.unit_id for plan in world.device.writes]
    assert order[0] == shared
    assert sorted(order[1:]) == sorted([first.id, second.id])
    world.delete(first.id)
    world.settle()
    assert (shared, "memory") in world.device.documents
    world.delete(second.id)
    world.settle()
    assert world.device.documents == {}
    assert world.device.writes[-1].unit_id == shared


def test_a_network_that_is_wanted_again_while_it_goes_comes_back(build: Build) -> None:
    world = build(networks=True)
    first = world.create()
    world.settle()
    world.delete(first.id)
    world.worker.tick()
    second = world.create()
    world.settle()
    assert world.status(second.id) == "ACTIVE"
    assert ("memory:0/network/network-1", "memory") in world.device.documents


def test_a_network_that_cannot_be_made_is_the_reason_shown(build: Build) -> None:
    world = build(networks=True)
    world.device.switches.refused_units["memory:0/network/network-1"] = "No VLAN is left."
    tree = world.create()
    for _ in range(30):
        world.tick(30)
    assert world.status(tree.id) == "ERROR"
    assert "No VLAN is left." in world.faults(tree.id)[tree.id]
    world.device.switches.refused_units.clear()
    world.settle()
    assert world.status(tree.id) == "ACTIVE"


def test_one_that_never_came_to_be_can_be_deleted(build: Build) -> None:
    world = build(networks=True)
    world.device.switches.refused_units["memory:0/network/network-1"] = "No VLAN is left."
    tree = world.create()
    world.tick()
    world.delete(tree.id)
    world.tick()
    assert world.is_gone(tree.id)


def test_reports_roll_up(world: World) -> None:
    tree = world.create()
    world.tick()
    world.health.tick()
    assert world.operating(tree.id) == "ONLINE"
    web = tree.monitors[0].pool_id
    down, up = tree.members_of(web)
    said, watch = world.backend.report("memory:0", [tree.id])[0], world.watch()

    def report(**members: MemberSeen) -> None:
        seen = dict(said.members) | {tree.members_of(web)[0].id: members["first"], up.id: members["second"]}
        world.recorder.report([Report(tree.id, "memory", True, said.listeners, seen, said.statistics)], watch)

    report(first=MemberSeen.DOWN, second=MemberSeen.UP)
    assert world.operating(tree.id, down.id) == "ERROR"
    assert world.operating(tree.id, web) == "DEGRADED"
    assert world.operating(tree.id) == "DEGRADED"
    report(first=MemberSeen.DOWN, second=MemberSeen.DOWN)
    assert world.operating(tree.id, web) == "ERROR"
    assert world.operating(tree.id) == "ERROR"
    report(first=MemberSeen.UP, second=MemberSeen.UP)
    assert world.operating(tree.id) == "ONLINE"
    assert world.status(tree.id) == "ACTIVE"


def test_a_report_of_something_gone_is_nothing(world: World) -> None:
    tree = world.create()
    world.tick()
    reports = world.backend.report("memory:0", [tree.id])
    world.delete(tree.id)
    world.tick()
    world.recorder.report(reports, world.watch())
    assert world.is_gone(tree.id)


def test_counters_never_go_backwards(world: World) -> None:
    tree = world.create()
    key, listener = (tree.id, "memory"), tree.listeners[0].id

    def said(count: int) -> None:
        world.database.write(lambda conn: save_statistics(conn, {key: {listener: Statistics(count, 0, 1, count, 0)}}))

    from bascule.core.reader import Reader

    totals = []
    for count in (10, 25, 5, 6):
        said(count)
        totals.append(Reader(world.database).statistics(tree.id)[listener].bytes_in)
    assert totals == [10, 25, 30, 31]


def test_a_request_to_look_again_that_comes_during_a_pass_is_not_lost(world: World) -> None:
    """Health finds a carrier lost while a pass over the same unit runs: the pass must not clear that."""
    tree = world.create(bare())
    world.tick()

    def lose_everything() -> None:
        world.device.after_apply = None
        world.device.documents.clear()
        world.health.tick()

    world.writer.failover(tree.id, origin=ORIGIN)
    world.device.after_apply = lose_everything
    world.tick()
    assert world.held(tree.id) != {}
    assert world.status(tree.id) == "ACTIVE"


def test_what_is_behind_and_not_due_is_found(world: World) -> None:
    from bascule.store.units import unit

    tree = world.create()
    world.database.write(lambda conn: conn.execute(unit.update().values(due_at=None)))
    world.tick()
    assert world.status(tree.id) == "PENDING_CREATE"
    world.housekeeping.tick()
    world.tick()
    assert world.status(tree.id) == "ACTIVE"


def test_an_older_worker_leaves_alone_what_a_newer_one_wrote(world: World) -> None:
    tree = world.create()
    world.backend.version = 2
    world.tick()
    world.restart()
    writes = len(world.device.writes)
    world.rename(tree.id, "new name")
    world.tick()
    assert len(world.device.writes) == writes
    world.backend.version = 2
    world.settle()
    assert world.status(tree.id) == "ACTIVE"


def test_deleted_load_balancers_are_forgotten_in_time(world: World) -> None:
    tree = world.create()
    world.tick()
    world.delete(tree.id)
    world.tick()
    world.housekeeping.tick()
    assert world.events(tree.id) != []
    world.clock.now += 604801
    world.housekeeping.tick()
    assert world.events(tree.id) == []
    with world.database.read() as conn:
        from bascule.store import units

        assert units.get(conn, tree.id) is None
