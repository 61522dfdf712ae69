"""The backends that must keep the contract, one fixture parameter each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bascule.model.backend import Backend, Reads
from bascule.south.haproxy import HAProxyBackend
from bascule.south.memory import Device, MemoryBackend
from tests.haproxies import binary


@dataclass(frozen=True, slots=True)
class Subject:
    """A backend under test. `again` makes another object for the same data plane, as a process does that starts anew.

    `left` tells what is still there of any unit; nothing is falsy.
    """

    again: Callable[[], Backend]
    left: Callable[[], object]


def _memory(directory: Path) -> Subject:
    device = Device()
    return Subject(lambda: MemoryBackend(device), lambda: device.documents)


def _memory_pair(directory: Path) -> Subject:
    """Two carriers, and nothing known but what was applied."""
    device = Device()
    return Subject(lambda: MemoryBackend(device, carriers=("a", "b"), reads=Reads.RECORD), lambda: device.documents)


def _haproxy(kind: str) -> Callable[[Path], Subject]:
    def make(directory: Path) -> Subject:
        found = binary(kind)
        lane = directory / "haproxy"
        return Subject(
            lambda: HAProxyBackend(directory, found),
            lambda: [path for path in lane.iterdir() if path.is_dir()] if lane.exists() else [],
        )

    return make


# A new backend is one line here.
BACKENDS: dict[str, Callable[[Path], Subject]] = {
    "memory": _memory,
    "memory-pair": _memory_pair,
    "haproxy-system": _haproxy("system"),
    "haproxy-wheel": _haproxy("wheel"),
}


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.slow if "haproxy" in name else ()) for name in BACKENDS])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    return BACKENDS[request.param](tmp_path)
