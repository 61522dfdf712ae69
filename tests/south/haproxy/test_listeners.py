"""Traffic through every protocol a listener can have."""

from __future__ import annotations

import dataclasses
import http.client
import socket
import time
from collections import Counter
from pathlib import Path

import pytest

from bascule.model.objects import ListenerProtocol, PoolProtocol, Vip
from bascule.model.status import ListenerSeen
from bascule.south.haproxy import Binary
from tests.addresses import own_address
from tests.south.haproxy.site import Site, until

pytestmark = pytest.mark.slow


def test_http_goes_round_the_members(site: Site) -> None:
    pool = site.pool(site.server("a"), site.server("b"), site.server("c"))
    listener = site.listener(default_pool_id=pool.id)
    site.serve()
    assert Counter(site.get(listener).name for _ in range(9)) == {"a": 3, "b": 3, "c": 3}


def test_a_listener_without_pool_answers_503(site: Site) -> None:
    listener = site.listener()
    site.serve()
    assert site.get(listener).status == 503


def test_clients_outside_the_allowed_networks_are_turned_away(site: Site) -> None:
    pool = site.pool(site.server("a"))
    listener = site.listener(default_pool_id=pool.id, allowed_cidrs=("127.0.1.0/24", "127.0.3.3/32"))
    site.serve()
    assert site.get(listener, source="127.0.1.9").status == 200
    assert site.get(listener, source="127.0.3.3").status == 200
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        site.get(listener, source="127.0.2.9")


def test_a_listener_at_its_limit_is_full(site: Site) -> None:
    pool = site.pool(site.echo_server("a"), protocol=PoolProtocol.TCP)
    listener = site.listener(ListenerProtocol.TCP, default_pool_id=pool.id, connection_limit=2)
    site.serve()
    assert site.report().listeners == {listener.id: ListenerSeen.OPEN}
    with site.connect(listener) as first, site.connect(listener), site.connect(listener) as waiting:
        assert until(lambda: site.report().listeners[listener.id] is ListenerSeen.FULL)
        assert site.report().statistics[listener.id].active_connections == 2
        waiting.settimeout(0.3)
        with pytest.raises(TimeoutError):
            waiting.recv(1)
        first.close()
        waiting.settimeout(20)
        assert waiting.recv(1) == b"a"  # its turn has come
    assert until(lambda: site.report().listeners[listener.id] is ListenerSeen.OPEN)


def test_clients_of_both_families_are_told_apart(site: Site) -> None:
    pool = site.pool(site.server("a"))
    site.put(dataclasses.replace(site.tree.load_balancer, additional_vips=(Vip(address="::1"),)))
    both = site.listener(default_pool_id=pool.id, allowed_cidrs=("127.0.1.0/24", "::/127"))
    none = site.listener(default_pool_id=pool.id, allowed_cidrs=("127.0.1.0/24", "fd00::/8"))
    site.serve()
    for listener in (both, none):
        assert site.get(listener, source="127.0.1.9").status == 200
        with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
            site.get(listener, source="127.0.2.9")
    assert site.get(both, address="::1").status == 200
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        site.get(none, address="::1")


def test_tcp_passes_bytes_and_counts_them(site: Site) -> None:
    pool = site.pool(site.echo_server("a"), site.echo_server("b"), protocol=PoolProtocol.TCP)
    listener = site.listener(ListenerProtocol.TCP, default_pool_id=pool.id, timeout_tcp_inspect=100)
    site.serve()
    heard = Counter()
    for _ in range(4):
        with site.connect(listener) as connection, connection.makefile("rwb") as stream:
            heard[stream.readline().decode().strip()] += 1
            stream.write(b"\x00\xff anything \r\n")
            stream.flush()
            assert stream.readline() == b"\x00\xff anything \r\n"
    assert heard == {"a": 2, "b": 2}
    assert until(lambda: site.report().statistics[listener.id].total_connections == 4)
    assert until(lambda: site.report().statistics[listener.id].bytes_in == 4 * 14)
    assert site.report().statistics[listener.id].bytes_out == 4 * 16


def test_every_address_is_served(site: Site) -> None:
    more = (own_address(), "::1")
    pool = site.pool(site.server("a"))
    listener = site.listener(default_pool_id=pool.id, insert_headers={"X-Real-IP": "true"})
    site.put(dataclasses.replace(site.tree.load_balancer, additional_vips=tuple(Vip(address=each) for each in more)))
    site.serve()
    assert [site.get(listener, address=each).asked["x-real-ip"] for each in (site.address, *more)] == [
        "127.0.0.1",
        "127.0.0.1",
        "::1",
    ]


def test_an_ipv6_address_alone_is_served(tmp_path: Path, haproxy: Binary) -> None:
    with Site(tmp_path, haproxy, "::1") as site:
        pool = site.pool(site.server("a"))
        listener = site.listener(default_pool_id=pool.id)
        site.serve()
        assert site.get(listener).name == "a"


def test_clients_that_say_nothing_are_let_go(site: Site) -> None:
    pool = site.pool(site.echo_server("a"), protocol=PoolProtocol.TCP)
    short = site.listener(ListenerProtocol.TCP, default_pool_id=pool.id, timeout_client_data=300)
    never = site.listener(ListenerProtocol.TCP, default_pool_id=pool.id, timeout_client_data=0)
    site.serve()
    with site.connect(short) as silent, site.connect(never) as trusted:
        began = time.monotonic()
        silent.settimeout(20)
        assert b"".join(iter(lambda: silent.recv(9), b"")) == b"a\n"
        assert time.monotonic() - began > 0.2
        trusted.sendall(b"still here")
        assert until(lambda: b"still here" in trusted.recv(99), 20)


def test_members_that_do_not_answer_are_given_up(site: Site) -> None:
    pool = site.pool(site.server("a"))
    short = site.listener(default_pool_id=pool.id, timeout_member_data=300)
    patient = site.listener(default_pool_id=site.pool(site.server("b")).id)
    site.serve()
    assert site.get(short, "/slow/8").status == 504
    assert site.get(patient, "/slow/0.6").status == 200


def test_members_that_cannot_be_reached_are_given_up(site: Site) -> None:
    """A member whose queue of connections is full, so that it takes no more."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        pool = site.pool()
        site.member(pool, full.getsockname()[1])
        listener = site.listener(default_pool_id=pool.id, timeout_member_connect=200)
        site.serve()
        assert site.get(listener).status == 503
        for each in waiting:
            each.close()


def test_what_is_disabled_takes_no_traffic(site: Site) -> None:
    pool = site.pool(site.server("a"))
    listener = site.listener(default_pool_id=pool.id)
    site.put(dataclasses.replace(listener, admin_state_up=False))
    site.serve()
    with pytest.raises(ConnectionRefusedError):
        site.get(listener)
    assert site.report().alive
    assert site.report().listeners == {}
    site.put(listener)
    site.serve()
    assert site.get(listener).name == "a"
    site.put(dataclasses.replace(pool, admin_state_up=False))
    site.serve()
    assert site.get(listener).status == 503
    site.put(pool, dataclasses.replace(site.tree.load_balancer, admin_state_up=False))
    site.serve()
    with pytest.raises(ConnectionRefusedError):
        site.get(listener)
