"""Loads and renders all load balancers of a database for the provider `f5`, in batches as a worker does: bench.resync URL ROUNDS"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from pathlib import Path

import sqlalchemy as sa

from bascule.clients.bigip import Credentials, Device, DeviceGroup
from bascule.core import known
from bascule.core.known import Known
from bascule.core.passes import Passes
from bascule.model.secrets import Secret
from bascule.south.as3 import AS3Backend, Site
from bascule.store import tables, units
from bascule.store.engine import Database
from bench import crew, f5
from bench.statements import counting

_BATCH = 50
"""As many as the worker takes together."""


def main(arguments: list[str]) -> int:
    """Print what it took as JSON."""
    database, rounds = Database(arguments[0]), int(arguments[1])
    device = Device("https://192.0.2.1", Credentials("nobody", Secret(b"")))  # is not asked for anything
    backend = AS3Backend([Site(group=DeviceGroup(f5.GROUP, [device]))])
    passes = crew.passes(backend)
    with database.read() as conn:
        ids = list(conn.scalars(sa.select(tables.unit.c.id).order_by(tables.unit.c.id)))
    Path("/proc/self/clear_refs").write_text("5")  # what memory peaks at is counted from here
    before, took = _kib("VmRSS"), []
    with counting(database) as count:
        _load(database, ids[:_BATCH])
    for _ in range(rounds):
        cpu = time.process_time()
        load, render = _once(database, passes, ids)
        took.append((load, render, time.process_time() - cpu))
    load, render, cpu = (min(each) for each in zip(*took, strict=True))  # what else runs only makes it slower
    memory = (_kib("VmHWM") - before) / 1024
    found = f5.Resync(count=len(ids), statements=count.reads, load=load, render=render, cpu=cpu, memory=memory)
    print(json.dumps(dataclasses.asdict(found)))
    database.close()
    return 0


def _once(database: Database, passes: Passes, ids: list[str]) -> tuple[float, float]:
    """Seconds for loading, and for resolving, rendering and comparing."""
    load = render = 0.0
    for start in range(0, len(ids), _BATCH):
        began = time.perf_counter()
        batch = _load(database, ids[start : start + _BATCH])
        loaded = time.perf_counter()
        for each in batch.values():
            plans, reasons = passes.plans(f5.LANE, each, {})
            if not plans or reasons:
                raise RuntimeError(f"a load balancer is not rendered: {reasons}")
        load, render = load + loaded - began, render + time.perf_counter() - loaded
    return load, render


def _load(database: Database, ids: list[str]) -> dict[str, Known]:
    with database.read() as conn:
        return known.load(conn, units.load(conn, ids))


def _kib(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
