"""Nothing that must stay secret is printed, whatever is logged, raised or shown."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bascule.clients.bigip import AS3, Device, DeviceError, DeviceGroup, icontrol
from bascule.clients.bigip.login import LIFE, LOGIN
from tests.certificates import Authority, key_pem
from tests.clients.bigip.conftest import Clock, Connect
from tests.clients.bigip.site import VLAN, VLANS, tokens
from tests.clients.bigip.test_as3 import later, wrapped
from tests.emulator.site import PASSWORD, Box, lb, tenant

pytestmark = pytest.mark.slow


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], str]]:
    """What every logger there is writes at its most talkative."""
    known = [logger for logger in logging.Logger.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    before = [(logger, logger.level, logger.propagate, logger.disabled) for logger in known]
    for logger in known:
        logger.setLevel(logging.DEBUG)
        logger.propagate, logger.disabled = True, False
    with caplog.at_level(logging.DEBUG):
        yield lambda: caplog.text
    for logger, level, propagate, disabled in before:
        logger.setLevel(level)
        logger.propagate, logger.disabled = propagate, disabled


def test_no_secret_is_printed_in_a_whole_conversation(
    bigip: Box, connect: Connect, clock: Clock, everything: Callable[[], str], capfd: pytest.CaptureFixture[str]
) -> None:
    shown: list[str] = []
    # Put together here, as a traceback shows the line.
    wrong = "-".join(("not", "the", "password"))
    secrets: set[str] = {wrong, PASSWORD, bigip.basic["authorization"].partition(" ")[2]}

    def tried(ask: Callable[[], object]) -> None:
        try:
            found = ask()
        except DeviceError:
            shown.append(traceback.format_exc())
        else:
            shown.append(repr(found))
        secrets.update(token["token"] for token in tokens(bigip))

    for basic in (False, True):
        device = connect(bigip.url, basic=basic)
        _conversation(bigip, device, clock, tried, secrets)
    tried(lambda: connect(bigip.url, password=wrong).get(VLANS))
    out, err = capfd.readouterr()
    text = "\n".join([everything(), *shown, out, err])
    assert "/authz/tokens/***" in text
    assert '/schemaVersion: data "***' in text
    assert len(secrets) > 10
    assert [secret for secret in secrets if secret in text] == []


def _conversation(
    bigip: Box, device: Device, clock: Clock, tried: Callable[[Callable[[], object]], None], secrets: set[str]
) -> None:
    """Everything that can be asked, and much that can go wrong."""
    as3 = AS3(device)
    with_key = _with_key(secrets)
    for ask in (
        as3.info,
        lambda: as3.declare(wrapped(tenant("T1", with_key))),
        lambda: later(as3, wrapped(tenant("T1", with_key))),
        lambda: as3.declare(_quoted(with_key)),
        as3.declared,
        lambda: as3.device.get("/mgmt/shared/appsvcs/declare"),
        lambda: icontrol.virtual_stats(device),
        lambda: DeviceGroup("edge", [device]).members(),
        lambda: icontrol.start_saving(device),
        lambda: icontrol.read(device, f"{VLANS}/nowhere"),
    ):
        tried(ask)
    clock.now += LIFE - 1
    tried(lambda: device.get(VLANS))
    bigip.ask("POST", "/emulator/expire-tokens", {})
    tried(lambda: device.get(VLANS))
    for kind in ("reset-before", "reset-after", "bad-gateway", "unavailable", "unauthorized", "context-timeout"):
        bigip.fault(kind, times=None, path="appsvcs")
        tried(lambda: as3.declare(wrapped(tenant("T1", with_key))))
        tried(as3.declared)
        bigip.ask("DELETE", "/emulator/faults")
    bigip.fault("bad-gateway", text=f"<html>{PASSWORD}</html>", path=LOGIN)
    bigip.ask("POST", "/emulator/expire-tokens", {})
    tried(lambda: device.post(VLANS, VLAN))
    tried(device.close)


def _with_key(secrets: set[str]) -> dict[str, Any]:
    """An application with a certificate and its key."""
    authority = Authority()
    key = key_pem(authority.key).decode()
    secrets.update(line for line in key.splitlines() if "-----" not in line)
    made = lb()
    made["crt"] = {"class": "Certificate", "certificate": authority.pem.decode(), "privateKey": key}
    return made


def _quoted(application: dict[str, Any]) -> dict[str, Any]:
    """A declaration with the key where AS3 refuses it, and quotes what it refuses."""
    made = wrapped(tenant("T3", application))
    made["declaration"]["schemaVersion"] = application["crt"]["privateKey"]
    return made
