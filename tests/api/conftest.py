"""What the conversations share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bascule.store.engine import Database
from tests.api.bascule import Bascule, Client


@pytest.fixture
def bascule(sqlite_database: Database, tmp_path: Path) -> Bascule:
    return Bascule(sqlite_database, tmp_path / "certificates")


@pytest.fixture
def api(bascule: Bascule) -> Client:
    return Client(bascule)


@pytest.fixture
def load_balancer(api: Client) -> dict[str, Any]:
    return api.load_balancer(name="lb")


@pytest.fixture
def listener(api: Client, load_balancer: dict[str, Any]) -> dict[str, Any]:
    return api.listener(load_balancer["id"], name="listener")


@pytest.fixture
def pool(api: Client, listener: dict[str, Any]) -> dict[str, Any]:
    return api.pool(listener_id=listener["id"], name="pool")
