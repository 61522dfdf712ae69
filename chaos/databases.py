"""The databases that Bascule is put to the test on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from tests import servers
from tests.galera import galera as cluster
from tests.proxy import HOST


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """A database. Where servers keep it, `addresses` are where they listen; all hold the same.

    `stop` stops a server, in order or, where it is told so, on the spot, and gives what starts it again.
    """

    kind: str
    url: sa.URL
    addresses: Sequence[Path] = ()
    stop: Callable[[bool], Callable[[], None]] | None = None

    def through(self, port: int) -> sa.URL:
        """The URL of the same database by way of a link that listens on a port."""
        return self.url.set(host=HOST, port=port, query={})


@contextmanager
def sqlite(folder: Path) -> Iterator[DatabaseServer]:
    """A file."""
    yield DatabaseServer("sqlite", sa.URL.create("sqlite", database=str(folder / "bascule.sqlite")))


@contextmanager
def postgresql(_folder: Path) -> Iterator[DatabaseServer]:
    """A PostgreSQL server. Raises NotInstalled."""
    with servers.postgresql(durable=True) as server, server.empty() as url:
        yield _on(server, "postgresql", url)


@contextmanager
def mariadb(_folder: Path) -> Iterator[DatabaseServer]:
    """A MariaDB server. Raises NotInstalled."""
    with servers.mariadb(durable=True) as server, server.empty() as url:
        yield _on(server, "mariadb", url)


@contextmanager
def galera(_folder: Path) -> Iterator[DatabaseServer]:
    """A cluster of two nodes, both of which are written to. The second one is the one that is stopped. Raises NotInstalled."""
    with cluster() as made, made.nodes[0].empty() as url:
        first, second = made.nodes

        def stop(kill: bool) -> Callable[[], None]:
            start = second.stop(kill=kill)

            def again() -> None:
                start()
                second.wait()

            return again

        yield DatabaseServer("galera", sa.make_url(url), (first.socket, second.socket), stop)


def _on(server: servers.Server, kind: str, url: str) -> DatabaseServer:
    return DatabaseServer(kind, sa.make_url(url), (server.socket,), lambda kill: server.stop(kill=kill))


OPENED: Mapping[str, Callable[[Path], AbstractContextManager[DatabaseServer]]] = {
    "sqlite": sqlite,
    "postgresql": postgresql,
    "mariadb": mariadb,
    "galera": galera,
}
"""How a database of each kind is made. What lies in a file lies in the folder."""
