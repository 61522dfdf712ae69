"""How pools spread clients over members, and keep them there."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter

import pytest

from bascule.model.objects import Algorithm, ListenerProtocol, PersistenceType, PoolProtocol, SessionPersistence
from tests.south.haproxy.site import Site, until


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


def test_a_cookie_keeps_a_client_with_its_member(site: Site) -> None:
    persistence = SessionPersistence(type=PersistenceType.HTTP_COOKIE)
    servers = [site.server(name) for name in "abc"]
    listener = site.listener(default_pool_id=site.pool(*servers, persistence=persistence).id)
    site.serve()
    first = site.get(listener)
    cookie = first.headers["Set-Cookie"].partition(";")[0]
    assert {site.get(listener, Cookie=cookie).name for _ in range(6)} == {first.name}
    assert {site.get(listener).name for _ in range(6)} == {"a", "b", "c"}
    next(server for server in servers if server.name == first.name).stop()
    assert site.get(listener, Cookie=cookie).status == 200


@pytest.mark.parametrize("protocol", [ListenerProtocol.HTTP, ListenerProtocol.TCP])
def test_source_persistence_keeps_a_client_with_its_member(site: Site, protocol: ListenerProtocol) -> None:
    persistence = SessionPersistence(type=PersistenceType.SOURCE_IP)
    servers = [site.server(name) for name in "abc"]
    listener = site.listener(protocol, default_pool_id=site.pool(*servers, persistence=persistence).id)
    site.serve()
    stayed = {
        source: {site.get(listener, source=source).name for _ in range(4)} for source in ("127.0.0.2", "127.0.0.3", "127.0.0.4")
    }
    assert all(len(names) == 1 for names in stayed.values())
    assert len(set.union(*stayed.values())) == 3


@pytest.mark.slow
def test_source_persistence_is_handed_on_at_a_reload(site: Site) -> None:
    persistence = SessionPersistence(type=PersistenceType.SOURCE_IP, persistence_timeout=600)
    servers = [site.server(name) for name in "abcd"]
    pool = site.pool(*servers, persistence=persistence)
    listener = site.listener(default_pool_id=pool.id)
    site.serve()
    sources = [f"127.0.0.{host}" for host in range(2, 10)]
    before = {source: site.get(listener, source=source).name for source in sources}
    time.sleep(6.0)  # a worker hands its table on only after five seconds of its own
    site.member(pool, site.server("e").port)
    site.serve()
    time.sleep(1.0)
    assert {source: site.get(listener, source=source).name for source in reversed(sources)} == before


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
