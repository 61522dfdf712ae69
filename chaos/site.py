"""Bascule as it is put to the test: several of each process, every one with its own configuration file and its own links."""

from __future__ import annotations

import http.client
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from bascule.cmd import process, settings
from bascule.cmd.demo.children import haproxys
from bascule.cmd.settings import Settings
from bench import processes
from bench.load import HOST
from chaos.databases import DatabaseServer
from chaos.devices import Device
from chaos.script import CREW
from tests.brokers import RabbitMQ
from tests.proxy import Proxy

_PROGRAMS = Path(sys.executable).parent

_AGAIN = 1.0
"""Seconds after which a process that ended by itself is started again."""

START, STOP = 180.0, 60.0
"""Seconds that all of it has to come up, and to end."""

LEASE = 4.0

_CONFIGURATION = """\
[DEFAULT]
state_dir = {state}
enabled_providers = haproxy, f5
subnets = vips, members
device_groups = pair-a, pair-b
{broker}

[database]
connection = {database}

[api]
bind_port = {port}

[worker]
lease = {lease}

[health_manager]
interval = 1
orphan_grace = 10

[housekeeping]
interval = 1
drift_interval = 15

[f5]
save_interval = 2

[device_group:pair-a]
urls = {a1}, {a2}
password_file = {devices}/password
ca_file = {devices}/certificates.pem

[device_group:pair-b]
urls = {b1}, {b2}
password_file = {devices}/password
ca_file = {devices}/certificates.pem

[subnet:vips]
id = {vips}
cidr = {vip_network}
vips = true

[subnet:members]
cidr = {member_network}
members = true
"""

VIPS = "0b7c64b6-7a3d-4c55-8d6c-0d7a3a5f0001"


@dataclass(slots=True)
class Slot:
    """A process that is there all the time, whatever happens to it.

    `due` is when it is to be started, on the monotonic clock. `asked`: it was asked to end, and is to be started so many seconds
    later. `by_itself` counts how often it has ended unasked.
    """

    name: str
    file: Path
    log: Path
    running: subprocess.Popen[bytes] | None = None
    due: float = 0.0
    by_itself: int = 0
    asked: float | None = None

    def start(self) -> None:
        """Start it. Has to be done by the main thread, with which it would end."""
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                [_PROGRAMS / f"bascule-{self.name.rpartition('-')[0]}", "--config-file", self.file],
                env={**os.environ, process.PARENT: str(os.getpid())},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )

    def signal(self, number: int) -> None:
        """Send a signal to the process and what it has started for itself."""
        if self.running is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.running.pid, number)

    def kill(self) -> None:
        """End it on the spot."""
        self.signal(signal.SIGKILL)
        if self.running is not None:
            self.running.wait()
        self.running = self.asked = None

    def end(self, seconds: float) -> None:
        """Ask it to end, and start it again so many seconds after it has."""
        if self.running is not None:
            self.running.terminate()
        self.asked = seconds

    def look_after(self) -> None:
        """Start it again where it is not running and its time has come."""
        if self.running is not None and self.running.poll() is not None:
            self.signal(signal.SIGKILL)  # what it has left behind
            self.running, self.due = None, time.monotonic() + (self.asked if self.asked is not None else _AGAIN)
            self.by_itself += self.asked is None
            self.asked = None
        if self.running is None and time.monotonic() >= self.due:
            self.start()


@dataclass(slots=True)
class Site:
    """All that runs. `links` are by the names of the script, `ports` those of the APIs."""

    folder: Path
    database: DatabaseServer
    devices: Mapping[str, Device]
    slots: dict[str, Slot]
    links: dict[str, Proxy]
    ports: tuple[int, ...]
    settings: Settings
    members: str
    """What the addresses of members begin with."""
    broker: RabbitMQ | None = None

    @property
    def state(self) -> Path:
        """Where Bascule keeps its files."""
        return self.settings.state_dir

    def haproxys(self) -> list[int]:
        """The ids of all HAProxy processes of Bascule's."""
        return haproxys(self.state)

    def look_after(self) -> None:
        """Start again what ended by itself, as systemd does."""
        for slot in self.slots.values():
            slot.look_after()

    def wait_until_up(self) -> None:
        """Wait until every API answers. Raises RuntimeError."""
        deadline = time.monotonic() + START
        while not all(map(_answers, self.ports)):
            if time.monotonic() > deadline:
                raise RuntimeError(f"Bascule does not come up:\n{self.tail()}")
            self.look_after()
            time.sleep(0.1)

    def tail(self) -> str:
        """What the processes said last."""
        return "".join(f"--- {slot.name}\n{slot.log.read_text(errors='replace')[-2000:]}" for slot in self.slots.values())


@contextmanager
def running(folder: Path, database: DatabaseServer, broker: RabbitMQ | None, devices: Mapping[str, Device]) -> Iterator[Site]:
    """Everything, once the APIs answer. Stopped in order at the end."""
    chosen = random.SystemRandom()
    first = f"127.{chosen.randint(30, 250)}.{chosen.randint(1, 250)}"
    common = {
        "state": folder / "state", "devices": folder / "devices", "vips": VIPS, "vip_network": f"{first}.0/25",
        "member_network": f"{first}.128/25", "lease": LEASE,
    }  # fmt: skip
    links: dict[str, Proxy] = {}
    ports = {name: processes.free_port() for name in CREW if name.startswith("api")}
    slots: dict[str, Slot] = {}
    for name in CREW:
        own: dict[str, object] = {"port": ports.get(name, 9)}
        for device in devices.values():
            own[device.name] = f"https://{HOST}:{device.port}"
        if name.startswith(("worker", "health-manager")):
            for device in devices.values():
                link = links[f"{name}>{device.name}"] = Proxy((HOST, device.port))
                own[device.name] = f"https://{HOST}:{link.port}"
        own["database"] = _escaped(database.url)
        if database.addresses:
            # Where there are several servers, the second process of a kind has the second one.
            address = database.addresses[(int(name.rpartition("-")[2]) - 1) % len(database.addresses)]
            link = links[f"{name}>database"] = Proxy(address)
            own["database"] = _escaped(database.through(link.port))
        own["broker"] = ""
        if broker is not None and name.startswith(("api", "worker")):
            link = links[f"{name}>broker"] = Proxy((HOST, broker.port))
            own["broker"] = f"transport_url = {sa.make_url(broker.url).set(port=link.port).render_as_string(hide_password=False)}"
        file = folder / f"{name}.conf"
        file.write_text(_CONFIGURATION.format(**common, **own))
        slots[name] = Slot(name, file, folder / f"{name}.log")
    judge = folder / "judge.conf"
    direct = {device.name: f"https://{HOST}:{device.port}" for device in devices.values()}
    judge.write_text(_CONFIGURATION.format(**common, **direct, port=9, broker="", database=_escaped(database.url)))
    subprocess.run([_PROGRAMS / "bascule-db-manage", "--config-file", judge, "upgrade"], check=True, capture_output=True)
    site = Site(folder, database, devices, slots, links, tuple(ports.values()), settings.load([str(judge)]), f"{first}.", broker)
    with ExitStack() as stack:
        stack.callback(_stop_haproxys, site)
        stack.callback(_stop, slots)
        for link in links.values():
            stack.callback(link.close)
        for slot in slots.values():
            slot.start()
        site.wait_until_up()
        yield site


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _escaped(url: sa.URL) -> str:
    # In the configuration file, $ would refer to another option.
    return url.render_as_string(hide_password=False).replace("$", "$$")


def _stop(slots: Mapping[str, Slot]) -> None:
    for slot in slots.values():
        slot.signal(signal.SIGCONT)
        if slot.running is not None:
            slot.running.terminate()
    deadline = time.monotonic() + STOP
    for slot in slots.values():
        if slot.running is not None:
            with suppress(subprocess.TimeoutExpired):
                slot.running.wait(max(0.0, deadline - time.monotonic()))
        slot.kill()


def _stop_haproxys(site: Site) -> None:
    """HAProxys outlive those who have started them; here they must not."""
    while found := site.haproxys():
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
    shutil.rmtree(site.state / "haproxy", ignore_errors=True)
