"""What listeners counted survives reloads, ends and crashes of HAProxy."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading

import pytest

from bascule.model.objects import Listener, ListenerProtocol, PoolProtocol
from bascule.model.status import Statistics
from tests.south.haproxy.site import Site, until

pytestmark = pytest.mark.slow


def counted(site: Site, listener: Listener) -> Statistics:
    return site.report().statistics[listener.id]


def reload(site: Site) -> None:
    site.replace += 1
    site.serve()


def test_a_reload_loses_nothing_that_nobody_looked_at(site: Site) -> None:
    listener = site.listener(default_pool_id=site.pool(site.server("a")).id)
    site.serve()
    site.get(listener)
    one = counted(site, listener)
    for _ in range(3):
        site.get(listener)
        reload(site)
        site.get(listener)
    assert until(lambda: counted(site, listener).active_connections == 0)
    now = counted(site, listener)
    assert (now.total_connections, now.bytes_in, now.request_errors) == (7, 7 * one.bytes_in, 0)
    assert until(lambda: len(site.processes()) == 2)
    assert counted(site, listener) == now


@pytest.mark.slow
def test_nothing_is_lost_while_clients_go_on(site: Site) -> None:
    listener = site.listener(default_pool_id=site.pool(site.server("a")).id)
    site.serve()
    site.get(listener)
    one = counted(site, listener)
    stop = threading.Event()
    answers: list[int] = []

    def client() -> None:
        while not stop.is_set():
            answers.append(site.get(listener).status)

    clients = [threading.Thread(target=client) for _ in range(3)]
    for each in clients:
        each.start()
    for _ in range(8):
        reload(site)
    stop.set()
    for each in clients:
        each.join()
    assert set(answers) == {200}
    now = counted(site, listener)
    assert now.total_connections == len(answers) + 1
    slow = 8 * len(clients)  # requests under way at a reload, where the machine is busy
    assert (now.total_connections - slow) * one.bytes_in <= now.bytes_in <= now.total_connections * one.bytes_in


def test_connections_to_old_workers_count(site: Site) -> None:
    pool = site.pool(site.echo_server("a"), protocol=PoolProtocol.TCP)
    listener = site.listener(ListenerProtocol.TCP, default_pool_id=pool.id)
    site.serve()
    with site.connect(listener) as first, site.connect(listener) as second:
        for connection in (first, second):
            assert connection.recv(10) == b"a\n"
        reload(site)
        reload(site)
        assert (counted(site, listener).active_connections, counted(site, listener).total_connections) == (2, 2)
        first.sendall(b"x" * 1000)
        assert until(lambda: counted(site, listener).bytes_in == 1000)
    assert until(lambda: len(site.processes()) == 2)
    now = counted(site, listener)
    assert (now.active_connections, now.total_connections, now.bytes_in) == (0, 2, 1000)


def test_a_crash_loses_only_what_nobody_looked_at(site: Site) -> None:
    listener = site.listener(default_pool_id=site.pool(site.server("a")).id)
    site.serve()
    site.get(listener)
    assert until(lambda: counted(site, listener).active_connections == 0)
    before = counted(site, listener)
    for process in site.processes():
        os.kill(process, signal.SIGKILL)
    assert until(lambda: not site.report().alive)
    site.serve()
    assert counted(site, listener) == before
    site.get(listener)
    assert counted(site, listener).total_connections == 2


def test_a_listener_that_was_off_counts_on(site: Site) -> None:
    listener = site.listener(default_pool_id=site.pool(site.server("a")).id)
    site.serve()
    site.get(listener)
    site.put(dataclasses.replace(listener, admin_state_up=False))
    site.serve()
    assert site.report().statistics == {}
    site.put(listener)
    site.serve()
    assert counted(site, listener).total_connections == 1


def test_what_was_noted_and_cannot_be_read_is_begun_anew(site: Site) -> None:
    listener = site.listener(default_pool_id=site.pool(site.server("a")).id)
    site.serve()
    site.get(listener)
    for text in ("", "half a li", "[]", '{"gone": {"x": 1}}'):
        (site.directory / "counters.json").write_text(text)
        assert counted(site, listener).total_connections == 1
