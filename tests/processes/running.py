"""Running Bascule's programs as an operator would: as processes, with a configuration file, on free ports."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent

TIME = 60.0
"""Seconds that anything may take that a test waits for."""


class Site:
    """A configuration file and a state directory, with a provider and free ports."""

    def __init__(self, folder: Path, provider: str = "memory") -> None:
        self.folder = folder
        self.port = free_ports(1)
        self.state = folder / "state"
        self.headers: dict[str, str] = {}
        self.file = folder / "bascule.conf"
        self.write(provider)

    def write(self, provider: str, host: str = "127.0.0.1", more: str = "") -> None:
        """Write the configuration file."""
        self.file.write_text(
            f"[DEFAULT]\nstate_dir = {self.state}\nenabled_providers = {provider}\ndefault_provider = {provider}\n"
            f"subnets = vips, members\n{more}\n"
            f"[api]\nbind_host = {host}\nbind_port = {self.port}\n"
            "[worker]\nlease = 2\n[health_manager]\ninterval = 0.2\n[housekeeping]\ninterval = 0.2\n"
            "[subnet:vips]\nid = 1d9f6c5e-6c1b-4c0e-9d0f-1f4f0c1a0001\ncidr = 127.30.0.0/16\nvips = true\n"
            "[subnet:members]\ncidr = 127.20.0.0/24\nmembers = true\n"
        )

    def command(self, *words: str) -> list[str]:
        """A command line of one of the programs, such as `bascule-worker` or `bascule serve`."""
        return [str(BIN / words[0]), *words[1:], "--config-file", str(self.file)]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program that ends by itself."""
        return subprocess.run(self.command(*words), capture_output=True, text=True, check=False, timeout=TIME)

    def upgrade(self) -> None:
        """Create the database."""
        subprocess.run([BIN / "bascule-db-manage", "--config-file", self.file, "upgrade"], check=True, capture_output=True)

    @contextmanager
    def ready(self, *words: str) -> Iterator[Running]:
        """A program that runs, and has told systemd that it is ready."""
        told = self.folder / "ready"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(str(told))
            listener.settimeout(TIME)
            with self.running(*words, environment={"NOTIFY_SOCKET": str(told)}) as running:
                assert listener.recv(64) == b"READY=1", running.log
                yield running

    @contextmanager
    def running(self, *words: str, environment: Mapping[str, str] | None = None) -> Iterator[Running]:
        """A program that runs until it is stopped; killed at the end if it still runs."""
        with (self.folder / f"{'-'.join(words)}.log").open("w+") as log:
            everything = os.environ | dict(environment or {})
            process = subprocess.Popen(self.command(*words), stdout=log, stderr=log, process_group=0, env=everything)
            try:
                yield Running(process, Path(log.name))
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and decoded body of the API's answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIME)
        try:
            content = json.dumps(body) if body is not None else None
            connection.request(method, path, content, {"Content-Type": "application/json"} | self.headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()

    def answers(self) -> bool:
        """Whether the API answers."""
        try:
            return self.call("GET", "/")[0] == 200
        except OSError:
            return False

    def load_balancer(self, load_balancer_id: str) -> dict[str, Any]:
        """A load balancer as the API shows it; empty when it is gone."""
        status, answer = self.call("GET", f"/v2/lbaas/loadbalancers/{load_balancer_id}")
        found: dict[str, Any] = answer["loadbalancer"] if status == 200 else {}
        return found

    def create(self, example: dict[str, Any]) -> str:
        """Create a load balancer and wait until it is ACTIVE. Gives its id."""
        status, answer = self.call("POST", "/v2/lbaas/loadbalancers", example)
        assert status == 201, answer
        made: str = answer["loadbalancer"]["id"]
        wait_for(lambda: self.load_balancer(made)["provisioning_status"] == "ACTIVE")
        return made


class Running:
    """A program that runs."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self._log.read_text()

    def wait_until_it_says(self, text: str) -> None:
        """Wait for a text in what it says."""
        wait_for(lambda: text in self.log or self.process.poll() is not None, lambda: self.log)
        assert text in self.log, self.log

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait until the program has ended. Gives its exit status."""
        self.process.send_signal(number)
        return self.process.wait(TIME)


def wait_for(happened: Callable[[], object], explain: Callable[[], str] = lambda: "") -> None:
    """Wait until something has happened."""
    deadline = time.monotonic() + TIME
    while not happened():
        assert time.monotonic() < deadline, f"it did not happen in {TIME} s. {explain()}"
        time.sleep(0.02)


def free_ports(count: int) -> int:
    """The first of so many free ports in a row, below those that the system hands out by itself."""
    while True:
        first = random.randrange(12000, 32000)
        if all(_is_free(port) for port in range(first, first + count)):
            return first


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def children(parent: int) -> dict[str, int]:
    """The processes that a process has started, by the name of their module."""
    found: dict[str, int] = {}
    for number in pids():
        try:
            fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
            words = Path(f"/proc/{number}/cmdline").read_text().split("\0")
        except OSError:
            continue
        if int(fields[1]) != parent or fields[0] == "Z":
            continue
        if "-m" in words:
            found[words[words.index("-m") + 1].rpartition(".")[2]] = number
        elif words[0].startswith("granian"):  # a name that the server has given itself
            found["api"] = number
    return found


def pids() -> Sequence[int]:
    """All processes."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def is_alive(number: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return state(number) != "Z"
    except OSError:
        return False


def state(number: int) -> str:
    """The letter of the kernel for what a process is at: Z has ended, T is stopped. Raises OSError where there is none."""
    return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
