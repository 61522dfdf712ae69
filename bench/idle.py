"""What Bascule costs while nothing happens: a fleet that is left alone, and looking at what members do."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bascule.core.health_manager import HealthManager
from bascule.core.recorder import Recorder
from bench import f5, processes, sites
from bench.databases import Databases
from bench.statements import Count, counting

SETTLE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Effort:
    """How many load balancers lie idle, for how long it is watched (s), and how many load balancers' members are looked at."""

    load_balancers: int = 10_000
    seconds: float = 60.0
    looked_at: int = 250
    looks: int = 10


@dataclass(frozen=True, slots=True)
class Idle:
    """In a minute: `statements` to the database, None where that cannot be counted, and seconds of CPU of all processes.

    `look` is what one look at `members` members costs, on an emulated BIG-IP: CPU seconds, and with how many statements.
    """

    load_balancers: int
    statements: float | None
    cpu: float
    members: int
    look: float
    look_statements: Count


def measure(databases: Databases, effort: Effort, say: Callable[[str], None]) -> Idle:
    """Measure with databases of one kind."""
    say(f"{databases.name}: leaving {effort.load_balancers} load balancers alone for {effort.seconds:.0f} s")
    statements, cpu = _left_alone(databases, effort)
    say(f"{databases.name}: looking at the members of {effort.looked_at} load balancers")
    look, count = _looking(databases, effort)
    return Idle(effort.load_balancers, statements, cpu, 4 * effort.looked_at, look, count)


def _left_alone(databases: Databases, effort: Effort) -> tuple[float | None, float]:
    url = databases.holding(effort.load_balancers)
    counted = databases.counting(url) if databases.counting else None
    with sites.everything(url) as server:
        time.sleep(SETTLE_SECONDS)
        before, used, began = counted and counted(), processes.cpu_seconds(server.pid), time.monotonic()
        time.sleep(effort.seconds)
        minutes = (time.monotonic() - began) / 60
        after, used = counted and counted(), processes.cpu_seconds(server.pid) - used
    return None if before is None or after is None else (after - before) / minutes, used / minutes


def _looking(databases: Databases, effort: Effort) -> tuple[float, Count]:
    """What a look costs that finds nothing new."""
    with f5.running(databases.holding(effort.looked_at)) as site:
        f5.fill(site)
        manager = HealthManager(site.database, {site.backend.name: site.backend}, Recorder(site.database))
        manager.tick()
        used = time.process_time()
        with counting(site.database) as count:
            for _ in range(effort.looks):
                manager.tick()
                time.sleep(1.1)  # what was reported is believed for a second
        return (time.process_time() - used) / effort.looks, count
