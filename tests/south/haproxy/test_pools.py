"""How pools spread clients over members."""

from __future__ import annotations

import dataclasses
import http.client
import socket
from collections import Counter

import pytest

from bascule.model.objects import Algorithm, Listener, ListenerProtocol, PersistenceType, PoolProtocol, SessionPersistence
from tests.addresses import free_port
from tests.south.haproxy.site import Answer, Site, until

pytestmark = pytest.mark.slow


def test_source_ip_sends_a_client_always_to_the_same_member(site: Site) -> None:
    servers = [site.server(name) for name in "abc"]
    listener = site.listener(default_pool_id=site.pool(*servers, algorithm=Algorithm.SOURCE_IP).id)
    site.serve()
    chosen = {}
    for host in range(1, 30):
        source = f"127.0.{host}.9"
        found = {site.get(listener, source=source).name for _ in range(3)}
        assert len(found) == 1
        chosen[source] = found.pop()
    assert set(chosen.values()) == {"a", "b", "c"}


@pytest.mark.parametrize("protocol", [ListenerProtocol.HTTP, ListenerProtocol.TCP])
def test_source_ip_and_port_send_a_client_always_to_the_same_member(site: Site, protocol: ListenerProtocol) -> None:
    """Who comes from one port is always the same client; a second listener sees it with other connections."""
    pool = site.pool(*(site.server(name) for name in "abc"), algorithm=Algorithm.SOURCE_IP_PORT)
    listeners = [site.listener(protocol, default_pool_id=pool.id) for _ in range(2)]
    site.serve()
    chosen = Counter()
    for _ in range(30):
        port = free_port()
        first, second = (_name_for(site, listener, port) for listener in listeners)
        assert first == second
        chosen[first] += 1
    assert set(chosen) == {"a", "b", "c"}


def _name_for(site: Site, listener: Listener, port: int) -> str:
    """The member that a client gets who comes from a port."""
    with socket.socket() as connection:
        connection.settimeout(10)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        connection.bind(("127.0.0.1", port))
        connection.connect((site.address, listener.protocol_port))
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        response = http.client.HTTPResponse(connection)
        response.begin()
        return Answer(response).name


def test_source_ip_spreads_neighbours(site: Site) -> None:
    pool = site.pool(*(site.server(name) for name in "abc"), algorithm=Algorithm.SOURCE_IP)
    listener = site.listener(default_pool_id=pool.id)
    site.serve()
    assert {site.get(listener, source=f"127.0.0.{host}").name for host in range(2, 32)} == {"a", "b", "c"}


def test_least_connections_prefers_the_idle_member(site: Site) -> None:
    pool = site.pool(site.echo_server("a"), site.echo_server("b"), protocol=PoolProtocol.TCP, algorithm=Algorithm.LEAST_CONNECTIONS)
    listener = site.listener(ListenerProtocol.TCP, default_pool_id=pool.id)
    site.serve()
    with site.connect(listener) as held:
        busy = held.recv(10).decode().strip()
        for _ in range(5):
            assert until(lambda: site.report().statistics[listener.id].active_connections == 1)
            with site.connect(listener) as other:
                assert other.recv(10).decode().strip() != busy


def test_weights_count(site: Site) -> None:
    pool = site.pool()
    site.member(pool, site.server("a").port, weight=3)
    site.member(pool, site.server("b").port, weight=1)
    listener = site.listener(default_pool_id=pool.id)
    site.serve()
    assert Counter(site.get(listener).name for _ in range(8)) == {"a": 6, "b": 2}


def test_weight_0_drains_a_member(site: Site) -> None:
    pool = site.pool(persistence=SessionPersistence(type=PersistenceType.HTTP_COOKIE))
    leaving = site.member(pool, site.server("a").port)
    site.member(pool, site.server("b").port)
    site.monitor(pool)
    listener = site.listener(default_pool_id=pool.id)
    site.serve()
    cookies = {}
    for _ in range(2):
        answer = site.get(listener)
        cookies[answer.name] = answer.headers["Set-Cookie"].partition(";")[0]
    site.put(dataclasses.replace(leaving, weight=0))
    site.serve()
    assert {site.get(listener).name for _ in range(4)} == {"b"}
    assert site.get(listener, Cookie=cookies["a"]).name == "a"
    assert site.seen(leaving) == "DRAIN"
    site.put(leaving)
    site.serve()
    assert {site.get(listener).name for _ in range(4)} == {"a", "b"}
    assert site.seen(leaving) == "UP"


def test_a_disabled_member_gets_nothing_and_comes_back(site: Site) -> None:
    pool = site.pool()
    member = site.member(pool, site.server("a").port)
    site.member(pool, site.server("b").port)
    site.monitor(pool)
    listener = site.listener(default_pool_id=pool.id)
    site.put(dataclasses.replace(member, admin_state_up=False))
    site.serve()
    assert {site.get(listener).name for _ in range(4)} == {"b"}
    assert site.seen(member) == "MAINT"
    site.put(member)
    site.serve()
    assert site.seen(member) == "UP"
    assert {site.get(listener).name for _ in range(4)} == {"a", "b"}


@pytest.mark.parametrize("reload", [False, True])
def test_who_is_with_a_member_that_is_disabled_may_finish(site: Site, reload: bool) -> None:
    pool = site.pool(site.echo_server("a"), site.echo_server("b"), protocol=PoolProtocol.TCP)
    listener = site.listener(ListenerProtocol.TCP, default_pool_id=pool.id)
    site.serve()
    members = dict(zip("ab", site.tree.members_of(pool.id), strict=True))
    with site.connect(listener) as held:
        busy = held.recv(10).decode().strip()
        site.put(dataclasses.replace(members.pop(busy), admin_state_up=False))
        site.replace += reload
        site.serve()
        for _ in range(3):
            with site.connect(listener) as other:
                assert other.recv(10).decode().strip() == next(iter(members))
        held.sendall(b"still there?")
        assert held.recv(100) == b"still there?"


def test_members_may_have_ipv6_addresses(site: Site) -> None:
    server = site.echo_server("six", "::1")
    pool, probed = site.pool(protocol=PoolProtocol.TCP), site.pool(protocol=PoolProtocol.TCP)
    members = [
        site.member(pool, server.port, address="::1", monitor_address="0:0:0:0:0:0:0:1"),
        site.member(probed, 9, monitor_address="::1", monitor_port=server.port),
    ]
    listener, _ = [site.listener(ListenerProtocol.TCP, default_pool_id=each.id) for each in (pool, probed)]
    site.monitor(pool)
    site.monitor(probed)
    site.serve()
    with site.connect(listener) as connection:
        assert connection.recv(10) == b"six\n"
    assert until(lambda: [site.seen(member) for member in members] == ["UP", "UP"], 20)


@pytest.mark.slow
def test_backup_members_serve_when_no_other_can(site: Site) -> None:
    servers = {name: site.server(name) for name in "abc"}
    pool = site.pool(servers["a"])
    site.member(pool, servers["b"].port, backup=True)
    site.member(pool, servers["c"].port, backup=True)
    site.monitor(pool)
    listener = site.listener(default_pool_id=pool.id)
    site.serve()
    assert {site.get(listener).name for _ in range(4)} == {"a"}
    servers["a"].stop()
    member = site.tree.members_of(pool.id)[0]
    assert until(lambda: site.seen(member) == "DOWN")
    assert {site.get(listener).name for _ in range(4)} == {"b", "c"}


def test_a_pool_that_cannot_serve_answers_503_and_comes_back(site: Site) -> None:
    server = site.server("a")
    pool, empty = site.pool(server), site.pool()
    site.monitor(pool)
    listener, without_members = site.listener(default_pool_id=pool.id), site.listener(default_pool_id=empty.id)
    passing = site.listener(ListenerProtocol.TCP, default_pool_id=empty.id)
    site.serve()
    member = site.tree.members_of(pool.id)[0]
    assert site.get(listener).name == "a"
    assert site.get(without_members).status == 503
    with site.connect(passing) as connection:
        assert connection.recv(1) == b""
    server.stop()
    assert until(lambda: site.seen(member) == "DOWN", 20)
    assert site.get(listener).status == 503
    server.start()
    assert until(lambda: site.seen(member) == "UP", 20)
    assert site.get(listener).name == "a"
    site.put(dataclasses.replace(pool, admin_state_up=False))
    site.serve()
    assert site.get(listener).status == 503
    site.put(pool)
    site.serve()
    assert site.get(listener).name == "a"


def test_a_pool_serves_listeners_of_both_modes(site: Site) -> None:
    pool = site.pool(site.server("a"), site.server("b"))
    reading = site.listener(default_pool_id=pool.id)
    passing = site.listener(ListenerProtocol.TCP, default_pool_id=pool.id)
    site.serve()
    assert {site.get(reading).name for _ in range(4)} == {"a", "b"}
    assert {site.get(passing).name for _ in range(4)} == {"a", "b"}
    assert set(site.report().members) == {member.id for member in site.tree.members}


def test_without_a_monitor_nothing_is_said_of_a_member(site: Site) -> None:
    pool = site.pool(site.server("a"))
    site.listener(default_pool_id=pool.id)
    drained = site.member(pool, 9, weight=0)
    site.serve()
    member = site.tree.members[0]
    assert site.seen(member) == "NO_CHECK"
    assert site.seen(drained) == "DRAIN"
