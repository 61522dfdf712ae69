"""Traffic counters: answers."""

from __future__ import annotations

from collections.abc import Iterable

from bascule.model.status import Statistics
from bascule.north.octavia_v2.schemas.common import Answer


class StatsAnswer(Answer, kw_only=True):
    """What has passed since the object was made. Bytes, connections, requests."""

    active_connections: int
    bytes_in: int
    bytes_out: int
    request_errors: int
    total_connections: int


class StatsBody(Answer, kw_only=True):
    """The counters of one object."""

    stats: StatsAnswer


def show(counted: Iterable[Statistics]) -> StatsBody:
    """The sum of some counters."""
    total = sum(counted, Statistics())
    return StatsBody(
        stats=StatsAnswer(
            active_connections=total.active_connections,
            bytes_in=total.bytes_in,
            bytes_out=total.bytes_out,
            request_errors=total.request_errors,
            total_connections=total.total_connections,
        )
    )
