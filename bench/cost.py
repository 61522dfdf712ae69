"""What a request costs: CPU time and requests per second, beside the floor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench import processes, sites
from bench.databases import Databases
from bench.load import drive
from bench.sites import Server
from bench.workloads import Workload, all_of, present


@dataclass(frozen=True, slots=True)
class Effort:
    """How many load balancers there are, how often each request is measured, and for how many seconds each time."""

    load_balancers: int = 1000
    rounds: int = 5
    seconds: float = 1.2
    warm_up: float = 0.3


@dataclass(slots=True)
class Cost:
    """The best round: CPU time per request in milliseconds, and requests per second."""

    cpu_ms: float = float("inf")
    per_second: float = 0.0


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
    say(f"{databases.name}: filling databases with {effort.load_balancers} load balancers")
    ours, bare = (databases.holding(effort.load_balancers) for _ in range(2))
    with sites.api(ours) as bascule, sites.floor(bare) as floor:
        workloads = all_of(present(bascule.port), effort.load_balancers)
        found = [Compared(each, Cost(), Cost()) for each in workloads]
        for each in found:
            say(f"{databases.name}: {each.workload.name}")
            make_ours, make_bare = each.workload.requests(), each.workload.requests()
            for server, make in ((bascule, make_ours), (floor, make_bare)):
                drive(server.port, make, each.workload.status, effort.warm_up)
            for _ in range(effort.rounds):
                _one_round(bascule, make_ours, each.workload, effort.seconds, each.bascule)
                _one_round(floor, make_bare, each.workload, effort.seconds, each.floor)
        return found


def _one_round(server: Server, make: Callable[[], bytes], workload: Workload, seconds: float, best: Cost) -> None:
    before = processes.cpu_seconds(server.pid)
    driven = drive(server.port, make, workload.status, seconds)
    used = processes.cpu_seconds(server.pid) - before
    best.cpu_ms = min(best.cpu_ms, used * 1000 / driven.requests)
    best.per_second = max(best.per_second, driven.requests / driven.seconds)
