"""The requests that are measured."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench import seed, standard
from bench.load import CONNECTIONS, Connection, encode

ROOT = "/v2/lbaas/loadbalancers"
AIM = 2.0
CROWD = 50
"""How many clients create at a time."""


@dataclass(frozen=True, slots=True)
class Target:
    """What to aim at: at most this many times the floor. `octavia_ms` is what Octavia 19 takes, for orientation."""

    times_floor: float
    octavia_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of request, by so many clients at a time.

    `requests` gives a source of requests: every call of it another one, all of them answered alike.
    """

    name: str
    status: int
    target: Target
    requests: Callable[[], Callable[[], bytes]]
    clients: int = CONNECTIONS


@dataclass(frozen=True, slots=True)
class Present:
    """The ids of some load balancers that are there, and of their pools."""

    load_balancers: Sequence[str]
    pools: Sequence[str]


def present(port: int, token: str | None = None) -> Present:
    """What a server lists first."""
    with Connection(port) as connection:
        listed = connection.ask("GET", f"{ROOT}?limit=1000", token=token)["loadbalancers"]
    return Present([each["id"] for each in listed], [pool["id"] for each in listed for pool in each["pools"]])


def all_of(there: Present, most: int, token: str | None = None) -> list[Workload]:
    """Every workload, reads first, so that writes do not make what they read larger. `most` is the length of the long list."""
    one = [encode("GET", f"{ROOT}/{each}", token=token) for each in there.load_balancers]
    short, long = (encode("GET", f"{ROOT}?limit={limit}", token=token) for limit in (20, most))
    create = encode("POST", ROOT, standard.body("measured"), token)
    members = [f"/v2/lbaas/pools/{each}/members" for each in there.pools]

    def more_members() -> Callable[[], bytes]:
        paths, numbers = itertools.cycle(members), itertools.count(256)
        return lambda: encode("POST", next(paths), standard.member_body(next(numbers)), token)

    return [
        Workload("GET one", 200, Target(AIM, 6.5), lambda: _next(itertools.cycle(one))),
        Workload("list 20", 200, Target(AIM), lambda: _next(itertools.repeat(short))),
        Workload(f"list {most}", 200, Target(AIM, 260.0), lambda: _next(itertools.repeat(long))),
        Workload("POST load balancer", 201, Target(AIM, 19.0), lambda: _next(itertools.repeat(create))),
        Workload(f"POST, {CROWD} clients", 201, Target(AIM), lambda: _next(itertools.repeat(create)), CROWD),
        Workload("member create", 201, Target(AIM), more_members),
    ]


def filtered() -> list[Workload]:
    """Lists of the marked ones among many load balancers, by each of what `seed.mark` gives them, and of one by its name."""
    asked = {"name": "lb-5000", "tags": seed.TAG, "provisioning_status": "ERROR"}

    def workload(name: str, value: str) -> Workload:
        request = encode("GET", f"{ROOT}?limit=20&{name}={value}")
        return Workload(f"list by {name}", 200, Target(AIM), lambda: _next(itertools.repeat(request)))

    return [workload(name, value) for name, value in asked.items()]


def _next(source: itertools.cycle[bytes] | itertools.repeat[bytes]) -> Callable[[], bytes]:
    return lambda: next(source)
