"""What is counted besides passes: transactions that are tried again, and conversations with HAProxys."""

from __future__ import annotations

import socket
import sqlite3
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY

from bascule.core.metrics import Backlog
from bascule.model.backend import LaneSpec
from bascule.south.haproxy.runtime import ask
from bascule.store import lanes, units
from bascule.store.engine import Database
from tests.addresses import free_port


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_transaction_that_is_tried_again_is_counted(sqlite_database: Database) -> None:
    tries: list[int] = []

    def work(conn: sa.Connection) -> None:
        tries.append(1)
        if len(tries) < 3:
            busy = sqlite3.OperationalError("database is locked")
            busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise sa.exc.OperationalError("", {}, busy)

    before = value("bascule_database_retries_total")
    sqlite_database.write(work)
    assert (len(tries), value("bascule_database_retries_total") - before) == (3, 2)


def told(database: Database) -> dict[str, float]:
    return {sample.name: sample.value for metric in Backlog(database).collect() for sample in metric.samples}


def test_how_old_a_change_is_is_told_by_the_clock_of_the_database(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of the machine may be minutes off."""
    made = units.Unit(
        id="a", kind="load_balancer", key="a", lane_id="memory:0", backend="memory", due_at=4000.0, behind_since=4000.0
    )

    def write(conn: sa.Connection) -> None:
        lanes.ensure(conn, {"memory": [LaneSpec("memory:0")]})
        units.add(conn, made)

    sqlite_database.write(write)
    monkeypatch.setattr(sqlite_database, "clock", lambda: 4100.0)
    assert told(sqlite_database) == {"bascule_oldest_change_seconds": 100.0, "bascule_due_units": 1}
    monkeypatch.setattr(sqlite_database, "clock", lambda: 3900.0)
    assert told(sqlite_database) == {"bascule_oldest_change_seconds": 0.0, "bascule_due_units": 0}


def test_a_database_that_is_away_hides_no_other_metric() -> None:
    away = Database(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none")
    assert told(away) == {}
    away.close()


def test_conversations_with_haproxy_are_counted(tmp_path: Path) -> None:
    name = "bascule_haproxy_conversations_total"
    failed, answered = (value(name, socket="it.sock", outcome=outcome) for outcome in ("failed", "answered"))
    with pytest.raises(OSError, match="No such file"):
        ask(tmp_path, "show info", name="it.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "it.sock"))
        listener.listen()

        def answer() -> None:
            with listener.accept()[0] as connection:
                connection.recv(100)
                connection.sendall(b"well\n")

        answering = threading.Thread(target=answer)
        answering.start()
        assert ask(tmp_path, "show info", name="it.sock") == "well\n"
        answering.join()
    assert value(name, socket="it.sock", outcome="failed") == failed + 1
    assert value(name, socket="it.sock", outcome="answered") == answered + 1
