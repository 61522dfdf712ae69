"""Hosts that can be pinged or are silent: addresses that this machine takes or does not take."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator

import pytest

NETWORK = "198.18.0.0/15"
"""Where they are. It is set apart for measurements, so nobody has such an address."""


class Host:
    """One such host, silent at first. Whatever is sent to it is lost in here."""

    def __init__(self) -> None:
        chosen = random.SystemRandom()
        self.address = f"198.18.{chosen.randint(0, 255)}.{chosen.randint(1, 254)}"
        self._ip("route", "add", f"{self.address}/32", "dev", "lo")

    def up(self) -> None:
        self._ip("address", "add", f"{self.address}/32", "dev", "lo")

    def down(self) -> None:
        self._ip("address", "delete", f"{self.address}/32", "dev", "lo")

    def close(self) -> None:
        for kind in ("address", "route"):
            subprocess.run(["ip", kind, "delete", f"{self.address}/32", "dev", "lo"], capture_output=True, check=False)

    def _ip(self, *command: str) -> None:
        subprocess.run(["ip", *command], capture_output=True, check=True)


@pytest.fixture
def host() -> Iterator[Host]:
    """A host. Skips the test where this machine's addresses cannot be changed."""
    if shutil.which("ip") is None:
        pytest.skip("there is no ip here")
    try:
        found = Host()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"the addresses of this machine cannot be changed: {error.stderr.decode()}")
    yield found
    found.close()
