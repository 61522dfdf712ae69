"""HTTP for the demo: straight to the address, whatever proxies the environment names."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from bascule.cmd.demo import DemoFailed

BALANCERS = "/v2/lbaas/loadbalancers"
"""Where the API has its load balancers."""

TIMEOUT = 10.0
"""Seconds that an answer may take."""


class Api:
    """Bascule's API."""

    def __init__(self, port: int) -> None:
        self._port = port

    def get(self, path: str) -> Any:
        """The answer to a GET, decoded. Raises DemoFailed unless it is 200."""
        return self.call("GET", path, 200)

    def call(self, method: str, path: str, expected: int, body: bytes | None = None) -> Any:
        """The answer to a request, decoded; None where it has no body. Raises DemoFailed for another status."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise DemoFailed(f"Bascule's API does not answer: {error}") from error
        finally:
            connection.close()
        if answer.status != expected:
            raise DemoFailed(f"{method} {path} was answered with {answer.status}: {content.decode(errors='replace')}")
        return json.loads(content) if content else None

    def is_up(self) -> bool:
        """Whether the API answers."""
        try:
            self.get("/")
        except DemoFailed:
            return False
        return True


def fetch(address: str, port: int, path: str = "/") -> tuple[int, str, str]:
    """Status, name of the server that answered, and where a redirect leads to. A new connection every time."""
    connection = http.client.HTTPConnection(address, port, timeout=TIMEOUT)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("X-Served-By", ""), answer.getheader("Location", "")
    except (OSError, http.client.HTTPException) as error:
        raise DemoFailed(f"no answer from http://{address}:{port}{path}: {error}") from error
    finally:
        connection.close()


def answers(address: str, port: int) -> bool:
    """Whether a request is answered well."""
    try:
        return fetch(address, port)[0] == 200
    except DemoFailed:
        return False


def count(address: str, port: int, requests: int, names: Sequence[str]) -> dict[str, int]:
    """How many of so many requests each server answered. Raises DemoFailed if one was not answered well."""
    counted: Counter[str] = Counter()
    for _ in range(requests):
        status, name, _ = fetch(address, port)
        if status != 200 or name not in names:
            raise DemoFailed(f"http://{address}:{port}/ answered with {status}, from {name or 'none of the servers'}")
        counted[name] += 1
    return {name: counted[name] for name in names}
