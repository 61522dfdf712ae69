"""How long it takes from the answer 201 until a load balancer is ACTIVE, with all of Bascule's processes running."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench import processes, sites, standard
from bench.databases import Databases
from bench.load import CONNECTIONS, Connection, encode
from bench.sites import Server
from bench.workloads import ROOT

LOOK_SECONDS = 0.002
"""The pause between two looks at a load balancer."""

IDLE_SECONDS = 0.1
"""The pause before the next load balancer, so that everything is idle again."""

PATIENCE = 120.0
"""Seconds after which a load balancer that is not ACTIVE is given up."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How many load balancers are created one at a time, and how many at once."""

    alone: int = 60
    together: int = 1000


@dataclass(frozen=True, slots=True)
class Active:
    """Seconds. `alone`: from each 201 to ACTIVE, sorted. `posted` and `together`: from the first of `count` requests to the last
    answer, and until all are ACTIVE. `cpu`: what all processes used meanwhile."""

    alone: Sequence[float]
    count: int
    posted: float
    together: float
    cpu: float


def measure(databases: Databases, effort: Effort, say: Callable[[str], None]) -> Active:
    """Create load balancers one at a time, then many at once."""
    with sites.everything(databases.holding(0)) as server:
        with Connection(server.port) as connection:
            say(f"{databases.name}: creating {effort.alone} load balancers, one at a time")
            alone = sorted(_alone(connection, number) for number in range(effort.alone))
        say(f"{databases.name}: creating {effort.together} load balancers at once")
        used = processes.cpu_seconds(server.pid)
        posted, together = _together(server, effort.together)
        return Active(alone, effort.together, posted, together, processes.cpu_seconds(server.pid) - used)


def _alone(connection: Connection, number: int) -> float:
    """Create one and wait until it is ACTIVE."""
    time.sleep(IDLE_SECONDS)
    made = connection.ask("POST", ROOT, standard.body(f"alone-{number}"))["loadbalancer"]
    began = time.perf_counter()
    look = f"{ROOT}/{made['id']}?fields=provisioning_status"
    while (status := connection.ask("GET", look)["loadbalancer"]["provisioning_status"]) != "ACTIVE":
        if status != "PENDING_CREATE" or time.perf_counter() - began > PATIENCE:
            raise RuntimeError(f"a load balancer is {status} instead of ACTIVE")
        time.sleep(LOOK_SECONDS)
    return time.perf_counter() - began


def _together(server: Server, count: int) -> tuple[float, float]:
    """Create many over several connections and wait until none is pending."""
    raw = encode("POST", ROOT, standard.body("together"))

    def create(share: int) -> None:
        with Connection(server.port) as connection:
            for _ in range(share):
                status, content = connection.send(raw)
                if status != 201:
                    raise RuntimeError(f"answered with {status}: {content[:500]!r}")

    shares = [count // CONNECTIONS + (number < count % CONNECTIONS) for number in range(CONNECTIONS)]
    began = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(create, shares))
    posted = time.perf_counter() - began
    with Connection(server.port) as connection:
        while _some(connection, "PENDING_CREATE"):
            if time.perf_counter() - began > PATIENCE:
                raise RuntimeError(f"some load balancers are still not ACTIVE after {PATIENCE:.0f} s")
            time.sleep(0.05)
        together = time.perf_counter() - began
        if _some(connection, "ERROR"):
            raise RuntimeError("some load balancers are in ERROR")
    return posted, together


def _some(connection: Connection, status: str) -> bool:
    """Whether any load balancer has a provisioning status."""
    found = connection.ask("GET", f"{ROOT}?provisioning_status={status}&limit=1&fields=id")
    return bool(found["loadbalancers"])
