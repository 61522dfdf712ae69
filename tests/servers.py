"""Database servers for tests: started from the distribution's packages, in a folder of their own, gone afterwards.

They listen on a Unix socket in that folder only, so that any number of test runs can go on at once. They write without
waiting for the disk; what was committed outlives the end of a `durable` one all the same, however it ends. Should the test run be
killed, the kernel ends them with it.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bascule.store import migrate
from bascule.store.engine import Database

START_SECONDS = 60.0
STOP_SECONDS = 20.0


class NotInstalled(Exception):
    """The server's programs are not on this machine."""


class Server:
    """A running server. Hands out databases, each for one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names = (f"test_{number}" for number in itertools.count())
        self._template: str | None = None
        self._program: Program | None = None

    def stop(self, *, kill: bool) -> Callable[[], None]:
        """Stop it, in order or on the spot. Gives what starts it again."""
        if self._program is None:
            raise RuntimeError("the server is not running")
        self._program.end(self._program.stop if kill else self._program.in_order)
        return self._program.start

    @contextmanager
    def running(self, program: Program) -> Iterator[None]:
        """Have it run for a while."""
        self._program = program
        try:
            program.start()
            yield
        finally:
            program.end(program.stop)

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of a database without a table."""
        name = next(self._names)
        self.execute(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """The URL of a database with every table."""
        if self._template is None:
            self.execute("CREATE DATABASE template_bascule")
            self._template = "template_bascule"
            database = Database(self.url(self._template))
            migrate.upgrade(database)
            database.close()
        name = next(self._names)
        self.copy(self._template, name)
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    @property
    def socket(self) -> Path:
        raise NotImplementedError

    def url(self, name: str) -> str:
        raise NotImplementedError

    def execute(self, *statements: str) -> list[Any]:
        """Run statements outside any database; returns the rows of the last."""
        raise NotImplementedError

    def copy(self, template: str, name: str) -> None:
        raise NotImplementedError

    def drop(self, name: str) -> None:
        raise NotImplementedError


class PostgreSQL(Server):
    @property
    def socket(self) -> Path:
        return self.folder / ".s.PGSQL.5432"

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://bascule@/{name}?host={quote(str(self.folder), safe='')}"

    def execute(self, *statements: str) -> list[Any]:
        import psycopg

        with psycopg.connect(host=str(self.folder), user="bascule", dbname="postgres", autocommit=True) as conn:
            for statement in statements:
                cursor = conn.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def copy(self, template: str, name: str) -> None:
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")


class MariaDB(Server):
    @property
    def socket(self) -> Path:
        return self.folder / "socket"

    def url(self, name: str) -> str:
        return f"mysql+pymysql://root@localhost/{name}?unix_socket={quote(str(self.socket), safe='')}"

    def execute(self, *statements: str) -> list[Any]:
        import pymysql

        conn = pymysql.connect(unix_socket=str(self.socket), user="root", autocommit=True)
        try:
            with conn.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return list(cursor.fetchall())
        finally:
            conn.close()

    def copy(self, template: str, name: str) -> None:
        statements = [f"CREATE DATABASE {name}"]
        for (table,) in self.execute(f"SHOW TABLES FROM {template}"):
            statements.append(f"CREATE TABLE {name}.{table} LIKE {template}.{table}")
            statements.append(f"INSERT INTO {name}.{table} SELECT * FROM {template}.{table}")
        self.execute(*statements)

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name}")


@contextmanager
def postgresql(*, durable: bool = False) -> Iterator[PostgreSQL]:
    """A PostgreSQL server. Raises NotInstalled."""
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda home: float(home.parent.name))
    programs = [shutil.which(name, path=str(homes[-1]) if homes else None) for name in ("initdb", "postgres")]
    initdb, postgres = installed("PostgreSQL", "postgresql", *programs)
    with folder_of("postgres") as folder:
        data = str(folder / "data")
        run("postgres", [initdb, "-D", data, "-U", "bascule", "--auth=trust", "--encoding=UTF8", "--no-sync"], folder)
        settings = ("listen_addresses=", "fsync=off", "full_page_writes=off", f"synchronous_commit={'on' if durable else 'off'}")
        command = [postgres, "-D", data, "-k", str(folder), *(word for value in settings for word in ("-c", value))]
        server = PostgreSQL(folder)
        with server.running(Program("postgres", command, server, signal.SIGQUIT, signal.SIGINT)):
            yield server


@contextmanager
def mariadb(*, durable: bool = False) -> Iterator[MariaDB]:
    """A MariaDB server. Raises NotInstalled."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    programs = [shutil.which(name, path=path) for name in ("mariadb-install-db", "mariadbd")]
    install, mariadbd = installed("MariaDB", "mariadb-server", *programs)
    with folder_of("mysql") as folder:
        server = MariaDB(folder)
        data = f"--datadir={folder / 'data'}"
        run("mysql", [install, "--no-defaults", data, "--auth-root-authentication-method=normal"], folder)
        options = (f"--socket={server.socket}", "--skip-networking", "--debug-no-sync", "--innodb-doublewrite=0")
        with_memory = (f"--innodb-flush-log-at-trx-commit={2 if durable else 0}", "--innodb-buffer-pool-size=64M", "--skip-log-bin")
        command = [mariadbd, "--no-defaults", data, *options, *with_memory]
        with server.running(Program("mysql", command, server, signal.SIGKILL, signal.SIGTERM)):
            yield server


def installed(name: str, package: str, *programs: str | None) -> list[str]:
    """These programs, which are all there. Raises NotInstalled."""
    found = [program for program in programs if program]
    if len(found) < len(programs) or not shutil.which("setpriv"):
        raise NotInstalled(f"{name} IS NOT TESTED: its programs are not installed (Debian package {package})")
    return found


@contextmanager
def folder_of(user: str) -> Iterator[Path]:
    """A folder that belongs to the user who a server runs as. Gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=f"bascule-{user}-"))
    try:
        if os.geteuid() == 0:
            account = pwd.getpwnam(user)
            os.chown(folder, account.pw_uid, account.pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def as_user(user: str) -> list[str]:
    """Root starts a server as the package's own user, since servers refuse to run as root; others as themselves."""
    if os.geteuid() != 0:
        return ["setpriv"]
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]


def run(user: str, command: list[str], folder: Path) -> None:
    """Run a program that ends by itself."""
    done = subprocess.run(
        [*as_user(user), "--pdeathsig", "KILL", *command],
        cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=START_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


class Program:
    """The program of a server. `stop` is the signal that ends it at once, `in_order` the one that lets it finish."""

    def __init__(self, user: str, command: list[str], server: Server, stop: signal.Signals, in_order: signal.Signals) -> None:
        self.stop, self.in_order = stop, in_order
        self._command = [*as_user(user), "--pdeathsig", stop.name.removeprefix("SIG"), *command]
        self._server = server
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> None:
        """Start it, this time with these words, and wait until it answers. Raises RuntimeError."""
        log = self._server.folder / "log"
        # A session of its own: Ctrl-C is for the test run, which then stops its servers in order.
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*self._command, *more],
                cwd=self._server.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        _wait_until_answering(self._server, self._process, log)

    def end(self, number: signal.Signals) -> None:
        """End it by a signal, and wait until it has ended."""
        if self._process is None:
            return
        self._process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        self._process.kill()
        self._process.wait()


def _wait_until_answering(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            # PyMySQL would leave its own socket open when nobody listens yet.
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(server.socket))
            server.execute("SELECT 1")
            return
        except Exception as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server does not answer:\n{log.read_text(errors='replace')}") from error
            time.sleep(0.05)
