"""Talks to a running HAProxy over the sockets in its directory."""

from __future__ import annotations

import contextlib
import csv
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from bascule.south.haproxy.render import STATS_SOCKET


@contextlib.contextmanager
def _connected(directory: Path, name: str, timeout: float) -> Iterator[socket.socket]:
    """A connection to a socket, reached through an open directory: the path of a socket may have no more than 107 characters."""
    opened = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            connection.connect(f"/proc/self/fd/{opened}/{name}")
            yield connection
    finally:
        os.close(opened)


def ask(directory: Path, command: str, timeout: float = 3.0, *, name: str = STATS_SOCKET) -> str:
    """The answer to one command. `timeout` is in seconds, for each wait. Raises OSError when nobody answers."""
    with _connected(directory, name, timeout) as connection:
        connection.sendall(f"{command}\n".encode())
        connection.shutdown(socket.SHUT_WR)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
        return b"".join(parts).decode(errors="replace")


def reachable(directory: Path) -> bool:
    """Whether somebody listens, however long the answer may take."""
    try:
        with _connected(directory, STATS_SOCKET, 1.0):
            return True
    except TimeoutError:
        return True
    except OSError:
        return False


def running(directory: Path, timeout: float = 3.0) -> str | None:
    """What the HAProxy that runs says of itself: the instance document it was loaded with. None if nobody answers."""
    try:
        answer = ask(directory, "show info", timeout)
    except OSError:
        return None
    for line in answer.splitlines():
        label, _, value = line.partition(": ")
        if label == "description":
            return next(csv.reader([value]), [""])[0]
    return None
