"""Worlds with emulated BIG-IPs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from bascule.store.engine import Database
from tests.emulator.site import Box, box
from tests.scenarios.f5.site import F5World

Make = Callable[..., F5World]


@pytest.fixture
def make(sqlite_url: str, tmp_path: Path) -> Iterator[Make]:
    """Makes worlds with devices, all on one database but for one on a `copy` of it."""
    with ExitStack() as stack:

        def copied() -> str:
            """What is in the database by now, in another one."""
            with (
                closing(sqlite3.connect(tmp_path / "bascule.db")) as before,
                closing(sqlite3.connect(tmp_path / "copy.db")) as after,
            ):
                before.backup(after)
            return f"sqlite:///{tmp_path / 'copy.db'}"

        def made(*boxes: Box, copy: bool = False, **more: Any) -> F5World:
            database = Database(copied() if copy else sqlite_url)
            stack.callback(database.close)
            world = F5World(database, tmp_path, boxes, **more)
            stack.callback(world.close)
            return world

        yield made


@pytest.fixture
def device(request: pytest.FixtureRequest) -> Iterator[Box]:
    """A device whose time runs fast, but not so fast that a busy machine takes for a task what is not; or as fast as asked for."""
    with box(speed=getattr(request, "param", 20)) as made:
        yield made


@pytest.fixture
def bigip() -> Iterator[Box]:
    with box() as made:
        yield made


@pytest.fixture
def world(make: Make, device: Box) -> F5World:
    return make(device)
