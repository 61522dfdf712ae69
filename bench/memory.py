"""How much memory each process takes, with no load balancers and with many."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench import processes, sites, standard
from bench.active import PATIENCE
from bench.databases import Databases
from bench.load import Connection, drive, encode
from bench.workloads import ROOT

SETTLE_SECONDS = 3.0
"""Longer than the health manager's interval, so that every process has done its rounds."""

_MODULES = {
    "bascule-api": ("bascule.cmd.api", "bascule.cmd.wsgi"),  # the server may have given itself a name that says what it serves
    "bascule-worker": ("bascule.cmd.worker",),
    "bascule-health-manager": ("bascule.cmd.health_manager",),
    "bascule-housekeeping": ("bascule.cmd.housekeeping",),
}


def measure(databases: Databases, count: int, say: Callable[[str], None]) -> dict[str, float]:
    """Resident memory (PSS) of each process in MiB, on a database with `count` load balancers, by the process's name.

    The load balancers are written into the database as a pass would have left them. Before memory is measured, every thread of
    the API has answered lists of 1,000 and the worker has carried out one more load balancer.
    """
    say(f"{databases.name}: measuring memory with {count} load balancers")
    with sites.everything(databases.holding(count)) as server:
        drive(server.port, lambda: encode("GET", f"{ROOT}?limit=1000"), 200, 1.0)
        with Connection(server.port) as connection:
            made = connection.ask("POST", ROOT, standard.body("one more"))["loadbalancer"]
            began = time.monotonic()
            while connection.ask("GET", f"{ROOT}/{made['id']}")["loadbalancer"]["provisioning_status"] != "ACTIVE":
                if time.monotonic() - began > PATIENCE:
                    raise RuntimeError("the worker carries out nothing")
                time.sleep(0.05)
        time.sleep(SETTLE_SECONDS)
        found = {name: processes.running_module(server.pid, *modules) for name, modules in _MODULES.items()}
        return {name: processes.pss_mib(pid) for name, pid in found.items()}
