"""Waking up the loops of other processes on this machine, so that they need not wait for their next look.

A wake-up is an empty datagram on a Unix socket: it says that there may be something to do and nothing else. What there is
to do stands in the database, where every loop also looks by itself, so a lost wake-up costs a moment and nothing more.
"""

from __future__ import annotations

import os
import select
import socket
import uuid
from pathlib import Path

_DRAIN = 4096


class Sleeper:
    """Where one loop sleeps. Its socket lies in `directory`, which is made, for this user alone, if it is missing."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = directory / f"{os.getpid()}-{uuid.uuid4().hex[:8]}.sock"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(self.path))
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def wait(self, seconds: float) -> bool:
        """Sleep until woken up, or for `seconds`. Says whether somebody woke us up, now or since the last time."""
        ready = self._poll.poll(max(seconds, 0) * 1000)
        for _ in range(_DRAIN if ready else 0):
            try:
                self._socket.recv(1)
            except BlockingIOError:
                break
        return bool(ready)

    def wake(self) -> None:
        """End the present or the next `wait` of this sleeper. May be called from a signal handler."""
        _ring(self._socket, self.path)

    def close(self) -> None:
        """Take no more wake-ups."""
        self._socket.close()
        self.path.unlink(missing_ok=True)


class Waker:
    """Wakes every sleeper of a directory. May be called from several threads at once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def __call__(self) -> None:
        """Wake them. Never blocks, never fails; sockets that nobody listens on any more are removed."""
        for path in self._directory.glob("*.sock"):
            _ring(self._socket, path)

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()


def _ring(sender: socket.socket, path: Path) -> None:
    try:
        sender.sendto(b"", str(path))
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)
    except OSError:
        # Its queue is full, so it will wake up; or it went away this moment, or may not be ours: it looks by itself.
        pass
