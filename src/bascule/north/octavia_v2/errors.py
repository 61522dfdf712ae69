"""Error answers, in the two forms of the original API: one for refused requests, one for what no path leads to."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import falcon
import msgspec

from bascule.model.errors import Away, Conflict, Immutable, Invalid, NotFound, QuotaMet, Refused, Several, Unsupported
from bascule.model.objects import Kind
from bascule.model.rules import InvalidOption, InvalidRule
from bascule.north.octavia_v2.request_ids import REQUEST_ID

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOG = logging.getLogger(__name__)

T = TypeVar("T")

NAMES = {
    Kind.LOAD_BALANCER: "Load Balancer",
    Kind.LISTENER: "Listener",
    Kind.POOL: "Pool",
    Kind.MEMBER: "Member",
    Kind.HEALTH_MONITOR: "Health Monitor",
    Kind.L7POLICY: "L7Policy",
    Kind.L7RULE: "L7Rule",
}


TRY_AGAIN_AFTER = "5"
"""Seconds that a client should wait that was told that the database is away."""

_AWAY = "The database cannot be reached now. Nothing was changed; send the request again."
_UNSURE = (
    "The database was lost while the change was written or looked up. It may or may not have been carried out: "
    "look before you send the request again."
)

PROBLEMS_TOLD = 20
"""Most problems that one answer tells of."""


class Malformed(Exception):
    """A request that this door refuses by itself. The text is the whole answer."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


class Problems:
    """Collects what is wrong with a request, so that all of it is told in one answer."""

    def __init__(self) -> None:
        self._found: list[Malformed] = []

    def attempt(self, work: Callable[[], T]) -> T | None:
        """What comes of some work; None where that has to be refused."""
        try:
            return work()
        except Malformed as problem:
            self.add([problem])
            return None

    def add(self, found: Iterable[Malformed]) -> None:
        """Collect these. One that is no matter of the body is raised at once."""
        for problem in found:
            if problem.status != HTTPStatus.BAD_REQUEST:
                raise problem
            self._found.append(problem)

    def refuse(self) -> None:
        """Raises Malformed with all that was found, if anything was."""
        if told := list(dict.fromkeys(str(problem) for problem in self._found)):
            raise Malformed("; ".join(told[:PROBLEMS_TOLD]))


def refuse_all(found: Iterable[Malformed]) -> None:
    """Raises Malformed with all of these, if there is one."""
    problems = Problems()
    problems.add(found)
    problems.refuse()


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
        case Several():
            told = [refusal(each)[1] for each in error.problems[:PROBLEMS_TOLD]]
            return 400, "; ".join(dict.fromkeys(told))
        case Invalid():
            return 400, f"{_prefix(error)}{error}"
    raise error


def _prefix(error: Invalid) -> str:
    """What the original API begins such a text with."""
    if isinstance(error, InvalidRule):
        return "Error parsing L7Rule: "
    return "" if isinstance(error, InvalidOption) else "Validation failure: "


class Caught:
    """Answers 500 to a request for which an application, or anything that stands before it, raises an exception.

    A server would answer without a text, without an id, and with whatever it has to say in the log.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request."""
        try:
            return self._application(environ, start_response)
        except Exception:
            LOG.exception("%s %r failed", environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
            body = msgspec.json.encode(ErrorBody("Server", _unknown(environ)))
            headers = [("Content-Type", falcon.MEDIA_JSON), ("Content-Length", str(len(body)))]
            start_response("500 Internal Server Error", headers, sys.exc_info())
            return [body]


def _unknown(environ: Mapping[str, Any]) -> str:
    return f"An unknown exception occurred. The log tells more under request {environ.get(REQUEST_ID, '')}."


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
    LOG.error("%s %r failed", req.method, req.path, exc_info=error)
    _answer(resp, 500, _unknown(req.env))


def _away(req: falcon.Request, resp: falcon.Response, error: Away, params: dict[str, Any]) -> None:
    LOG.error("%s %r failed", req.method, req.path, exc_info=error)
    if error.unsure:  # not 503: clients and proxies take the liberty to repeat a request that was answered so
        _answer(resp, 500, _UNSURE)
    else:
        _answer(resp, 503, _AWAY)
        resp.set_header("Retry-After", TRY_AGAIN_AFTER)


def _no_path(req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError) -> None:
    """The other form: what Falcon itself refuses, such as an unknown path or method."""
    title = HTTPStatus(error.status_code).phrase
    text = {"code": error.status_code, "title": title, "description": error.description or ""}
    resp.data = msgspec.json.encode(text)
    resp.content_type = falcon.MEDIA_JSON


def install(app: falcon.App[falcon.Request, falcon.Response]) -> None:
    """Answer every error of an application in these forms."""
    app.add_error_handler(Exception, _unexpected)
    app.add_error_handler(Away, _away)
    app.add_error_handler(Refused, _refused)
    app.add_error_handler(Malformed, _malformed)
    app.set_error_serializer(_no_path)
