"""Rules for health monitors."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bascule.model.errors import Invalid, NotFound, Refused
from bascule.model.objects import HealthMonitor, Kind, MonitorType, Pool, Tree
from bascule.model.rules.protocols import DATAGRAMS
from bascule.model.rules.text import InvalidOption

HTTP_TYPES = frozenset({MonitorType.HTTP, MonitorType.HTTPS})

_ON_DATAGRAMS = frozenset({MonitorType.HTTP, MonitorType.SCTP, MonitorType.TCP, MonitorType.UDP_CONNECT})
_ONLY_ON_DATAGRAMS = frozenset({MonitorType.SCTP, MonitorType.UDP_CONNECT})

UDP_CONNECT_MIN_DELAY = 3
"""Seconds. A probe that waits for an ICMP error needs time to see it."""

_URL_PATH = re.compile(r"/(?!/)[!$-;=?-\[\]_a-z~]*")
_EXPECTED_CODES = re.compile(r"[0-9]{3}(\s*,\s*[0-9]{3})*|[0-9]{3}-[0-9]{3}")
_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_DOMAIN_NAME = re.compile(rf"(?=.{{1,253}}\.?$){_LABEL}(\.{_LABEL})*\.?")
_HTTP_VERSIONS = (1.0, 1.1)


def check(tree: Tree, monitor: HealthMonitor) -> Iterator[Refused]:
    """Refusals of a monitor that contradicts itself or its pool."""
    pool = tree.pool(monitor.pool_id)
    if pool is None:
        yield NotFound(Kind.POOL, monitor.pool_id)
    else:
        yield from _check_type(monitor, pool)
    yield from _check_http(monitor)


def _check_type(monitor: HealthMonitor, pool: Pool) -> Iterator[Refused]:
    if pool.protocol in DATAGRAMS and monitor.type not in _ON_DATAGRAMS:
        allowed = ", ".join(sorted(_ON_DATAGRAMS))
        yield Invalid(f"The type of a health monitor on a {pool.protocol} pool may be {allowed}, not {monitor.type}")
    if pool.protocol not in DATAGRAMS and monitor.type in _ONLY_ON_DATAGRAMS:
        yield Invalid(f"A health monitor of type {monitor.type} is only allowed on UDP and SCTP pools")
    if monitor.type is MonitorType.UDP_CONNECT and monitor.delay < UDP_CONNECT_MIN_DELAY:
        yield Invalid(f"The delay of a UDP-CONNECT health monitor must be at least {UDP_CONNECT_MIN_DELAY} seconds")


def _check_http(monitor: HealthMonitor) -> Iterator[Refused]:
    for name in ("http_method", "url_path", "expected_codes"):
        if getattr(monitor, name) is not None and monitor.type not in HTTP_TYPES:
            yield Invalid(f"{name} is only allowed on health monitors of type HTTP and HTTPS, not {monitor.type}")
    if monitor.url_path is not None and not _URL_PATH.fullmatch(monitor.url_path):
        yield InvalidOption(monitor.url_path, "url_path", "a path that starts with '/', without spaces, scheme and host")
    if monitor.expected_codes is not None and not _are_codes(monitor.expected_codes):
        yield InvalidOption(monitor.expected_codes, "expected_codes", "200, a list like 200,202, or a range like 200-204")
    if monitor.http_version is not None and monitor.http_version not in _HTTP_VERSIONS:
        yield InvalidOption(monitor.http_version, "http_version", "1.0, 1.1")
    if monitor.domain_name is None:
        return
    if not _DOMAIN_NAME.fullmatch(monitor.domain_name):
        yield InvalidOption(monitor.domain_name, "domain_name", "a host name")
    if monitor.http_version != max(_HTTP_VERSIONS):
        yield Invalid("http_version 1.1 is needed for domain_name")


def _are_codes(text: str) -> bool:
    """Whether a text is one code, a list of codes, or a range whose end is not before its beginning."""
    first, _, last = text.partition("-")
    return _EXPECTED_CODES.fullmatch(text) is not None and (not last or first <= last)
