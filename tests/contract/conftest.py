"""The backends that must keep the contract, one fixture parameter each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest

from bascule.clients.bigip import Credentials, DeviceGroup, Trust
from bascule.clients.bigip import Device as BigIP
from bascule.model.backend import Backend, Reads
from bascule.model.secrets import Secret
from bascule.south.as3 import AS3Backend, Options, Site
from bascule.south.haproxy import HAProxyBackend
from bascule.south.memory import Device, MemoryBackend
from tests.emulator.site import PASSWORD, Box, box, identity
from tests.haproxies import binary


@dataclass(frozen=True, slots=True)
class Subject:
    """A backend under test. `again` makes another object for the same data plane, as a process does that starts anew.

    `left` tells what is still there of any unit; nothing is falsy.
    """

    again: Callable[[], Backend]
    left: Callable[[], object]


def _memory(directory: Path) -> Subject:
    device = Device()
    return Subject(lambda: MemoryBackend(device), lambda: device.documents)


def _memory_pair(directory: Path) -> Subject:
    """Two carriers, and nothing known but what was applied."""
    device = Device()
    return Subject(lambda: MemoryBackend(device, carriers=("a", "b"), reads=Reads.RECORD), lambda: device.documents)


def _haproxy(kind: str) -> Callable[[Path], Subject]:
    def make(directory: Path) -> Subject:
        found = binary(kind)
        lane = directory / "haproxy"
        return Subject(
            lambda: HAProxyBackend(directory, found),
            lambda: [path for path in lane.iterdir() if path.is_dir()] if lane.exists() else [],
        )

    return make


_PASSWORD = Secret(PASSWORD.encode())


_STACK = ExitStack()


@cache
def _device() -> tuple[Box, DeviceGroup]:
    """An emulated BIG-IP for all tests: starting one takes longer than a test."""
    made = _STACK.enter_context(box())
    with NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(identity()[1])
        file.flush()
        trust = Trust(Path(file.name))
        return made, DeviceGroup("pair", [BigIP(made.url, Credentials("admin", _PASSWORD), trust)])


def _f5(directory: Path) -> Subject:
    device, group = _device()

    def partitions() -> list[str]:
        return [each["name"] for each in device.get("/mgmt/tm/auth/partition").body["items"] if each["name"] != "Common"]

    options = Options(regular_expressions=True)
    return Subject(lambda: AS3Backend([Site(group=group)], options, save_interval=3600), partitions)


# A new backend is one line here.
BACKENDS: dict[str, Callable[[Path], Subject]] = {
    "memory": _memory,
    "memory-pair": _memory_pair,
    "f5": _f5,
    "haproxy-system": _haproxy("system"),
    "haproxy-wheel": _haproxy("wheel"),
}


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.slow if "haproxy" in name else ()) for name in BACKENDS])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    return BACKENDS[request.param](tmp_path)


@pytest.fixture(scope="session", autouse=True)
def _end() -> Iterator[None]:
    yield
    _STACK.close()
