"""Worlds whose networks come from a cloud."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from bascule.clients.neutron import MemoryNeutron
from bascule.core.networks import NetworkDriver
from bascule.core.neutron_networks import FromNeutron
from bascule.core.subnets import Subnets
from bascule.store.engine import Database
from bascule.store.tables import claim
from tests.scenarios.conftest import Build
from tests.scenarios.world import SUBNET, World

LANE, SHARED = "memory:0", "memory:0/network/network-1"
DEVICES = ("bigip-1", "bigip-2")


class Cloud:
    """A cloud in memory, and worlds whose networks come from it."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self.neutron = MemoryNeutron({SUBNET.network_id: 8950}, {"pair": "datacenter"})

    def world(self) -> World:
        return self._build(networks=True, carriers=DEVICES, drivers=self._drivers)

    def driver(self, database: Database, subnets: Subnets, clock: Callable[[], float] = time.monotonic) -> FromNeutron:
        where = {"host": "pair", "physical_network": "datacenter", "interface": "1.1"}
        return FromNeutron(database, self.neutron, subnets, devices=DEVICES, clock=clock, **where)

    def _drivers(self, database: Database, subnets: Subnets) -> Mapping[str, NetworkDriver]:
        return {LANE: self.driver(database, subnets)}

    @property
    def addresses(self) -> list[str]:
        return sorted(port.wanted.address for port in self.neutron.port_by_id.values())


def made(world: World) -> dict[str, Any]:
    """The network as it stands on a device."""
    (body,) = world.device.documents[SHARED, DEVICES[0]].values()
    network: dict[str, Any] = json.loads(body)["network"]
    return network


def claimed(world: World) -> dict[str, str]:
    """Whose each held address is."""
    with world.database.read() as conn:
        return {row.name: row.unit_id for row in conn.execute(sa.select(claim))}
