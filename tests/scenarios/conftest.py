"""Worlds on a database of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bascule.store.engine import Database
from tests.scenarios.world import World

Build = Callable[..., World]


@pytest.fixture
def build(database_url: str, tmp_path: Path) -> Iterator[Build]:
    """Builds the world of a test, with arguments for its backend."""
    databases: list[Database] = []

    def make(**backend: Any) -> World:
        databases.append(Database(database_url))
        return World(databases[-1], tmp_path / "certificates", **backend)

    yield make
    for database in databases:
        database.close()


@pytest.fixture
def world(build: Build) -> World:
    return build()
