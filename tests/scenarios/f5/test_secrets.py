"""No secret leaves the memory of a process but on its way to the device: neither by logs nor into the database."""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bascule.model.objects import ListenerProtocol, Tree
from tests.certificates import AUTHORITY
from tests.clients.bigip.site import tokens
from tests.emulator.site import DECLARE, PASSWORD, Box
from tests.scenarios.f5.site import F5World
from tests.scenarios.world import PROJECT, standard

pytestmark = pytest.mark.slow

KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\n(.*?)-----END", re.DOTALL)
NAMES = ("www.pem", "shop.pem", "members.pem")


@pytest.fixture
def talkative(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Every logger writes all it can."""
    with ExitStack() as stack:
        stack.enter_context(caplog.at_level(logging.DEBUG))
        for name, logger in list(logging.Logger.manager.loggerDict.items()):
            if isinstance(logger, logging.Logger):
                stack.callback(setattr, logger, "disabled", logger.disabled)
                logger.disabled = False
                stack.enter_context(caplog.at_level(logging.DEBUG, name))
        yield caplog


def guarded(world: F5World) -> tuple[Tree, set[str]]:
    """A load balancer whose listener and members are spoken to with keys, and every line of these."""
    lines: set[str] = set()
    for name in NAMES:
        content = AUTHORITY.issue(name)
        world.certificate(name, content)
        (key,) = KEY.findall(content)
        lines.update(key.decode().split())
    tree = standard()
    front, _ = tree.listeners
    front = dataclasses.replace(
        front, protocol=ListenerProtocol.TERMINATED_HTTPS, default_tls_container_ref="www.pem", sni_container_refs=("shop.pem",)
    )
    pools = [dataclasses.replace(each, tls_enabled=True, tls_container_ref="members.pem") for each in tree.pools]
    return world.create(tree.put(front, *pools)), lines


def faults(echo: str) -> list[dict[str, Any]]:
    """What goes wrong. Where the fault has words of the device, they say again what it was told."""
    here = {"method": "POST", "path": "declare"}
    return [
        *(
            {"kind": kind, "text": f"cannot understand {echo}", **here}
            for kind in ("bad-gateway", "unavailable", "context-timeout")
        ),
        *({"kind": kind, **here} for kind in ("reset-before", "reset-after", "unauthorized")),
        *({"kind": kind} for kind in ("store-failure", "device-read-failure", "read-failure", "failed-script")),
        {"kind": "refuse", "text": f"01070712:3: unable to validate certificate, invalid x509 file ({echo})."},
        {"kind": "refuse", "text": f"01070151:3: Rule error: {echo!r}"},
    ]


@pytest.mark.slow
def test_no_secret_is_in_a_log_or_in_the_database(
    world: F5World, device: Box, tmp_path: Path, talkative: pytest.LogCaptureFixture
) -> None:
    made, secrets = guarded(world)
    secrets |= {PASSWORD, device.basic["authorization"].partition(" ")[2]}
    echo = (world.certificates / PROJECT / NAMES[0]).read_text()
    kept: list[bytes] = []
    for fault in [None, *faults(echo)]:
        if fault:
            device.fault(**fault, times=2)
            world.put(made.id, dataclasses.replace(made.members[0], weight=len(kept) + 1))
        world.tick()
        kept.append(b"".join(path.read_bytes() for path in tmp_path.glob("bascule.db*")))
        assert all(each["hits"] for each in device.get("/emulator/faults").body["faults"]), "it was met"
        secrets.update(token["token"] for token in tokens(device))
        device.ask("DELETE", "/emulator/faults")
        world.settle()
    assert world.is_on(device, made.id)
    written = b"".join(kept)
    ours = (each for each in talkative.records if not each.name.startswith("bigip_emulator"))
    told = "\n".join(map(talkative.handler.format, ours))
    assert "/mgmt/shared/appsvcs/declare" in told, "the session writes what it asks for"
    assert b"invalid x509 file (***" in written, "the device's words are kept, without what they should not say"
    assert sum(each in device.get(DECLARE).text for each in secrets) >= len(NAMES) * 3, "the device was told the keys"
    assert [each for each in secrets if each in told] == []
    assert [each for each in secrets if each.encode() in written] == []
