"""Error answers, in the two forms of the original API: one for refused requests, one for what no path leads to."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import falcon
import msgspec

from bascule.model.errors import Conflict, Immutable, Invalid, NotFound, QuotaMet, Refused, Unsupported
from bascule.model.objects import Kind
from bascule.model.rules import InvalidOption, InvalidRule
from bascule.north.octavia_v2.request_ids import REQUEST_ID

LOG = logging.getLogger(__name__)

NAMES = {
    Kind.LOAD_BALANCER: "Load Balancer",
    Kind.LISTENER: "Listener",
    Kind.POOL: "Pool",
    Kind.MEMBER: "Member",
    Kind.HEALTH_MONITOR: "Health Monitor",
    Kind.L7POLICY: "L7Policy",
    Kind.L7RULE: "L7Rule",
}


class Malformed(Exception):
    """A request that this door refuses by itself. The text is the whole answer."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


class ErrorBody(msgspec.Struct):
    """How a refused request is answered. Clients show `faultstring`."""

    faultcode: str
    faultstring: str
    debuginfo: str | None = None


def refusal(error: Refused) -> tuple[int, str]:
    """The status code and the text for a request that core refuses."""
    match error:
        case NotFound():
            return 404, f"{NAMES[error.kind]} {error.id} not found."
        case Immutable():
            return 409, f"{NAMES[error.kind]} {error.id} is immutable and cannot be updated."
        case Conflict():
            return 409, str(error)
        case QuotaMet():
            return 403, f"Quota has been met for resources: {', '.join(NAMES[kind] for kind in error.kinds)}"
        case Unsupported():
            return 501, f"Provider '{error.provider}' does not support a requested option: {error}"
        case InvalidRule():
            return 400, f"Error parsing L7Rule: {error}"
        case InvalidOption():
            return 400, str(error)
        case Invalid():
            return 400, f"Validation failure: {error}"
    raise error


def _answer(resp: falcon.Response, status: int, text: str) -> None:
    resp.status = status
    code = "Server" if status >= 500 else "Client"
    resp.data = msgspec.json.encode(ErrorBody(code, text))
    resp.content_type = falcon.MEDIA_JSON


def _refused(req: falcon.Request, resp: falcon.Response, error: Refused, params: dict[str, Any]) -> None:
    _answer(resp, *refusal(error))


def _malformed(req: falcon.Request, resp: falcon.Response, error: Malformed, params: dict[str, Any]) -> None:
    _answer(resp, error.status, str(error))


def _unexpected(req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, Any]) -> None:
    request_id = req.env.get(REQUEST_ID, "")
    LOG.error("%s %r failed (request %s)", req.method, req.path, request_id, exc_info=error)
    _answer(resp, 500, f"An unknown exception occurred. The log tells more under request {request_id}.")


def _no_path(req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError) -> None:
    """The other form: what Falcon itself refuses, such as an unknown path or method."""
    title = HTTPStatus(error.status_code).phrase
    text = {"code": error.status_code, "title": title, "description": error.description or ""}
    resp.data = msgspec.json.encode(text)
    resp.content_type = falcon.MEDIA_JSON


def install(app: falcon.App[falcon.Request, falcon.Response]) -> None:
    """Answer every error of an application in these forms."""
    app.add_error_handler(Exception, _unexpected)
    app.add_error_handler(Refused, _refused)
    app.add_error_handler(Malformed, _malformed)
    app.set_error_serializer(_no_path)
