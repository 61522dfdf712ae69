"""A process that writes: `hammer.py URL THREADS COUNT HOLD`.

Its threads together add one to `fence` of the lane `counter`, COUNT times, each time in a transaction that reads the
number, waits HOLD seconds and writes the number that follows. Prints a line when the first of them has begun.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from bascule.store.engine import Database
from bascule.store.tables import lane

COUNTER = lane.c.id == "counter"


def set_up(database: Database) -> None:
    row = {"id": "counter", "backend": "none", "tags": [], "owner": None, "fence": 0, "beat": 0}
    database.write(lambda conn: conn.execute(lane.insert(), row))


def number(conn: sa.Connection) -> int:
    return conn.scalars(sa.select(lane.c.fence).where(COUNTER)).one()


def add_one(conn: sa.Connection, hold: float = 0.0) -> None:
    # The row that guards what follows is written first: that is where others wait.
    conn.execute(lane.update().where(COUNTER).values(beat=lane.c.beat + 1))
    found = number(conn)
    time.sleep(hold)
    conn.execute(lane.update().where(COUNTER).values(fence=found + 1))


def hammer(database: Database, threads: int, count: int, hold: float, begun: threading.Event | None = None) -> None:
    turns = itertools.count()

    def work(conn: sa.Connection) -> None:
        if begun:
            begun.set()
        add_one(conn, hold)

    def thread() -> None:
        while next(turns) < count:
            database.write(work)

    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(thread) for _ in range(threads)]:
            future.result()


def main(url: str, threads: str, count: str, hold: str) -> None:
    database = Database(url)
    begun = threading.Event()

    def tell() -> None:
        begun.wait()
        print("begun", flush=True)

    teller = threading.Thread(target=tell)
    teller.start()
    hammer(database, int(threads), int(count), float(hold), begun)
    teller.join()
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
