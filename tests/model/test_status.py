"""The arithmetic of statuses, row by row."""

from __future__ import annotations

import dataclasses

import pytest

from bascule.model.status import (
    Fault,
    FaultKind,
    ListenerSeen,
    MemberSeen,
    Operating,
    Provisioning,
    Seen,
    Stamps,
    operating,
    provisioning,
)
from tests.scenarios.world import standard


@pytest.mark.parametrize(
    ("stamps", "observed", "fault", "expected"),
    [
        (Stamps(1, 1), 0, None, "PENDING_CREATE"),
        (Stamps(1, 1), 1, None, "ACTIVE"),
        (Stamps(1, 3), 2, None, "PENDING_UPDATE"),
        (Stamps(3, 3), 2, None, "PENDING_CREATE"),
        (Stamps(1, 3), 3, None, "ACTIVE"),
        (Stamps(1, 3), 9, None, "ACTIVE"),
        (Stamps(1, 3), 3, 3, "ERROR"),
        (Stamps(1, 3), 5, 5, "ERROR"),
        (Stamps(1, 3), 2, 2, "PENDING_UPDATE"),  # edited since: that edit has not been tried yet
        (Stamps(1, 1), 0, 1, "ERROR"),
        (Stamps(1, 3, 4), 3, None, "PENDING_DELETE"),
        (Stamps(1, 3, 4), 4, None, "DELETED"),
        (Stamps(1, 3, 4), 5, 5, "DELETED"),
        (Stamps(1, 3, 4), 3, 4, "ERROR"),
        (Stamps(1, 3, 4), 3, 3, "PENDING_DELETE"),
    ],
)
def test_provisioning(stamps: Stamps, observed: int, fault: int | None, expected: str) -> None:
    assert provisioning(stamps, observed, fault) == Provisioning(expected)


def test_a_refusal_shows_at_once_and_a_passing_trouble_after_a_while() -> None:
    def fault(kind: FaultKind) -> Fault:
        return Fault(object_id="x", object_kind="pool", kind=kind, generation=1, since=100.0, user_text="no")

    assert fault(FaultKind.REJECTED).shown(100.0, 600.0)
    assert not fault(FaultKind.TRANSIENT).shown(699.0, 600.0)
    assert fault(FaultKind.TRANSIENT).shown(700.0, 600.0)


class TestOperating:
    """The roll-up over the standard load balancer: web has a monitor and two members, api has two members."""

    def setup_method(self) -> None:
        self.tree = standard()
        self.web, self.api = self.tree.pools
        self.members = {pool.id: self.tree.members_of(pool.id) for pool in self.tree.pools}
        self.listeners = dict.fromkeys((each.id for each in self.tree.listeners), ListenerSeen.OPEN)

    def roll(self, first: MemberSeen | None, second: MemberSeen | None, **seen: int) -> dict[str, Operating]:
        said = zip(self.members[self.web.id], (first, second), strict=True)
        members = {member.id: status for member, status in said if status}
        return operating(self.tree, Seen(self.listeners, members, **({"carriers_serving": 1} | seen)))

    @pytest.mark.parametrize(
        ("first", "second", "pool", "load_balancer"),
        [
            (MemberSeen.UP, MemberSeen.UP, "ONLINE", "ONLINE"),
            (MemberSeen.UP, MemberSeen.DOWN, "DEGRADED", "DEGRADED"),
            (MemberSeen.DOWN, MemberSeen.DOWN, "ERROR", "ERROR"),
            (MemberSeen.DRAIN, MemberSeen.UP, "ONLINE", "ONLINE"),
            (None, MemberSeen.UP, "ONLINE", "ONLINE"),
            (MemberSeen.MAINT, MemberSeen.DOWN, "ERROR", "ERROR"),
            (MemberSeen.DRAIN, MemberSeen.DOWN, "ERROR", "ERROR"),
            (MemberSeen.DRAIN, MemberSeen.DRAIN, "ERROR", "ERROR"),
            (None, None, "ONLINE", "ONLINE"),
        ],
    )
    def test_pools(self, first: MemberSeen | None, second: MemberSeen | None, pool: str, load_balancer: str) -> None:
        found = self.roll(first, second)
        assert (found[self.web.id], found[self.tree.id]) == (pool, load_balancer)

    def test_a_member_without_a_monitor_is_not_monitored(self) -> None:
        found = self.roll(MemberSeen.UP, MemberSeen.UP)
        assert {found[member.id] for member in self.members[self.api.id]} == {Operating.NO_MONITOR}

    def test_a_pool_whose_members_are_all_switched_off_does_not_work(self) -> None:
        first, second = self.members[self.web.id]
        self.tree = self.tree.put(dataclasses.replace(first, admin_state_up=False))
        assert self.roll(MemberSeen.MAINT, MemberSeen.UP)[self.web.id] == Operating.ONLINE
        self.tree = self.tree.put(dataclasses.replace(second, admin_state_up=False))
        found = self.roll(MemberSeen.MAINT, MemberSeen.MAINT)
        assert (found[self.web.id], found[self.tree.id]) == (Operating.ERROR, Operating.ERROR)

    def test_an_empty_pool_has_nothing_that_is_broken(self) -> None:
        for member in self.members[self.web.id]:
            self.tree = self.tree.drop(member.id)
        found = operating(self.tree, Seen(self.listeners, {}, carriers_serving=1))
        assert (found[self.web.id], found[self.tree.id]) == (Operating.ONLINE, Operating.ONLINE)

    def test_a_pool_that_no_traffic_reaches_is_offline(self) -> None:
        for listener in self.tree.listeners_of(self.web.id):
            self.tree = self.tree.put(dataclasses.replace(listener, admin_state_up=False))
        found = self.roll(MemberSeen.DOWN, MemberSeen.DOWN)
        assert (found[self.web.id], found[self.tree.id]) == (Operating.OFFLINE, Operating.ONLINE)

    def test_one_of_two_carriers_lost_is_degraded(self) -> None:
        assert self.roll(MemberSeen.UP, MemberSeen.UP, carriers_lost=1)[self.tree.id] == Operating.DEGRADED

    def test_no_carrier_left_is_an_error(self) -> None:
        found = self.roll(MemberSeen.UP, MemberSeen.UP, carriers_serving=0, carriers_lost=1)
        assert found[self.tree.id] == Operating.ERROR
        assert {found[listener.id] for listener in self.tree.listeners} == {Operating.OFFLINE}

    def test_a_full_listener_degrades_its_load_balancer(self) -> None:
        self.listeners[self.tree.listeners[0].id] = ListenerSeen.FULL
        found = self.roll(MemberSeen.UP, MemberSeen.UP)
        assert found[self.tree.listeners[0].id] == found[self.tree.id] == Operating.DEGRADED
