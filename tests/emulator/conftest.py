from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.emulator.site import Box, box
from tests.haproxies import haproxy

__all__ = ["haproxy"]


@pytest.fixture
def bigip() -> Iterator[Box]:
    with box() as made:
        yield made


@pytest.fixture
def fast() -> Iterator[Box]:
    """A device whose time runs a hundred times as fast."""
    with box(speed=100) as made:
        yield made
