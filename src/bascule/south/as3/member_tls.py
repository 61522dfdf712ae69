"""TLS from BIG-IP to the members of a pool, and to what a monitor probes.

On BIG-IP it is a listener that begins TLS, for whichever pool it sends a client to. So all pools of a listener have to be spoken to
in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bascule.model.definition import ServiceDefinition
from bascule.model.objects import HealthMonitor, Pool, Tree
from bascule.south.as3 import certificate, ciphers, names, tls

_HOST = re.compile(r"(?=.{1,253}$)[0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?(\.[0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?)*")


def name(pool: Pool) -> str:
    """The item of a pool's TLS profile."""
    return names.item("tlsc", pool.id)


def monitor_name(monitor: HealthMonitor) -> str:
    """The item of a monitor's TLS profile."""
    return names.item("tlsm", monitor.id)


def render(definition: ServiceDefinition, pool: Pool) -> dict[str, Any]:
    """The items with which TLS to members begins, by name; none for a pool without.

    Raises KeyError for a reference that the definition does not resolve.
    """
    if not pool.tls_enabled:
        return {}
    items = {name(pool): _profile(pool), **ciphers.render(pool)}
    if pool.tls_container_ref:
        items |= certificate.render(definition, pool.id, pool.tls_container_ref)
    if pool.ca_tls_container_ref:
        items |= certificate.authorities(definition, pool.id, pool.ca_tls_container_ref)
    return items


def of_monitor(pool: Pool, monitor: HealthMonitor) -> dict[str, Any]:
    """The item with which a monitor asks for a host by its name, by name; none where it asks for none."""
    if not monitor.domain_name:
        return {}
    profile = _profile(pool) if pool.tls_enabled else {"class": "TLS_Client"}
    return {monitor_name(monitor): profile | {"sendSNI": host(monitor.domain_name)}}


def used_by(pool: Pool, monitor: HealthMonitor) -> str | None:
    """The item of the TLS profile that a monitor probes with; None for that of the device."""
    if monitor.domain_name:
        return monitor_name(monitor)
    return name(pool) if pool.tls_enabled else None


def _profile(pool: Pool) -> dict[str, Any]:
    profile = {"class": "TLS_Client", **tls.settings(pool), "validateCertificate": bool(pool.ca_tls_container_ref)}
    if pool.tls_container_ref:
        profile["clientCertificate"] = certificate.name(pool.id, pool.tls_container_ref)
    if pool.ca_tls_container_ref:
        profile["trustCA"] = {"use": certificate.authorities_name(pool.id, pool.ca_tls_container_ref)}
    return profile


def host(domain_name: str) -> str:
    """A host name as TLS knows it: without the dot at its end."""
    return domain_name.removesuffix(".")


def is_host(domain_name: str) -> bool:
    """Whether AS3 takes a name for that of a host."""
    return _HOST.fullmatch(host(domain_name)) is not None


def _way(pool: Pool) -> tuple[Any, ...]:
    """How members are spoken to."""
    if not pool.tls_enabled:
        return ()
    used = (pool.tls_container_ref, pool.ca_tls_container_ref, pool.tls_ciphers)
    return (True, *used, tuple(sorted(pool.tls_versions)))


def refuse(pool: Pool, tree: Tree) -> Iterator[str]:
    """What of the TLS of a pool cannot be carried."""
    yield from tls.refuse(pool)
    if pool.crl_container_ref:
        yield "crl_container_ref is not possible: AS3 declares no lists of revoked certificates."
    if tls.HTTP_2 in pool.alpn_protocols:
        yield "alpn_protocols h2 is not possible: members are spoken to by HTTP/1.1; it can be http/1.1, http/1.0."
    for listener in tree.listeners_of(pool.id):
        first = tree.pools_of(listener.id)[0]
        if _way(first) != _way(pool):
            yield (
                f"tls_enabled, tls_versions, tls_ciphers and references must be as those of pool {first.id} are, because listener "
                f"{listener.id} sends to both."
            )
