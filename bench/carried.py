"""Something that carries traffic: Bascule with the provider `haproxy`, and web servers for members.

Everything has addresses of its own in 127.0.0.0/8. The web servers are one HAProxy that answers every request by itself with the
address that was asked, so that they are never what limits a measurement.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bascule.south.haproxy import Binary, find_binary
from bench import processes, sites
from bench.load import Connection
from bench.workloads import ROOT
from tests.addresses import own_address

PATIENCE = 30.0
"""Seconds after which something that does not come about is given up."""

MEMBERS = 16
"""How many web servers there are."""

_CONFIGURATION = """\
[DEFAULT]
state_dir = {folder}
subnets = vips, members

[haproxy]
binary = {binary}

[api]
bind_port = {port}

[subnet:vips]
cidr = {vips}
vips = true

[subnet:members]
cidr = {members}
members = true
"""
_ORIGIN = """\
global
    maxconn 2000
defaults
    mode http
    timeout client 60s
    timeout http-keep-alive 60s
frontend origin
{binds}
    http-request return status 200 content-type text/plain lf-string %[dst]
"""


@dataclass(frozen=True, slots=True)
class Origin:
    """The web servers: their addresses, all on one port."""

    addresses: tuple[str, ...]
    port: int
    network: str


class Site:
    """A running Bascule with web servers."""

    def __init__(self, port: int, origin: Origin, binary: Binary) -> None:
        self._port = port
        self.origin = origin
        self.binary = binary

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request to the API. It closes connections that nobody uses for a while, so each request has its own."""
        with Connection(self._port) as connection:
            return connection.ask(method, path, body)

    def create(self, port: int, members: int) -> Mapping[str, Any]:
        """A load balancer with one HTTP listener and one pool, ACTIVE and answering."""
        pool = {
            "name": "web",
            "protocol": "HTTP",
            "lb_algorithm": "ROUND_ROBIN",
            "members": [self.member(number) for number in range(members)],
        }
        pool |= {"healthmonitor": {"type": "TCP", "delay": 5, "timeout": 3, "max_retries": 2}}
        listener = {"protocol": "HTTP", "protocol_port": port, "default_pool": pool}
        subnets = self.ask("GET", "/v2.0/subnets")["subnets"]
        vips = next(each["id"] for each in subnets if each["name"] == "vips")
        made = self.ask("POST", ROOT, {"loadbalancer": {"vip_subnet_id": vips, "listeners": [listener]}})["loadbalancer"]
        self.settle(made["id"])
        wait_for_answer(made["vip_address"], port)
        return dict(made)

    def member(self, number: int) -> dict[str, Any]:
        """The attributes of a member that is one of the web servers."""
        return {"address": self.origin.addresses[number % MEMBERS], "protocol_port": self.origin.port}

    def settle(self, load_balancer_id: str) -> None:
        """Wait until a load balancer is ACTIVE."""
        deadline = time.monotonic() + PATIENCE
        look = f"{ROOT}/{load_balancer_id}?fields=provisioning_status"
        while (status := self.ask("GET", look)["loadbalancer"]["provisioning_status"]) != "ACTIVE":
            if status == "ERROR" or time.monotonic() > deadline:
                raise RuntimeError(f"the load balancer is {status}")
            time.sleep(0.002)


@contextmanager
def running() -> Iterator[Site]:
    """`bascule serve` on SQLite and the web servers. Raises bascule.south.haproxy.BinaryNotFound."""
    binary, vips = find_binary(), own_address().rpartition(".")[0]
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bascule-bench-"))
        origin = stack.enter_context(_origin(Path(folder), binary))
        port = processes.free_port()
        file, log = Path(folder) / "bascule.conf", Path(folder) / "log"
        values = {"folder": folder, "binary": binary.path, "port": port, "vips": f"{vips}.0/24", "members": origin.network}
        file.write_text(_CONFIGURATION.format(**values))
        stack.callback(_end_carriers, folder)
        stack.enter_context(sites.serving(port, log, "bascule.cmd.main", "serve", "--config-file", str(file)))
        yield Site(port, origin, binary)


@contextmanager
def haproxy(binary: Binary, file: Path, configuration: str) -> Iterator[None]:
    """A HAProxy with a configuration of one's own. It has a session of its own, as Bascule's have: Linux shares processors out
    among sessions."""
    file.write_text(configuration)
    with file.with_suffix(".log").open("wb") as log:
        command = [binary.path, "-f", file]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def wait_for_answer(address: str, port: int) -> None:
    """Wait until requests are answered with 200."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(OSError, RuntimeError), Connection(port, address) as connection:
            if connection.send(f"GET / HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())[0] == 200:
                return
        time.sleep(0.02)
    raise RuntimeError(f"nobody answers on {address} port {port}")


@contextmanager
def _origin(folder: Path, binary: Binary) -> Iterator[Origin]:
    network = own_address().rpartition(".")[0]
    found = Origin(tuple(f"{network}.{number}" for number in range(1, MEMBERS + 1)), 18080, f"{network}.0/24")
    binds = "\n".join(f"    bind {address}:{found.port}" for address in found.addresses)
    with haproxy(binary, folder / "origin.cfg", _ORIGIN.format(binds=binds)):
        for address in found.addresses:
            wait_for_answer(address, found.port)
        yield found


def _end_carriers(folder: str) -> None:
    """Kill the HAProxys that Bascule has left, as it should, when it stopped."""
    for pid in (int(each) for each in os.listdir("/proc") if each.isdigit()):
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"-W" in words and any(word.startswith(os.fsencode(folder)) for word in words):
                os.kill(pid, 9)


@dataclass(frozen=True, slots=True)
class Load:
    """What `wrk` saw. `p99` is in milliseconds."""

    requests: int
    per_second: float
    p99: float
    failed: int


_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


class Wrk:
    """A run of the load generator `wrk` against one address. Raises FileNotFoundError where it is not installed."""

    def __init__(self, address: str, port: int, seconds: int, *, keep_alive: bool = True, connections: int = 32) -> None:
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "--latency"]
        command += [] if keep_alive else ["-H", "Connection: close"]
        self._process = subprocess.Popen([*command, f"http://{address}:{port}/"], stdout=subprocess.PIPE, text=True)

    def runs(self) -> bool:
        """Whether it is still sending."""
        return self._process.poll() is None

    def stop(self) -> Load:
        """End it now."""
        self._process.send_signal(signal.SIGINT)
        return self.result()

    def result(self) -> Load:
        """Wait for its end."""
        said, _ = self._process.communicate(timeout=600)
        if self._process.returncode:
            raise RuntimeError(f"wrk failed: {said}")
        return read(said)


def read(said: str) -> Load:
    """What a report of `wrk` says. Everything but an answer with a status below 400 counts as failed."""

    def number(pattern: str) -> tuple[str, ...]:
        found = re.search(pattern, said)
        return tuple(found.groups()) if found else ("0",)

    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    failed = sum(map(int, errors.groups())) if errors else 0
    failed += int(number(r"Non-2xx or 3xx responses: (\d+)")[0])
    value, unit = number(r"99%\s+([\d.]+)(us|ms|s|m)\b")
    requests = int(number(r"(\d+) requests in")[0])
    return Load(requests, float(number(r"Requests/sec:\s+([\d.]+)")[0]), float(value) * _UNITS[unit], failed)
