"""What a request costs: CPU time and requests per second, beside the floor."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bascule.store.engine import Database
from bench import processes, seed, sites
from bench.databases import Databases
from bench.load import drive, percentile
from bench.sites import Server
from bench.workloads import Workload, all_of, filtered, present
from tests.identity import keystone


@dataclass(frozen=True, slots=True)
class Effort:
    """How many load balancers there are, how often each request is measured, and for how many seconds each time.

    `many` is how many there are where lists are filtered.
    """

    load_balancers: int = 1000
    many: int = 10_000
    rounds: int = 5
    seconds: float = 1.2
    warm_up: float = 0.3


@dataclass(slots=True)
class Cost:
    """The best round: CPU time per request in milliseconds, requests per second, and milliseconds that a client waits."""

    cpu_ms: float = float("inf")
    per_second: float = 0.0
    p50_ms: float = float("inf")
    p99_ms: float = float("inf")


@dataclass(frozen=True, slots=True)
class Compared:
    """One kind of request on Bascule and on the floor."""

    workload: Workload
    bascule: Cost
    floor: Cost

    @property
    def times_floor(self) -> float:
        return self.bascule.cpu_ms / self.floor.cpu_ms


def measure(databases: Databases, effort: Effort, say: Callable[[str], None]) -> list[Compared]:
    """Measure every workload on databases of one kind.

    Both servers run side by side and are asked in turn, so that a noisy machine disturbs both. The CPU time is that of the whole
    process tree of the server, user and system, without the database server's; the least of all rounds counts.
    """
    ours, bare = _filled(databases, effort.load_balancers, say)
    with sites.api(ours) as bascule, sites.floor(bare) as floor:
        return _compare(bascule, floor, all_of(present(bascule.port), effort.load_balancers), effort, say)


def measure_filters(databases: Databases, effort: Effort, say: Callable[[str], None]) -> list[Compared]:
    """Measure filtered lists among many load balancers."""
    ours, bare = _filled(databases, effort.many, say)
    for url in (ours, bare):
        database = Database(url)
        seed.mark(database)
        database.close()
    with sites.api(ours) as bascule, sites.floor(bare) as floor:
        return _compare(bascule, floor, filtered(), effort, say)


def measure_keystone(databases: Databases, effort: Effort, say: Callable[[str], None]) -> list[Compared]:
    """Measure every workload where callers have tokens of Keystone, which both sides have checked by the same library."""
    ours, bare = _filled(databases, effort.load_balancers, say)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bascule-bench-"))
        cloud = stack.enter_context(keystone.running(Path(folder)))
        bascule = stack.enter_context(sites.api(ours, cloud))
        floor = stack.enter_context(sites.floor(bare, cloud))
        there = present(bascule.port, cloud.token)
        return _compare(bascule, floor, all_of(there, effort.load_balancers, cloud.token), effort, say)


def _filled(databases: Databases, count: int, say: Callable[[str], None]) -> tuple[str, str]:
    say(f"{databases.name}: filling databases with {count} load balancers")
    return databases.holding(count), databases.holding(count)


def _compare(
    bascule: Server, floor: Server, workloads: Iterable[Workload], effort: Effort, say: Callable[[str], None]
) -> list[Compared]:
    found = [Compared(each, Cost(), Cost()) for each in workloads]
    for each in found:
        say(each.workload.name)
        make_ours, make_bare = each.workload.requests(), each.workload.requests()
        for server, make in ((bascule, make_ours), (floor, make_bare)):
            drive(server.port, make, each.workload.status, effort.warm_up, each.workload.clients)
        for _ in range(effort.rounds):
            _one_round(bascule, make_ours, each.workload, effort.seconds, each.bascule)
            _one_round(floor, make_bare, each.workload, effort.seconds, each.floor)
    return found


def _one_round(server: Server, make: Callable[[], bytes], workload: Workload, seconds: float, best: Cost) -> None:
    before = processes.cpu_seconds(server.pid)
    driven = drive(server.port, make, workload.status, seconds, workload.clients)
    used = processes.cpu_seconds(server.pid) - before
    best.cpu_ms = min(best.cpu_ms, used * 1000 / driven.requests)
    best.per_second = max(best.per_second, driven.requests / driven.seconds)
    best.p50_ms = min(best.p50_ms, percentile(driven.latencies, 50) * 1000)
    best.p99_ms = min(best.p99_ms, percentile(driven.latencies, 99) * 1000)
