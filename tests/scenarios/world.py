"""A whole Bascule without its doors: real SQL, the in-memory data plane, and a clock that the test moves."""

from __future__ import annotations

import dataclasses
import itertools
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bascule.core import planning
from bascule.core.certificates import CertificateLibrary
from bascule.core.health_manager import HealthManager
from bascule.core.housekeeping import Housekeeping, Intervals
from bascule.core.lanes import Lanes
from bascule.core.networks import NetworkDriver
from bascule.core.passes import Passes
from bascule.core.recorder import Pause, Recorder, Timing
from bascule.core.resolve import Resolver
from bascule.core.subnets import Subnets
from bascule.core.worker import Worker
from bascule.core.writer import Writer
from bascule.model.backend import Backend
from bascule.model.definition import Subnet
from bascule.model.objects import (
    Algorithm,
    CompareType,
    HealthMonitor,
    L7Policy,
    L7Rule,
    Listener,
    ListenerProtocol,
    LoadBalancer,
    Member,
    MonitorType,
    PolicyAction,
    Pool,
    PoolProtocol,
    RuleType,
    Tree,
    Vip,
)
from bascule.south.memory import Device, MemoryBackend
from bascule.store import observed, trees, units, watches
from bascule.store.engine import Database
from bascule.store.lanes import Lease
from bascule.store.tables import event
from bascule.store.trees import Stored

PROJECT = "11111111111111111111111111111111"
SUBNET = Subnet("subnet-1", "demo", "network-1", "10.9.0.0/16", "10.9.0.10", "10.9.255.200")
LOOPBACK = Subnet("subnet-2", "loopback", "network-2", "127.0.0.0/8", "127.16.0.1", "127.250.255.254")
ORIGIN = "test"
TIMING = Timing(error_after=600.0, retry=Pause(1.0, 60.0), rejected=Pause(30.0, 600.0))


class Clock:
    """Time as the test wants it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


Drivers = Callable[[Database, Subnets], Mapping[str, NetworkDriver]]


def no_drivers(_database: Database, _subnets: Subnets) -> Mapping[str, NetworkDriver]:
    return {}


class World:
    """Everything but the doors. `restart` forgets every object that a process would lose."""

    def __init__(self, database: Database, certificates: Path, drivers: Drivers = no_drivers, **backend: Any) -> None:
        self.database = database
        self._drivers = drivers
        self.clock = Clock()
        self.device = Device()
        self.certificates = certificates
        self._backend = backend
        self.restart()

    def restart(self) -> None:
        """The process died and another one starts: only the database, the device and the files are still there."""
        self.backends = self.new_backends()
        self.subnets = Subnets([SUBNET, LOOPBACK])
        self.library = self.new_library()
        self.writer = Writer(self.database, self.backends, self.subnets, clock=self.clock)
        self.recorder = Recorder(self.database, TIMING, clock=self.clock)
        resolver = Resolver(self.library, self.subnets, self._drivers(self.database, self.subnets))
        self.passes = Passes(self.backends, resolver, self.library.secret)
        self.worker = self.new_worker()
        if hasattr(self, "health"):
            self.health.stop()
        self.health = self.new_health_manager()
        self.housekeeping = self.new_housekeeping()
        self.lanes = Lanes(self.database, self.backends, clock=self.clock)

    def new_backends(self) -> dict[str, Backend]:
        self.backend = MemoryBackend(self.device, **self._backend)
        return {"memory": self.backend}

    def rebuild(self, **backend: Any) -> None:
        """The operator changed the settings of the backend, and everything starts anew."""
        self._backend |= backend
        self.restart()

    def new_library(self) -> CertificateLibrary:
        return CertificateLibrary(self.certificates, monotonic=self.clock, clock=self.clock)

    def new_housekeeping(self) -> Housekeeping:
        return Housekeeping(self.database, self.new_library(), Intervals(), clock=self.clock)

    def new_worker(self, **options: Any) -> Worker:
        worker = Worker(
            self.database,
            self.backends,
            self.passes,
            self.recorder,
            clock=self.clock,
            monotonic=self.clock,
            **{"lanes_at_once": 1, **options},
        )
        worker.start()
        return worker

    def new_health_manager(self, lanes_at_once: int = 1) -> HealthManager:
        """Another one, which watches what no other does. Of those before it is not known that they are gone."""
        return HealthManager(
            self.database, self.backends, self.recorder, lanes_at_once=lanes_at_once, clock=self.clock, monotonic=self.clock
        )

    # Time and passes

    def tick(self, seconds: float = 0.0) -> None:
        """Let time pass, then let the worker do what is due."""
        self.clock.now += seconds
        self.worker.tick()

    def watch(self, lane_id: str = "memory:0") -> Lease:
        """The right to watch a lane, as whoever has it by now has it."""
        self.health.tick()
        with self.database.read() as conn:
            held = watches.load(conn)[lane_id]
        return Lease(held.id, held.owner or "", held.fence)

    def settle(self, *, rounds: int = 200, step: float = 20.0) -> None:
        """Let time pass until nothing is due any more."""
        for _ in range(rounds):
            self.worker.tick()
            if self.next_due() is None:
                return
            self.clock.now += step
        raise AssertionError("it never comes to rest")

    def next_due(self) -> float | None:
        with self.database.read() as conn:
            due: float | None = conn.scalar(sa.select(sa.func.min(units.unit.c.due_at)))
            return due

    # Looking

    def stored(self, load_balancer_id: str) -> Stored:
        with self.database.read() as conn:
            return trees.load(conn, [load_balancer_id])[load_balancer_id]

    def is_gone(self, load_balancer_id: str) -> bool:
        with self.database.read() as conn:
            return load_balancer_id not in trees.load(conn, [load_balancer_id])

    def unit(self, unit_id: str) -> units.Unit:
        with self.database.read() as conn:
            found = units.get(conn, unit_id)
        assert found is not None
        return found

    def status(self, load_balancer_id: str, object_id: str | None = None) -> str:
        return str(self.stored(load_balancer_id).standings[object_id or load_balancer_id].provisioning_status)

    def statuses(self, load_balancer_id: str) -> dict[str, str]:
        standings = self.stored(load_balancer_id).standings
        return {object_id: str(standing.provisioning_status) for object_id, standing in standings.items()}

    def operating(self, load_balancer_id: str, object_id: str | None = None) -> str:
        return str(self.stored(load_balancer_id).standings[object_id or load_balancer_id].operating_status)

    def faults(self, load_balancer_id: str) -> dict[str, str]:
        with self.database.read() as conn:
            found = observed.faults(conn, [load_balancer_id]).get(load_balancer_id, {})
        return {object_id: fault.user_text for object_id, fault in found.items()}

    def events(self, load_balancer_id: str) -> list[str]:
        """The texts, oldest first."""
        with self.database.read() as conn:
            chosen = sa.select(event.c.text).where(event.c.load_balancer_id == load_balancer_id).order_by(event.c.id)
            return list(conn.scalars(chosen))

    def held(self, load_balancer_id: str, carrier: str = "memory") -> dict[str, str]:
        """What the device holds of a load balancer."""
        return dict(self.device.documents.get((load_balancer_id, carrier), {}))

    def preview(self, load_balancer_id: str) -> planning.Preview:
        return planning.preview(self.database, self.passes, load_balancer_id)

    # Acting

    def certificate(self, name: str, content: bytes) -> Path:
        """Put a file into the store as an operator does it: in one piece."""
        path = self.certificates / PROJECT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{name}.new")
        fresh.write_bytes(content)
        return fresh.replace(path)

    def create(self, tree: Tree | None = None) -> Tree:
        return self.writer.create(tree or standard(), origin=ORIGIN).tree

    def put(self, load_balancer_id: str, *objects: Any) -> Stored:
        return self.writer.edit(load_balancer_id, lambda tree: tree.put(*objects), origin=ORIGIN)

    def drop(self, load_balancer_id: str, *ids: str) -> Stored:
        return self.writer.edit(load_balancer_id, lambda tree: tree.drop(*ids), origin=ORIGIN)

    def rename(self, load_balancer_id: str, name: str) -> Stored:
        def change(tree: Tree) -> Tree:
            return tree.put(dataclasses.replace(tree.load_balancer, name=name))

        return self.writer.edit(load_balancer_id, change, origin=ORIGIN)

    def delete(self, load_balancer_id: str) -> None:
        self.writer.delete(load_balancer_id, cascade=True, origin=ORIGIN)


_numbers = itertools.count(1)


def new_id() -> str:
    return str(uuid.uuid4())


def bare(name: str = "") -> Tree:
    """A load balancer with nothing below it."""
    return Tree(
        LoadBalancer(
            id=new_id(),
            project_id=PROJECT,
            provider="memory",
            name=name or f"lb-{next(_numbers)}",
            vip=Vip(address="", subnet_id=SUBNET.id),
        )
    )


def standard(name: str = "") -> Tree:
    """The standard load balancer: 2 listeners, 2 pools, 4 members in all, 1 monitor, 1 L7 policy with 1 rule."""
    tree = bare(name)
    web, api = (
        Pool(id=new_id(), name=name, protocol=PoolProtocol.HTTP, lb_algorithm=Algorithm.ROUND_ROBIN) for name in ("web", "api")
    )
    front = Listener(id=new_id(), name="front", protocol=ListenerProtocol.HTTP, protocol_port=80, default_pool_id=web.id)
    side = Listener(id=new_id(), name="side", protocol=ListenerProtocol.TCP, protocol_port=8080, default_pool_id=api.id)
    members: Sequence[Member] = [
        Member(id=new_id(), pool_id=pool.id, address=f"10.9.1.{number}", protocol_port=8000 + number)
        for number, pool in enumerate((web, web, api, api), 1)
    ]
    monitor = HealthMonitor(id=new_id(), pool_id=web.id, type=MonitorType.TCP, delay=5, timeout=3, max_retries=3)
    policy = L7Policy(id=new_id(), listener_id=front.id, action=PolicyAction.REDIRECT_TO_POOL, redirect_pool_id=api.id, position=1)
    rule = L7Rule(id=new_id(), l7policy_id=policy.id, type=RuleType.PATH, compare_type=CompareType.STARTS_WITH, value="/api")
    return tree.put(web, api, front, side, *members, monitor, policy, rule)
