"""The databases that Bascule is put to the test on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from tests.proxy import HOST, Target

KINDS = ("sqlite", "postgresql", "mariadb", "galera")


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """A database. Where a server keeps it, `address` is where that listens and `restart` ends it and starts it again.

    `restart` takes whether to kill it, and how many seconds it is away.
    """

    kind: str
    url: sa.URL
    address: Target | None = None
    restart: Callable[[bool, float], None] | None = None

    def through(self, port: int) -> sa.URL:
        """The URL of the same database by way of a link that listens on a port."""
        return self.url.set(host=HOST, port=port, query={})


@contextmanager
def sqlite(folder: Path) -> Iterator[DatabaseServer]:
    """A file."""
    yield DatabaseServer("sqlite", sa.URL.create("sqlite", database=str(folder / "bascule.sqlite")))
