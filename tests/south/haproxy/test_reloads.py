"""A change under traffic loses no request and breaks no connection."""

from __future__ import annotations

import dataclasses
import http.client
import socketserver
import threading
import time
from collections.abc import Iterator
from typing import BinaryIO

import pytest

from bascule.model.objects import Listener, ListenerProtocol, PoolProtocol
from bascule.south.haproxy import render
from tests.south.haproxy.site import Answer, Site, until

pytestmark = pytest.mark.slow


@pytest.mark.slow
def test_no_request_fails_while_workers_come_and_go(site: Site) -> None:
    pool = site.pool(site.server("a"), site.server("b"))
    more = site.server("c")
    listener = site.listener(default_pool_id=pool.id)
    site.serve()
    stop = threading.Event()
    answers: list[int] = []
    failures: list[Exception] = []

    def client() -> None:
        while not stop.is_set():
            try:
                answers.append(site.get(listener).status)
            except (OSError, http.client.HTTPException) as error:
                failures.append(error)

    clients = [threading.Thread(target=client) for _ in range(3)]
    for each in clients:
        each.start()
    for _ in range(6):
        extra = site.member(pool, more.port)
        site.replace += 1
        site.serve()
        site.tree = site.tree.drop(extra.id)
        site.replace += 1
        site.serve()
    stop.set()
    for each in clients:
        each.join()
    assert failures == []
    assert len(answers) > 50
    assert set(answers) == {200}


def test_a_connection_that_a_client_keeps_is_answered_after_a_reload(site: Site) -> None:
    listener = site.listener(default_pool_id=site.pool(site.server("a")).id)
    site.serve()
    connection = http.client.HTTPConnection(site.address, listener.protocol_port, timeout=10)
    connection.request("GET", "/")
    assert Answer(connection.getresponse()).status == 200
    site.put(dataclasses.replace(listener, timeout_client_data=60000))
    site.serve()
    connection.request("GET", "/")
    answer = Answer(connection.getresponse())
    assert (answer.status, answer.headers["Connection"]) == (200, "close")
    connection.close()
    assert until(lambda: len(site.processes()) == 2)


class Upgrading(socketserver.StreamRequestHandler):
    """Leaves HTTP as soon as it is asked to, and then repeats what it hears."""

    def handle(self) -> None:
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        for line in self.rfile:
            self.wfile.write(line)


@pytest.fixture
def upgrading() -> Iterator[int]:
    """The port of a server whose connections leave HTTP."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Upgrading) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def upgraded(site: Site, listener: Listener) -> BinaryIO:
    connection = site.connect(listener)
    site.closing.append(connection.close)
    stream = connection.makefile("rwb", buffering=0)
    asked = (
        "GET / HTTP/1.1",
        "Host: a",
        "Connection: Upgrade",
        "Upgrade: echo",
        "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
    )
    stream.write("\r\n".join([*asked, "", ""]).encode())
    assert stream.readline().startswith(b"HTTP/1.1 101 ")
    while stream.readline().strip():
        pass
    return stream


def plain(site: Site, listener: Listener) -> BinaryIO:
    connection = site.connect(listener)
    site.closing.append(connection.close)
    stream = connection.makefile("rwb", buffering=0)
    assert stream.readline() == b"a\n"
    return stream


def echoes(stream: BinaryIO) -> bool:
    try:
        stream.write(b"still here\n")
        return stream.readline() == b"still here\n"
    except OSError:
        return False


@pytest.mark.slow
def test_long_connections_live_through_reloads_for_a_bounded_time(
    site: Site, upgrading: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = render._GLOBAL.replace("hard-stop-after 30m", "hard-stop-after 5s")
    assert short != render._GLOBAL
    monkeypatch.setattr(render, "_GLOBAL", short)
    pool = site.pool()
    site.member(pool, upgrading)
    web = site.listener(default_pool_id=pool.id)
    passing = site.pool(site.echo_server("a"), protocol=PoolProtocol.TCP)
    tcp = site.listener(ListenerProtocol.TCP, default_pool_id=passing.id)
    site.serve()
    began = time.monotonic()
    streams = [upgraded(site, web), plain(site, tcp)]
    old = set(site.processes()) - {site.master()}
    for _ in range(2):
        site.replace += 1
        site.serve()
    assert old < set(site.processes())
    assert [echoes(stream) for stream in streams] == [True, True]
    assert until(lambda: len(site.processes()) == 2, 30)
    assert time.monotonic() - began > 5
    assert [echoes(stream) for stream in streams] == [False, False]
    assert [echoes(upgraded(site, web)), echoes(plain(site, tcp))] == [True, True]


def test_long_connections_live_through_a_reload(site: Site) -> None:
    pool = site.pool(site.echo_server("a"), protocol=PoolProtocol.TCP)
    listener = site.listener(ListenerProtocol.TCP, default_pool_id=pool.id)
    site.serve()
    with site.connect(listener) as connection, connection.makefile("rwb") as stream:
        assert stream.readline() == b"a\n"
        site.put(dataclasses.replace(listener, timeout_client_data=60000))
        site.serve()
        assert len(site.processes()) == 3
        stream.write(b"still here\n")
        stream.flush()
        assert stream.readline() == b"still here\n"
    assert until(lambda: len(site.processes()) == 2)
