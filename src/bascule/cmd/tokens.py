"""Tokens that Keystone has confirmed, kept in this process for as long as keystonemiddleware wants it.

What the library does by itself where no memcached is configured is deprecated: it looks through all that it keeps in every request,
and threads that are at work at a time each ask Keystone for the same token.
"""

from __future__ import annotations

import math
import threading
import time

_now = time.monotonic

MOST = 10_000
"""How many are kept; then the oldest go."""


class Confirmed:
    """A cache, as the library wants one. May be shared by threads."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, bytes]] = {}
        self._writing = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """What is kept under a key; None if nothing is, or no more."""
        until, data = self._kept.get(key, (-math.inf, b""))
        return data if _now() < until else None

    def set(self, key: str, value: bytes, time: int = 0) -> None:
        """Keep something for some seconds, for ever where they are 0. All of one cache are kept for as long."""
        with self._writing:
            self._kept.pop(key, None)
            self._kept[key] = (math.inf if time == 0 else _now() + time, value)
            # The first one is the one that was kept first, and goes first.
            while len(self._kept) > MOST or self._first_until() <= _now():
                del self._kept[next(iter(self._kept))]

    def _first_until(self) -> float:
        return next(iter(self._kept.values()), (math.inf, b""))[0]
