"""Answering only to clients on this machine.

`bascule-api` listens on loopback addresses only. Another WSGI server can be told to listen anywhere, and would then give everybody
an API that asks nobody who they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_TEXT = b"This API authenticates nobody, so it answers only to clients on the same machine.\n"


class LocalClients:
    """Passes on requests from loopback addresses and Unix sockets, and refuses all others with 403."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request."""
        client = environ.get("REMOTE_ADDR", "")
        if client.startswith("127.") or client in ("::1", ""):
            return self._application(environ, start_response)
        start_response("403 Forbidden", [("Content-Type", "text/plain"), ("Content-Length", str(len(_TEXT)))])
        return [_TEXT]
