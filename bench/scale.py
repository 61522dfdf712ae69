"""How many load balancers are carried out in a second by one worker, by two and by four, each a process of its own."""

from __future__ import annotations

import json
import ssl
import tempfile
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from bascule.core.wakeup import Waker
from bascule.store import placement, tables
from bascule.store.engine import Database
from bascule.store.units import Rank
from bench import crew, emulator, processes
from bench.databases import Databases

PATIENCE = 600.0
START_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Effort:
    """By how many workers, how many load balancers in memory and on devices, and how long a device takes for each answer (s)."""

    workers: Sequence[int] = (1, 2, 4)
    in_memory: int = 2000
    on_devices: int = 200
    latency: float = 0.2


@dataclass(frozen=True, slots=True)
class Rate:
    """What so many workers did: load balancers in a second, and how many processors they and the database kept busy."""

    workers: int
    per_second: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Scale:
    """In memory, and on device groups whose devices take `latency` seconds longer for every answer."""

    in_memory: Sequence[Rate]
    on_devices: Sequence[Rate]
    latency: float


def measure(databases: Databases, effort: Effort, say: Callable[[str], None]) -> Scale:
    """Measure on a database server: SQLite takes one write at a time, whoever writes."""
    in_memory, on_devices = [], []
    for workers in effort.workers:
        say(f"{databases.name}: {workers} workers carry out {effort.in_memory} load balancers in memory")
        in_memory.append(_rate(databases, effort.in_memory, workers, ()))
    for workers in effort.workers:
        say(f"{databases.name}: {workers} workers carry out {effort.on_devices} load balancers on {crew.LANES} emulated BIG-IPs")
        with _devices(effort.latency) as places:
            on_devices.append(_rate(databases, effort.on_devices, workers, places))
    return Scale(in_memory, on_devices, effort.latency)


def _rate(databases: Databases, count: int, workers: int, places: Sequence[tuple[str, Path]]) -> Rate:
    url = databases.holding(count)
    database = Database(url)
    with tempfile.TemporaryDirectory(prefix="bascule-bench-") as folder, ExitStack() as stack:
        log = Path(folder) / "log"
        arguments = [text for each, file in places for text in (each, str(file))]
        pids = [stack.enter_context(processes.running(log, "bench.crew", url, folder, *arguments)) for _ in range(workers)]
        time.sleep(START_SECONDS)  # all of them are up when the work comes
        used = sum(map(processes.cpu_seconds, pids))
        began = time.perf_counter()
        _hand_over(database, places)
        wake = Waker(Path(folder))
        wake()
        _wait(database, log)
        took = time.perf_counter() - began
        used = sum(map(processes.cpu_seconds, pids)) - used
        wake.close()
    database.close()
    return Rate(workers, count / took, used / took)


def _hand_over(database: Database, places: Sequence[tuple[str, Path]]) -> None:
    """Have all load balancers carried anew, in all lanes alike."""
    backend = crew.devices(places) if places else crew.memory()
    lanes = [spec.id for spec in backend.lanes()]

    def work(conn: sa.Connection) -> None:
        placement.ensure(conn, {backend.name: backend.lanes()})
        conn.execute(tables.carrier.delete())
        ids = list(conn.scalars(sa.select(tables.unit.c.id).order_by(tables.unit.c.id)))
        now = time.time()
        due = {"due_at": now, "behind_since": now, "rank": int(Rank.EDIT), "observed": 0, "backend": backend.name}
        for number, lane in enumerate(lanes):
            share = ids[number :: len(lanes)]
            conn.execute(tables.unit.update().where(tables.unit.c.id.in_(share)).values(lane_id=lane, **due))

    database.write(work)


def _wait(database: Database, log: Path) -> None:
    """Wait until nothing is left to do."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with database.read() as conn:
            left = conn.scalar(sa.select(sa.func.count()).where(tables.unit.c.behind_since.is_not(None)))
        if not left:
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"{left} load balancers are not carried out:\n{log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.05)


@contextmanager
def _devices(latency: float) -> Iterator[list[tuple[str, Path]]]:
    """Emulated BIG-IPs, one for each lane, that take their time: their addresses and certificates."""
    with tempfile.TemporaryDirectory(prefix="bascule-bench-") as folder, ExitStack() as stack:
        places = [stack.enter_context(emulator.running(Path(folder))) for _ in range(crew.LANES)]
        for address, certificate in places:
            _slow(address, certificate, latency)
        yield places


def _slow(url: str, certificate: Path, seconds: float) -> None:
    """Have a device take so many seconds longer for every answer."""
    login = b64encode(f"admin:{emulator.PASSWORD}".encode()).decode()
    body = json.dumps({"kind": "latency", "seconds": seconds, "times": None}).encode()
    headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/emulator/faults", body, headers)
    with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=str(certificate))):
        pass
