"""Who asks: a token, which is renewed before it ends and given back at the end, or the password with every request."""

from __future__ import annotations

import base64
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bascule.clients.bigip.errors import Busy, DeviceError, LoginRefused, OutcomeUnknown, Unreachable
from bascule.clients.bigip.wire import Answer, Wire
from bascule.model.secrets import Secret

LOGIN = "/mgmt/shared/authn/login"
TOKENS = "/mgmt/shared/authz/tokens"

LIFE = 1200.0
"""For how long a token is asked for, from now, in seconds: what the device itself gives. A process that dies leaves its token
behind for no longer than that, and a user may have only 100."""
LONGEST = 36000.0
"""No token lives longer than this after its login."""
MARGIN = 300.0
"""A token that ends sooner than this is renewed before it is used. No request takes so long."""
PAUSE = 30.0
"""How long no login is tried after one was refused: devices lock users out who try too often."""

_TIMEOUT = 30.0
_TOO_MANY = "maximum active login tokens"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user of the device. `basic`: send the password with every request, and use no tokens."""

    username: str
    password: Secret
    basic: bool = False

    def headers(self) -> dict[str, str]:
        pair = self.username.encode() + b":" + self.password.reveal()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


@dataclass(frozen=True, slots=True)
class _Token:
    value: Secret
    began: float
    """When the login was asked for, on our clock; the device counts from a little later."""
    life: float
    """How long after that it ends."""

    def headers(self) -> dict[str, str]:
        return {"X-F5-Auth-Token": self.value.reveal().decode()}

    def path(self) -> str:
        return f"{TOKENS}/{self.value.reveal().decode()}"


class Login:
    """One user at one device. Threads may share it."""

    def __init__(self, wire: Wire, credentials: Credentials, clock: Callable[[], float] = time.monotonic) -> None:
        self._wire = wire
        self._credentials = credentials
        self._clock = clock
        self._lock = threading.Lock()
        self._token: _Token | None = None
        self._without_until = float("-inf")
        """Until when the password is sent instead, because the user has too many tokens."""
        self._refused: tuple[float, str] | None = None
        """When the last login was refused, and why."""

    def headers(self) -> dict[str, str]:
        """What shows who asks. Logs in or renews where needed. Raises LoginRefused, Unreachable, Busy."""
        if self._credentials.basic:
            return self._credentials.headers()
        with self._lock:
            if self._token is not None and self._ends_soon(self._token):
                self._token = self._renewed(self._token)
            if self._token is None and self._clock() >= self._without_until:
                self._token = self._logged_in()
            return self._token.headers() if self._token else self._credentials.headers()

    def forget(self, headers: Mapping[str, str]) -> bool:
        """The device did not accept these headers. True when others may be: the token had ended before its time."""
        with self._lock:
            if self._token is not None and self._token.headers() == headers:
                self._token = None
        return "X-F5-Auth-Token" in headers

    def end(self) -> None:
        """Give our token back. Others of the same user stay."""
        with self._lock:
            token, self._token = self._token, None
        if token is not None:
            self._give_back(token)

    def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
        try:
            return self._wire.send(method, path, body, headers, _TIMEOUT)
        except OutcomeUnknown as problem:
            # Of a login without an answer nothing is left but a token that ends by itself; the request it was for was not sent.
            raise Unreachable(problem.device, problem.text) from None

    def _ends_soon(self, token: _Token) -> bool:
        return self._clock() > token.began + token.life - MARGIN

    def _renewed(self, token: _Token) -> _Token | None:
        """The token with a longer life; None when there has to be a new one."""
        now = self._clock()
        # Counted from the login. A device that counts from now gives more, which does no harm.
        life = now - token.began + LIFE
        if life <= LONGEST:
            answer = self._send("PATCH", token.path(), {"timeout": int(life)}, token.headers())
            if answer.status == 200:
                return _Token(token.value, token.began, life)
        else:
            self._give_back(token)
        return None

    def _give_back(self, token: _Token) -> None:
        try:
            self._send("DELETE", token.path(), None, token.headers())
        except DeviceError as problem:
            _LOG.info("a token could not be given back and will end by itself: %s", problem)

    def _logged_in(self) -> _Token | None:
        """A new token; None when the user has too many."""
        began = self._clock()
        if self._refused is not None and began < self._refused[0] + PAUSE:
            raise LoginRefused(self._wire.name, self._refused[1])
        body = {
            "username": self._credentials.username,
            "password": self._credentials.password.reveal().decode(),
            "loginProviderName": "tmos",
        }
        answer = self._send("POST", LOGIN, body, {})
        if answer.status == 200 and (token := _token_in(answer.body, began)) is not None:
            self._refused = None
            return token
        if answer.status == 400 and _TOO_MANY in answer.text:
            self._without_until = began + PAUSE
            _LOG.warning(
                "%s: user %s has too many tokens. They are other processes' or people's and end by themselves, so none is deleted; "
                "until then the password is sent with every request",
                self._wire.name, self._credentials.username,
            )  # fmt: skip
            return None
        raise self._refusal(answer, began)

    def _refusal(self, answer: Answer, began: float) -> DeviceError:
        if answer.busy or answer.status >= 500:
            return Busy(self._wire.name, answer.words())
        text = f"the login of user {self._credentials.username} was refused: {answer.words()} (HTTP {answer.status})"
        self._refused = (began, text)
        return LoginRefused(self._wire.name, text)


def _token_in(body: object, began: float) -> _Token | None:
    shown = body.get("token") if isinstance(body, dict) else None
    if not isinstance(shown, dict) or not isinstance(shown.get("token"), str):
        return None
    timeout = shown.get("timeout")
    life = float(timeout) if isinstance(timeout, int | float) else LIFE
    return _Token(Secret(shown["token"].encode()), began, life)
