from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bascule.south.haproxy import Binary
from tests.haproxies import haproxy
from tests.south.haproxy.site import Site

__all__ = ["haproxy"]


@pytest.fixture
def site(tmp_path: Path, haproxy: Binary) -> Iterator[Site]:
    with Site(tmp_path, haproxy) as found:
        yield found
