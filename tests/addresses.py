"""Addresses and ports for tests that may run side by side: addresses of 127.0.0.0/8 that nobody else has now."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

_PORTS = (18070, 18080, 18090, 18443, 18444, 18445)


def own_address() -> str:
    """A loopback address of its own, with every port of the cases free."""
    chosen = random.SystemRandom()
    while True:
        address = f"127.{chosen.randint(16, 250)}.{chosen.randint(1, 250)}.{chosen.randint(1, 250)}"
        if all(_free(address, port) for port in _PORTS):
            return address


def free_port(address: str = "127.0.0.1") -> int:
    """A port that nobody listens on now."""
    with socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET) as server:
        port: int = server.getsockname()[1]
        return port


def free_ports(count: int) -> list[int]:
    """Several ports that nobody listens on now."""
    with ExitStack() as held:
        servers = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in servers]


def _free(address: str, port: int) -> bool:
    try:
        socket.create_server((address, port)).close()
    except OSError:
        return False
    return True
