"""Workers that are late, slow, cut off or have a wrong clock: lanes are held by one, and devices only move forwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from bascule.core.recorder import Recorder
from bascule.core.worker import Worker
from bascule.model.backend import Fence, Outcome, Plan, Target
from bascule.store.engine import Database
from tests.proxy import Link, Proxy
from tests.scenarios.conftest import Build
from tests.scenarios.world import World
from tests.servers import Server

LEASE = 1.0
TIME = 30.0


def wait_for(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + TIME
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def worker(world: World, *, ahead: float = 0.0, database: Database | None = None) -> Worker:
    """One more worker, on a machine whose clock is ahead by so many seconds. Its leases are those of real time."""
    clock = lambda: time.time() + ahead  # noqa: E731
    known = database or world.database
    return Worker(known, world.backends, world.passes, Recorder(known, clock=clock), lease=LEASE, clock=clock)


class Gate:
    """Holds the first write to the device up, until it is opened."""

    def __init__(self, world: World) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()
        self._first = True
        world.device.before_apply = self._pass

    def _pass(self) -> None:
        first, self._first = self._first, False
        if first:
            self.reached.set()
            assert self.opened.wait(TIME)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_clocks_that_are_minutes_off_hold_nothing_up(build: Build) -> None:
    world = build()
    world.clock.now = time.time()
    workers = [worker(world, ahead=seconds) for seconds in (-300.0, 0.0, 300.0)]
    tree = world.create()
    for number, each in enumerate(workers * 2):
        each.tick()
        assert world.status(tree.id) == "ACTIVE", number
        world.clock.now = time.time() + 600 * (number % 3 - 1)
        world.rename(tree.id, f"name {number}")


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_lease_is_renewed_while_a_long_write_runs(build: Build, threads: ThreadPoolExecutor) -> None:
    world = build()
    holder, other = worker(world, ahead=-300), worker(world, ahead=300)
    tree = world.create()
    gate = Gate(world)
    holding = threads.submit(holder.tick)
    assert gate.reached.wait(TIME)
    fence = world.device.fences.get("memory:0")
    until = time.monotonic() + 3 * LEASE
    while time.monotonic() < until:
        assert not other.tick()
        time.sleep(0.1)
    gate.opened.set()
    assert holding.result(TIME)
    assert world.status(tree.id) == "ACTIVE"
    assert fence is None
    assert world.device.fences["memory:0"].number == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_lanes_that_hang_are_in_nobodys_way(build: Build, threads: ThreadPoolExecutor) -> None:
    names = [f"memory:{number}" for number in range(8)]
    world = build(lanes=names)
    world.clock.now = time.time()
    opened, apply = threading.Event(), world.device.apply
    stuck: set[str] = set()

    def hanging(lane: str, fence: Fence, plans: tuple[Plan, ...]) -> Mapping[Target, Outcome]:
        if lane != names[-1]:
            stuck.add(lane)
            assert opened.wait(TIME)
        return apply(lane, fence, plans)

    world.device.apply = hanging  # type: ignore[method-assign]
    made = {world.unit(tree.id).lane_id: tree for tree in (world.create() for _ in names)}
    assert set(made) == set(names)
    every = worker(world)
    try:
        every.begin()
        wait_for(lambda: len(stuck) == len(names) - 1)
        for number in range(3):
            wait_for(lambda: world.status(made[names[-1]].id) == "ACTIVE")
            world.rename(made[names[-1]].id, f"name {number}")
            every.begin()
    finally:
        opened.set()
        every.stop()


@pytest.mark.slow
@pytest.mark.parametrize("link", [Link.REFUSED, Link.SILENT])
def test_a_worker_that_is_cut_off_from_the_database_does_not_move_a_device_backwards(
    postgresql: Server, tmp_path: Path, threads: ThreadPoolExecutor, link: Link
) -> None:
    with postgresql.migrated() as url:
        proxy = Proxy(postgresql.socket)
        near, distant = Database(url), Database(f"postgresql+psycopg://bascule@127.0.0.1:{proxy.port}/{sa.make_url(url).database}")
        world = World(near, tmp_path)
        world.clock.now = time.time()
        lonely, other = worker(world, database=distant), worker(world)
        tree = world.create()
        gate = Gate(world)
        holding = threads.submit(lonely.tick)
        assert gate.reached.wait(TIME)
        proxy.set(link)  # it is about to write the first form, and hears nothing more
        world.rename(tree.id, "newer")
        wait_for(lambda: other.tick() and world.status(tree.id) == "ACTIVE")
        newer = world.held(tree.id)
        gate.opened.set()
        time.sleep(0.5)
        assert world.held(tree.id) == newer
        proxy.set(Link.WHOLE)
        assert not holding.result(TIME)
        wait_for(lambda: not lonely.tick() and not other.tick())
        assert world.held(tree.id) == newer
        assert world.status(tree.id) == "ACTIVE"
        world.rename(tree.id, "newest")
        wait_for(lonely.tick)  # it serves again
        assert world.status(tree.id) == "ACTIVE"
        distant.close()
        near.close()
        proxy.close()
