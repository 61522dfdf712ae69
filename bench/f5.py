"""The provider `f5`: what a change costs on a small device and on a full one, and what it takes to bring all load balancers anew.

The device is an emulated BIG-IP, a process of its own that takes no time of a device's. So what is measured is Bascule.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bascule.clients.bigip import Device, DeviceGroup, Trust
from bascule.clients.bigip.device import ATTEMPTS, TIMEOUT
from bascule.clients.bigip.wire import Answer
from bascule.core.recorder import Recorder
from bascule.core.worker import Worker
from bascule.core.writer import Writer
from bascule.model.objects import Member, Tree
from bascule.south.as3 import AS3Backend, Site
from bascule.store import tables, units
from bascule.store.engine import Database
from bench import crew, emulator, standard
from bench.databases import Databases
from bench.statements import Count, counting

PATIENCE = 900.0
GROUP = "bench"
LANE = f"{AS3Backend.name}:{GROUP}"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: load balancers on the devices, changes on each; how many are loaded and rendered, how often."""

    devices: Sequence[int] = (10, 1000)
    changes: int = 30
    resyncs: Sequence[int] = (1000, 2000, 4000)
    rounds: int = 3


@dataclass(slots=True)
class Cost:
    """What something took. Bytes are those of paths and bodies; CPU is Bascule's alone, `seconds` has the device's part in it."""

    requests: int = 0
    sent: int = 0
    received: int = 0
    statements: Count = field(default_factory=Count)
    cpu: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class OnDevice:
    """A device with `count` load balancers: bringing all of them onto it, each change of a member, and what it reports of all."""

    count: int
    filled: Cost
    changes: Sequence[Cost]
    reported: Cost


@dataclass(frozen=True, slots=True)
class Resync:
    """All load balancers loaded and rendered in batches, as a worker does it: seconds, and by how many MiB memory grew meanwhile.

    `statements` is how many it takes to load a batch, of whatever size.
    """

    count: int
    statements: int
    load: float
    render: float
    cpu: float
    memory: float


@dataclass(frozen=True, slots=True)
class F5:
    """On devices by rising numbers of load balancers, and without one."""

    devices: Sequence[OnDevice]
    resyncs: Sequence[Resync]


class _Counted(Device):
    """A device whose requests are counted."""

    cost = Cost()

    def request(self, method: str, path: str, body: Any = None, *, timeout: float = TIMEOUT, attempts: int = ATTEMPTS) -> Answer:
        answer = super().request(method, path, body, timeout=timeout, attempts=attempts)
        self.cost.requests += 1
        self.cost.sent += len(path) + (0 if body is None else len(json.dumps(body, separators=(",", ":")).encode()))
        self.cost.received += len(answer.text.encode())
        return answer


@dataclass(frozen=True, slots=True)
class _Site:
    """Bascule without its doors, and its device."""

    database: Database
    backend: AS3Backend
    device: _Counted
    worker: Worker
    writer: Writer
    ids: Sequence[str]

    @contextmanager
    def measured(self) -> Iterator[Cost]:
        """What is done meanwhile."""
        cost = self.device.cost = Cost()
        began, cpu = time.perf_counter(), time.process_time()
        with counting(self.database) as cost.statements:
            yield cost
        cost.seconds, cost.cpu = time.perf_counter() - began, time.process_time() - cpu


def measure(databases: Databases, effort: Effort, say: Callable[[str], None]) -> F5:
    """Measure with databases of one kind."""
    devices = [_on_device(databases, count, effort.changes, say) for count in effort.devices]
    resyncs = []
    for count in effort.resyncs:
        say(f"{databases.name}: loading and rendering {count} load balancers")
        resyncs.append(_resync(databases.holding(count), effort.rounds))
    return F5(devices, resyncs)


def _on_device(databases: Databases, count: int, changes: int, say: Callable[[str], None]) -> OnDevice:
    with running(databases.holding(count)) as site:
        say(f"{databases.name}: bringing {count} load balancers onto an emulated BIG-IP")
        with site.measured() as filled:
            fill(site)
        say(f"{databases.name}: changing members on a BIG-IP with {count} load balancers")
        found = [_change(site, number) for number in range(changes)]
        with site.measured() as reported:
            reports = site.backend.report(LANE, site.ids)
        if sum(len(each.places) for each in reports) != 4 * count + changes:
            raise RuntimeError("the device does not carry what it should")
    return OnDevice(count, filled, found, reported)


def fill(site: _Site) -> None:
    """Have everything carried that is due."""
    began = time.monotonic()
    while True:
        site.worker.tick()
        with site.database.read() as conn:
            due = conn.scalar(sa.select(sa.func.count()).where(tables.unit.c.due_at.is_not(None)))
        if not due:
            return
        if time.monotonic() - began > PATIENCE:
            raise RuntimeError(f"{due} load balancers are not carried")
        time.sleep(0.1)


def _change(site: _Site, number: int) -> Cost:
    """One more member, in some load balancer: what it costs from when the worker finds it until it is recorded as carried."""
    chosen = site.ids[number * 7 % len(site.ids)]

    def add(tree: Tree) -> Tree:
        body = standard.member_body(256 + number)["member"]
        return tree.put(Member(id=standard.new_id(), pool_id=tree.pools[0].id, **body))

    site.writer.edit(chosen, add, origin="octavia_v2")
    with site.measured() as cost:
        site.worker.tick()
    with site.database.read() as conn:
        unit = units.load(conn, [chosen])[chosen]
    if unit.observed != unit.generation or unit.due_at is not None:
        raise RuntimeError("the change of a member is not carried")
    return cost


@contextmanager
def running(url: str) -> Iterator[_Site]:
    """Bascule on a database whose load balancers are all to be carried by a device that has none of them yet."""
    database = Database(url)
    with tempfile.TemporaryDirectory(prefix="bascule-bench-") as folder, emulator.running(Path(folder)) as (address, certificate):
        device = _Counted(address, emulator.CREDENTIALS, Trust(certificate))
        backend = AS3Backend([Site(group=DeviceGroup(GROUP, [device]))], save_interval=3600)
        backends = {backend.name: backend}
        worker = Worker(database, backends, crew.passes(backend), Recorder(database))
        worker.start()
        ids = _hand_over(database)
        try:
            yield _Site(database, backend, device, worker, Writer(database, backends, crew.SUBNETS), ids)
        finally:
            worker.stop()
            backend.close()
            database.close()


def _hand_over(database: Database) -> list[str]:
    """Have all load balancers carried by this provider, which has none of them yet. Gives their ids."""

    def work(conn: sa.Connection) -> list[str]:
        conn.execute(tables.carrier.delete())
        conn.execute(tables.load_balancer.update().values(provider=AS3Backend.name))
        due = {"due_at": time.time(), "rank": int(units.Rank.EDIT)}
        conn.execute(tables.unit.update().values(backend=AS3Backend.name, lane_id=LANE, observed=0, **due))
        return list(conn.scalars(sa.select(tables.unit.c.id).order_by(tables.unit.c.id)))

    return database.write(work)


def _resync(url: str, rounds: int) -> Resync:
    """In a process of its own, for its memory."""
    database = Database(url)
    _hand_over(database)
    database.close()
    done = subprocess.run([sys.executable, "-m", "bench.resync", url, str(rounds)], check=True, capture_output=True, text=True)
    found: Mapping[str, Any] = json.loads(done.stdout)
    return Resync(**found)
