"""The links that tests cut, stall and slow."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.proxy import DELAY, HOST, Link, Proxy

pytestmark = pytest.mark.slow


@pytest.fixture
def link() -> Iterator[Proxy]:
    """A link to a server that sends back what it gets."""
    with socket.create_server((HOST, 0)) as server:
        threading.Thread(target=_echo, args=(server,), daemon=True).start()
        made = Proxy((HOST, server.getsockname()[1]))
        yield made
        made.close()


def _echo(server: socket.socket) -> None:
    while True:
        try:
            taken, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_return, args=(taken,), daemon=True).start()


def _return(taken: socket.socket) -> None:
    with taken:
        while data := taken.recv(1024):
            taken.sendall(data)


def _connected(link: Proxy) -> socket.socket:
    return socket.create_connection((HOST, link.port), timeout=20)


def test_a_whole_link_carries_everything(link: Proxy) -> None:
    with _connected(link) as client:
        client.sendall(b"hello")
        assert client.recv(1024) == b"hello"
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1024) == b""


def test_a_cut_link_ends_every_connection_until_it_is_whole(link: Proxy) -> None:
    with _connected(link) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        link.set(Link.REFUSED)
        assert _ends(client)
    with suppress(ConnectionError), _connected(link) as client:
        assert _ends(client)
    link.set(Link.WHOLE)
    with _connected(link) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"


def test_a_stalled_link_loses_nothing(link: Proxy) -> None:
    with _connected(link) as client:
        link.set(Link.SILENT)
        client.sendall(b"x")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        link.set(Link.WHOLE)
        client.settimeout(20)
        assert client.recv(1) == b"x"


def test_a_slow_link_carries_later(link: Proxy) -> None:
    with _connected(link) as client:
        link.set(Link.SLOW)
        began = time.monotonic()
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        assert time.monotonic() - began >= 2 * DELAY


def _ends(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True
