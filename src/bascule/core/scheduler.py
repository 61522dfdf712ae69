"""Where a new load balancer goes."""

from __future__ import annotations

import hashlib

from bascule.model.backend import Backend


def place(backend: Backend, load_balancer_id: str) -> str:
    """The lane that carries a new load balancer: spread evenly over the backend's lanes, the same for the same id."""
    return max(
        (lane.id for lane in backend.lanes()),
        key=lambda lane_id: hashlib.sha256(f"{lane_id}/{load_balancer_id}".encode()).digest(),
    )
