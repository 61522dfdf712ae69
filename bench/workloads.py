"""The requests that are measured."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench import standard
from bench.load import Connection, encode

ROOT = "/v2/lbaas/loadbalancers"


@dataclass(frozen=True, slots=True)
class Target:
    """What to aim at: at most this many times the floor. `octavia_ms` is what Octavia 19 takes, for orientation."""

    times_floor: float
    octavia_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of request. `requests` gives a source of requests: every call of it another one, all of them answered alike."""

    name: str
    status: int
    target: Target
    requests: Callable[[], Callable[[], bytes]]


@dataclass(frozen=True, slots=True)
class Present:
    """The ids of some load balancers that are there, and of their pools."""

    load_balancers: Sequence[str]
    pools: Sequence[str]


def present(port: int) -> Present:
    """What a server lists first."""
    with Connection(port) as connection:
        listed = connection.ask("GET", f"{ROOT}?limit=1000")["loadbalancers"]
    return Present([each["id"] for each in listed], [pool["id"] for each in listed for pool in each["pools"]])


def all_of(there: Present, most: int) -> list[Workload]:
    """Every workload, reads first, so that writes do not make what they read larger. `most` is the length of the long list."""
    read, write = 2.0, 3.0
    one = [encode("GET", f"{ROOT}/{each}") for each in there.load_balancers]
    short, long = (encode("GET", f"{ROOT}?limit={limit}") for limit in (20, most))
    create = encode("POST", ROOT, standard.body("measured"))
    members = [f"/v2/lbaas/pools/{each}/members" for each in there.pools]

    def more_members() -> Callable[[], bytes]:
        paths, numbers = itertools.cycle(members), itertools.count(256)
        return lambda: encode("POST", next(paths), standard.member_body(next(numbers)))

    return [
        Workload("GET one", 200, Target(read, 6.5), lambda: _next(itertools.cycle(one))),
        Workload("list 20", 200, Target(read), lambda: _next(itertools.repeat(short))),
        Workload(f"list {most}", 200, Target(read, 260.0), lambda: _next(itertools.repeat(long))),
        Workload("POST load balancer", 201, Target(write, 19.0), lambda: _next(itertools.repeat(create))),
        Workload("member create", 201, Target(write), more_members),
    ]


def _next(source: itertools.cycle[bytes] | itertools.repeat[bytes]) -> Callable[[], bytes]:
    return lambda: next(source)
