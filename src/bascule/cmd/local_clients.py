"""Answering only to clients on this machine.

`bascule-api` listens on loopback addresses only. Another WSGI server can be told to listen anywhere, and would then give everybody
an API that asks nobody who they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bascule.north.octavia_v2.hosts import forbidden
from bascule.north.octavia_v2.request_ids import RequestIds

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_TEXT = "This API authenticates nobody, so it answers only to clients on the same machine."


class LocalClients:
    """Passes on requests from loopback addresses and Unix sockets, and refuses all others with 403."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._refuse = RequestIds(forbidden(_TEXT))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request."""
        client = environ.get("REMOTE_ADDR", "")
        if client.startswith("127.") or client in ("::1", ""):
            return self._application(environ, start_response)
        return self._refuse(environ, start_response)
