"""Pools: one backend for each pool and mode in which listeners use it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bascule.model.definition import ServiceDefinition
from bascule.model.objects import Algorithm, Listener, PersistenceType, Pool, PoolProtocol, Tree
from bascule.south.haproxy import health_monitor, l7policy, listener, member
from bascule.south.haproxy.certificate import File

_BALANCE = {
    Algorithm.LEAST_CONNECTIONS: ("balance leastconn",),
    Algorithm.ROUND_ROBIN: ("balance roundrobin",),
    # Consistent, so that a member that comes or goes moves only its own share of the clients.
    Algorithm.SOURCE_IP: ("balance source", "hash-type consistent"),
}
_PROTOCOLS = (PoolProtocol.HTTP, PoolProtocol.HTTPS, PoolProtocol.TCP)
_PERSISTENCE = (PersistenceType.HTTP_COOKIE, PersistenceType.SOURCE_IP)

STICK_TABLE_ENTRIES = "100k"
"""How many clients a pool with SOURCE_IP persistence remembers; the oldest are forgotten first."""


def carried(tree: Tree, listeners: Sequence[Listener]) -> Mapping[tuple[str, str], list[Listener]]:
    """The backends that listeners need, by pool id and mode, and the listeners that need each."""
    found: dict[tuple[str, str], list[Listener]] = {}
    for each in listeners:
        mode = listener.MODES[each.protocol]
        wanted = [each.default_pool_id]
        if mode == listener.HTTP:
            wanted += [policy.redirect_pool_id for policy in l7policy.active(tree, each)]
        for pool_id in dict.fromkeys(wanted):
            pool = tree.pool(pool_id)
            if pool and pool.admin_state_up:
                found.setdefault((pool.id, mode), []).append(each)
    return found


def by_source(pool: Pool) -> bool:
    """Whether a pool remembers its clients by address, which takes a table."""
    return pool.session_persistence is not None and pool.session_persistence.type is PersistenceType.SOURCE_IP


def render(tree: Tree, pool: Pool, mode: str, listeners: Sequence[Listener]) -> list[str]:
    """The backend of a pool. It waits for its members as long as the most patient of the listeners that share it."""
    lines = [f"backend {l7policy.backend_name(pool, mode)}", f"    # pool {pool.id}", f"    mode {mode}"]
    lines += [f"    {line}" for line in _BALANCE[pool.lb_algorithm]]
    lines.append(f"    timeout connect {_longest(each.timeout_member_connect for each in listeners):d}ms")
    lines.append(f"    timeout server {_longest(each.timeout_member_data for each in listeners):d}ms")
    by_cookie = pool.session_persistence is not None and pool.session_persistence.type is PersistenceType.HTTP_COOKIE
    if by_cookie:
        lines.append("    cookie SRV insert indirect nocache")
    if by_source(pool):
        lines += _stick(pool)
    monitor = next((each for each in tree.monitors_of(pool.id) if each.admin_state_up), None)
    if monitor:
        lines += health_monitor.render(monitor)
    for each in tree.members_of(pool.id):
        lines += member.render(each, monitor, by_cookie)
    return lines


def files(definition: ServiceDefinition, pool: Pool) -> list[File]:
    """What a pool needs to reach its members: nothing, as they are not reached over TLS."""
    return []


def _longest(timeouts: Iterator[int]) -> int:
    """The longest of several timeouts, where 0 means for ever."""
    found = list(timeouts)
    return 0 if 0 in found else max(found)


def _stick(pool: Pool) -> list[str]:
    """A table of clients. It holds IPv4 addresses too, in their IPv6 form, and is handed on at a reload."""
    timeout = pool.session_persistence.persistence_timeout if pool.session_persistence else None
    expire = f" expire {timeout:d}s" if timeout else ""
    return [f"    stick-table type ipv6 size {STICK_TABLE_ENTRIES}{expire} peers own", "    stick on src"]


def refuse(pool: Pool, tree: Tree) -> Iterator[str]:
    """What of a pool cannot be carried."""
    if pool.protocol not in _PROTOCOLS:
        yield f"protocol {pool.protocol} is not possible; it can be {', '.join(_PROTOCOLS)}."
    if pool.lb_algorithm not in _BALANCE:
        yield f"lb_algorithm {pool.lb_algorithm} is not possible; it can be {', '.join(_BALANCE)}."
    if pool.tls_enabled:
        yield "tls_enabled is not possible: members are not reached over TLS. It can be false."
    for field in ("tls_container_ref", "ca_tls_container_ref", "crl_container_ref"):
        if getattr(pool, field):
            yield f"{field} is not possible: members are not reached over TLS."
    if len(tree.monitors_of(pool.id)) > 1:
        yield "more than one health monitor for a pool is not possible."
    persistence = pool.session_persistence
    if persistence is None:
        return
    if persistence.type not in _PERSISTENCE:
        yield f"session_persistence type {persistence.type} is not possible; it can be {' or '.join(_PERSISTENCE)}."
    if persistence.persistence_granularity:
        yield "session_persistence persistence_granularity is not possible: every client address counts for itself."
    if persistence.persistence_timeout is not None and not 1 <= persistence.persistence_timeout <= 2_000_000:
        yield "session_persistence persistence_timeout can be 1 to 2000000 seconds."
    passing = [each for each in tree.listeners_of(pool.id) if listener.MODES.get(each.protocol) == listener.TCP]
    if persistence.type is PersistenceType.HTTP_COOKIE and passing:
        yield (
            f"session_persistence type HTTP_COOKIE is not possible behind a {passing[0].protocol} listener, which does not read "
            "requests; it can be SOURCE_IP."
        )
