"""The device's time. It can run faster than the world's, so that what takes minutes on a device takes seconds in a test."""

from __future__ import annotations

import threading
import time
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


def stamp(seconds: float) -> str:
    """A time as AS3 and the token service write it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
