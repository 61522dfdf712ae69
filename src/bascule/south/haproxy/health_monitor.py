"""Health monitors: how the servers of a backend are probed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bascule.model.objects import HealthMonitor, HttpMethod, MonitorType
from bascule.south.haproxy.quoting import log_format, printable, word

_TYPES = (MonitorType.HTTP, MonitorType.TCP)
_CODES = re.compile(r"[1-5][0-9]{2}(?:-[1-5][0-9]{2}|(?:\s*,\s*[1-5][0-9]{2})*)")
_VERSIONS = {None: "HTTP/1.0", 1.0: "HTTP/1.0", 1.1: "HTTP/1.1"}

_LONGEST = (2**31 - 1) // 1000
"""Seconds. HAProxy counts milliseconds in 32 bits with a sign, and does not start with more."""


def render(monitor: HealthMonitor) -> list[str]:
    """The lines of a backend that say how to probe. A TCP monitor only connects."""
    lines = [f"    # health_monitor {monitor.id}", f"    timeout check {monitor.timeout:d}s"]
    if monitor.type is MonitorType.HTTP:
        method = monitor.http_method or HttpMethod.GET
        path = word(monitor.url_path or "/")
        host = f" hdr Host {log_format(monitor.domain_name)}" if monitor.domain_name else ""
        lines.append("    option httpchk")
        lines.append(f"    http-check send meth {method} uri {path} ver {_VERSIONS[monitor.http_version]}{host}")
        lines.append(f"    http-check expect status {_codes(monitor.expected_codes or '200')}")
    return lines


def check(monitor: HealthMonitor) -> str:
    """The part of a server line that has it probed."""
    return f"check inter {monitor.delay:d}s fall {monitor.max_retries_down:d} rise {monitor.max_retries:d}"


def _codes(expected: str) -> str:
    """Codes as HAProxy lists them. Raises ValueError for anything else, which `refuse` has refused."""
    if not _CODES.fullmatch(expected):
        raise ValueError("expected_codes are one code, a list of codes or a range")
    return "".join(expected.split())


def refuse(monitor: HealthMonitor) -> Iterator[str]:
    """What of a health monitor cannot be carried."""
    if monitor.type not in _TYPES:
        yield f"type {monitor.type} is not possible; it can be {' or '.join(_TYPES)}."
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
