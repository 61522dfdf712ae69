"""The device's time. It can run faster than the world's, so that what takes minutes on a device takes seconds in a test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Time on the device, in seconds. `speed` is how many of them pass in one of the world's."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._origin = time.time()
        self._started = time.monotonic()

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._origin + (time.monotonic() - self._started) * self.speed

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds / self.speed)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Whether the event happened within that time."""
        return event.wait(seconds / self.speed)

    def until(self, true: Callable[[], bool], seconds: float) -> bool:
        """Whether something became true within that time. It is looked at twenty times in the world's second, at least."""
        deadline = self.now() + seconds
        while not true():
            if self.now() >= deadline:
                return False
            time.sleep(min(0.05, 0.5 / self.speed))
        return True


def stamp(seconds: float) -> str:
    """A time as AS3 and the token service write it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
