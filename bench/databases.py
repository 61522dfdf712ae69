"""Databases for measurements, of each kind: with a number of standard load balancers in them, and copies of these."""

from __future__ import annotations

import itertools
import re
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

Counting = Callable[[str], Callable[[], int]]
"""Has the statements to a database (URL) counted on connections that are made from now on. Gives what tells how many there were."""


class Databases:
    """Databases of one kind. `empty` gives the URL of a new one, `copy` that of a copy of one that nobody uses.

    `counting` is None where nobody but the client sees the statements.
    """

    def __init__(self, name: str, empty: Callable[[], str], copy: Callable[[str], str], counting: Counting | None = None) -> None:
        self.name = name
        self.counting = counting
        self._empty = empty
        self._copy = copy
        self._filled: dict[int, str] = {}

    @property
    def is_server(self) -> bool:
        """Whether a server of its own holds them."""
        return self.counting is not None

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

    def counting(url: str) -> Callable[[], int]:
        server.execute(f"ALTER DATABASE {sa.make_url(url).database} SET log_statement = 'all'")
        return lambda: len(re.findall(r"LOG:  (?:statement|execute)", (server.folder / "log").read_text(errors="replace")))

    return Databases("PostgreSQL", empty, copy, counting)
