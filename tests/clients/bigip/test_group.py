"""Which device of a group is active, and what happens when that changes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest

from bascule.clients.bigip import (
    Device,
    DeviceError,
    DeviceGroup,
    LoginRefused,
    NoActiveDevice,
    OutcomeUnknown,
    Unreachable,
)
from tests.addresses import free_port
from tests.clients.bigip.conftest import Connect
from tests.clients.bigip.site import VERSION, VLAN, VLANS, Counted, vlans
from tests.emulator.site import Box, pair

pytestmark = pytest.mark.slow

Pair = tuple[Box, Box]


@pytest.fixture
def boxes() -> Iterator[Pair]:
    with pair() as made:
        yield made


@pytest.fixture
def group(boxes: Pair, connect: Connect) -> DeviceGroup:
    one, two = boxes
    return DeviceGroup("edge", [connect(two.url), connect(one.url)])


def answered(ask: Callable[[], Device]) -> Device | None:
    try:
        return ask()
    except DeviceError:
        return None


def active(boxes: Pair, group: DeviceGroup, wanted: Box) -> None:
    """Wait until the group has found out."""

    def found() -> bool:
        device = answered(group.active)
        return device is not None and device.url == wanted.url

    boxes[0].until(found)


def test_the_active_one_is_found_and_remembered(boxes: Pair, group: DeviceGroup) -> None:
    one, two = boxes
    assert group.active().url == one.url
    counts = [Counted(box, path="/mgmt/tm/cm/device") for box in boxes]
    assert group.active().url == one.url
    assert [count.so_far() for count in counts] == [1, 0]
    assert [(member.device.url, member.name, member.state, member.version, member.problem) for member in group.members()] == [
        (two.url, "bigip-2", "standby", "17.1.1", ""),
        (one.url, "bigip-1", "active", "17.1.1", ""),
    ]


def test_a_failover_is_followed(boxes: Pair, group: DeviceGroup, caplog: pytest.LogCaptureFixture) -> None:
    one, two = boxes
    group.active()
    one.ask("POST", "/emulator/standby", {})
    active(boxes, group, two)
    two.ask("POST", "/emulator/standby", {})
    active(boxes, group, one)
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING and "edge" in record.getMessage()]
    names = [url.removeprefix("https://") for url in (one.url, two.url)]
    assert told == [
        f"device group edge: {names[1]} is active now, before it was {names[0]}",
        f"device group edge: {names[0]} is active now, before it was {names[1]}",
    ]


def test_the_active_one_goes_away_in_the_middle_of_a_write(boxes: Pair, group: DeviceGroup) -> None:
    one, two = boxes
    device = group.active()
    device.get(VERSION)
    one.fault("reset-after", method="POST", path=VLANS)
    with pytest.raises(OutcomeUnknown):
        device.post(VLANS, VLAN)
    one.ask("POST", "/emulator/reboot", {"seconds": 10000})
    active(boxes, group, two)
    assert group.active().post(VLANS, VLAN).status == 200
    assert vlans(two) == ["vlan-7"]
    gone, there = sorted(group.members(), key=lambda member: member.active)
    assert (gone.device.url, gone.state, there.device.url, there.state) == (one.url, "unknown", two.url, "active")
    assert gone.problem


def test_when_none_is_active_it_is_said_how_each_is(boxes: Pair, group: DeviceGroup) -> None:
    one, two = boxes
    for box in boxes:
        box.ask("POST", "/mgmt/tm/sys/failover", {"command": "run", "offline": True})
    with pytest.raises(NoActiveDevice) as none:
        group.active()
    names = [url.removeprefix("https://") for url in (two.url, one.url)]
    assert str(none.value) == f"edge: {names[0]} is forced-offline; {names[1]} is forced-offline"


def test_nobody_is_there(connect: Connect) -> None:
    group = DeviceGroup("edge", [connect(f"https://127.0.0.1:{free_port()}") for _ in range(2)])
    with pytest.raises(Unreachable, match=r"edge: .*Connection refused.*; .*Connection refused"):
        group.active()
    assert all("Connection refused" in member.problem for member in group.members())


def test_a_refused_login_is_what_is_told_first(bigip: Box, connect: Connect) -> None:
    group = DeviceGroup("edge", [connect(f"https://127.0.0.1:{free_port()}"), connect(bigip.url, password="wrong")])
    with pytest.raises(LoginRefused, match="Authentication failed"):
        group.active()


def test_one_device_is_a_group(bigip: Box, device: Device) -> None:
    group = DeviceGroup("edge", [device])
    assert group.active() is device
    group.close()
    with pytest.raises(ValueError, match="device group edge has no device"):
        DeviceGroup("edge", [])
