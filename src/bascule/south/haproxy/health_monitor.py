"""Health monitors: how the servers of a backend are probed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from bascule.model import effective
from bascule.model.documents import Documents
from bascule.model.objects import HealthMonitor, HttpMethod, Member, MonitorType, Pool, PoolProtocol, Tree
from bascule.model.rules.health_monitor import HTTP_TYPES
from bascule.south.haproxy import prober, tls_hello
from bascule.south.haproxy.quoting import address, log_format, printable, word

_TYPES = (MonitorType.HTTP, MonitorType.HTTPS, MonitorType.PING, MonitorType.TCP, MonitorType.TLS_HELLO)
_CODES = re.compile(r"[1-5][0-9]{2}(?:-[1-5][0-9]{2}|(?:\s*,\s*[1-5][0-9]{2})*)")
_VERSIONS = {None: "HTTP/1.0", 1.0: "HTTP/1.0", 1.1: "HTTP/1.1"}

_OWN_HOST = r"'%[bc_dst,regsub(.*:.*,[\\0])]'"
"""The address that is probed, as the name of a host. HTTP/1.1 or HTTP/2 without one is an error to many servers."""

_HTTP_2 = "h2"

_LONGEST = (2**31 - 1) // 1000
"""Seconds. HAProxy counts milliseconds in 32 bits with a sign, and does not start with more."""

AT_ONCE = 200
"""Members of a load balancer that may be probed within a moment."""


def render(pool: Pool, monitor: HealthMonitor) -> list[str]:
    """The lines of a backend that say how to probe. A TCP monitor only connects."""
    lines = [f"# health_monitor {monitor.id}"]
    if monitor.type is MonitorType.PING:
        lines += prober.render(monitor)
    else:
        lines.append(f"timeout check {monitor.timeout:d}s")
    if monitor.type in HTTP_TYPES:
        method = monitor.http_method or HttpMethod.GET
        path = word(monitor.url_path or "/")
        lines.append("option httpchk")
        lines.append(f"http-check send meth {method} uri {path} ver {_VERSIONS[monitor.http_version]}{_host(pool, monitor)}")
        lines.append(f"http-check expect status {_codes(monitor.expected_codes or '200')}")
    elif monitor.type is MonitorType.TLS_HELLO:
        lines.append("option tcp-check")
        lines.append(f"tcp-check send-binary {tls_hello.hello(monitor.domain_name).hex()}")
        lines.append(f"tcp-check expect rbinary ^{tls_hello.ANSWER.hex()}")
    return [f"    {line}" for line in lines]


def check(pool: Pool, monitor: HealthMonitor, member: Member) -> str:
    """The part of a server line that has it probed. In a pool with TLS the line also says how its server is reached.

    Probes speak as the traffic does, with TLS and the PROXY protocol, until HAProxy is told of another place.
    """
    words = [f"check inter {monitor.delay:d}s fall {monitor.max_retries_down:d} rise {monitor.max_retries:d}"]
    elsewhere = []
    if member.monitor_address is not None and address(member.monitor_address) != address(member.address):
        elsewhere.append(f"addr {address(member.monitor_address, bracketed=True)}")
    if member.monitor_port is not None and member.monitor_port != member.protocol_port:
        elsewhere.append(f"port {member.monitor_port:d}")
    words += elsewhere
    if monitor.type is MonitorType.HTTPS:
        words.append("check-ssl" if pool.tls_enabled else "check-ssl verify none")
        if monitor.domain_name and (host := monitor.domain_name.rstrip(".")):
            words.append(f"check-sni {word(host)}")
    if pool.tls_enabled and monitor.type in HTTP_TYPES:
        words += _over_tls(pool)
    elif pool.tls_enabled and not elsewhere:
        words += _without_tls(pool, member)
    return " ".join(words)


def _over_tls(pool: Pool) -> Iterator[str]:
    """What is offered to members that are probed over TLS, which is what the traffic offers. HAProxy 2.6 has to be told: else it
    speaks HTTP/1 to a member that was offered HTTP/2 and took it."""
    if pool.alpn_protocols:
        yield f"check-alpn {word(','.join(pool.alpn_protocols))}"


def _without_tls(pool: Pool, member: Member) -> Iterator[str]:
    """Has a member of a pool with TLS probed without it: where its place is said once more, nothing else is as in the traffic.
    HAProxy has `no-check-ssl` as well, but does not take that for a server that is added while it runs."""
    yield f"port {member.protocol_port:d}"
    if pool.protocol in (PoolProtocol.PROXY, PoolProtocol.PROXYV2):
        yield "check-send-proxy"


def programs(tree: Tree, pools: Iterable[Pool]) -> Documents:
    """The programs that probe the members of some pools."""
    found = [
        (monitor, each) for each in pools if (monitor := effective.monitor(tree, each.id)) and monitor.type is MonitorType.PING
    ]
    return {prober.document(monitor): prober.program(monitor, tree.members_of(each.id)) for monitor, each in found}


def for_all(tree: Tree, pools: Iterable[Pool]) -> Sequence[str]:
    """What HAProxy as a whole has to be told of probes.

    It spreads first probes over the delay of a monitor, and so leaves new members alone for that long. Few probes are sent at once
    instead. Many stay spread, and so do programs, each of which is a process.
    """
    if programs(tree, pools):
        return prober.GLOBAL
    return ("max-spread-checks 200ms",) if len(tree.members) <= AT_ONCE else ()


def _host(pool: Pool, monitor: HealthMonitor) -> str:
    if monitor.domain_name:
        return f" hdr Host {log_format(monitor.domain_name)}"
    named = monitor.http_version == 1.1 or (pool.tls_enabled and _HTTP_2 in pool.alpn_protocols)
    return f" hdr Host {_OWN_HOST}" if named else ""


def _codes(expected: str) -> str:
    """Codes as HAProxy lists them. Raises ValueError for anything else, which `refuse` has refused."""
    if not _CODES.fullmatch(expected):
        raise ValueError("expected_codes are one code, a list of codes or a range")
    return "".join(expected.split())


def refuse(monitor: HealthMonitor) -> Iterator[str]:
    """What of a health monitor cannot be carried."""
    if monitor.type not in _TYPES:
        yield f"type {monitor.type} is not possible: HAProxy carries neither UDP nor SCTP. It can be {', '.join(_TYPES)}."
    if not 1 <= monitor.delay <= _LONGEST:
        yield f"delay can be 1 to {_LONGEST} seconds."
    if not 0 <= monitor.timeout <= _LONGEST:
        yield f"timeout can be 0 to {_LONGEST} seconds."
    if monitor.url_path is not None and not (monitor.url_path.startswith("/") and _plain(monitor.url_path)):
        yield "url_path must begin with a slash and must not have spaces or control characters."
    if monitor.domain_name is not None and not (monitor.domain_name and _plain(monitor.domain_name)):
        yield "domain_name must not be empty and must not have spaces or control characters."
    if monitor.expected_codes is not None and not _CODES.fullmatch(monitor.expected_codes):
        yield "expected_codes must be one code (200), a list of codes (200,202) or a range (200-204), from 100 to 599."
    if monitor.http_version not in _VERSIONS:
        yield "http_version can be 1.0 or 1.1."


def _plain(text: str) -> bool:
    return printable(text) and " " not in text
