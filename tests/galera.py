"""A MariaDB Galera cluster of two nodes for tests, from the distribution's packages. See `tests.servers`.

What the nodes say to each other goes over ports of the loopback interface; clients come by Unix sockets.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.addresses import free_ports
from tests.servers import START_SECONDS, MariaDB, Program, folder_of, installed, run

PROVIDER = Path("/usr/lib/galera/libgalera_smm.so")


class Node(MariaDB):
    """One node. Stopped and started again, it takes over what it has missed."""

    def __init__(self, folder: Path, mariadbd: str, *, weight: int) -> None:
        super().__init__(folder)
        self._mariadbd, self._weight = mariadbd, weight
        self._group_port, self._catch_up_port, self._copy_port = free_ports(3)

    @property
    def address(self) -> str:
        """Where the other nodes find it."""
        return f"127.0.0.1:{self._group_port}"

    def begin(self, cluster: Sequence[str], *, first: bool) -> None:
        """Start it for the first time: it makes a new cluster, or joins that of the others at these addresses."""
        provider = f"base_port={self._group_port};gmcast.listen_addr=tcp://{self.address};pc.weight={self._weight}"
        provider += f";gcache.size=32M;ist.recv_addr=127.0.0.1:{self._catch_up_port}"
        command = [
            self._mariadbd, "--no-defaults", f"--datadir={self.folder / 'data'}", f"--socket={self.socket}", "--skip-networking",
            "--binlog-format=ROW", "--innodb-autoinc-lock-mode=2", "--innodb-flush-log-at-trx-commit=0", "--debug-no-sync",
            "--innodb-doublewrite=0", "--innodb-buffer-pool-size=64M", "--wsrep-on=ON", f"--wsrep-provider={PROVIDER}",
            f"--wsrep-cluster-address=gcomm://{','.join(cluster)}", f"--wsrep-node-address={self.address}",
            "--wsrep-sst-method=rsync", f"--wsrep-sst-receive-address=127.0.0.1:{self._copy_port}",
            f"--wsrep-provider-options={provider}",
        ]  # fmt: skip
        self._program = Program("mysql", command, self, signal.SIGKILL, signal.SIGTERM)
        self._program.start(*(["--wsrep-new-cluster"] if first else []))
        self.wait()

    def wait(self) -> None:
        """Wait until it is part of the cluster."""
        deadline = time.monotonic() + START_SECONDS
        while self.status("wsrep_ready") != "ON":
            assert time.monotonic() < deadline, (self.folder / "log").read_text(errors="replace")
            time.sleep(0.1)

    def end(self) -> None:
        """Kill it, if it runs."""
        if self._program is not None:
            self._program.end(signal.SIGKILL)

    def status(self, name: str) -> str:
        """One of the server's own figures."""
        rows = self.execute(f"SHOW STATUS LIKE '{name}'")
        return str(rows[0][1]) if rows else ""


class Galera:
    """A cluster; `nodes` are its two nodes, which hold the same databases. The first goes on when the second one dies."""

    def __init__(self, nodes: tuple[Node, Node]) -> None:
        self.nodes = nodes

    @contextmanager
    def migrated(self) -> Iterator[tuple[str, str]]:
        """The URLs of a database with every table, on one node and on the other."""
        first, second = self.nodes
        with first.migrated() as url:
            name = url.rpartition("/")[2].partition("?")[0]
            yield url, second.url(name)


@contextmanager
def galera() -> Iterator[Galera]:
    """A cluster of two nodes. Raises NotInstalled."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    programs = [shutil.which(name, path=path) for name in ("mariadb-install-db", "mariadbd", "rsync")]
    install, mariadbd, _ = installed("Galera", "galera-4, rsync", *programs, str(PROVIDER) if PROVIDER.exists() else None)[:3]
    with ExitStack() as stack:
        first, second = (Node(stack.enter_context(folder_of("mysql")), mariadbd, weight=weight) for weight in (2, 1))
        for node in (first, second):
            stack.callback(node.end)
        data = f"--datadir={first.folder / 'data'}"
        run("mysql", [install, "--no-defaults", data, "--auth-root-authentication-method=normal"], first.folder)
        shutil.copytree(first.folder / "data", second.folder / "data")
        if os.geteuid() == 0:
            run("root", ["chown", "-R", "mysql:mysql", str(second.folder / "data")], second.folder)
        addresses = [first.address, second.address]
        first.begin(addresses, first=True)
        second.begin(addresses, first=False)
        yield Galera((first, second))
