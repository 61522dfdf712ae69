"""Networks that a worker left behind that came too late are removed as well, from every device."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from bascule.clients.bigip import Credentials, Device, Trust
from bascule.model.backend import Fence, Plan
from bascule.model.definition import Network, SelfIP, SharedDefinition, Subnet
from bascule.model.documents import diff
from bascule.model.secrets import Secret
from bascule.south import icontrol
from tests.emulator.site import PASSWORD, Box
from tests.scenarios.f5.conftest import Make
from tests.scenarios.f5.site import LANE, F5World
from tests.scenarios.f5.test_orphans import orphans
from tests.scenarios.world import SUBNET

pytestmark = pytest.mark.slow

NETWORK = SUBNET.network_id


def network(device: Box) -> Network:
    name = urlsplit(device.url).netloc
    subnet = Subnet(SUBNET.id, "demo", NETWORK, SUBNET.cidr, SUBNET.first, SUBNET.last, gateway="10.9.0.1")
    own = (SelfIP(name, SUBNET.id, "10.9.0.2"),)
    return Network(
        id=NETWORK, devices=(name,), vlan=101, interface="1.1", route_domain=101, subnets=(subnet,), self_ips=own
    )  # fmt: skip


@pytest.fixture
def world(make: Make, device: Box) -> F5World:
    return make(device, networks={NETWORK: network(device)})


def held(device: Box) -> list[str]:
    """The network objects that the device did not come with."""
    kinds = ("vlan", "route-domain", "self", "route")
    found = (each["fullPath"] for kind in kinds for each in device.get(f"/mgmt/tm/net/{kind}").body.get("items", []))
    return [path for path in found if path != "/Common/0"]


def write_too_late(world: F5World, device: Box, installation: str) -> None:
    """What a worker does that does not know that nobody needs the network any more."""
    unit_id, wanted = f"{LANE}/network/{NETWORK}", network(device)
    (name,) = wanted.devices
    target = icontrol.render(SharedDefinition(unit_id=unit_id, generation=1, kind="network", key=NETWORK, network=wanted), name)
    session = Device(device.url, Credentials("admin", Secret(PASSWORD.encode())), Trust(world.certificates.parent / "ca.pem"))
    plan = Plan(unit_id, name, 1, diff({}, target), target)
    icontrol.Networks({LANE: {name: session}}).apply(LANE, Fence(1, 1, installation), [plan])
    session.close()


@pytest.mark.parametrize("before", [False, True], ids=["never there", "there before"])
def test_what_nobody_needs_is_removed(world: F5World, device: Box, before: bool) -> None:
    if before:
        made = world.create()
        world.settle()
        assert len(held(device)) == 4
        world.delete(made.id)
        world.settle()
    assert held(device) == []
    write_too_late(world, device, world.installation)
    assert len(held(device)) == 4
    looking = orphans(world)
    waits = 0 if before else 4  # of what was deleted it is known at once
    for seconds, left in ((0, waits), (3000, waits), (700, 0)):
        world.clock.now += seconds
        looking.tick()
        world.settle()
        assert len(held(device)) == left


def test_what_is_needed_and_what_is_not_ours_stays(world: F5World, device: Box) -> None:
    write_too_late(world, device, "elsewhere")
    orphans(world, grace=0).tick()
    assert world.next_due() is None
    assert len(held(device)) == 4


def test_what_is_needed_again_before_it_is_removed_stays(world: F5World, device: Box) -> None:
    write_too_late(world, device, world.installation)
    orphans(world, grace=0).tick()
    made = world.create()
    world.settle()
    assert set(world.statuses(made.id).values()) == {"ACTIVE"}
    assert len(held(device)) == 4
    orphans(world, grace=0, share=1).tick()
    assert world.next_due() is None
    world.delete(made.id)
    world.settle()
    assert held(device) == []
