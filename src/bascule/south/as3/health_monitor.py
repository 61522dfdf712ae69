"""Health monitors: one item for all members of a pool that are probed where they serve, and one for each other place.

BIG-IP calls a member down when it has not answered well for a while, counted from the last good answer: as many intervals as probes
may fail, and the time that the last of them may take. So this is always longer than one interval, which AS3 does not look after.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from bascule.model.objects import HealthMonitor, HttpMethod, Member, MonitorType, Pool, PoolProtocol, Tree
from bascule.model.rules.health_monitor import HTTP_TYPES
from bascule.south.as3 import member_tls, names, proxy

_TYPES = {
    MonitorType.HTTP: "http",
    MonitorType.HTTPS: "https",
    MonitorType.PING: "icmp",
    MonitorType.TCP: "tcp",
    MonitorType.TLS_HELLO: "https",
    MonitorType.UDP_CONNECT: "udp",
}
_OVER_TLS = "https"
_CODES = re.compile(r"[1-5][0-9]{2}(?:-[1-5][0-9]{2}|(?:\s*,\s*[1-5][0-9]{2})*)")
_VERSIONS = {None: "1.0", 1.0: "1.0", 1.1: "1.1"}
# Whatever a device, or AS3 on the way to it, could take for more than text is not among these.
_PLAIN = re.compile(r"[0-9A-Za-z!#%&'()*+,./:;=?@_~-]+")

_LONGEST_DELAY = 3600
_LONGEST_TIMEOUT = 900
_LONGEST_RISE = 1800
"""Seconds. AS3 takes no more for an interval, for the time until a member counts as down, and for that until it counts as up."""


def elsewhere(member: Member) -> bool:
    """Whether a member is probed at another place than where it serves."""
    return _target(member) != (None, None)


def _target(member: Member) -> tuple[str | None, int | None]:
    """Where a member is probed: address and port, None for its own."""
    address = names.address(member.monitor_address) if member.monitor_address is not None else None
    port = member.monitor_port if member.monitor_port != member.protocol_port else None
    return (address if address != names.address(member.address) else None, port)


def name(monitor: HealthMonitor, member: Member | None = None) -> str:
    """The item by which a member is probed, or those that are probed where they serve. Members may share it."""
    address, port = _target(member) if member else (None, None)
    more = [names.address_item(address)] if address else []
    return names.item("hm", monitor.id, *more, *([f"p_{port}"] if port else []))


def render(pool: Pool, monitor: HealthMonitor, members: Sequence[Member], route_domain: int) -> dict[str, Any]:
    """The items of a monitor, by name. Raises ValueError for what `refuse` has refused."""
    probe = _probe(pool, monitor)
    items = {name(monitor): probe}
    if probe["monitorType"] == _OVER_TLS:
        items |= member_tls.of_monitor(pool, monitor)
    for member in members:
        address, port = _target(member)
        target: dict[str, Any] = {"targetAddress": names.address(address, route_domain)} if address else {}
        if port:
            target["targetPort"] = port
        if target:
            items[name(monitor, member)] = probe | target
    return items


def _probe(pool: Pool, monitor: HealthMonitor) -> dict[str, Any]:
    """A probe speaks as the traffic does: HTTP over TLS to a pool with TLS, and with the header of the PROXY protocol."""
    kind = _TYPES[monitor.type]
    if pool.tls_enabled and monitor.type is MonitorType.HTTP:
        kind = _OVER_TLS
    probe: dict[str, Any] = {
        "class": "Monitor",
        "monitorType": kind,
        "interval": monitor.delay,
        "timeout": _until_down(monitor),
    }
    if _until_up(monitor):
        probe["timeUntilUp"] = _until_up(monitor)
    if monitor.type in HTTP_TYPES:
        probe["send"] = ("PROXY UNKNOWN\\r\\n" if proxy.speaks(pool) else "") + _request(monitor)
        probe["receive"] = f"^HTTP/1[.][01] ({'|'.join(_patterns(monitor.expected_codes or '200'))})"
    elif monitor.type is MonitorType.TLS_HELLO:
        probe |= {"send": "", "receive": ""}  # a handshake is all that is wanted; else AS3 would send a request
    if kind == _OVER_TLS and (profile := member_tls.used_by(pool, monitor)):
        probe["clientTLS"] = {"use": profile}
    return probe


def _until_down(monitor: HealthMonitor) -> int:
    """Seconds from the last good answer on."""
    return monitor.max_retries_down * monitor.delay + max(monitor.timeout, 1)


def _until_up(monitor: HealthMonitor) -> int:
    """Seconds from the first good answer on."""
    return (monitor.max_retries - 1) * monitor.delay


def _request(monitor: HealthMonitor) -> str:
    """A request as BIG-IP wants it, which makes line ends of a backslash and a letter.

    HTTP/1.1 needs a host; where none is known it may be empty.
    """
    lines = [f"{monitor.http_method or HttpMethod.GET} {_plain(monitor.url_path or '/')} HTTP/{_VERSIONS[monitor.http_version]}"]
    if monitor.http_version == 1.1:
        lines += [f"Host: {_plain(monitor.domain_name)}" if monitor.domain_name else "Host:", "Connection: close"]
    return "".join(f"{line}\\r\\n" for line in [*lines, ""])


def _plain(text: str) -> str:
    if not _PLAIN.fullmatch(text):
        raise ValueError("only plain characters can stand in a request of a monitor")
    return text


def _patterns(expected: str) -> list[str]:
    """Regular expressions for the codes that count as good, and for no others."""
    if not _CODES.fullmatch(expected):
        raise ValueError("expected_codes are one code, a list of codes or a range")
    first, _, last = expected.partition("-")
    if not last:
        return list(dict.fromkeys("".join(expected.split()).split(",")))
    found = []
    for tens in range(int(first) // 10, int(last) // 10 + 1):
        low, high = max(int(first), tens * 10) % 10, min(int(last), tens * 10 + 9) % 10
        found.append(f"{tens}{low}" if low == high else f"{tens}[{low}-{high}]")
    return found


def refuse(monitor: HealthMonitor, tree: Tree) -> Iterator[str]:
    """What of a health monitor cannot be carried."""
    yield from _refuse_times(monitor)
    yield from _refuse_texts(monitor)
    pool = tree.pool(monitor.pool_id)
    if pool and proxy.speaks(pool) and _without_header(pool, monitor):
        yield f"type {monitor.type} is not possible for a {pool.protocol} pool: probes cannot begin so; it can be TCP."


def _without_header(pool: Pool, monitor: HealthMonitor) -> bool:
    """Whether a probe would have to begin with a header of the PROXY protocol that BIG-IP cannot send: before TLS, or in bytes."""
    if monitor.type in (MonitorType.HTTPS, MonitorType.TLS_HELLO):
        return True
    return monitor.type is MonitorType.HTTP and (pool.tls_enabled or pool.protocol is PoolProtocol.PROXYV2)


def _refuse_times(monitor: HealthMonitor) -> Iterator[str]:
    if monitor.type not in _TYPES:
        yield f"type {monitor.type} is not possible; it can be {', '.join(_TYPES)}."
    if not 1 <= monitor.delay <= _LONGEST_DELAY:
        yield f"delay can be 1 to {_LONGEST_DELAY} seconds."
    if monitor.timeout < 0 or _until_down(monitor) > _LONGEST_TIMEOUT:
        yield (
            f"timeout can be such that max_retries_down times delay, and timeout, are {_LONGEST_TIMEOUT} seconds together at most; "
            f"here it is {_until_down(monitor)}."
        )
    if _until_up(monitor) > _LONGEST_RISE:
        yield f"max_retries can be such that one less, times delay, is {_LONGEST_RISE} seconds at most."


def _refuse_texts(monitor: HealthMonitor) -> Iterator[str]:
    if monitor.url_path is not None and not (monitor.url_path.startswith("/") and _PLAIN.fullmatch(monitor.url_path)):
        yield "url_path must begin with a slash and have only letters, digits and !#%&'()*+,-./:;=?@_~."
    if monitor.domain_name is not None and not member_tls.is_host(monitor.domain_name):
        yield "domain_name must be a host name of letters, digits and dashes between dots."
    if monitor.expected_codes is not None and not _CODES.fullmatch(monitor.expected_codes):
        yield "expected_codes must be one code (200), a list of codes (200,202) or a range (200-204), from 100 to 599."
    if monitor.http_version not in _VERSIONS:
        yield "http_version can be 1.0 or 1.1."
