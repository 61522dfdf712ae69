"""When something may be taken from whoever holds it."""

from __future__ import annotations

from collections.abc import Callable

from bascule.store.lanes import Held


class Silence:
    """Tells who has given no sign of life for a lease (seconds), on the taker's own clock: no two clocks are ever compared.

    `monotonic` is that clock.
    """

    def __init__(self, owner: str, lease: float, monotonic: Callable[[], float]) -> None:
        self._owner = owner
        self._lease = lease
        self._monotonic = monotonic
        self._watched: dict[str, tuple[str | None, int, int, float]] = {}

    def may_take(self, seen: Held) -> bool:
        """Whether something is free, left over from ourselves, or its holder has been silent for a lease."""
        if seen.owner in (None, self._owner):
            return True
        now = self._monotonic()
        state = (seen.owner, seen.fence, seen.beat)
        watched = self._watched.get(seen.id)
        if watched is None or watched[:3] != state:
            self._watched[seen.id] = (*state, now)
            return False
        return now - watched[3] >= self._lease
