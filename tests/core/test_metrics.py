"""What is counted besides passes: transactions that are tried again, and conversations with HAProxys."""

from __future__ import annotations

import socket
import sqlite3
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY

from bascule.south.haproxy.runtime import ask
from bascule.store.engine import Database


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
