"""Housekeeping forgets what is long past, in small pieces, and any number may do it at once."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from bascule.core.housekeeping import Housekeeping, Intervals
from bascule.store import observed, units
from bascule.store.engine import Database
from bascule.store.observed import Event
from bascule.store.tables import event, unit
from bascule.store.units import Rank, Unit
from tests.scenarios.world import World, bare

pytestmark = pytest.mark.slow

DAY = 86400.0
HOUSEKEEPERS = 4


def housekeeper(world: World, at_once: int = 100) -> Housekeeping:
    intervals = Intervals(deleted_kept=7 * DAY, events_kept=90 * DAY, counters=0.0, at_once=at_once)
    return Housekeeping(world.database, world.new_library(), intervals, clock=world.clock)


def bury(world: World, count: int, days: float) -> None:
    """Load balancers that have been gone for so many days, with two events each."""
    gone_at = world.clock() - days * DAY
    names = [f"gone-{days:.0f}-{number}" for number in range(count)]
    gone = Unit(id="", kind="load_balancer", key="", lane_id="memory:0", backend="memory", gone_at=gone_at, rank=4, deleted=1)
    rows = [dataclasses.asdict(dataclasses.replace(gone, id=name, key=name)) for name in names]
    told = [Event(name, gone_at, 1, "load_balancer", name, text) for name in names for text in ("created", "deleted")]

    def work(conn: sa.Connection) -> None:
        conn.execute(unit.insert(), rows)
        observed.add_events(conn, told)

    world.database.write(work)


def tell(world: World, load_balancer_id: str, days: float, count: int = 1) -> None:
    """Write down events that happened so many days ago."""
    at = world.clock() - days * DAY
    events = [Event(load_balancer_id, at, 1, "load_balancer", load_balancer_id, f"{days:.0f} days") for _ in range(count)]
    world.database.write(lambda conn: observed.add_events(conn, events))


def count(world: World, table: sa.Table) -> int:
    with world.database.read() as conn:
        return conn.scalar(sa.select(sa.func.count()).select_from(table)) or 0


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    sent: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    for engine in database.engines:
        sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        for engine in database.engines:
            sa.event.remove(engine, "before_cursor_execute", note)


def test_old_events_of_what_is_there_are_forgotten(world: World) -> None:
    tell(world, "somebody", days=100, count=30)
    tree = world.create()
    world.tick()
    before = count(world, event) - 30
    tell(world, tree.id, days=89)
    keep = housekeeper(world, at_once=20)
    assert keep.tick(), "there is more to forget"
    assert count(world, event) == before + 11
    assert not keep.tick()
    assert count(world, event) == before + 1


def test_an_idle_round_sends_the_same_however_much_there_is(world: World) -> None:
    keep = housekeeper(world)
    keep.tick()
    with statements(world.database) as few:
        assert not keep.tick()
    for _ in range(5):
        world.create()
    world.tick()
    bury(world, 300, days=1)
    with statements(world.database) as many:
        assert not keep.tick()
    assert len(many) == len(few)
    assert count(world, unit) == 305


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_made_at_once_is_compared_at_an_even_pace(world: World) -> None:
    for _ in range(25):
        world.create(bare())
    world.settle()
    keep = Housekeeping(world.database, world.new_library(), Intervals(drift=3600, rounds=720, at_once=1), clock=world.clock)
    compared = []
    world.clock.now += 3601
    for _ in range(5):
        keep.tick()
        with world.database.read() as conn:
            compared.append(conn.scalar(sa.select(sa.func.count()).where(unit.c.rank == int(Rank.DRIFT))))
        world.worker.tick()
        world.clock.now += 720
    assert compared == [6, 6, 6, 6, 1]


def test_what_is_gone_is_not_looked_at_for_drift(world: World) -> None:
    """Tombstones would otherwise be passed over by every round for as long as they are kept."""
    tree = world.create()
    world.tick()
    world.delete(tree.id)
    world.settle()
    with world.database.read() as conn:
        (buried,) = units.load(conn, [tree.id]).values()
    assert buried.gone_at is not None
    assert buried.checked_at is None


def test_any_number_of_housekeepers_keep_house_side_by_side(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """While others create, change and delete, nobody is in anybody's way."""
    caplog.set_level(logging.ERROR)
    tell(world, "somebody", days=100, count=200)
    bury(world, 200, days=8)
    bury(world, 30, days=6)
    together = threading.Barrier(HOUSEKEEPERS + 1)
    finished = threading.Event()
    trouble: list[BaseException] = []

    def guarded(work: Any) -> None:
        try:
            together.wait()
            work()
        except BaseException as error:
            trouble.append(error)
            raise

    def keep_house() -> None:
        keep = housekeeper(world, at_once=10)
        while keep.tick() or not finished.is_set():
            pass

    def use() -> None:
        try:
            for _ in range(5):
                tree = world.create()
                world.worker.tick()
                world.delete(tree.id)
                world.worker.tick()
            kept.append(world.create())
            world.worker.tick()
        finally:
            finished.set()

    kept: list[Any] = []
    works = [use, *[keep_house] * HOUSEKEEPERS]
    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not trouble
    assert [record.getMessage() for record in caplog.records] == []
    world.settle()
    while housekeeper(world, at_once=10).tick():
        pass
    assert count(world, unit) == 30 + 5 + 1, "what was deleted less than a week ago is kept"
    assert world.status(kept[0].id) == "ACTIVE"
    with world.database.read() as conn:
        assert conn.scalar(sa.select(sa.func.min(event.c.at))) == world.clock() - 6 * DAY
