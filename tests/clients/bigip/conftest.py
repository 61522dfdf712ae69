from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bascule.clients.bigip import Credentials, Device, Trust
from bascule.model.secrets import Secret
from tests.emulator.site import PASSWORD, Box, box, identity

Connect = Callable[..., Device]


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
def connect(trust: Trust) -> Iterator[Connect]:
    """Sessions with emulated devices, ended with the test."""
    made: list[Device] = []

    def begin(bigip: Box, password: str = PASSWORD, **how: object) -> Device:
        credentials = Credentials("admin", Secret(password.encode()), basic=bool(how.pop("basic", False)))
        made.append(Device(bigip.url, credentials, trust, **how))  # type: ignore[arg-type]
        return made[-1]

    yield begin
    for device in made:
        device.close()


@pytest.fixture
def device(bigip: Box, connect: Connect) -> Device:
    return connect(bigip)
