from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bascule.clients.bigip import Credentials, Device, Trust
from bascule.model.secrets import Secret
from tests.emulator.site import PASSWORD, Box, box, identity, pair
from tests.south.icontrol.site import Site

MakeSite = Callable[..., Site]


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Callable[[Box], Device]]:
    """Sessions with emulated devices, ended with the test."""
    file = tmp_path / "ca.pem"
    file.write_text(identity()[1])
    made: list[Device] = []

    def begin(box: Box) -> Device:
        made.append(Device(box.url, Credentials("admin", Secret(PASSWORD.encode())), Trust(file), pause=0.02))
        return made[-1]

    yield begin
    for device in made:
        device.close()


@pytest.fixture
def one(connect: Callable[[Box], Device]) -> Iterator[Site]:
    """A device of its own."""
    with box() as bigip:
        yield Site([bigip], [connect(bigip)])


@pytest.fixture
def two(connect: Callable[[Box], Device]) -> Iterator[Site]:
    """A pair."""
    with pair() as boxes:
        yield Site(boxes, [connect(box) for box in boxes])
