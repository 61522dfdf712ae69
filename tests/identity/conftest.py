"""What tests of identity share: users with passwords, and what they see of a whole Bascule."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from bascule.cmd import http_basic, settings
from bascule.cmd.http_basic import Passwords, Users
from bascule.cmd.policy import PolicyAccess
from bascule.store.engine import Database
from tests.api.bascule import Bascule, Identity
from tests.identity.users import PASSWORD, USERS

HASH = http_basic.hashed(PASSWORD, cost=10)


def guarded(database: Database, folder: Path, users: Mapping[str, str] = USERS, policies: str | None = None) -> Bascule:
    """A Bascule with these users, and with a policy file where there are policies."""
    (folder / "htpasswd").write_text("".join(f"{name}:{HASH}:{projects}\n" for name, projects in users.items()))
    (folder / "bascule.conf").touch()
    if policies is not None:
        (folder / "policy.yaml").write_text(policies)
    conf = settings.read([str(folder / "bascule.conf")])
    identity = Identity(PolicyAccess(conf), partial(Passwords, users=Users(folder / "htpasswd")))
    return Bascule(database, folder / "certificates", identity=identity)


@pytest.fixture
def bascule(sqlite_database: Database, tmp_path: Path) -> Bascule:
    return guarded(sqlite_database, tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Bascule]:
    """One for all tests of a module, each of which makes load balancers of its own."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copyfile(migrated_file, folder / "bascule.db")
    database = Database(f"sqlite:///{folder / 'bascule.db'}")
    yield guarded(database, folder)
    database.close()
