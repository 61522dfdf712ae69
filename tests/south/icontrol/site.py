"""Networks on emulated devices, driven as a worker drives them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from bascule.clients.bigip import Device
from bascule.model.backend import Fence, Outcome, Plan, Target
from bascule.model.definition import Network, SelfIP, SharedDefinition, Subnet
from bascule.model.documents import diff
from bascule.south.icontrol import Networks, render
from tests.emulator.site import Box

LANE = "f5:pair"
FIRST = Fence(1, 1, "here")
KINDS = ("net/vlan", "net/route-domain", "net/self", "net/route")


class Site:
    """Devices of one group. `boxes` are the emulators, `names` what the devices are called."""

    def __init__(self, boxes: Sequence[Box], devices: Sequence[Device]) -> None:
        self.boxes = boxes
        self.devices = devices
        self.names = tuple(device.name for device in devices)
        self.networks = Networks({LANE: dict(zip(self.names, devices, strict=True))})

    def network(self, number: int = 1, **changes: Any) -> Network:
        """A network with one subnet that has self IPs and a router, and one that has not."""
        first = Subnet(f"subnet-{number}", "front", f"net-{number}", f"10.{number}.0.0/24", "", "", gateway=f"10.{number}.0.1")
        second = Subnet(f"members-{number}", "back", f"net-{number}", f"10.{number}.1.0/24", "", "")
        made = Network(
            id=f"net-{number}",
            devices=self.names,
            vlan=100 + number,
            interface="1.1",
            route_domain=100 + number,
            subnets=(first, second),
            self_ips=tuple(SelfIP(name, first.id, f"10.{number}.0.{11 + at}") for at, name in enumerate(self.names)),
        )
        return dataclasses.replace(made, **changes)

    def plans(self, *networks: Network) -> list[Plan]:
        definitions = [SharedDefinition(unit_id=unit(n), generation=1, kind="network", key=n.id, network=n) for n in networks]
        targets = {(each.unit_id, name): render(each, name) for each in definitions for name in self.names}
        return [Plan(unit_id, name, 1, diff({}, target), target) for (unit_id, name), target in targets.items()]

    def make(self, *networks: Network, fence: Fence = FIRST) -> Mapping[Target, Outcome]:
        return self.networks.apply(LANE, fence, self.plans(*networks))

    def remove(self, *networks: Network, fence: Fence = FIRST) -> Mapping[Target, Outcome]:
        plans = [dataclasses.replace(plan, target={}) for plan in self.plans(*networks)]
        return self.networks.apply(LANE, fence, plans)

    def held(self, at: int = 0) -> dict[str, dict[str, Any]]:
        """What a device has beyond what it came with, by path."""
        found = {}
        for kind in KINDS:
            for body in self.boxes[at].get(f"/mgmt/tm/{kind}?expandSubcollections=true").body.get("items", []):
                if body["fullPath"] != "/Common/0":
                    found[f"{kind}{body['fullPath']}"] = body
        return found

    def changes(self) -> list[int]:
        """How often the configuration of each device was changed."""
        return [box.emulator.device.store.changes for box in self.boxes]


def unit(network: Network) -> str:
    return f"{LANE}/network/{network.id}"
