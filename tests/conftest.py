"""What tests share: a database of their own for each, migrated, on every kind that is supported."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings

from bascule.store import dialects, migrate
from bascule.store.engine import Database
from tests import servers

T = TypeVar("T")

SYNCHRONOUS, dialects.SYNCHRONOUS = dialects.SYNCHRONOUS, "off"
"""What commits to SQLite wait for. In the tests' own process they wait for nothing, as with the servers of tests.servers."""

settings.register_profile("the same every time", derandomize=True)
settings.load_profile("the same every time")

SERVERS = tuple(pytest.param(kind, marks=pytest.mark.slow) for kind in ("postgresql", "mariadb"))
KINDS = ("sqlite", *SERVERS)
"""Kinds of databases. A test that is not for all of them parametrises `database_url` or `empty_url` indirectly."""


def or_skip(start: AbstractContextManager[T]) -> Iterator[T]:
    """What a fixture gives: a server that is started, where it is installed."""
    try:
        server = start.__enter__()
    except servers.NotInstalled as missing:
        pytest.skip(str(missing))
    yield server
    start.__exit__(None, None, None)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[servers.Server]:
    """A PostgreSQL server; one per test process."""
    yield from or_skip(servers.postgresql())


@pytest.fixture(scope="session")
def mariadb() -> Iterator[servers.Server]:
    """A MariaDB server; one per test process."""
    yield from or_skip(servers.mariadb())


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("template") / "bascule.db"
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    database.close()
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated_file: Path) -> str:
    """The URL of a migrated SQLite file."""
    path = tmp_path / "bascule.db"
    shutil.copyfile(migrated_file, path)
    return f"sqlite:///{path}"


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    """A migrated database in a SQLite file."""
    database = Database(sqlite_url)
    yield database
    database.close()


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a migrated database, of each kind in turn."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    with request.getfixturevalue(request.param).migrated() as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database, of each kind in turn."""
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture(params=KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without a table, of each kind in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    with request.getfixturevalue(request.param).empty() as url:
        yield url
