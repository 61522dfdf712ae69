"""A worker as a process of its own, with backends that are made for measuring: bench.crew URL FOLDER [DEVICE-URL CERTIFICATE]...

It is woken up in the folder. Without devices it carries load balancers in memory, in as many lanes as there are; with devices, on
them.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from bascule.clients.bigip import Credentials, Device, DeviceGroup, Trust
from bascule.core.certificates import CertificateLibrary
from bascule.core.passes import Passes
from bascule.core.recorder import Recorder
from bascule.core.resolve import Resolver
from bascule.core.subnets import Subnets
from bascule.core.wakeup import Sleeper
from bascule.core.worker import Worker
from bascule.model.backend import Backend, Reads
from bascule.model.secrets import Secret
from bascule.south.as3 import AS3Backend, Site
from bascule.south.memory import MemoryBackend
from bascule.store.engine import Database
from bench import standard

LANES = 4
PASSWORD = "measured"
_POLL = 1.0


def memory() -> MemoryBackend:
    """The in-memory backend with several lanes."""
    return MemoryBackend(lanes=[f"memory:{number}" for number in range(LANES)], reads=Reads.RECORD)


def devices(places: Sequence[tuple[str, Path]]) -> AS3Backend:
    """BIG-IPs at these addresses with these certificates, each a group of its own."""
    credentials = Credentials("admin", Secret(PASSWORD.encode()))
    groups = [DeviceGroup(f"group-{number}", [Device(url, credentials, Trust(file))]) for number, (url, file) in enumerate(places)]
    return AS3Backend([Site(group=group) for group in groups], save_interval=3600)


def main(arguments: list[str]) -> int:
    """Work until told to stop."""
    url, folder, *places = arguments
    backend: Backend = (
        devices([(each, Path(file)) for each, file in zip(places[::2], places[1::2], strict=True)]) if places else memory()
    )
    database, backends = Database(url), {backend.name: backend}
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    with tempfile.TemporaryDirectory(prefix="bascule-bench-") as empty:
        certificates = CertificateLibrary(Path(empty))
        passes = Passes(backends, Resolver(certificates, Subnets([standard.VIPS, standard.MEMBERS])), certificates.secret)
        worker = Worker(database, backends, passes, Recorder(database))
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
