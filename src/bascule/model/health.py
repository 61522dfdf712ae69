"""How the devices of a lane are, apart from what they carry."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LaneState(StrEnum):
    """Whether a lane is fit for new load balancers. Others get them before one that is not READY."""

    READY = "ready"
    FILLING = "filling"
    """Its devices came back, or lost what they held, and all of it is being brought about anew."""
    AWAY = "away"
    """None of its devices is active, and has not been for longer than a failover takes."""


@dataclass(frozen=True, slots=True)
class DeviceSeen:
    """A device as it answered. `versions`: of what runs on it, in words. `problem` says why it did not answer, else it is empty."""

    name: str
    state: str = "unknown"
    """active, standby, offline, forced-offline or unknown."""
    versions: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """What the active device has to do: how busy its processors are, in percent over the last minute, and clients' connections."""

    cpu: float
    connections: int


@dataclass(frozen=True, slots=True)
class Health:
    """How the devices of a lane are. `away`: none of them has been active for longer than one takes to follow another.

    `load` is None where it was not asked for, or cannot be told.
    """

    devices: tuple[DeviceSeen, ...]
    away: bool = False
    load: Load | None = None
