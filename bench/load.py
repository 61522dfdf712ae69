"""Sending requests: raw HTTP over connections that stay open, so that little time is spent on this side."""

from __future__ import annotations

import json
import math
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

HOST = "127.0.0.1"
CONNECTIONS = 4
"""How many connections a measurement uses at a time, and how many threads a server has to answer them."""


def encode(method: str, path: str, body: Any = None, token: str | None = None) -> bytes:
    """A request as it goes over the wire; `body` becomes JSON. `token` says who asks."""
    content = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n"
    if token is not None:
        head += f"X-Auth-Token: {token}\r\n"
    if content:
        head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return f"{head}\r\n".encode() + content


class Connection:
    """One connection to a server on this machine."""

    def __init__(self, port: int, address: str = HOST) -> None:
        self._socket = socket.create_connection((address, port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, raw: bytes) -> tuple[int, bytes]:
        """Send a request and wait for the answer: its status and its body."""
        self._socket.sendall(raw)
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._receive()
        head, parts = received[:end].lower(), [received[end + 4 :]]
        missing = _length(head) - len(parts[0])
        while missing > 0:
            parts.append(self._receive())
            missing -= len(parts[-1])
        return int(head[9:12]), b"".join(parts)

    def ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        """Send a request and give the answer, read as JSON. Raises RuntimeError when it is refused."""
        status, content = self.send(encode(method, path, body, token))
        if status >= 300:
            raise RuntimeError(f"{method} {path} was answered with {status}: {content.decode(errors='replace')}")
        return json.loads(content) if content else None

    def _receive(self) -> bytes:
        received = self._socket.recv(1 << 18)
        if not received:
            raise RuntimeError("the server closed the connection")
        return received


def _length(head: bytes) -> int:
    _, found, rest = head.partition(b"\r\ncontent-length:")
    if head[9:12] == b"204":
        return 0
    if not found:
        raise RuntimeError(f"the answer does not tell its length: {head.decode(errors='replace')}")
    return int(rest.split(b"\r\n", 1)[0])


@dataclass(frozen=True, slots=True)
class Driven:
    """How long each request took that was answered, shortest first, and how many seconds all of it took."""

    latencies: Sequence[float]
    seconds: float

    @property
    def requests(self) -> int:
        return len(self.latencies)


def drive(port: int, make: Callable[[], bytes], status: int, seconds: float, connections: int = CONNECTIONS) -> Driven:
    """Send requests for some seconds over several connections. Raises RuntimeError for an answer with another status."""
    began = time.perf_counter()
    deadline = began + seconds

    def keep_asking(_: int) -> list[float]:
        latencies = []
        with Connection(port) as connection:
            sent = time.perf_counter()
            while not latencies or sent < deadline:  # each at least once, however long it takes to connect
                found, content = connection.send(make())
                if found != status:
                    raise RuntimeError(f"answered with {found} instead of {status}: {content[:500]!r}")
                latencies.append((now := time.perf_counter()) - sent)
                sent = now
        return latencies

    with ThreadPoolExecutor(connections) as pool:
        latencies = sorted(each for some in pool.map(keep_asking, range(connections)) for each in some)
    return Driven(latencies, time.perf_counter() - began)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of the sorted values that this percentage of them does not exceed."""
    return values[max(math.ceil(len(values) * percent / 100), 1) - 1]
