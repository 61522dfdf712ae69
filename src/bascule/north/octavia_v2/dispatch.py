"""From a request to a handler, and from what it gives to a response."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import falcon
import msgspec

from bascule.north.octavia_v2.door import Call, Door
from bascule.north.octavia_v2.errors import Malformed
from bascule.north.octavia_v2.routes import Route
from bascule.north.octavia_v2.wire import reader

_ENCODE = msgspec.json.Encoder().encode

Responder = Callable[..., None]


class Resource:
    """One path: what Falcon calls for each method of it."""

    def __init__(self, door: Door, routes: Iterable[Route]) -> None:
        for route in routes:
            respond = responder(door, route)
            setattr(self, f"on_{route.method.lower()}", respond)
            if route.method == "GET":
                self.on_head = respond


def responder(door: Door, route: Route) -> Responder:
    """A function that answers the requests for one route."""
    handler, status, takes, policy = route.handler, route.status, route.takes, route.policy
    read = None if takes is None else reader(takes)

    def respond(req: falcon.Request, resp: falcon.Response, **ids: str) -> None:
        _check_accept(req)
        call = Call(door, req, policy)
        answer = handler(call, **ids) if read is None else handler(call, read(_body(req, door.max_body)), **ids)
        resp.status = status
        if answer is not None:
            resp.data = _ENCODE(answer)

    return respond


def _check_accept(req: falcon.Request) -> None:
    accept = req.env.get("HTTP_ACCEPT")
    if accept and accept not in ("*/*", falcon.MEDIA_JSON) and not req.client_accepts_json:
        raise falcon.HTTPNotAcceptable()


def _body(req: falcon.Request, longest: int) -> bytes:
    """The body of a request. What a browser sends without asking first never has this content type."""
    given = (req.content_type or "").partition(";")[0].strip().lower()
    if given != falcon.MEDIA_JSON:
        raise Malformed(f"Content-Type must be {falcon.MEDIA_JSON}", 415)
    length = req.content_length
    if length is None:
        # Sent in pieces. Servers that cannot read such a body would wait for ever.
        raw = req.stream.read(longest + 1) if req.env.get("wsgi.input_terminated") else b""
    else:
        raw = b"" if length > longest else req.stream.read(length)
    if len(raw) > longest or (length or 0) > longest:
        raise Malformed(f"The body may have at most {longest} bytes", 413)
    return bytes(raw)
