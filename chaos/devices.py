"""Two pairs of emulated BIG-IPs, each device a process of the shipped program; and what they are seen to hold."""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import urllib3

from bench import processes
from bench.load import HOST
from chaos.script import DEVICES

SPEED = 3
"""How many of the devices' seconds pass in one of ours."""

_DECLARED = "/mgmt/shared/appsvcs/declare/"
"""With the slash at the end, which no fault of the script meets."""

_STAMP = re.compile(r"e(?P<epoch>\d+) f\d+ g(?P<generation>\d+)")

NO_ANSWER = (OSError, RuntimeError, urllib3.exceptions.HTTPError)
"""What is raised where a device is away, or cannot tell now."""

_LOOK = 0.3
"""Seconds between two looks."""
START = 60.0


class Device:
    """One emulated device, asked directly."""

    def __init__(self, name: str, port: int, password: str, certificate: Path) -> None:
        self.name = name
        self.port = port
        self.group = f"pair-{name[0]}"
        self.certificate = certificate
        self._headers = urllib3.make_headers(basic_auth=f"admin:{password}")
        self._http: urllib3.PoolManager | None = None

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and body. Raises OSError or urllib3's errors where there is no answer."""
        if self._http is None:
            self._http = urllib3.PoolManager(ca_certs=str(self.certificate), retries=False, timeout=20, maxsize=4)
        data = None if body is None else json.dumps(body).encode()
        answer = self._http.request(method, f"https://{HOST}:{self.port}{path}", body=data, headers=self._headers)
        try:
            return answer.status, json.loads(answer.data) if answer.data else None
        except ValueError:
            return answer.status, None

    def get(self, path: str) -> Any:
        """The body of an answer. Raises RuntimeError for any status but 200."""
        status, body = self.ask("GET", path)
        if status != 200:
            raise RuntimeError(f"{self.name}: {path} was answered with {status}: {body}")
        return body

    def tenants(self) -> dict[str, dict[str, Any]]:
        """The tenants that AS3 has stored. Raises as `get` does."""
        status, body = self.ask("GET", _DECLARED)
        if status == 204:
            return {}
        if status != 200 or not isinstance(body, dict):
            raise RuntimeError(f"{self.name}: the declaration was answered with {status}: {body}")
        return {name: each for name, each in body.items() if isinstance(each, dict) and each.get("class") == "Tenant"}

    def is_up(self) -> bool:
        """Whether it answers."""
        with suppress(OSError, urllib3.exceptions.HTTPError):
            return self.ask("GET", "/mgmt/shared/appsvcs/info")[0] == 200
        return False

    def is_active(self) -> bool:
        """Whether it answers, and carries the traffic of its pair."""
        with suppress(OSError, urllib3.exceptions.HTTPError):
            return bool(self.ask("GET", "/emulator")[1]["state"] == "active")
        return False


@contextmanager
def running(folder: Path) -> Iterator[dict[str, Device]]:
    """The devices, by name, once one of each pair is active."""
    folder.mkdir()
    password = folder / "password"
    password.write_text(secrets.token_urlsafe(12))
    ports = {name: processes.free_port() for name in DEVICES}
    with ExitStack() as stack:
        found: dict[str, Device] = {}
        for name, port in ports.items():
            certificate = folder / f"{name}.pem"
            peer = f"https://{HOST}:{ports[name[0] + {'1': '2', '2': '1'}[name[1]]]}"
            options = ["--hostname", name, "--port", str(port), "--peer", peer, "--speed", str(SPEED)]
            options += ["--password-file", str(password), "--write-certificate", str(certificate)]
            stack.enter_context(processes.running(folder / f"{name}.log", "bascule.cmd.demo.tied", "bigip_emulator.main", *options))
            found[name] = Device(name, port, password.read_text(), certificate)
        deadline = time.monotonic() + START
        while not (all(each.certificate.exists() and each.is_up() for each in found.values()) and _agree(found)):
            if time.monotonic() > deadline:
                raise RuntimeError("the emulated devices do not come up")
            time.sleep(0.1)
        (folder / "certificates.pem").write_text("".join(each.certificate.read_text() for each in found.values()))
        yield found


def _agree(found: Mapping[str, Device]) -> bool:
    states = [each.get("/emulator")["state"] for each in found.values()]
    return states.count("active") == len(states) // 2


class Watcher:
    """Looks all the time which generation of each load balancer a device holds, and keeps the highest.

    `highest` is by group of devices and tenant. `stepped_back` counts how often a device was seen to hold an older one than it had
    held before, which may be so for a while: it came back from a reboot, or a late change reached it and was repaired.
    """

    def __init__(self, devices: Mapping[str, Device]) -> None:
        self.highest: dict[tuple[str, str], tuple[int, int]] = {}
        self.stepped_back = 0
        self._devices = devices
        self._last: dict[tuple[str, str], tuple[int, int]] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._watch, args=(each,), daemon=True) for each in devices.values()]

    def __enter__(self) -> Watcher:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def backwards(self) -> list[str]:
        """The tenants of which a device holds an older generation than one of its group has held. One that is away holds none."""
        found: list[str] = []
        for device in self._devices.values():
            with suppress(*NO_ANSWER):
                for tenant, now in generations(device.tenants()).items():
                    if now < (highest := self.highest.get((device.group, tenant), now)):
                        found.append(f"{device.name}: tenant {tenant} is at {_text(now)} and has been at {_text(highest)}")
        return found

    def _watch(self, device: Device) -> None:
        while not self._stop.wait(_LOOK):
            # While it is away, there is nothing to be seen.
            with suppress(*NO_ANSWER):
                self._note(device, generations(device.tenants()))

    def _note(self, device: Device, seen: Mapping[str, tuple[int, int]]) -> None:
        with self._lock:
            for tenant, now in seen.items():
                key = (device.group, tenant)
                self.highest[key] = max(now, self.highest.get(key, now))
                self.stepped_back += now < self._last.get((device.name, tenant), now)
                self._last[device.name, tenant] = now


def generations(tenants: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[int, int]]:
    """Epoch and generation of what is stored, by tenant; those without a stamp are left out."""
    matches = {name: _STAMP.fullmatch(str(each.get("remark", ""))) for name, each in tenants.items()}
    return {name: (int(match["epoch"]), int(match["generation"])) for name, match in matches.items() if match}


def _text(stamp: tuple[int, int]) -> str:
    return f"generation {stamp[1]} of epoch {stamp[0]}"
