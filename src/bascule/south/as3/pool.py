"""Pools: one item each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bascule.model.objects import Algorithm, Pool, PoolProtocol, Tree
from bascule.south.as3 import health_monitor, member
from bascule.south.as3.names import item

_MODES: Mapping[Algorithm, tuple[str, str]] = {
    Algorithm.LEAST_CONNECTIONS: ("least-connections-member", "ratio-least-connections-member"),
    Algorithm.ROUND_ROBIN: ("round-robin", "ratio-member"),
}
"""How a member is chosen where all weights are equal, and where they are not."""

_PROTOCOLS = (PoolProtocol.HTTP, PoolProtocol.HTTPS, PoolProtocol.TCP)

_RESELECTS = 3
"""How many other members are tried for a client when one does not answer, before a monitor has noticed."""


def name(pool: Pool) -> str:
    """The item of a pool."""
    return item("pl", pool.id)


def render(tree: Tree, pool: Pool, route_domain: int) -> dict[str, Any]:
    """The items of a pool and its monitor, by name."""
    members = tree.members_of(pool.id)
    monitor = health_monitor.active(tree, pool.id)
    equal = len(set(member.ratios(members).values())) <= 1
    body: dict[str, Any] = {
        "class": "Pool",
        "loadBalancingMode": _MODES[pool.lb_algorithm][0 if equal else 1],
        "reselectTries": _RESELECTS,
        "members": member.render(members, monitor, route_domain),
    }
    items = {name(pool): body}
    if monitor:
        body["monitors"] = [{"use": health_monitor.name(monitor)}]
        items |= health_monitor.render(monitor, members, route_domain)
    return items


def refuse(pool: Pool, tree: Tree) -> Iterator[str]:
    """What of a pool cannot be carried."""
    if pool.protocol not in _PROTOCOLS:
        yield f"protocol {pool.protocol} is not possible; it can be {', '.join(_PROTOCOLS)}."
    if pool.lb_algorithm not in _MODES:
        yield f"lb_algorithm {pool.lb_algorithm} is not possible; it can be {', '.join(_MODES)}."
    if len(tree.monitors_of(pool.id)) > 1:
        yield "more than one health monitor for a pool is not possible."
    if pool.session_persistence:
        yield f"session_persistence type {pool.session_persistence.type} is not possible."
    if pool.tls_enabled:
        yield "tls_enabled true is not possible; it can be false."
