"""Waking up the loops of other processes on this machine, so that they need not wait for their next look.

A wake-up is an empty datagram on a Unix socket: it says that there may be something to do and nothing else. What there
is to do stands in the database, where every loop also looks by itself, so a lost wake-up costs a moment and nothing more.
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
        self._folder = _open(directory)
        self._name = f"{os.getpid()}-{uuid.uuid4().hex[:8]}.sock"
        self._socket = _socket()
        self._socket.bind(_address(self._folder, self._name))
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
        """End the present or the next `wait` of this sleeper. May be called from another thread."""
        _ring(self._socket, self._folder, self._name)

    def close(self) -> None:
        """Take no more wake-ups."""
        self._socket.close()
        os.unlink(self._name, dir_fd=self._folder)
        os.close(self._folder)


class Waker:
    """Wakes every sleeper of a directory. May be called from several threads at once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._socket = _socket()

    def __call__(self) -> None:
        """Wake them. Never blocks, never fails; sockets that nobody listens on any more are removed."""
        try:
            folder = _open(self._directory)
        except OSError:
            return  # nobody has ever slept here
        try:
            for name in os.listdir(f"/proc/self/fd/{folder}"):
                _ring(self._socket, folder, name)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()


def _socket() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)


def _open(directory: Path) -> int:
    return os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _address(folder: int, name: str) -> str:
    """The path of a socket, by way of its open folder: the path of a Unix socket may have no more than 107 bytes."""
    return f"/proc/self/fd/{folder}/{name}"


def _ring(sender: socket.socket, folder: int, name: str) -> None:
    try:
        sender.sendto(b"", _address(folder, name))
    except ConnectionRefusedError:
        try:
            os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            pass  # somebody else saw it as well
    except OSError:
        # Its queue is full, so it will wake up; or it went away this moment: it looks by itself.
        pass
