"""How pools keep clients with their members."""

from __future__ import annotations

import dataclasses
import time

import pytest

from bascule.model.objects import Listener, ListenerProtocol, PersistenceType, SessionPersistence
from tests.south.haproxy.site import Answer, Server, Site

pytestmark = pytest.mark.slow

TO_THEMSELVES = {name: name for name in "abcd"}
BY_SOURCE = SessionPersistence(type=PersistenceType.SOURCE_IP)


def cookie(answer: Answer) -> str:
    """What a client sends back."""
    return answer.headers["Set-Cookie"].partition(";")[0]


def test_a_cookie_keeps_a_client_with_its_member(site: Site) -> None:
    persistence = SessionPersistence(type=PersistenceType.HTTP_COOKIE)
    servers = [site.server(name) for name in "abc"]
    listener = site.listener(default_pool_id=site.pool(*servers, persistence=persistence).id)
    site.serve()
    first = site.get(listener)
    found = cookie(first)
    assert {site.get(listener, Cookie=found).name for _ in range(6)} == {first.name}
    assert {site.get(listener).name for _ in range(6)} == {"a", "b", "c"}
    next(server for server in servers if server.name == first.name).stop()
    assert site.get(listener, Cookie=found).status == 200


@pytest.mark.parametrize("protocol", [ListenerProtocol.HTTP, ListenerProtocol.TCP])
def test_source_persistence_keeps_a_client_with_its_member(site: Site, protocol: ListenerProtocol) -> None:
    servers = [site.server(name) for name in "abc"]
    listener = site.listener(protocol, default_pool_id=site.pool(*servers, persistence=BY_SOURCE).id)
    site.serve()
    stayed = {
        source: {site.get(listener, source=source).name for _ in range(4)} for source in ("127.0.0.2", "127.0.0.3", "127.0.0.4")
    }
    assert all(len(names) == 1 for names in stayed.values())
    assert len(set.union(*stayed.values())) == 3


def application(site: Site, name: str) -> tuple[list[Server], Listener]:
    """Servers that know a client by a cookie, behind a listener."""
    servers = [site.server(each) for each in "abcd"]
    for each in servers:
        each.headers["Set-Cookie"] = f"{name}={'a-beginning-that-all-of-them-have' * 5}-{each.name}; Path=/"
    persistence = SessionPersistence(type=PersistenceType.APP_COOKIE, cookie_name=name)
    return servers, site.listener(default_pool_id=site.pool(*servers, persistence=persistence).id)


@pytest.mark.parametrize("name", ["JSESSIONID", "!#$HOME%&'*+-.^_`|~"])
def test_a_cookie_of_the_application_keeps_a_client_with_its_member(site: Site, name: str) -> None:
    servers, listener = application(site, name)
    site.serve()
    found = {answer.name: cookie(answer) for answer in (site.get(listener) for _ in servers)}
    assert set(found) == set("abcd")
    for server in servers:
        server.headers.clear()
    for _ in range(3):
        for member, text in found.items():
            assert site.get(listener, Cookie=text).name == member
            assert site.get(listener, Cookie=f"a=b; {text}; c=d").name == member
    # A cookie that no member has set binds nobody, nor does one of another name.
    for strange in (f"{name}=unknown", "other=1", f"x{found['a']}"):
        assert {site.get(listener, Cookie=strange).name for _ in servers} == set("abcd")


def test_a_member_that_joins_a_running_haproxy_keeps_its_clients(site: Site) -> None:
    servers, by_cookie = application(site, "JSESSIONID")
    pool = site.pool(*servers[:-1], persistence=BY_SOURCE)
    by_source = site.listener(default_pool_id=pool.id)
    last = next(member for member in site.tree.members if member.protocol_port == servers[-1].port)
    site.tree = site.tree.drop(last.id)
    site.serve()
    processes = site.processes()
    site.put(last)
    site.member(pool, servers[-1].port)
    site.serve()
    assert site.processes() == processes
    sources = {site.get(by_source, source=source).name: source for source in (f"127.0.0.{host}" for host in range(2, 10))}
    cookies = {answer.name: cookie(answer) for answer in (site.get(by_cookie) for _ in range(8))}
    assert set(sources) == set(cookies) == set("abcd")
    for _ in range(3):
        assert {name: site.get(by_source, source=source).name for name, source in sources.items()} == TO_THEMSELVES
        assert {name: site.get(by_cookie, Cookie=text).name for name, text in cookies.items()} == TO_THEMSELVES


@pytest.mark.slow
def test_clients_are_handed_on_at_a_reload(site: Site) -> None:
    """Those known by their address and those known by a cookie, also when their member is drained."""
    servers, by_cookie = application(site, "JSESSIONID")
    pool = site.pool(*servers, persistence=BY_SOURCE)
    by_source = site.listener(default_pool_id=pool.id)
    site.serve()
    sources = [f"127.0.0.{host}" for host in range(2, 10)]
    before = {source: site.get(by_source, source=source).name for source in sources}
    found = {answer.name: cookie(answer) for answer in (site.get(by_cookie) for _ in servers)}
    time.sleep(6.0)  # a worker hands its table on only after five seconds of its own
    site.put(*(dataclasses.replace(member, weight=0) for member in site.tree.members if member.protocol_port == servers[0].port))
    site.replace += 1
    site.serve()
    time.sleep(1.0)
    assert {source: site.get(by_source, source=source).name for source in reversed(sources)} == before
    assert {name: site.get(by_cookie, Cookie=text).name for name, text in found.items()} == TO_THEMSELVES
    assert {site.get(by_source, source=f"127.0.1.{host}").name for host in range(2, 8)} == {"b", "c", "d"}
    assert {site.get(by_cookie).name for _ in range(6)} == {"b", "c", "d"}
