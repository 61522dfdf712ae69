"""Callers with tokens of Keystone, by keystonemiddleware, which is an extra."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from oslo_config import cfg
from oslo_context.context import RequestContext

from bascule.cmd.policy import CALLER
from bascule.cmd.process import StartError
from bascule.cmd.tokens import Confirmed

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOG = logging.getLogger(__name__)

_CONFIRMED = "bascule.confirmed_tokens"
"""In the environment: where the library keeps what it knows of tokens; None where it has a memcached for that."""


class Tokens:
    """Passes on requests with a valid token, and answers all others with 401, or 503 where no token can be checked.

    Raises StartError.
    """

    def __init__(self, application: WSGIApplication, conf: cfg.ConfigOpts) -> None:
        self._application = application
        try:
            from keystoneauth1.exceptions import ClientException
            from keystonemiddleware.auth_token import AuthProtocol
            from webob.exc import HTTPException, HTTPServiceUnavailable
        except ImportError as error:
            text = "[api] auth_strategy: keystone needs keystonemiddleware, which comes with the extra 'keystone' of Bascule"
            raise StartError(text) from error
        self._trouble = ClientException
        self._unavailable = HTTPServiceUnavailable("The Keystone service is temporarily unavailable.")  # as it says so itself
        # Whoever is nobody is answered with 401 whatever the settings say: nothing behind this asks again.
        options = {"oslo_config_config": conf, "delay_auth_decision": False, "cache": _CONFIRMED}
        try:
            self._protocol = AuthProtocol(application, options)
        except Exception as error:  # a plug-in raises what it likes
            raise StartError(f"[keystone_authtoken]: {error}") from error
        self._request = AuthProtocol.__call__.RequestClass
        self._refusal = HTTPException
        self._confirmed = None if conf.keystone_authtoken.memcached_servers else Confirmed()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request."""
        environ[_CONFIRMED] = self._confirmed
        # Called as an application, the library would also read the whole answer and make another one of it, only to add a header
        # to a 401: and behind this, nothing answers so.
        try:
            refusal = self._protocol.process_request(self._request(environ))
        except self._refusal as error:
            refusal = error
        except self._trouble as error:  # what keystonemiddleware passes on: no TLS with Keystone, a wrong password of ours
            LOG.critical("Unable to validate token: %s", error)
            refusal = self._unavailable
        if refusal is not None:
            answer: Iterable[bytes] = refusal(environ, start_response)
            return answer
        environ[CALLER] = RequestContext.from_environ(environ, overwrite=False)
        return self._application(environ, start_response)
