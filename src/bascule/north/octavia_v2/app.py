"""The WSGI application of the Octavia v2 door."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import falcon
import msgspec

from bascule.north.octavia_v2 import errors, healthcheck, openapi
from bascule.north.octavia_v2.counting import Counting
from bascule.north.octavia_v2.dispatch import Resource
from bascule.north.octavia_v2.door import Door
from bascule.north.octavia_v2.healthcheck import Healthcheck
from bascule.north.octavia_v2.hosts import TrustedHosts
from bascule.north.octavia_v2.lookups import ROUTES as LOOKUPS
from bascule.north.octavia_v2.request_ids import RequestIds
from bascule.north.octavia_v2.routes import ROUTES, TOP, Route

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

DOCUMENT = "/openapi.json"
DOCS = "/docs"

_ONLY_OURS = "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; frame-ancestors 'none'"

PUBLIC = frozenset({"", DOCUMENT, DOCS, healthcheck.PATH, *(route.path for route in TOP if route.public)})
"""Paths that need no authentication. They tell nothing but what API this is."""


Around = Callable[["WSGIApplication"], "WSGIApplication"]
"""Puts something before an application."""


def _nothing(application: WSGIApplication) -> WSGIApplication:
    return application


def application(door: Door, *, allowed_hosts: Collection[str], around: Around = _nothing) -> WSGIApplication:
    """The API without authentication: every caller may do everything, and it answers only to names it is meant to have.

    `allowed_hosts` are such names besides those of the loopback interface. The caller sees to it that nobody else can connect.
    """
    # The host is that of the request itself: what `around` takes from other headers, any web page could have put there.
    return RequestIds(errors.Caught(TrustedHosts(around(_application(door)), allowed_hosts)))


def guarded(door: Door, authenticate: Around, *, around: Around = _nothing) -> WSGIApplication:
    """The API for callers who say who they are. `authenticate` puts before an application what answers all others with 401."""
    app = _application(door)
    return RequestIds(errors.Caught(around(Guard(app, authenticate(app)))))


class Guard:
    """Lets requests for public paths through, and questions of browsers what they may ask for; has all others authenticated."""

    def __init__(self, application: WSGIApplication, authenticated: WSGIApplication) -> None:
        self._application = application
        self._authenticated = authenticated

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request."""
        public = environ.get("PATH_INFO", "") in PUBLIC or environ["REQUEST_METHOD"] == "OPTIONS"
        return (self._application if public else self._authenticated)(environ, start_response)


def served() -> list[tuple[str, Route]]:
    """Every path that is served, with its routes."""
    ours = [(root + route.path, route) for route in ROUTES for root in route.below]
    return [*((route.path, route) for route in TOP), *ours, *((route.path, route) for route in LOOKUPS)]


def _application(door: Door) -> WSGIApplication:
    app: falcon.App[falcon.Request, falcon.Response] = falcon.App(middleware=[Counting()])
    app.req_options.strip_url_path_trailing_slash = True
    app.req_options.keep_blank_qs_values = True
    errors.install(app)
    by_path: defaultdict[str, list[Route]] = defaultdict(list)
    for path, route in served():
        by_path[path].append(route)
    for path, of_path in by_path.items():
        app.add_route(path, Resource(door, of_path))
    app.add_route(DOCUMENT, _Document())
    app.add_route(DOCS, _Docs())
    app.add_route(healthcheck.PATH, Healthcheck(door.reader.check))
    return app


class _Document:
    """Gives the OpenAPI document."""

    def __init__(self) -> None:
        self._data = msgspec.json.encode(openapi.document())

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.data = self._data

    on_head = on_get


class _Docs:
    """Gives a page that shows the OpenAPI document to people. It loads nothing but that document."""

    def __init__(self) -> None:
        self._data = Path(__file__).with_name("docs.html").read_bytes()

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = falcon.MEDIA_HTML
        resp.set_header("Content-Security-Policy", _ONLY_OURS)
        resp.data = self._data

    on_head = on_get
