"""What was changed is saved after a while, once for all changes until then, and again where it did not work."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from bascule.clients.bigip import Credentials, Device, DeviceGroup, Trust
from bascule.model.secrets import Secret
from bascule.south.as3.saving import Saver
from tests.addresses import free_port
from tests.clients.bigip.site import Counted
from tests.emulator.site import PASSWORD, Box, box, identity, lb, tenant

SAVE = "/task/sys/config$"


@pytest.fixture
def bigip(tmp_path: Path) -> Iterator[Box]:
    with box(state=tmp_path / "saved") as made:
        yield made


@pytest.fixture
def group(bigip: Box, tmp_path: Path) -> Iterator[DeviceGroup]:
    (tmp_path / "ca.pem").write_text(identity()[1])
    made = DeviceGroup("pair", [Device(bigip.url, Credentials("admin", Secret(PASSWORD.encode())), Trust(tmp_path / "ca.pem"))])
    yield made
    made.close()


def is_saved(tmp_path: Path, name: str) -> bool:
    return (tmp_path / "saved").exists() and f'"{name}"' in (tmp_path / "saved").read_text()


@pytest.mark.slow
def test_all_changes_of_an_interval_are_saved_together(bigip: Box, group: DeviceGroup, tmp_path: Path) -> None:
    saver, asked = Saver(group, 1.0), Counted(bigip, "POST", SAVE)
    for round_ in (1, 2):
        bigip.declare(tenant(f"T{round_}", lb(f"203.0.113.{round_}")))
        for _ in range(20):
            saver.changed()
        assert not is_saved(tmp_path, f"T{round_}"), "not at once"
        bigip.until(partial(is_saved, tmp_path, f"T{round_}"))
        assert asked.so_far() == round_


def test_what_cannot_be_saved_is_saved_later(bigip: Box, group: DeviceGroup, tmp_path: Path) -> None:
    bigip.declare(tenant("T1", lb()))
    bigip.fault("reset-before", method="POST", path=SAVE, times=2)
    Saver(group, 0.05).changed()
    bigip.until(lambda: is_saved(tmp_path, "T1"))
    bigip.declare(tenant("T2", lb("203.0.113.2")))
    saver = Saver(group, 3600)
    saver.changed()
    saver.end()  # the process does, and nobody else knows of it
    bigip.until(lambda: is_saved(tmp_path, "T2"))


def test_while_one_device_is_away_the_others_do_not_save_again(
    bigip: Box, group: DeviceGroup, caplog: pytest.LogCaptureFixture
) -> None:
    away = Device(f"https://127.0.0.1:{free_port()}", Credentials("admin", Secret(b"x")), Trust(verify=False), pause=0)
    asked = Counted(bigip, "POST", SAVE)
    saver = Saver(DeviceGroup("pair", [away, *group.devices]), 0.05)
    saver.changed()
    bigip.until(lambda: caplog.text.count(f"{away.name} cannot be saved now") > 2)
    assert asked.so_far() == 1
    saver.end()


def test_what_was_not_saved_is_gone_after_a_restart_of_the_device(bigip: Box, group: DeviceGroup, tmp_path: Path) -> None:
    """The reason for all of it."""
    saver = Saver(group, 0.05)
    bigip.declare(tenant("T1", lb()))
    saver.changed()
    bigip.until(lambda: is_saved(tmp_path, "T1"))
    bigip.declare(tenant("T2", lb("203.0.113.2")))
    bigip.ask("POST", "/emulator/reboot", {"seconds": 0})
    found = bigip.until(lambda: bigip.get("/mgmt/tm/auth/partition").body)
    assert {each["name"] for each in found["items"]} == {"Common", "T1"}
