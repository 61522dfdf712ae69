"""Pools: one backend for each pool and mode in which listeners use it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bascule.model import effective
from bascule.model.definition import ServiceDefinition
from bascule.model.objects import Algorithm, Listener, Pool, PoolProtocol, Tree
from bascule.south.haproxy import health_monitor, l7policy, listener, member, member_tls, persistence, tls

_CONSISTENT = "hash-type consistent"
_BALANCE = {
    Algorithm.LEAST_CONNECTIONS: ("balance leastconn",),
    Algorithm.ROUND_ROBIN: ("balance roundrobin",),
    # Consistent, so that a member that comes or goes moves only its own share of the clients.
    Algorithm.SOURCE_IP: ("balance source", _CONSISTENT),
    Algorithm.SOURCE_IP_PORT: (
        "tcp-request content set-var-fmt(txn.client) %ci:%cp",
        "balance hash var(txn.client)",
        _CONSISTENT,
    ),
}
_HEADERS = {
    PoolProtocol.HTTP: "",
    PoolProtocol.HTTPS: "",
    PoolProtocol.TCP: "",
    PoolProtocol.PROXY: " send-proxy",
    PoolProtocol.PROXYV2: " send-proxy-v2",
}
"""What members are told of the client before anything else. Protocols that are not here cannot be carried."""


def carried(tree: Tree, listeners: Sequence[Listener]) -> Mapping[tuple[str, str], list[Listener]]:
    """The backends that listeners need, by pool id and mode, and the listeners that need each."""
    found: dict[tuple[str, str], list[Listener]] = {}
    for each in listeners:
        mode = listener.MODES[each.protocol]
        wanted = [each.default_pool_id]
        if mode == listener.HTTP:
            wanted += [policy.redirect_pool_id for policy in effective.policies(tree, each)]
        for pool_id in dict.fromkeys(wanted):
            pool = tree.pool(pool_id)
            if pool and pool.admin_state_up:
                found.setdefault((pool.id, mode), []).append(each)
    return found


def render(definition: ServiceDefinition, pool: Pool, mode: str, listeners: Sequence[Listener]) -> list[str]:
    """The backend of a pool. It waits for its members as long as the most patient of the listeners that share it.

    Raises KeyError for a certificate that the definition does not resolve.
    """
    tree = definition.tree
    lines = [f"backend {l7policy.backend_name(pool, mode)}", f"    # pool {pool.id}", f"    mode {mode}"]
    lines += [f"    {line}" for line in _BALANCE[pool.lb_algorithm]]
    lines.append(f"    timeout connect {_longest(each.timeout_member_connect for each in listeners):d}ms")
    lines.append(f"    timeout server {_longest(each.timeout_member_data for each in listeners):d}ms")
    lines += persistence.render(pool)
    monitor = effective.monitor(tree, pool.id)
    if monitor:
        lines += health_monitor.render(pool, monitor)
    transport = _HEADERS[pool.protocol] + member_tls.options(definition, pool, mode, listeners)
    numbers = member.numbers(tree.members_of(pool.id)) if _CONSISTENT in _BALANCE[pool.lb_algorithm] else {}
    for each in tree.members_of(pool.id):
        lines += member.render(pool, each, monitor, transport, numbers.get(each.id))
    return lines


def _longest(timeouts: Iterator[int]) -> int:
    """The longest of several timeouts, where 0 means for ever."""
    found = list(timeouts)
    return 0 if 0 in found else max(found)


def refuse(pool: Pool, tree: Tree) -> Iterator[str]:
    """What of a pool cannot be carried."""
    if pool.protocol not in _HEADERS:
        yield f"protocol {pool.protocol} is not possible; it can be {', '.join(_HEADERS)}."
    if len(tree.monitors_of(pool.id)) > 1:
        yield "more than one health monitor for a pool is not possible."
    yield from tls.refuse(pool)
    yield from persistence.refuse(pool, tree)
