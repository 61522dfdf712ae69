"""A session with one device: who asks, what is repeated, and how long anything may take."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from bascule.clients.bigip.errors import LoginRefused, Unreachable, Untrusted
from bascule.clients.bigip.login import Credentials, Login
from bascule.clients.bigip.wire import Answer, Trust, Wire

TIMEOUT = 60.0
"""How long a request may take, in seconds, unless it is told otherwise. The device itself gives up after as long."""
ATTEMPTS = 3
PATIENCE = 6.0
"""After this many seconds nothing is begun again."""

_DICE = random.SystemRandom()


class Device:
    """One BIG-IP. Threads may share it.

    What only reads is repeated after pauses when no answer came or the device was busy, and so is anything that was never sent. A
    write that was sent is not: whether it was carried out is for the caller to find out.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        trust: Trust | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: float = 0.3,
    ) -> None:
        """`clock` tells when tokens end; `pause` is the measure of the pauses before something is asked again, in seconds.

        Raises ValueError and OSError as `Wire` does.
        """
        self._pause = pause
        self.url = url
        self._wire = Wire(url, trust or Trust())
        self._login = Login(self._wire, credentials, clock)

    @property
    def name(self) -> str:
        """Host and port, for texts."""
        return self._wire.name

    def get(self, path: str, *, timeout: float = TIMEOUT, attempts: int = ATTEMPTS) -> Answer:
        return self.request("GET", path, timeout=timeout, attempts=attempts)

    def post(self, path: str, body: Any, *, timeout: float = TIMEOUT) -> Answer:
        return self.request("POST", path, body, timeout=timeout)

    def patch(self, path: str, body: Any, *, timeout: float = TIMEOUT) -> Answer:
        return self.request("PATCH", path, body, timeout=timeout)

    def put(self, path: str, body: Any, *, timeout: float = TIMEOUT) -> Answer:
        return self.request("PUT", path, body, timeout=timeout)

    def delete(self, path: str, *, timeout: float = TIMEOUT) -> Answer:
        return self.request("DELETE", path, timeout=timeout)

    def request(self, method: str, path: str, body: Any = None, *, timeout: float = TIMEOUT, attempts: int = ATTEMPTS) -> Answer:
        """What the device answers, whatever its status. Raises Unreachable, OutcomeUnknown, LoginRefused, Busy.

        `path` begins with /mgmt/ and may hold a query. Busy is raised when the device did not even let us log in; a request that is
        answered with 503 comes back as its answer.
        """
        began = time.monotonic()
        for attempt in range(1, attempts + 1):
            last = attempt == attempts or time.monotonic() - began > PATIENCE
            try:
                answer = self._asked(method, path, body, timeout)
                if last or method != "GET" or not answer.busy:
                    return answer
            except Unreachable as problem:
                if last or isinstance(problem, Untrusted):
                    raise
            time.sleep(self._pause * 2**attempt * _DICE.uniform(0.5, 1.5))
        raise AssertionError("the last attempt answers or raises")

    def close(self) -> None:
        """Give the token back and end the connections."""
        self._login.end()
        self._wire.close()

    def _asked(self, method: str, path: str, body: Any, timeout: float) -> Answer:
        for _ in range(2):
            headers = self._login.headers()
            answer = self._wire.send(method, path, body, headers, timeout)
            if answer.status != 401:
                return answer
            # The device looks at who asks before it does anything, so a write may be sent again.
            if not self._login.forget(headers):
                break
        raise LoginRefused(self.name, f"{method} was refused: {answer.words()} (HTTP 401)")
