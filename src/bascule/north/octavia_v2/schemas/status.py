"""The status tree: how a load balancer and everything below it stands, and why something is in ERROR."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from bascule.core.reader import Stored
from bascule.model.objects import HealthMonitor, Kind, L7Policy, L7Rule, Listener, Member, Object, Pool, Tree
from bascule.model.status import Provisioning
from bascule.north.octavia_v2.schemas.common import Answer


class RuleStatus(Answer, kw_only=True):
    """An L7 rule. Shown only in a policy that is shown."""

    id: str
    type: str
    provisioning_status: str
    operating_status: str
    fault: str | UnsetType = UNSET


class PolicyStatus(Answer, kw_only=True):
    """An L7 policy. The original API does not show these; here, one with a fault in it is."""

    id: str
    name: str
    action: str
    provisioning_status: str
    operating_status: str
    fault: str | UnsetType = UNSET
    rules: list[RuleStatus]


class MonitorStatus(Answer, kw_only=True):
    """A health monitor."""

    id: str
    name: str
    type: str
    provisioning_status: str
    operating_status: str
    fault: str | UnsetType = UNSET


class MemberStatus(Answer, kw_only=True):
    """A member."""

    id: str
    name: str
    operating_status: str
    provisioning_status: str
    address: str
    protocol_port: int
    fault: str | UnsetType = UNSET


class PoolStatus(Answer, kw_only=True):
    """A pool with its monitor and members."""

    id: str
    name: str
    provisioning_status: str
    operating_status: str
    fault: str | UnsetType = UNSET
    health_monitor: MonitorStatus | None
    members: list[MemberStatus]


class ListenerStatus(Answer, kw_only=True):
    """A listener with the pools it sends traffic to."""

    id: str
    name: str
    operating_status: str
    provisioning_status: str
    fault: str | UnsetType = UNSET
    pools: list[PoolStatus]
    l7policies: list[PolicyStatus] | UnsetType = UNSET


class LoadBalancerStatus(Answer, kw_only=True):
    """A load balancer with its listeners. `pools` holds those with a fault that no listener uses."""

    id: str
    name: str
    operating_status: str
    provisioning_status: str
    fault: str | UnsetType = UNSET
    listeners: list[ListenerStatus]
    pools: list[PoolStatus] | UnsetType = UNSET


class LoadBalancerStatuses(Answer, kw_only=True):
    """What there is a tree of."""

    loadbalancer: LoadBalancerStatus


class StatusesBody(Answer, kw_only=True):
    """The status tree."""

    statuses: LoadBalancerStatuses


class _Statuses:
    """Shows the statuses of one stored load balancer, what is leaving included."""

    def __init__(self, stored: Stored, faults: Mapping[str, str]) -> None:
        self._tree = Tree(stored.tree.load_balancer, {**stored.tree.children, **stored.leaving})
        self._standings = stored.standings
        self._faults = faults

    def _of(self, each: Object) -> dict[str, Any]:
        """What is shown of every object."""
        standing = self._standings[each.id]
        found: dict[str, Any] = {
            "id": each.id,
            "operating_status": standing.operating_status,
            "provisioning_status": standing.provisioning_status,
        }
        if standing.provisioning_status is Provisioning.ERROR and each.id in self._faults:
            found["fault"] = self._faults[each.id]
        if each.kind is not Kind.L7RULE:
            found["name"] = each.name  # type: ignore[union-attr] # every other kind has one
        return found

    def load_balancer(self) -> LoadBalancerStatus:
        used = {pool.id for listener in self._tree.listeners for pool in self._tree.pools_of(listener.id)}
        unused = [pool for pool in self._tree.pools if pool.id not in used and self._faulty(pool)]
        return LoadBalancerStatus(
            **self._of(self._tree.load_balancer),
            listeners=[self._listener(each) for each in self._tree.listeners],
            pools=[self._pool(each) for each in unused] or UNSET,
        )

    def _faulty(self, pool: Pool) -> bool:
        below: list[Pool | Member | HealthMonitor] = [
            pool,
            *self._tree.members_of(pool.id),
            *self._tree.monitors_of(pool.id),
        ]
        return any("fault" in self._of(each) for each in below)

    def _listener(self, each: Listener) -> ListenerStatus:
        policies = [self._policy(policy) for policy in self._tree.policies_of(each.id)]
        faulty = [one for one in policies if one.fault or any(rule.fault for rule in one.rules)]
        return ListenerStatus(
            **self._of(each),
            pools=[self._pool(pool) for pool in self._tree.pools_of(each.id)],
            l7policies=faulty or UNSET,
        )

    def _policy(self, each: L7Policy) -> PolicyStatus:
        rules = [self._rule(rule) for rule in self._tree.rules_of(each.id)]
        return PolicyStatus(**self._of(each), action=each.action, rules=rules)

    def _rule(self, each: L7Rule) -> RuleStatus:
        return RuleStatus(**self._of(each), type=each.type)

    def _pool(self, each: Pool) -> PoolStatus:
        monitors = self._tree.monitors_of(each.id)
        return PoolStatus(
            **self._of(each),
            health_monitor=MonitorStatus(**self._of(monitors[-1]), type=monitors[-1].type) if monitors else None,
            members=[self._member(member) for member in self._tree.members_of(each.id)],
        )

    def _member(self, each: Member) -> MemberStatus:
        return MemberStatus(**self._of(each), address=each.address, protocol_port=each.protocol_port)


def show(stored: Stored, faults: Mapping[str, str]) -> StatusesBody:
    """The status tree. `faults` gives the reasons of objects in ERROR, by id."""
    return StatusesBody(statuses=LoadBalancerStatuses(loadbalancer=_Statuses(stored, faults).load_balancer()))
