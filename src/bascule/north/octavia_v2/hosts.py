"""Answering only to the names that the API is meant to be reached by.

Without authentication, the API listens on the loopback interface only. A web page could still reach it through the browser of
somebody on this machine, under a name whose address the page's owner has turned to 127.0.0.1. The Host header gives it away.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from bascule.north.octavia_v2.errors import ErrorBody

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def forbidden(text: str) -> WSGIApplication:
    """An application that answers every request with 403 and this text, in the form of refused requests."""
    body = msgspec.json.encode(ErrorBody("Client", text))

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("403 Forbidden", headers)
        return [body]

    return answer


class TrustedHosts:
    """Passes on requests for loopback names and addresses and for `allowed` names, and refuses all others with 403."""

    def __init__(self, application: WSGIApplication, allowed: Collection[str]) -> None:
        self._application = application
        self._allowed = frozenset(name.lower() for name in allowed)
        self._is_trusted = lru_cache(maxsize=256)(self._check)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request."""
        host = environ.get("HTTP_HOST", "")
        if self._is_trusted(host):
            return self._application(environ, start_response)
        names = ", ".join(["localhost", "loopback addresses", *sorted(self._allowed)])
        return forbidden(f"Host {host[:255]!r} is not served here. Served: {names}")(environ, start_response)

    def _check(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name == "localhost" or name in self._allowed:
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False
