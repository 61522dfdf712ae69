"""Who may write: one operation at a time, with a queue in front of it when burst handling is on."""

from __future__ import annotations

import threading
from collections import deque

from bigip_emulator.clock import Clock

QUEUE = 10
BUSY = "Error: Configuration operation in progress on device localhost, please try again in 2 minutes"
FULL = "Error: Too many configuration operations are in progress on the device. Please try again later"


class Busy(Exception):
    """Somebody else writes."""


class Full(Exception):
    """The queue has no more room."""


class Writer:
    """The lock on writing, and the queue of those who wait for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._running: object | None = None
        self._waiting: deque[object] = deque()
        self._foreign_until = 0.0

    def hold(self, seconds: float) -> None:
        """Behave for a while as if somebody else had the lock."""
        self._foreign_until = self._clock.now() + seconds

    def forget(self) -> None:
        """Let go of everything, as a restart does."""
        with self._changed:
            self._running = None
            self._waiting.clear()
            self._foreign_until = 0.0
            self._changed.notify_all()

    def enter(self, operation: object, burst: bool) -> bool:
        """Get the lock; returns False when it was waited for in vain, because of a restart. Raises Busy or Full."""
        with self._changed:
            if self._clock.now() < self._foreign_until:
                raise Busy
            if self._running is None and not self._waiting:
                self._running = operation
                return True
            if not burst:
                raise Busy
            if len(self._waiting) >= QUEUE:
                raise Full
            self._waiting.append(operation)
            while self._running is not None or self._waiting[0] is not operation:
                self._changed.wait()
                if operation not in self._waiting:
                    return False
            self._waiting.popleft()
            self._running = operation
            return True

    def leave(self, operation: object) -> None:
        with self._changed:
            if self._running is operation:
                self._running = None
                self._changed.notify_all()
