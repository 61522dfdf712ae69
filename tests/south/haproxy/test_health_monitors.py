"""Health monitors take members out and bring them back."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import ssl

import pytest
import trustme

from bascule.model.objects import HttpMethod, ListenerProtocol, Member, MonitorType, PoolProtocol
from tests.south.haproxy.site import Site, until

pytestmark = pytest.mark.slow


@pytest.mark.slow
def test_a_dead_member_is_taken_out_and_comes_back(site: Site) -> None:
    dying, staying = site.server("a"), site.server("b")
    pool = site.pool(dying, staying)
    site.monitor(pool)
    listener = site.listener(default_pool_id=pool.id)
    site.serve()
    member = site.tree.members[0]
    assert site.seen(member) == "UP"
    dying.stop()
    assert until(lambda: site.seen(member) == "DOWN")
    assert {site.get(listener).name for _ in range(4)} == {"b"}
    dying.start()
    assert until(lambda: site.seen(member) == "UP")
    assert {site.get(listener).name for _ in range(4)} == {"a", "b"}


def test_a_reload_does_not_forget_who_is_down(site: Site) -> None:
    pool = site.pool(site.server("a"))
    dead = site.member(pool, 9)
    monitor = site.monitor(pool, delay=60, max_retries_down=1)
    site.listener(default_pool_id=pool.id)
    site.put(dataclasses.replace(monitor, delay=1))
    site.serve()
    assert until(lambda: site.seen(dead) == "DOWN")
    site.put(monitor)  # from here on it is too early for a probe
    site.serve()
    assert site.seen(dead) == "DOWN"


@pytest.mark.slow
def test_where_a_worker_cannot_say_who_is_down_nothing_older_is_believed(site: Site) -> None:
    back = site.server("a")
    pool = site.pool(back)
    (member,) = site.tree.members
    monitor = site.monitor(pool)
    site.listener(default_pool_id=pool.id)
    site.serve()
    back.stop()
    assert until(lambda: site.seen(member) == "DOWN")
    site.replace += 1
    site.serve()
    back.start()
    assert until(lambda: site.seen(member) == "UP")
    worker = next(process for process in site.processes() if process != site.master())
    os.kill(worker, signal.SIGSTOP)
    site.put(dataclasses.replace(monitor, delay=60, max_retries=2))  # a member that begins as down stays so for a minute
    try:
        site.serve()
    finally:
        os.kill(worker, signal.SIGCONT)
    assert site.seen(member) == "UP"


def test_without_its_monitor_a_member_counts_as_up_again(site: Site) -> None:
    pool = site.pool()
    dead = site.member(pool, 9)
    monitor = site.monitor(pool)
    site.listener(default_pool_id=pool.id)
    site.serve()
    assert until(lambda: site.seen(dead) == "DOWN")
    site.put(dataclasses.replace(monitor, admin_state_up=False))
    site.serve()
    assert site.seen(dead) == "NO_CHECK"


@pytest.mark.parametrize("version", [None, 1.0, 1.1])
def test_http_asks_and_looks_at_the_answer(site: Site, version: float | None) -> None:
    good, bad = site.server("a"), site.server("b")
    good.status, bad.status = 202, 404
    pool = site.pool(good, bad)
    site.monitor(
        pool,
        MonitorType.HTTP,
        http_method=HttpMethod.GET,
        url_path="/healthy?'\"$HOME=%20%[src]",
        expected_codes="200 , 202",
        http_version=version,
        domain_name="www.example.com" if version == 1.1 else None,
    )
    listener = site.listener(default_pool_id=pool.id)
    site.serve()
    first, second = site.tree.members
    assert until(lambda: site.seen(second) == "DOWN")
    assert site.seen(first) == "UP"
    assert site.get(listener).name == "a"
    assert "/healthy?'\"$HOME=%20%[src]" in good.asked


def test_the_longest_times(site: Site) -> None:
    pool = site.pool(site.server("a"))
    site.monitor(pool, delay=2147483, timeout=2147483)
    listener = site.listener(default_pool_id=pool.id)
    assert site.backend.refuse(site.tree, None) == []
    site.serve()
    assert site.get(listener).name == "a"


@pytest.mark.slow
def test_a_member_may_be_probed_elsewhere(site: Site) -> None:
    serving, probed = site.server("a"), site.server("b")
    pool = site.pool()
    member = site.member(pool, serving.port, monitor_address="127.0.0.1", monitor_port=probed.port)
    site.monitor(pool)
    site.listener(default_pool_id=pool.id)
    site.serve()
    probed.stop()
    assert until(lambda: site.seen(member) == "DOWN")
    site.put(dataclasses.replace(member, monitor_address=None, monitor_port=None))
    site.serve()
    assert until(lambda: site.seen(member) == "UP")


def test_another_address_may_be_an_ipv6_one(site: Site) -> None:
    pool = site.pool()
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as probed:
        port = probed.getsockname()[1]
        member = site.member(pool, 9, monitor_address="::1", monitor_port=port)
        beside = site.member(pool, 9, address="127.0.0.2", monitor_port=port)
        site.monitor(pool)
        site.listener(default_pool_id=pool.id)
        site.serve()
        assert until(lambda: site.seen(beside) == "DOWN")
        assert site.seen(member) == "UP"


def test_a_member_is_named_as_a_host_by_its_address(site: Site) -> None:
    pool = site.pool()
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        server.settimeout(20)
        site.member(pool, server.getsockname()[1], address="::1")
        site.monitor(pool, MonitorType.HTTP, http_version=1.1)
        site.listener(default_pool_id=pool.id)
        site.serve()
        probe, _ = server.accept()
        with probe:
            assert b"\r\nhost: [::1]\r\n" in probe.recv(4096)


def test_backup_members_are_probed_too(site: Site) -> None:
    pool = site.pool(site.server("a"))
    dead = site.member(pool, 9, backup=True)
    site.monitor(pool)
    site.listener(default_pool_id=pool.id)
    site.serve()
    assert until(lambda: site.seen(dead) == "DOWN")


@pytest.mark.slow
@pytest.mark.parametrize("version", [1.0, 1.1])
def test_every_method(site: Site, version: float) -> None:
    server = site.server("a")
    for method in HttpMethod:
        pool = site.pool(server)
        path = f"/{method}"
        site.monitor(pool, MonitorType.HTTP, http_method=method, url_path=path, expected_codes="200-204", http_version=version)
        site.listener(default_pool_id=pool.id)
    site.serve()
    host = "127.0.0.1" if version == 1.1 else None
    expected = {f"{method} /{method} HTTP/{version} {host}" for method in HttpMethod}
    assert until(lambda: expected <= set(server.heard)), server.heard
    assert not until(lambda: any(site.seen(member) != "UP" for member in site.tree.members), 0.5)
    server.status = 205
    assert until(lambda: all(site.seen(member) == "DOWN" for member in site.tree.members))


# TLS.


def _context(**attributes: object) -> ssl.SSLContext:
    """What a member needs to speak TLS, with a certificate that nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("member.example.com").configure_cert(context)
    for name, value in attributes.items():
        setattr(context, name, value)
    return context


def _statuses(site: Site, expected: dict[Member, str]) -> bool:
    return until(lambda: {member: site.seen(member) for member in expected} == expected)


def test_https_asks_over_tls_and_trusts_everybody(site: Site) -> None:
    asked_for: list[str | None] = []
    context = _context(sni_callback=lambda connection, name, context: asked_for.append(name))
    servers = [site.server("a", context), site.server("b", _context()), site.server("c")]
    servers[1].status = 503
    pool = site.pool(*servers, protocol=PoolProtocol.HTTPS)
    site.monitor(pool, MonitorType.HTTPS, url_path="/healthy", http_version=1.1, domain_name="www.example.com.")
    site.listener(ListenerProtocol.HTTPS, default_pool_id=pool.id)
    site.serve()
    good, failing, without_tls = site.tree.members
    assert _statuses(site, {good: "UP", failing: "DOWN", without_tls: "DOWN"})
    assert until(lambda: "GET /healthy HTTP/1.1 www.example.com." in servers[0].heard)
    assert set(asked_for) == {"www.example.com"}


def test_tls_hello_wants_a_hello(site: Site) -> None:
    trusting = _context()
    strict = _context(verify_mode=ssl.CERT_REQUIRED)
    good = [
        site.server("new", _context(minimum_version=ssl.TLSVersion.TLSv1_3)),
        site.server("old", _context(maximum_version=ssl.TLSVersion.TLSv1_2)),
        site.server("strict", strict),
        site.server("strict and old", _context(verify_mode=ssl.CERT_REQUIRED, maximum_version=ssl.TLSVersion.TLSv1_2)),
    ]
    bad = [site.server("without tls"), site.server("without a certificate", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))]
    dying = site.server("dying", trusting)
    pool = site.pool(*good, *bad, dying, protocol=PoolProtocol.HTTPS)
    site.monitor(pool, MonitorType.TLS_HELLO)
    site.listener(ListenerProtocol.HTTPS, default_pool_id=pool.id)
    site.serve()
    members = site.tree.members
    expected = dict.fromkeys(members[: len(good)], "UP") | dict.fromkeys(members[len(good) : -1], "DOWN")
    assert _statuses(site, {**expected, members[-1]: "UP"})
    dying.stop()
    assert _statuses(site, {**expected, members[-1]: "DOWN"})


def test_tls_hello_asks_for_a_name(site: Site) -> None:
    asked_for: list[str | None] = []
    server = site.server("a", _context(sni_callback=lambda connection, name, context: asked_for.append(name)))
    pool = site.pool(server, protocol=PoolProtocol.HTTPS)
    site.monitor(pool, MonitorType.TLS_HELLO, http_version=1.1, domain_name="www.example.com.")
    site.listener(ListenerProtocol.HTTPS, default_pool_id=pool.id)
    site.serve()
    assert until(lambda: "www.example.com" in asked_for)
    assert site.seen(site.tree.members[0]) == "UP"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "elsewhere", "with_tls", "without"),
    [
        (MonitorType.TCP, False, "UP", "UP"),
        (MonitorType.TLS_HELLO, False, "UP", "DOWN"),
        (MonitorType.HTTP, False, "UP", "DOWN"),
        (MonitorType.HTTPS, False, "UP", "DOWN"),
        (MonitorType.HTTP, True, "DOWN", "UP"),
        (MonitorType.HTTPS, True, "UP", "DOWN"),
    ],
)
def test_pools_with_tls_are_probed_over_it_where_that_is_the_question(
    site: Site, kind: MonitorType, elsewhere: bool, with_tls: str, without: str
) -> None:
    pool = site.pool(tls_enabled=True, alpn_protocols=("h2", "http/1.1"))
    servers = [site.server("a", _context()), site.server("b")]
    places = [{"port": 9, "monitor_port": each.port} if elsewhere else {"port": each.port} for each in servers]
    members = [site.member(pool, **place) for place in places]
    dead = site.member(pool, 9, backup=True)
    site.monitor(pool, kind)
    site.listener(default_pool_id=pool.id)
    site.serve()
    assert _statuses(site, {members[0]: with_tls, members[1]: without, dead: "DOWN"})
    assert not until(lambda: [site.seen(each) for each in members] != [with_tls, without], 1.5)


def test_a_member_that_wants_a_proxy_header_gets_one_before_a_probe_without_tls(site: Site) -> None:
    server = site.server("a", proxied=True)
    pool = site.pool(server, protocol=PoolProtocol.PROXY, tls_enabled=True)
    site.monitor(pool)
    site.listener(default_pool_id=pool.id)
    site.serve()
    assert until(lambda: server.proxied, 20)
    assert site.seen(site.tree.members[0]) == "UP"
