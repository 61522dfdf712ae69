"""The pair of emulated BIG-IPs that the demo starts, and what they say when they are asked."""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import shutil
import signal
import ssl
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

from bascule.cmd.demo import DemoFailed
from bascule.cmd.demo.children import START_TIME, haproxys, start, tail, wait_for
from bascule.cmd.demo.client import TIMEOUT
from bascule.cmd.demo.place import DEVICES, Place

STOP_TIME = 30.0
"""Seconds that a device has to stop, and to take over from the other one."""


class Devices:
    """Both devices, each a process with a HAProxy of its own for the traffic."""

    def __init__(self, place: Place) -> None:
        self._place = place
        folder = place.devices
        shutil.rmtree(folder, ignore_errors=True)  # what a demo left that was killed
        (folder / "tmp").mkdir(parents=True, mode=0o700)
        self._password = secrets.token_urlsafe(12)
        place.password.touch(mode=0o600)
        place.password.write_text(self._password)
        self._running = {name: self._start(name) for name in DEVICES}

    def wait_until_up(self) -> None:
        """Wait until one is active and one stands by, and write down which certificates are theirs.

        Raises DemoFailed with what a device said last, if it does not come up.
        """
        for name in DEVICES:
            wait_for(f"{name} to answer", START_TIME, partial(self._answers, name))
        certificates = [self._certificate(name).read_text() for name in DEVICES]
        self._place.certificates.write_text("".join(certificates))
        states = ["active", "standby"]
        wait_for("the devices to agree who is active", START_TIME, lambda: sorted(map(self.state, DEVICES)) == states)

    @property
    def active(self) -> str:
        """The name of the device that carries the traffic. Raises DemoFailed if it is not exactly one."""
        found = [name for name in self._running if self.state(name) == "active"]
        if len(found) != 1:
            raise DemoFailed(f"{len(found)} devices say that they are active, not one")
        return found[0]

    def state(self, name: str) -> str:
        """What a device says that it is: `active`, `standby` ..."""
        own = [each for each in self._get(name, "/mgmt/tm/cm/device")["items"] if each["selfDevice"] == "true"]
        return str(own[0]["failoverState"])

    def addresses(self, name: str) -> list[str]:
        """The virtual addresses that a device is configured with."""
        return [each["address"] for each in self._get(name, "/mgmt/tm/ltm/virtual-address").get("items", [])]

    def connections(self, name: str) -> int:
        """How many connections of clients a device has counted."""
        found = self._get(name, "/mgmt/tm/ltm/virtual/stats").get("entries", {}).values()
        return sum(each["nestedStats"]["entries"]["clientside.totConns"]["value"] for each in found)

    def kill(self, name: str) -> None:
        """Kill one of them on the spot."""
        device = self._running.pop(name)
        device.kill()
        device.wait()

    def stop(self) -> None:
        """Stop both, and wait until nothing is left of them. Raises DemoFailed if they do not end well."""
        for device in self._running.values():
            device.terminate()
        for name, device in self._running.items():
            try:
                status = device.wait(STOP_TIME)
            except subprocess.TimeoutExpired as error:
                device.kill()
                raise DemoFailed(f"{name} did not stop in {STOP_TIME:.0f} seconds") from error
            if status not in (0, -signal.SIGTERM):  # the latter when it was only just starting
                raise DemoFailed(f"{name} ended with status {status}. The end of {self._log(name)}:\n{tail(self._log(name))}")
        wait_for("the HAProxys of the devices to end", STOP_TIME, lambda: not haproxys(self._place.devices))
        shutil.rmtree(self._place.devices)

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        (peer,) = (other for other in DEVICES if other != name)
        arguments = ["bigip_emulator.main", "--data-plane", "--hostname", name, "--port", str(self._place.device_port(name))]
        arguments += ["--peer", self._place.device_url(peer), "--password-file", str(self._place.password)]
        arguments += ["--write-certificate", str(self._certificate(name))]
        with self._log(name).open("ab") as log:
            # What belongs to its HAProxys, too, is to lie where the demo cleans up.
            return start("bascule.cmd.demo.tied", *arguments, log=log, environment={"TMPDIR": str(self._place.devices / "tmp")})

    def _answers(self, name: str) -> bool:
        if self._running[name].poll() is not None:
            raise DemoFailed(f"{name} did not start. The end of {self._log(name)}:\n{tail(self._log(name))}")
        try:
            self._get(name, "/mgmt/shared/appsvcs/info")
        except DemoFailed:
            return False
        return True

    def _get(self, name: str, path: str) -> Any:
        port, said = self._place.device_port(name), base64.b64encode(f"admin:{self._password}".encode()).decode()
        try:
            trust = ssl.create_default_context(cafile=self._certificate(name))
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=TIMEOUT, context=trust)
            try:
                connection.request("GET", path, headers={"Authorization": f"Basic {said}"})
                answer = connection.getresponse()
                content = answer.read()
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise DemoFailed(f"{name} does not answer: {error}") from error
        if answer.status != 200:
            raise DemoFailed(f"{name} answered GET {path} with {answer.status}: {content.decode(errors='replace')}")
        return json.loads(content)

    def _certificate(self, name: str) -> Path:
        return self._place.devices / f"{name}.pem"

    def _log(self, name: str) -> Path:
        return self._place.devices / f"{name}.log"
