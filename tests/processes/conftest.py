"""What tests of processes share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from bascule.cmd.demo.children import haproxys
from tests.processes.running import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A place to run Bascule in, with the in-memory provider and without a database."""
    return Site(tmp_path)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Site]:
    """A place with the HAProxy provider. Whatever HAProxy is left at the end is killed."""
    site = Site(tmp_path, "haproxy")
    yield site
    for process in haproxys(site.state):
        os.kill(process, signal.SIGKILL)
