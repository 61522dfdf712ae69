"""Bascule's API on a socket, with a worker beside it, for clients that are programs of their own."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from tests.api.bascule import Bascule


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    """One thread per connection."""

    daemon_threads = True


class _Silent(WSGIRequestHandler):
    """Logs nothing."""

    def log_message(self, *_args: object) -> None:
        """Leave requests unmentioned."""


@contextmanager
def serving(bascule: Bascule) -> Iterator[str]:
    """Serve the API and carry out what is asked for, until the end of the block. Gives the URL."""
    server = make_server("127.0.0.1", 0, bascule.application, server_class=_Server, handler_class=_Silent)
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.05):
            bascule.settle()

    threads = [threading.Thread(target=server.serve_forever), threading.Thread(target=work)]
    for thread in threads:
        thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        stop.set()
        server.shutdown()
        for thread in threads:
            thread.join()
        server.server_close()
