"""A worker as a process of its own, with backends that are made for measuring: bench.crew URL FOLDER [DEVICE-URL CERTIFICATE]...

It is woken up in the folder. Without devices it carries load balancers in memory, in as many lanes as there are; with devices, on
them.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from bascule.clients.bigip import Device, DeviceGroup, Trust
from bascule.core.certificates import CertificateLibrary
from bascule.core.passes import Passes
from bascule.core.recorder import Recorder
from bascule.core.resolve import Resolver
from bascule.core.subnets import Subnets
from bascule.core.wakeup import Sleeper
from bascule.core.worker import Worker
from bascule.model.backend import Backend, Reads
from bascule.south.as3 import AS3Backend, Site
from bascule.south.memory import MemoryBackend
from bascule.store.engine import Database
from bench import standard
from bench.emulator import CREDENTIALS

LANES = 4
SUBNETS = Subnets([standard.VIPS, standard.MEMBERS])
_POLL = 1.0


def memory() -> MemoryBackend:
    """The in-memory backend with several lanes."""
    return MemoryBackend(lanes=[f"memory:{number}" for number in range(LANES)], reads=Reads.RECORD)


def devices(places: Sequence[tuple[str, Path]]) -> AS3Backend:
    """BIG-IPs at these addresses with these certificates, each a group of its own."""
    found = [Device(url, CREDENTIALS, Trust(file)) for url, file in places]
    groups = [DeviceGroup(f"group-{number}", [device]) for number, device in enumerate(found)]
    return AS3Backend([Site(group=group) for group in groups], save_interval=3600)


def passes(backend: Backend) -> Passes:
    """What carries out passes over standard load balancers, which need no certificates."""
    certificates = CertificateLibrary(Path("/nonexistent"))
    return Passes({backend.name: backend}, Resolver(certificates, SUBNETS), certificates.secret)


def main(arguments: list[str]) -> int:
    """Work until told to stop."""
    url, folder, *places = arguments
    backend: Backend = (
        devices([(each, Path(file)) for each, file in zip(places[::2], places[1::2], strict=True)]) if places else memory()
    )
    database = Database(url)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    worker = Worker(database, {backend.name: backend}, passes(backend), Recorder(database))
    worker.start()
    sleeper = Sleeper(Path(folder))
    while not stop.is_set():
        sleeper.wait(_POLL)
        worker.begin()
    worker.stop()
    sleeper.close()
    database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
