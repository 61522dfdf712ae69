"""Session persistence, health monitors, numbers and lengths."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from tests.api.bascule import Client
from tests.api.matrix.trying import POOLS, differences, listening, status

pytestmark = pytest.mark.slow

# Pools

DATAGRAMS = ("UDP", "SCTP")


def test_pools_and_persistence(api: Client, lb: str) -> None:
    found, wanted = {}, {}
    for pool, kind, cookie, timed in itertools.product(
        POOLS, ("APP_COOKIE", "HTTP_COOKIE", "SOURCE_IP"), (False, True), ("", "persistence_timeout", "persistence_granularity")
    ):
        persistence: dict[str, Any] = {"type": kind}
        persistence |= {"cookie_name": "c"} if cookie else {}
        persistence |= {timed: "255.255.0.0" if timed == "persistence_granularity" else 60} if timed else {}
        key = (pool, kind, cookie, timed)
        given = {"loadbalancer_id": lb, "protocol": pool, "lb_algorithm": "SOURCE_IP", "session_persistence": persistence}
        found[key] = status(api, "/pools", "pool", **given)
        right = kind == "SOURCE_IP" if pool in DATAGRAMS else not timed
        wanted[key] = 201 if right and cookie == (kind == "APP_COOKIE") else 400
    assert differences(found, wanted) == {}


def test_cookies_have_names_that_a_header_can_hold(api: Client, lb: str) -> None:
    for name, code in (
        ("sid", 201),
        ("a b", 400),
        ("a;b", 400),
        ("a=b", 400),
        ('a"b', 400),
        ("é", 400),
        ("", 400),
        ("x" * 256, 400),
    ):
        persistence = {"type": "APP_COOKIE", "cookie_name": name}
        given = {"loadbalancer_id": lb, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "session_persistence": persistence}
        assert status(api, "/pools", "pool", **given) == code, name


# Health monitors

MONITORS = {
    "HTTP": "HTTP HTTPS PROXY PROXYV2 SCTP TCP UDP",
    "HTTPS": "HTTP HTTPS PROXY PROXYV2 TCP",
    "PING": "HTTP HTTPS PROXY PROXYV2 TCP",
    "SCTP": "SCTP UDP",
    "TCP": "HTTP HTTPS PROXY PROXYV2 SCTP TCP UDP",
    "TLS-HELLO": "HTTP HTTPS PROXY PROXYV2 TCP",
    "UDP-CONNECT": "SCTP UDP",
}
TIMES = {"delay": 5, "timeout": 3, "max_retries": 2}


def test_monitors_and_pools(api: Client, lb: str) -> None:
    pools = {pool: api.pool(loadbalancer_id=lb, protocol=pool)["id"] for pool in POOLS}
    found, wanted = {}, {}
    for kind, pool in itertools.product(MONITORS, POOLS):
        found[kind, pool] = status(api, "/healthmonitors", "healthmonitor", pool_id=pools[pool], type=kind, **TIMES)
        wanted[kind, pool] = 201 if pool in MONITORS[kind].split() else 400
    assert differences(found, wanted) == {}


HTTP_ONLY: Sequence[tuple[str, Any]] = (("http_method", "HEAD"), ("url_path", "/x"), ("expected_codes", "200-204"))
MONITOR_VALUES: Sequence[tuple[str, Any, int]] = (
    *(("http_method", method, 201) for method in ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"]),
    ("http_method", "LINK", 400),
    *(("url_path", path, 201) for path in ("/", "/a/b?c=d", "/%20", "/~a;b,c")),
    *(("url_path", path, 400) for path in ("", "a", "http://x/", "//x/y", "/a b", "/a\tb", "/é", "/" + "a" * 255)),
    *(("expected_codes", codes, 201) for codes in ("200", "200,202", "200, 202", "200-204")),
    *(("expected_codes", codes, 400) for codes in ("", "20", "2000", "200-", "204-200", "200-204,301", "abc", "200;204")),
    ("http_version", 1.0, 201),
    ("http_version", 1.1, 201),
    *(("http_version", version, 400) for version in (0.9, 2, 1.05, "x")),
    *(("max_retries", number, 201) for number in (1, 10)),
    *(("max_retries", number, 400) for number in (0, 11, None)),
    *(("max_retries_down", number, 201) for number in (1, 10, None)),
    *(("max_retries_down", number, 400) for number in (0, 11)),
    *((name, 0, 201) for name in ("delay", "timeout")),
    *((name, number, 400) for name in ("delay", "timeout") for number in (-1, None, 2**31, 1.5)),
    ("timeout", 100, 201),
    ("type", "MAGIC", 400),
    ("type", None, 400),
    ("description", "x", 400),
)


def test_values_of_monitors(api: Client, lb: str) -> None:
    pool = {"pool_id": api.pool(loadbalancer_id=lb)["id"]}
    for name, value, code in MONITOR_VALUES:
        given = pool | {"type": "HTTP"} | TIMES | {name: value}
        assert status(api, "/healthmonitors", "healthmonitor", **given) == code, (name, value)
    for kind, (name, value) in itertools.product(("HTTP", "HTTPS", "PING", "TCP", "TLS-HELLO"), HTTP_ONLY):
        code = 201 if kind in ("HTTP", "HTTPS") else 400
        assert status(api, "/healthmonitors", "healthmonitor", **pool, type=kind, **TIMES, **{name: value}) == code, (kind, name)
    for version, name, code in (
        (1.1, "www.example.com", 201),
        (1.0, "www.example.com", 400),
        (None, "www.example.com", 400),
        (1.1, "a b", 400),
        (1.1, "-a.b", 400),
        (1.1, "a" * 64, 400),
        (1.1, "a." * 200, 400),
    ):
        given = pool | {"type": "HTTP", "http_version": version, "domain_name": name} | TIMES
        assert status(api, "/healthmonitors", "healthmonitor", **given) == code, (version, name)
    udp = {"pool_id": api.pool(loadbalancer_id=lb, protocol="UDP")["id"], "type": "UDP-CONNECT", "timeout": 1, "max_retries": 1}
    assert [status(api, "/healthmonitors", "healthmonitor", **udp, delay=delay) for delay in (2, 3)] == [400, 201]


# Numbers and lengths

TEXT = (("name", 255), ("description", 255))
LISTENER_NUMBERS = {
    "protocol_port": (1, 65535),
    "connection_limit": (-1, None),
    **{f"timeout_{name}": (0, 2073600000) for name in ("client_data", "member_connect", "member_data", "tcp_inspect")},
}
MEMBER_NUMBERS = {"protocol_port": (1, 65535), "weight": (0, 256), "monitor_port": (1, 65535)}


def limits(low: int, high: int | None) -> list[tuple[Any, int]]:
    return [(low, 201), (low - 1, 400), ("x", 400), (1.5, 400), *([] if high is None else [(high, 201), (high + 1, 400)])]


def test_numbers_and_lengths(api: Client, lb: str) -> None:
    for name, (low, high) in LISTENER_NUMBERS.items():
        for value, code in limits(low, high):
            assert listening(api, lb, "TCP", **{name: value}) == code, (name, value)
    pool = api.pool(loadbalancer_id=lb)["id"]
    for number, (name, (low, high)) in enumerate(MEMBER_NUMBERS.items()):
        for value, code in limits(low, high):
            member = {"address": f"10.1.3.{number}", "protocol_port": 80} | {name: value}
            assert status(api, f"/pools/{pool}/members", "member", **member) == code, (name, value)
    for name, longest in TEXT:
        assert [listening(api, lb, "TCP", **{name: "x" * length}) for length in (longest, longest + 1)] == [201, 400]
    assert [listening(api, lb, "TCP", tags=["x" * length]) for length in (255, 256)] == [201, 400]
