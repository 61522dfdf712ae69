"""Talks to a running HAProxy over the sockets in its directory."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client import Counter

from bascule.south.haproxy.quoting import escaped, log_format
from bascule.south.haproxy.render import STATS_SOCKET

_VARIABLE = "proc.bascule"
_SAID = f"get var {_VARIABLE}"
_VALUE = re.compile(rf"{re.escape(_VARIABLE)}: type=str value=<(.*)>")
MASTER_SOCKET = "master.sock"

_CONVERSATIONS = Counter(
    "bascule_haproxy_conversations", "Conversations with HAProxys over their sockets: answered or failed.", ["socket", "outcome"]
)

_PROMPT = b"\n> "

Ask = Callable[[str], str]
"""Gives one command to one certain worker, and returns its answer. Raises OSError when it does not answer."""


@contextlib.contextmanager
def _connected(directory: Path, name: str, timeout: float) -> Iterator[socket.socket]:
    """A connection to a socket, reached through an open directory: the path of a socket may have no more than 107 characters."""
    opened = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            connection.connect(f"/proc/self/fd/{opened}/{name}")
            yield connection
        _CONVERSATIONS.labels(name, "answered").inc()
    except OSError:
        _CONVERSATIONS.labels(name, "failed").inc()
        raise
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


@contextlib.contextmanager
def conversation(directory: Path, timeout: float) -> Iterator[Ask]:
    """Several commands to the same worker. Raises OSError when it does not answer, then and later."""
    with _connected(directory, STATS_SOCKET, timeout) as connection:

        def say(command: str) -> str:
            connection.sendall(f"{command}\n".encode())
            answer = b""
            while not answer.endswith(_PROMPT):
                part = connection.recv(65536)
                if not part:
                    raise OSError("HAProxy ended the conversation")
                answer += part
            return answer.removesuffix(_PROMPT).decode(errors="replace")

        say("prompt")
        yield say


def reachable(directory: Path) -> bool:
    """Whether somebody listens, however long the answer may take."""
    try:
        with _connected(directory, STATS_SOCKET, 1.0):
            return True
    except (TimeoutError, BlockingIOError):  # the latter where it let about ten of us wait already
        return True
    except OSError:
        return False


def running(directory: Path, timeout: float = 3.0) -> str | None:
    """What the HAProxy that runs says of itself: an instance document, if none else is meant. None if nobody answers."""
    try:
        return _said(ask(directory, _SAID, timeout))
    except OSError:
        return None


def identity(said: str) -> str:
    """The configuration that has HAProxy say this of itself once it is loaded."""
    return f"global\n    set-var-fmt {_VARIABLE} {log_format(said)}\n"


def say(ask: Ask, said: str) -> None:
    """Have the HAProxy that is asked say something else of itself. Raises OSError when it does not."""
    ask("experimental-mode on")
    ask(f"set var {_VARIABLE} fmt {escaped(said.replace('%', '%%'))}")
    if _said(ask(_SAID)) != said:
        raise OSError("HAProxy does not keep what it was told to say of itself")


def _said(answer: str) -> str | None:
    found = _VALUE.fullmatch(answer.strip())
    return found[1] if found else None
