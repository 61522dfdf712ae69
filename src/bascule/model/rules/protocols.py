"""Which protocols go together."""

from __future__ import annotations

from collections.abc import Iterator

from bascule.model.errors import Invalid, Refused
from bascule.model.objects import Listener, ListenerProtocol, Pool, PoolProtocol

_HTTP_POOLS = frozenset({PoolProtocol.HTTP, PoolProtocol.PROXY, PoolProtocol.PROXYV2})

POOLS = {
    ListenerProtocol.HTTP: _HTTP_POOLS,
    ListenerProtocol.HTTPS: frozenset({PoolProtocol.HTTPS, PoolProtocol.PROXY, PoolProtocol.PROXYV2, PoolProtocol.TCP}),
    ListenerProtocol.PROMETHEUS: frozenset[PoolProtocol](),
    ListenerProtocol.SCTP: frozenset({PoolProtocol.SCTP}),
    ListenerProtocol.TCP: _HTTP_POOLS | {PoolProtocol.HTTPS, PoolProtocol.TCP},
    ListenerProtocol.TERMINATED_HTTPS: _HTTP_POOLS,
    ListenerProtocol.UDP: frozenset({PoolProtocol.UDP}),
}
"""The pools that a listener can send traffic to."""

DATAGRAMS = frozenset({PoolProtocol.SCTP, PoolProtocol.UDP})
"""Pools whose members speak neither HTTP nor TCP."""


def transport(protocol: ListenerProtocol) -> str:
    """What ports are counted by: two listeners may have the same port on different transports."""
    return {ListenerProtocol.UDP: "udp", ListenerProtocol.SCTP: "sctp"}.get(protocol, "tcp")


def check_pair(listener: Listener, pool: Pool) -> Iterator[Refused]:
    """Refusals of a pool that a listener cannot send traffic to."""
    if listener.protocol is ListenerProtocol.PROMETHEUS:
        yield from check_childless(listener)
    elif pool.protocol not in POOLS[listener.protocol]:
        yield Invalid(f"The pool protocol '{pool.protocol}' is invalid while the listener protocol is '{listener.protocol}'.")


def check_childless(listener: Listener) -> Iterator[Refused]:
    """Refusals of anything below a listener that only shows metrics."""
    if listener.protocol is ListenerProtocol.PROMETHEUS:
        yield Invalid("Protocol PROMETHEUS listeners cannot have child objects.")
