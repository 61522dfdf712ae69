from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bascule.clients.bigip import Credentials, Device, Trust
from bascule.model.secrets import Secret
from tests.emulator.site import PASSWORD, Box, box, identity

Connect = Callable[..., Device]


class Clock:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bigip() -> Iterator[Box]:
    with box() as made:
        yield made


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    file = tmp_path / "ca.pem"
    file.write_text(identity()[1])
    return Trust(file)


@pytest.fixture
def connect(trust: Trust, clock: Clock) -> Iterator[Connect]:
    """Sessions with emulated devices, ended with the test."""
    made: list[Device] = []

    def begin(url: str, password: str = PASSWORD, basic: bool = False, trust: Trust = trust) -> Device:
        made.append(Device(url, Credentials("admin", Secret(password.encode()), basic), trust, clock=clock, pause=0.02))
        return made[-1]

    yield begin
    for device in made:
        device.close()


@pytest.fixture
def device(bigip: Box, connect: Connect) -> Device:
    return connect(bigip.url)
