"""Two nodes of Galera, with those who write on both: what is written on one is known on the other, and nothing is given twice."""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from bascule.core.quotas import Quotas
from bascule.core.reader import Reader
from bascule.core.subnets import Subnets
from bascule.core.writer import Writer
from bascule.model.backend import LaneSpec
from bascule.model.errors import QuotaMet, Refused
from bascule.model.objects import Kind
from bascule.store import lanes, placement, quotas
from bascule.store.engine import Database
from bascule.store.tables import claim, load_balancer, meta, unit
from tests import galera
from tests.conftest import or_skip
from tests.galera import Galera
from tests.scenarios.world import ORIGIN, PROJECT, SUBNET, World, bare, standard
from tests.store.hammer import add_one, number, set_up

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PLACES = ("memory:0", "memory:1", "memory:2")
MOST = 12


@pytest.fixture(scope="module")
def cluster() -> Iterator[Galera]:
    yield from or_skip(galera.galera())


@pytest.fixture
def nodes(cluster: Galera) -> Iterator[tuple[Database, Database]]:
    with cluster.migrated() as urls:
        here, there = (Database(url, pool_size=16) for url in urls)
        yield here, there
        here.close()
        there.close()


@pytest.fixture
def worlds(nodes: tuple[Database, Database], tmp_path: Path) -> list[World]:
    """Everything but doors, once on each node, with one data plane."""
    specs = [LaneSpec(name, max_load_balancers=MOST) for name in PLACES]
    made = [World(database, tmp_path, lanes=specs) for database in nodes]
    made[1].device = made[0].device
    made[1].restart()
    return made


def all_at_once(*work: Callable[[], object]) -> list[object]:
    """Run all of it at the same time."""
    start = threading.Barrier(len(work))

    def run(each: Callable[[], object]) -> object:
        start.wait()
        return each()

    with ThreadPoolExecutor(len(work)) as pool:
        return [future.result() for future in [pool.submit(run, each) for each in work]]


def test_what_was_written_on_one_node_is_there_on_the_other(nodes: tuple[Database, Database]) -> None:
    here, there = nodes
    took = []
    for each in range(100):
        name = f"name-{each}"
        here.write(lambda conn, name=name: conn.execute(meta.insert().values(name=name, value="0")))  # type: ignore[misc]
        before = time.perf_counter()
        with there.read() as conn:
            assert conn.scalar(sa.select(meta.c.value).where(meta.c.name == name)) == "0"
        took.append(time.perf_counter() - before)
        change = meta.update().where(meta.c.name == name).values(value="1")
        assert there.write(lambda conn, change=change: conn.execute(change).rowcount) == 1  # type: ignore[misc]
        with here.read() as conn:
            assert conn.scalar(sa.select(meta.c.value).where(meta.c.name == name)) == "1"
    print(f"reading on the other node right after the commit: {statistics.median(took) * 1000:.2f} ms")


def test_no_update_is_lost_between_nodes(nodes: tuple[Database, Database]) -> None:
    set_up(nodes[0])

    def some(database: Database) -> None:
        for _ in range(50):
            database.write(add_one)

    all_at_once(*(lambda database=database: some(database) for database in nodes for _ in range(2)))  # type: ignore[misc]
    for database in nodes:
        with database.read() as conn:
            assert number(conn) == 200


def test_nothing_is_given_twice(worlds: list[World]) -> None:
    """Addresses and places of load balancers, to those who create on both nodes at a time."""
    small = replace(SUBNET, first="10.9.0.10", last="10.9.0.45")
    writers = [Writer(world.database, world.backends, Subnets([small])) for world in worlds]

    def create(writer: Writer) -> str:
        try:
            return str(writer.create(bare(), origin=ORIGIN).tree.load_balancer.vip.address)
        except Refused:
            return ""

    def some(writer: Writer) -> Sequence[str]:
        return [create(writer) for _ in range(12)]

    given = all_at_once(*(lambda writer=writer: some(writer) for writer in writers for _ in range(2)))  # type: ignore[misc]
    addresses = [each for some_given in given for each in some_given if each]  # type: ignore[attr-defined]
    assert len(addresses) == len(set(addresses)) == min(36, MOST * len(PLACES))
    for world in worlds:
        with world.database.read() as conn:
            assert set(conn.scalars(sa.select(claim.c.name))) == set(addresses)
            counted = Counter(conn.scalars(sa.select(unit.c.lane_id)))
            assert max(counted.values()) <= MOST
            assert placement.wrong(conn) == []


def test_no_project_gets_more_than_it_may_have(worlds: list[World]) -> None:
    Quotas(worlds[0].database, {}).limit(PROJECT, {Kind.LOAD_BALANCER: 10})

    def create(world: World) -> int:
        made = 0
        for _ in range(6):
            with contextlib.suppress(QuotaMet):
                world.writer.create(bare(), origin=ORIGIN)
                made += 1
        return made

    assert sum(all_at_once(*(lambda world=world: create(world) for world in worlds for _ in range(2)))) == 10  # type: ignore[arg-type, misc]
    for world in worlds:
        with world.database.read() as conn:
            assert quotas.one(conn, PROJECT).used[Kind.LOAD_BALANCER] == 10
            assert conn.scalar(sa.select(sa.func.count()).select_from(load_balancer)) == 10


def test_one_address_goes_to_one(worlds: list[World]) -> None:
    def create(world: World) -> bool:
        wanted = bare()
        balancer = replace(wanted.load_balancer, vip=replace(wanted.load_balancer.vip, address="10.9.7.7"))
        try:
            world.create(wanted.put(balancer))
        except Refused:
            return False
        return True

    assert sorted(all_at_once(*(lambda world=world: create(world) for world in worlds for _ in range(3)))) == [False] * 5 + [True]  # type: ignore[misc]


def test_edits_of_one_load_balancer_on_both_nodes_all_stand(worlds: list[World]) -> None:
    made = worlds[0].create()

    def edit(world: World) -> None:
        for _ in range(10):
            world.rename(made.id, f"name-{time.perf_counter_ns()}")

    all_at_once(*(lambda world=world: edit(world) for world in worlds for _ in range(2)))  # type: ignore[misc]
    assert worlds[0].unit(made.id).generation == worlds[1].unit(made.id).generation == 41


def test_whoever_reads_waits_for_what_the_node_has_not_taken_over_yet(worlds: list[World]) -> None:
    """A GET right after a POST on the other node, however far behind this one is."""
    made = worlds[0].create()
    reader = Reader(worlds[1].database)
    assert reader.one(Kind.LOAD_BALANCER, made.id) is not None
    with worlds[1].database.engines[1].connect() as behind, ThreadPoolExecutor(1) as pool:
        behind.exec_driver_sql("FLUSH TABLES WITH READ LOCK")
        worlds[0].rename(made.id, "newer")
        reading = pool.submit(reader.one, Kind.LOAD_BALANCER, made.id)
        with pytest.raises(TimeoutError):
            reading.result(0.5)
        behind.exec_driver_sql("UNLOCK TABLES")
        seen = reading.result(30)
    assert seen is not None
    assert seen.row.name == "newer"


def test_a_lane_is_taken_by_one(worlds: list[World]) -> None:
    for _ in range(20):
        with worlds[0].database.read() as conn:
            seen = lanes.get(conn, PLACES[0])

        def take(world: World, seen: lanes.Lane = seen) -> lanes.Lease | None:
            return world.database.write(lambda conn: lanes.take(conn, seen, f"worker {id(world)}"))

        leases = [lease for lease in all_at_once(*(lambda world=world: take(world) for world in worlds)) if lease]  # type: ignore[misc]
        assert len(leases) == 1
        (lease,) = leases
        assert isinstance(lease, lanes.Lease)
        worlds[1].database.write(lambda conn, lease=lease: lanes.hold(conn, lease, release=True))  # type: ignore[misc]


def test_workers_and_writers_on_both_nodes_come_to_rest(worlds: list[World]) -> None:
    done = threading.Event()

    def work(world: World) -> None:
        while not done.is_set():
            world.worker.tick()

    def write(world: World) -> None:
        for _ in range(5):
            made = world.create(standard())
            world.rename(made.id, "renamed")
        world.delete(made.id)

    def all_writing() -> None:
        try:
            all_at_once(*(lambda world=world: write(world) for world in worlds))  # type: ignore[misc]
        finally:
            done.set()

    all_at_once(all_writing, *(lambda world=world: work(world) for world in worlds))  # type: ignore[misc]
    worlds[0].settle()
    for world in worlds:
        with world.database.read() as conn:
            assert set(conn.scalars(sa.select(load_balancer.c.provisioning_status))) == {"ACTIVE", "DELETED"}
            assert (
                conn.scalar(sa.select(sa.func.count()).where(unit.c.gone_at.is_(None), unit.c.observed == unit.c.generation)) == 8
            )


def test_a_node_that_comes_back_knows_what_it_missed(cluster: Galera, nodes: tuple[Database, Database]) -> None:
    here, there = nodes
    set_up(here)
    start_again = cluster.nodes[1].stop(kill=True)
    here.write(add_one)
    start_again()
    cluster.nodes[1].wait()
    here.write(add_one)
    with there.read() as conn:
        assert number(conn) == 2
    there.write(add_one)
    with here.read() as conn:
        assert number(conn) == 3
