"""What tests of processes share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes.running import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A place to run Bascule in, with the in-memory provider and without a database."""
    return Site(tmp_path)
