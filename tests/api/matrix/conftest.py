"""What the tests of a module share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bascule.store.engine import Database
from tests.api.bascule import Bascule, Client


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Client]:
    """One for all tests of the module, each of which makes a load balancer of its own."""
    folder = tmp_path_factory.mktemp("matrix")
    shutil.copyfile(migrated_file, folder / "bascule.db")
    database = Database(f"sqlite:///{folder / 'bascule.db'}")
    bascule = Bascule(database, folder / "certificates")
    bascule.add_certificate("all.pem")
    yield Client(bascule)
    database.close()


@pytest.fixture
def lb(api: Client) -> str:
    load_balancer_id: str = api.load_balancer()["id"]
    return load_balancer_id
