"""Who may ask: basic authentication, and tokens with a life and a limit to their number."""

from __future__ import annotations

import base64
import hmac
import secrets
import threading
from dataclasses import dataclass
from typing import Any

from bigip_emulator.clock import Clock, stamp
from bigip_emulator.web import Refused, Request, Response, Router, framework

LIFE = 1200
LONGEST_LIFE = 36000
TOKENS = 100
"""How many tokens a user may have at once."""

_PATH = "/mgmt/shared/authz/tokens"


@dataclass
class _Token:
    value: str
    user: str
    client: str
    started: float
    timeout: float

    def shown(self) -> dict[str, Any]:
        return {
            "token": self.value,
            "name": self.value,
            "userName": self.user,
            "authProviderName": "tmos",
            "user": {"link": f"https://localhost/mgmt/shared/authz/users/{self.user}"},
            "timeout": int(self.timeout),
            "startTime": stamp(self.started),
            "address": self.client,
            "partition": "[All]",
            "generation": 1,
            "lastUpdateMicros": int(self.started * 1e6),
            "expirationMicros": int((self.started + self.timeout) * 1e6),
            "kind": "shared:authz:tokens:authtokenitemstate",
            "selfLink": f"https://localhost{_PATH}/{self.value}",
        }


class Auth:
    """The users and their tokens. `users` maps names to passwords."""

    def __init__(self, clock: Clock, users: dict[str, str], limit: int = TOKENS) -> None:
        self._clock = clock
        self._users = users
        self._limit = limit
        self._tokens: dict[str, _Token] = {}
        self._lock = threading.Lock()

    def routes(self, router: Router) -> None:
        router.add("/mgmt/shared/authn/login", POST=self._login)
        router.add(_PATH, GET=self._list, DELETE=self._clear)
        router.add(_PATH + "/{value}", GET=self._get, PATCH=self._extend, DELETE=self._remove)

    def check(self, request: Request) -> str:
        """The user who asks. Raises Refused."""
        token = request.headers.get("x-f5-auth-token")
        if token is not None:
            with self._lock:
                self._expire()
                found = self._tokens.get(token)
            if found is None:
                raise Refused(401, framework("X-F5-Auth-Token does not exist.", 401))
            return found.user
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            raise Refused(401, framework("Authorization failed: no user authentication header or token detected.", 401))
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except ValueError:
            user = password = ""
        return self._known(user, password)

    def expire_all(self) -> None:
        """End every token now."""
        with self._lock:
            self._tokens.clear()

    def _known(self, user: str, password: str) -> str:
        expected = self._users.get(user, secrets.token_hex())
        if not hmac.compare_digest(expected.encode(), password.encode()):
            raise Refused(401, framework("Authentication failed.", 401))
        return user

    def _expire(self) -> None:
        now = self._clock.now()
        self._tokens = {value: token for value, token in self._tokens.items() if token.started + token.timeout > now}

    def _login(self, request: Request) -> Response:
        body = request.fields()
        user, password = body.get("username"), body.get("password")
        if not isinstance(user, str) or not isinstance(password, str):
            raise Refused(400, framework("username and password must not be null", 400))
        self._known(user, password)
        with self._lock:
            self._expire()
            if sum(token.user == user for token in self._tokens.values()) >= self._limit:
                raise Refused(
                    400, framework(f"user {user} has reached maximum active login tokens. Delete some of the tokens", 400)
                )
            token = _Token(secrets.token_hex(13).upper(), user, request.client, self._clock.now(), LIFE)
            self._tokens[token.value] = token
        return Response(
            200,
            {
                "username": user,
                "loginReference": {"link": "https://localhost/mgmt/cm/system/authn/providers/local/login"},
                "loginProviderName": body.get("loginProviderName", "tmos"),
                "token": token.shown(),
                "generation": 0,
                "lastUpdateMicros": 0,
            },
        )

    def _list(self, _request: Request) -> Response:
        with self._lock:
            self._expire()
            items = [token.shown() for token in self._tokens.values()]
        link = f"https://localhost{_PATH}"
        return Response(
            200, {"items": items, "generation": 1, "kind": "shared:authz:tokens:authtokencollectionstate", "selfLink": link}
        )

    def _find(self, value: str) -> _Token:
        self._expire()
        found = self._tokens.get(value)
        if found is None:
            raise Refused(404, framework(f"Token {value[:4]}... does not exist", 404))
        return found

    def _get(self, _request: Request, value: str) -> Response:
        with self._lock:
            return Response(200, self._find(value).shown())

    def _extend(self, request: Request, value: str) -> Response:
        timeout = request.fields().get("timeout")
        if isinstance(timeout, bool) or not isinstance(timeout, int | str) or not str(timeout).isdecimal():
            raise Refused(400, framework("timeout has to be a number of seconds", 400))
        if not 0 < int(timeout) <= LONGEST_LIFE:
            raise Refused(400, framework(f"Token timeout must be between 1 and {LONGEST_LIFE} seconds", 400))
        with self._lock:
            token = self._find(value)
            token.timeout = float(timeout)
            return Response(200, token.shown())

    def _remove(self, _request: Request, value: str) -> Response:
        with self._lock:
            found = self._find(value)
            del self._tokens[found.value]
        return Response(200, {"token": "", "kind": "shared:authz:tokens:authtokenitemstate"})

    def _clear(self, _request: Request) -> Response:
        self.expire_all()
        return Response(200, {"items": []})
