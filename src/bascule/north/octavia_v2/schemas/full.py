"""The whole tree of a load balancer, as the answer to its creation shows it: objects where there are usually only ids."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from typing import Any

import msgspec

from bascule.core.reader import Stored
from bascule.model.objects import L7Policy, Listener, Object, Pool
from bascule.north.octavia_v2.schemas import health_monitor, l7policy, l7rule, listener, load_balancer, member, pool
from bascule.north.octavia_v2.schemas.common import Answer, View


def _full(name: str, usual: type[Answer], first: Mapping[str, Any], *without: str) -> Any:
    """A type like the usual answer, but with some attributes of other types. These come first, as in the original API."""
    rest = [(each.name, each.type) for each in msgspec.structs.fields(usual) if each.name not in (*first, *without)]
    fields = [*first.items(), *rest]
    return msgspec.defstruct(name, fields, bases=(Answer,), module=__name__, kw_only=True, gc=False)


def _list(item: Any) -> Any:
    return types.GenericAlias(list, (item,))


L7RuleFull = l7rule.L7RuleAnswer
L7PolicyFull = _full("L7PolicyFull", l7policy.L7PolicyAnswer, {"rules": _list(L7RuleFull)})
ListenerFull = _full("ListenerFull", listener.ListenerAnswer, {"l7policies": _list(L7PolicyFull)}, "loadbalancers")
HealthMonitorFull = _full("HealthMonitorFull", health_monitor.HealthMonitorAnswer, {}, "pools")
PoolFull = _full(
    "PoolFull",
    pool.PoolAnswer,
    {"healthmonitor": HealthMonitorFull | None, "members": _list(member.MemberAnswer)},
    "loadbalancers",
    "healthmonitor_id",
)
LoadBalancerFull = _full(
    "LoadBalancerFull", load_balancer.LoadBalancerAnswer, {"listeners": _list(ListenerFull), "pools": _list(PoolFull)}
)
LoadBalancerFullBody: Any = msgspec.defstruct(
    "LoadBalancerFullBody", [("loadbalancer", LoadBalancerFull)], module=__name__, kw_only=True
)


def _made(full: Any, usual: Answer, **first: Any) -> Any:
    rest = {name: getattr(usual, name) for name in full.__struct_fields__ if name not in first}
    return full(**first, **rest)


class _Tree:
    """Shows the objects of one stored load balancer."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._tree = stored.tree

    def _row(self, each: Object, **more: Any) -> View:
        project_id = self._tree.load_balancer.project_id
        return View(each, self._stored.standings[each.id], project_id=project_id, load_balancer_id=self._tree.id, **more)

    def load_balancer(self) -> Any:
        root = self._tree.load_balancer
        row = self._row(
            root,
            vip_address=root.vip.address,
            vip_port_id=root.vip.port_id,
            vip_subnet_id=root.vip.subnet_id,
            vip_network_id=root.vip.network_id,
            additional_vips=[dataclasses.asdict(vip) for vip in root.additional_vips],
        )
        return _made(
            LoadBalancerFull,
            load_balancer.show(row, {"listeners": [], "pools": []}),
            listeners=[self._listener(each) for each in self._tree.listeners],
            pools=[self._pool(each) for each in self._tree.pools],
        )

    def _listener(self, each: Listener) -> Any:
        policies = [self._policy(policy) for policy in self._tree.policies_of(each.id)]
        return _made(ListenerFull, listener.show(self._row(each), {"l7policies": []}), l7policies=policies)

    def _policy(self, each: L7Policy) -> Any:
        rules = [l7rule.show(self._row(rule), {}) for rule in self._tree.rules_of(each.id)]
        return _made(L7PolicyFull, l7policy.show(self._row(each), {"l7rules": []}), rules=rules)

    def _pool(self, each: Pool) -> Any:
        monitors = self._tree.monitors_of(each.id)
        shown = [_made(HealthMonitorFull, health_monitor.show(self._row(monitor), {})) for monitor in monitors]
        return _made(
            PoolFull,
            pool.show(
                self._row(each),
                {"listeners": [user.id for user in self._tree.listeners_of(each.id)], "members": [], "health_monitors": []},
            ),
            healthmonitor=shown[0] if shown else None,
            members=[member.show(self._row(one), {}) for one in self._tree.members_of(each.id)],
        )


def show(stored: Stored) -> Any:
    """A load balancer with everything below it."""
    return LoadBalancerFullBody(loadbalancer=_Tree(stored).load_balancer())
