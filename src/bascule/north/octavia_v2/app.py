"""The WSGI application of the Octavia v2 door."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import falcon
import msgspec

from bascule.north.octavia_v2 import errors, lookups, openapi
from bascule.north.octavia_v2.dispatch import Resource
from bascule.north.octavia_v2.door import Door
from bascule.north.octavia_v2.hosts import TrustedHosts
from bascule.north.octavia_v2.request_ids import RequestIds
from bascule.north.octavia_v2.routes import ROOTS, ROUTES, TOP, Route

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def application(door: Door, *, allowed_hosts: Collection[str]) -> WSGIApplication:
    """The API without authentication: every caller may do everything, and it answers only to names it is meant to have.

    `allowed_hosts` are such names besides those of the loopback interface. The caller sees to it that nobody else can connect.
    """
    app: falcon.App[falcon.Request, falcon.Response] = falcon.App()
    app.req_options.strip_url_path_trailing_slash = True
    app.req_options.keep_blank_qs_values = True
    errors.install(app)
    _add(app, door, [("", route) for route in TOP])
    _add(app, door, [(root, route) for root in ROOTS for route in ROUTES])
    _add(app, door, [("", route) for route in lookups.ROUTES])
    app.add_route("/openapi.json", _Document())
    return RequestIds(TrustedHosts(app, allowed_hosts))


def _add(app: falcon.App[falcon.Request, falcon.Response], door: Door, routes: Iterable[tuple[str, Route]]) -> None:
    by_path: defaultdict[str, list[Route]] = defaultdict(list)
    for root, route in routes:
        by_path[root + route.path].append(route)
    for path, of_path in by_path.items():
        app.add_route(path, Resource(door, of_path))


class _Document:
    """Gives the OpenAPI document."""

    def __init__(self) -> None:
        self._data = msgspec.json.encode(openapi.document())

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.data = self._data
