"""Turns at writing a SQLite file: a lock that is fair, between threads and between processes.

SQLite lets one transaction write at a time. Those who wait for it poll, so whoever comes back at once wins again and
again. Here they queue, in two steps: take the turnstile, take the writer's lock, let go of the turnstile. Only one
waits for the writer's lock at any time, and who has just written must pass the turnstile anew, behind all who wait
there.

Both locks are `flock` locks on empty files beside the database. The kernel lets go of them when a process dies.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def _locked(path: str) -> Iterator[None]:
    """Hold the lock of this file. Every call opens it anew: threads that shared one opening would share the lock."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Closing alone is not enough: a process forked meanwhile holds the same opening of the file.
            fcntl.flock(file, fcntl.LOCK_UN)
    finally:
        os.close(file)


class Turns:
    """Turns at writing one database file, handed out in the order of asking."""

    def __init__(self, database_path: str) -> None:
        self._turnstile = f"{database_path}.turnstile"
        self._writer = f"{database_path}.writer"
        self._mine = threading.local()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn and hold it. Raises RuntimeError if the thread already has one: it would wait for itself."""
        if getattr(self._mine, "held", False):
            raise RuntimeError("a write transaction was started inside another one")
        with ExitStack() as held:
            with _locked(self._turnstile):
                held.enter_context(_locked(self._writer))
            self._mine.held = True
            try:
                yield
            finally:
                self._mine.held = False
