from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from bascule.model.errors import Away
from bascule.store import dialects, engine
from bascule.store.engine import Database
from bascule.store.ready import Ready, together
from bascule.store.tables import lane, meta, tag, unit
from tests.conftest import SERVERS, SYNCHRONOUS
from tests.proxy import Link, Proxy
from tests.servers import Server
from tests.store.hammer import COUNTER, add_one, hammer, number, set_up

pytestmark = pytest.mark.slow

WAIT = 30.0


@contextmanager
def hammering(url: str, *, threads: int, count: int, hold: float) -> Iterator[subprocess.Popen[str]]:
    """Another process that writes; it has begun when this returns, and is killed at the end unless it has ended."""
    command = [sys.executable, "-m", "tests.store.hammer", url, str(threads), str(count), str(hold)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            yield process
        finally:
            process.kill()


@contextmanager
def writing(database: Database) -> Iterator[None]:
    """A write transaction that is under way meanwhile, and has already added one to the counter."""
    inside, leave = threading.Event(), threading.Event()

    def work(conn: sa.Connection) -> None:
        add_one(conn)
        inside.set()
        assert leave.wait(WAIT)

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(database.write, work)
        try:
            assert inside.wait(WAIT)
            yield
        finally:
            leave.set()
            future.result()


def read_number(database: Database) -> int:
    with database.read() as conn:
        return number(conn)


def test_no_update_is_lost_between_threads(database: Database) -> None:
    set_up(database)
    hammer(database, threads=8, count=500, hold=0.0005)
    assert read_number(database) == 500


def test_no_update_is_lost_between_processes(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    set_up(database)
    with hammering(sqlite_url, threads=4, count=250, hold=0.0005) as process:
        hammer(database, threads=4, count=250, hold=0.0005)
        assert process.wait(WAIT) == 0
    assert read_number(database) == 500
    database.close()


def test_sqlite_needs_no_guard(sqlite_database: Database) -> None:
    set_up(sqlite_database)

    def work(conn: sa.Connection) -> None:
        conn.execute(lane.update().where(COUNTER).values(fence=number(conn) + 1))

    def thread() -> None:
        for _ in range(40):
            sqlite_database.write(work)

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(thread) for _ in range(8)]:
            future.result()
    assert read_number(sqlite_database) == 320


def test_readers_never_wait_for_a_writer(database: Database) -> None:
    set_up(database)
    with writing(database):
        assert read_number(database) == 0
    assert read_number(database) == 1


def test_readers_find_a_connection_while_many_wait_to_write(sqlite_url: str) -> None:
    database = Database(sqlite_url, pool_size=2)
    set_up(database)
    with ThreadPoolExecutor(8) as pool:
        with writing(database):
            waiting = [pool.submit(database.write, add_one) for _ in range(8)]
            assert read_number(database) == 0
        for future in waiting:
            future.result()
    assert read_number(database) == 9
    database.close()


def test_a_reader_sees_one_snapshot(database: Database) -> None:
    set_up(database)
    with database.read() as conn:
        assert number(conn) == 0
        database.write(add_one)
        assert number(conn) == 0
    assert read_number(database) == 1


@pytest.mark.parametrize("database_url", SERVERS, indirect=True)
def test_a_writer_sees_what_others_have_committed(database: Database) -> None:
    set_up(database)

    def work(conn: sa.Connection) -> tuple[int, int]:
        before = number(conn)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(database.write, add_one).result()
        return before, number(conn)

    assert database.write(work) == (0, 1)


def test_a_reader_cannot_write_and_leaves_no_trace_in_the_pool(database: Database) -> None:
    set_up(database)
    with pytest.raises(sa.exc.DBAPIError), database.read() as conn:
        add_one(conn)
    database.write(add_one)
    assert read_number(database) == 1


def test_what_work_raises_rolls_everything_back(database: Database) -> None:
    set_up(database)

    def work(conn: sa.Connection) -> None:
        add_one(conn)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        database.write(work)
    assert read_number(database) == 0
    database.write(add_one)
    assert read_number(database) == 1


def test_write_returns_what_work_returns(database: Database) -> None:
    set_up(database)
    assert database.write(number) == 0


def test_a_deadlock_is_tried_again(database: Database) -> None:
    names = ("first", "second")
    database.write(lambda conn: conn.execute(meta.insert(), [{"name": name, "value": ""} for name in names]))
    arrived = {name: threading.Event() for name in names}

    def update(mine: str, other: str) -> None:
        def work(conn: sa.Connection) -> None:
            for name in (mine, other):
                conn.execute(meta.update().where(meta.c.name == name).values(value=meta.c.value + mine[0]))
                arrived[mine].set()
                arrived[other].wait(0.5)  # SQLite lets only one in.

        database.write(work)

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(update, *names), pool.submit(update, *reversed(names))]:
            future.result()
    with database.read() as conn:
        values = conn.scalars(sa.select(meta.c.value).where(meta.c.name.in_(names))).all()
    assert {"".join(sorted(value)) for value in values} == {"fs"}


def test_attempts_are_bounded(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PAUSE", 0.001)
    attempts = []

    def work(_conn: sa.Connection) -> None:
        attempts.append(1)
        cause = sqlite3.OperationalError("database is locked")
        cause.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise sa.exc.OperationalError("", {}, cause)

    with pytest.raises(Away, match="the database is busy: database is locked") as told:
        sqlite_database.write(work)
    assert not told.value.unsure
    assert len(attempts) == engine.ATTEMPTS


def test_other_errors_are_not_tried_again(database: Database) -> None:
    attempts = []

    def work(conn: sa.Connection) -> None:
        attempts.append(1)
        conn.execute(meta.insert(), {"name": "epoch", "value": "again"})

    with pytest.raises(sa.exc.IntegrityError):
        database.write(work)
    assert len(attempts) == 1


def test_a_write_inside_a_write_is_refused(sqlite_database: Database) -> None:
    set_up(sqlite_database)
    with pytest.raises(RuntimeError, match="inside another one"):
        sqlite_database.write(lambda _: sqlite_database.write(add_one))
    sqlite_database.write(add_one)
    assert read_number(sqlite_database) == 1


def test_a_process_killed_in_a_transaction_blocks_nobody(database: Database, database_url: str) -> None:
    set_up(database)
    with hammering(database_url, threads=1, count=1, hold=600.0) as process:
        process.kill()
        process.wait()
        database.write(add_one)
    assert read_number(database) == 1


def test_values_come_back_as_they_went(database: Database) -> None:
    values = {
        "id": "u", "kind": "k", "key": "clé 🔑", "project_id": "p", "lane_id": "l", "backend": "b", "generation": 1, "observed": 0,
        "replace": 0, "deleted": None, "gone_at": None, "asked": 2**40, "due_at": 1795256084.1234567, "behind_since": 1.5,
        "rank": 0, "attempts": 0, "resync": True, "checked_at": 0.1, "memo": "x" * 100_000, "accepted": None,
    }  # fmt: skip
    row = {"id": "l", "backend": "b", "tags": ["é", {"a": [1, 2.5, None, True]}], "owner": None, "fence": 1, "beat": 0}

    def work(conn: sa.Connection) -> None:
        conn.execute(unit.insert(), values)
        conn.execute(lane.insert(), row)

    database.write(work)
    with database.read() as conn:
        assert dict(conn.execute(sa.select(unit)).mappings().one()) == values
        assert dict(conn.execute(sa.select(lane)).mappings().one()) == row


def test_text_is_compared_exactly(database: Database) -> None:
    tags = ["blue", "Blue", "blue ", "bleu", "bléu", "🔑", "🔒"]
    rows = [{"object_id": "o", "tag": text, "load_balancer_id": "lb"} for text in tags]
    database.write(lambda conn: conn.execute(tag.insert(), rows))
    with database.read() as conn:
        assert conn.scalars(sa.select(tag.c.tag).where(tag.c.tag.in_(["blue", "🔑"]))).all() in (
            ["blue", "🔑"],
            ["🔑", "blue"],
        )


@pytest.mark.parametrize("database_url", SERVERS, indirect=True)
def test_a_value_that_does_not_fit_is_an_error(database: Database) -> None:
    with pytest.raises(sa.exc.DataError):
        database.write(lambda conn: conn.execute(meta.insert(), {"name": "n" * 33, "value": ""}))


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "with space" / "bascule.db"
    database = Database(f"sqlite:///{path}")
    database.write(lambda conn: conn.exec_driver_sql("CREATE TABLE t (n INTEGER)"))
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert set(modes) >= {"bascule.db", "bascule.db-wal", "bascule.db.turnstile", "bascule.db.writer"}
    assert set(modes.values()) == {0o600}
    database.close()


def test_a_commit_is_on_the_disk(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialects, "SYNCHRONOUS", SYNCHRONOUS)
    assert sqlite_database.write(lambda conn: conn.exec_driver_sql("PRAGMA synchronous").scalar()) == 2


def test_one_file_has_one_queue_by_whatever_name(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'real.db'}")
    (tmp_path / "alias.db").symlink_to("real.db")
    alias = Database(f"sqlite:///{tmp_path / 'alias.db'}")
    assert not list(tmp_path.glob("alias.db.*"))
    database.close()
    alias.close()


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("", "cannot be read"),
        ("bascule.db", "cannot be read"),
        ("oracle://host/name", "allowed are sqlite"),
        ("postgresql+psycopg2://host/name", "allowed are sqlite"),
        ("sqlite://", "is a file"),
        ("sqlite:///:memory:", "is a file"),
        ("sqlite:///file:x?mode=memory&uri=true", "is a file"),
    ],
)
def test_other_urls_are_refused(url: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Database(url)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, this is no database. " * 10)
    with pytest.raises(ValueError, match=r"letter\.txt cannot be used as a SQLite database"):
        Database(f"sqlite:///{path}")


KILL_MYSELF = {"postgresql": "SELECT pg_terminate_backend(pg_backend_pid())", "mysql": "KILL CONNECTION_ID()"}


@pytest.mark.parametrize("database_url", SERVERS, indirect=True)
def test_a_connection_lost_before_the_commit_is_tried_again(database: Database) -> None:
    set_up(database)
    attempts = []

    def work(conn: sa.Connection) -> None:
        add_one(conn)
        attempts.append(1)
        if len(attempts) < 3:
            conn.exec_driver_sql(KILL_MYSELF[database.dialect])
            conn.exec_driver_sql("SELECT 1")

    database.write(work)
    assert len(attempts) == 3
    assert read_number(database) == 1


@pytest.mark.parametrize("database_url", SERVERS, indirect=True)
def test_a_commit_of_which_nobody_knows_is_not_tried_again(
    request: pytest.FixtureRequest, database: Database, database_url: str
) -> None:
    set_up(database)
    server = request.getfixturevalue("postgresql" if database.dialect == "postgresql" else "mariadb")
    proxy = Proxy(server.socket)
    name = sa.make_url(database_url).database
    user = "root" if database.dialect == "mysql" else "bascule"
    distant = Database(f"{database_url.partition('://')[0]}://{user}@127.0.0.1:{proxy.port}/{name}")
    distant.write(add_one)
    attempts = []

    def work(conn: sa.Connection) -> None:
        add_one(conn)
        attempts.append(1)
        proxy.cut_on = b"COMMIT"

    with pytest.raises(Away, match="was lost in a commit") as told:
        distant.write(work)
    assert told.value.unsure
    assert len(attempts) == 1
    proxy.cut_on = None
    distant.write(add_one)
    assert read_number(database) == 2
    distant.close()
    proxy.close()


@pytest.mark.slow
def test_a_database_that_comes_back_in_time_is_waited_for(postgresql: Server) -> None:
    with postgresql.migrated() as url:
        near = Database(url)
        set_up(near)
        proxy = Proxy(postgresql.socket)
        proxy.set(Link.REFUSED)
        distant = Database(f"postgresql+psycopg://bascule@127.0.0.1:{proxy.port}/{sa.make_url(url).database}")
        with pytest.raises(Away, match="cannot be reached") as told, distant.read():
            pass
        assert not told.value.unsure
        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(distant.write, add_one)
            with pytest.raises(TimeoutError):
                writing.result(0.2)
            proxy.set(Link.WHOLE)
            writing.result(WAIT)
        assert read_number(near) == 1
        distant.close()
        near.close()
        proxy.close()


@pytest.mark.parametrize("database_url", SERVERS, indirect=True)
def test_what_somebody_has_locked_who_says_nothing_more_is_free_again(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialects, "_VANISHED", 1)
    silent, other = Database(database_url), Database(database_url)
    set_up(other)
    tries: list[int] = []

    def work(conn: sa.Connection) -> None:
        tries.append(1)
        add_one(conn)
        if len(tries) == 1:
            other.write(add_one)  # as if this process had been stopped: it waits until it is thrown out itself
            number(conn)

    silent.write(work)
    assert (len(tries), read_number(other)) == (2, 2)
    silent.close()
    other.close()


def test_everybody_goes_by_the_clock_of_the_server(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.read() as conn:
        conn.scalar(sa.select(1))
    real = time.time()
    if database.dialect != "sqlite":
        monkeypatch.setattr(time, "time", lambda: real + 3600)
    assert abs(database.clock() - real) < 60


def test_a_second_database_object_costs_the_first_no_lock(sqlite_url: str) -> None:
    """Otherwise the next process that closes the file would remove the log that the first one goes on writing to."""
    program = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT fence FROM lane').fetchone())"

    def seen_by_others() -> int:
        look = [sys.executable, "-c", program, sqlite_url.removeprefix("sqlite:///")]
        return int(subprocess.run(look, check=True, capture_output=True, text=True).stdout)

    first = Database(sqlite_url)
    set_up(first)
    with first.read() as conn:
        assert number(conn) == 0
        Database(sqlite_url).close()
        assert seen_by_others() == 0
    first.write(add_one)
    assert seen_by_others() == 1
    assert read_number(first) == 1
    first.close()


def test_what_goes_wrong_among_statements_that_are_sent_together_is_told(database: Database) -> None:
    add = Ready(tag.insert())

    def work(conn: sa.Connection) -> None:
        with together(conn):
            for each in ("a", "b", "a", "c"):
                add.run_many(conn, [{"object_id": "1", "tag": each, "load_balancer_id": "1"}])

    for _ in range(2):  # the second time on the same connection
        with pytest.raises(sa.exc.IntegrityError):
            database.write(work)
    with database.read() as conn:
        assert conn.execute(sa.select(tag)).all() == []
