"""The provider f5 hands its network units over, and has devices save them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bascule.clients.bigip import Device, DeviceGroup
from bascule.model.backend import Done, Fence, Need
from bascule.model.definition import SharedDefinition
from bascule.model.objects import LoadBalancer, Tree, Vip
from bascule.south.as3 import AS3Backend
from bascule.south.as3 import Site as Group
from tests.emulator.site import Box, box
from tests.south.icontrol.site import Site, unit

pytestmark = pytest.mark.slow


def test_networks_are_written_and_saved(tmp_path: Path, connect: Callable[[Box], Device]) -> None:
    state = tmp_path / "saved"
    with box(state=state) as bigip:
        device = connect(bigip)
        site = Site([bigip], [device])
        backend = AS3Backend([Group(group=DeviceGroup("pair", [device]), networks=True)], save_interval=0.05)
        plans = site.plans(site.network())
        (outcome,) = backend.apply("f5:pair", Fence(1, 1), plans, pytest.fail).values()
        assert isinstance(outcome, Done)
        bigip.until(lambda: state.exists() and "bascule-101" in state.read_text())


def test_a_network_has_a_carrier_for_each_device(one: Site) -> None:
    network = one.network()
    definition = SharedDefinition(unit_id=unit(network), generation=1, kind="network", key=network.id, network=network)
    backend = AS3Backend([Group(group=DeviceGroup("pair", one.devices), networks=True), Group(group=DeviceGroup("b", one.devices))])
    assert backend.carriers("f5:pair", definition) == one.names
    tree = Tree(LoadBalancer(id="lb", project_id="p", provider="f5", name="", vip=Vip(address="10.1.0.9", network_id="net-1")))
    assert backend.needs(tree) == (Need("network", "net-1"),)
    without = AS3Backend([Group(group=DeviceGroup("pair", one.devices))])
    assert without.needs(tree) == ()
