"""Tokens of Keystone for the floor, checked by the library that checks them for Bascule: nobody gets around that.

A server of OpenStack's that does without it would have to do the same: look the token up, have it checked by Keystone where it is
new, see that it has not ended, that no rule of its credential forbids the request, and that the caller has not sent the headers
that tell of it. It is called as Bascule calls it, which costs less than to put it before an application. What somebody may do is
hand-written: the caller that is measured is an administrator.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from keystonemiddleware.auth_token import AuthProtocol
from webob.exc import HTTPException

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Administrators:
    """Lets requests through that have a token of an administrator; keystonemiddleware answers those without a valid one."""

    def __init__(self, application: WSGIApplication, settings: str) -> None:
        """`settings` is a file with a section [keystone_authtoken]."""
        self._application = application
        self._tokens = AuthProtocol(application, {"oslo_config_project": "bascule", "oslo_config_file": settings})
        self._request = AuthProtocol.__call__.RequestClass

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            self._tokens.process_request(self._request(environ))
        except HTTPException as refusal:
            answer: Iterable[bytes] = refusal(environ, start_response)
            return answer
        if "admin" in environ["HTTP_X_ROLES"].split(","):
            return self._application(environ, start_response)
        start_response("403 Forbidden", [("Content-Length", "0")])
        return []
