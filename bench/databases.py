"""Databases for measurements, of each kind: with a number of standard load balancers in them, and copies of these."""

from __future__ import annotations

import itertools
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from bascule.store import migrate
from bascule.store.engine import Database
from bench import seed
from tests import servers


class Databases:
    """Databases of one kind. `empty` gives the URL of a new one, `copy` that of a copy of one that nobody uses."""

    def __init__(self, name: str, empty: Callable[[], str], copy: Callable[[str], str]) -> None:
        self.name = name
        self._empty = empty
        self._copy = copy
        self._filled: dict[int, str] = {}

    def holding(self, count: int) -> str:
        """The URL of a database of the caller's own with `count` standard load balancers, all ACTIVE."""
        if count not in self._filled:
            self._filled[count] = self._empty()
            database = Database(self._filled[count])
            migrate.upgrade(database)
            seed.fill(database, count)
            database.close()
        return self._copy(self._filled[count])


def sqlite(folder: Path) -> Databases:
    """SQLite files in a folder."""
    numbers = itertools.count()

    def empty() -> str:
        return f"sqlite:///{folder}/{next(numbers)}.sqlite"

    def copy(url: str) -> str:
        made = empty()
        shutil.copyfile(url.removeprefix("sqlite:///"), made.removeprefix("sqlite:///"))
        return made

    return Databases("SQLite", empty, copy)


@contextmanager
def postgresql() -> Iterator[Databases]:
    """Databases of a PostgreSQL server, which is started for them. Raises tests.servers.NotInstalled."""
    with servers.postgresql() as server:
        yield on_server(server)


def on_server(server: servers.PostgreSQL) -> Databases:
    """Databases of a PostgreSQL server that runs."""

    def name() -> str:
        return f"bench_{uuid.uuid4().hex}"

    def empty() -> str:
        made = name()
        server.execute(f"CREATE DATABASE {made}")
        return server.url(made)

    def copy(url: str) -> str:
        made = name()
        server.copy(str(sa.make_url(url).database), made)
        return server.url(made)

    return Databases("PostgreSQL", empty, copy)
