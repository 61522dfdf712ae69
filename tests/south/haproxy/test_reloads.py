"""A change under traffic loses no request and breaks no connection."""

from __future__ import annotations

import dataclasses
import http.client
import threading

import pytest

from bascule.model.objects import ListenerProtocol, PoolProtocol
from tests.south.haproxy.site import Answer, Site, until


@pytest.mark.slow
def test_no_request_fails_while_members_come_and_go(site: Site) -> None:
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
        site.serve()
        site.tree = site.tree.drop(extra.id)
        site.serve()
    stop.set()
    for each in clients:
        each.join()
    assert failures == []
    assert len(answers) > 100
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
