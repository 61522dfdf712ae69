"""Pools: one item each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bascule.model import effective
from bascule.model.definition import ServiceDefinition
from bascule.model.objects import Algorithm, Pool, Tree
from bascule.south.as3 import health_monitor, member, member_tls, persistence, proxy
from bascule.south.as3.names import item

_MODES: Mapping[Algorithm, tuple[str, str]] = {
    Algorithm.LEAST_CONNECTIONS: ("least-connections-member", "ratio-least-connections-member"),
    Algorithm.ROUND_ROBIN: ("round-robin", "ratio-member"),
    # What is chosen by a hash is the matter of persistence.
    Algorithm.SOURCE_IP: ("round-robin", "round-robin"),
    Algorithm.SOURCE_IP_PORT: ("round-robin", "round-robin"),
}
"""How a member is chosen where all weights are equal, and where they are not."""

_RESELECTS = 3
"""How many other members are tried for a client when one does not answer, before a monitor has noticed."""


def name(pool: Pool) -> str:
    """The item of a pool."""
    return item("pl", pool.id)


def render(definition: ServiceDefinition, pool: Pool) -> dict[str, Any]:
    """The items of a pool and its monitor, by name. Raises KeyError for a reference that the definition does not resolve."""
    tree = definition.tree
    members = tree.members_of(pool.id)
    monitor = effective.monitor(tree, pool.id)
    equal = len(set(member.ratios(members).values())) <= 1
    body: dict[str, Any] = {
        "class": "Pool",
        "loadBalancingMode": _MODES[pool.lb_algorithm][0 if equal else 1],
        "reselectTries": _RESELECTS,
        "members": member.render(members, monitor, definition.route_domain),
    }
    items = {name(pool): body, **member_tls.render(definition, pool)}
    if monitor:
        body["monitors"] = [{"use": health_monitor.name(monitor)}]
        items |= health_monitor.render(pool, monitor, members, definition.route_domain)
    return items


def refuse(pool: Pool, tree: Tree) -> Iterator[str]:
    """What of a pool cannot be carried."""
    if len(tree.monitors_of(pool.id)) > 1:
        yield "more than one health monitor for a pool is not possible."
    yield from member.refuse_together(tree.members_of(pool.id))
    if proxy.speaks(pool) and (several := [each for each in tree.listeners_of(pool.id) if len(tree.pools_of(each.id)) > 1]):
        yield (
            f"protocol {pool.protocol} is not possible beside other pools of listener {several[0].id}: requests of several clients "
            "may share a connection there."
        )
    yield from persistence.refuse(pool, tree)
    yield from member_tls.refuse(pool, tree)
