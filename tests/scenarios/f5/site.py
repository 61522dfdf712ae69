"""A whole Bascule without its doors, with emulated BIG-IPs. Its clock is the test's; the devices have their own."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bascule.clients.bigip import Credentials, Device, DeviceGroup, Trust
from bascule.core.networks import Declared
from bascule.core.resolve import Resolver
from bascule.model.backend import Backend
from bascule.model.definition import Network
from bascule.model.objects import Tree
from bascule.model.secrets import Secret
from bascule.south.as3 import AS3Backend, Site
from bascule.south.as3.secrets import filled
from bascule.south.marks import Mark
from bascule.store import meta, units
from bascule.store.engine import Database
from bascule.store.units import Rank
from tests.emulator.site import PASSWORD, Box, identity
from tests.scenarios.world import World, standard

LANE = "f5:pair"


class F5World(World):
    """Bascule with one device group."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        boxes: Sequence[Box],
        sync_group: str = "",
        networks: Mapping[str, Network] | None = None,
    ) -> None:
        self.boxes = boxes
        self._sync_group = sync_group
        self._ca = folder / "ca.pem"
        self._ca.write_text(identity()[1])
        self._groups: list[DeviceGroup] = []
        self._networks = networks
        super().__init__(database, folder / "certificates", lambda *_: {LANE: Declared(networks)} if networks else {})

    def new_backends(self) -> dict[str, Backend]:
        credentials, trust = Credentials("admin", Secret(PASSWORD.encode())), Trust(self._ca)
        group = DeviceGroup("pair", [Device(box.url, credentials, trust, pause=0.02) for box in self.boxes])
        self._groups.append(group)
        self.f5 = AS3Backend(
            [Site(group=group, sync_group=self._sync_group, networks=bool(self._networks))], save_interval=3600, clock=self.clock
        )
        return {"f5": self.f5}

    def close(self) -> None:
        for group in self._groups:
            group.close()

    def create(self, tree: Tree | None = None) -> Tree:
        tree = tree or standard()
        return super().create(tree.put(dataclasses.replace(tree.load_balancer, provider="f5")))

    def settle(self, *, rounds: int = 0, step: float = 5.0) -> None:
        """Let time pass until nothing is due any more. The devices take some of the real one."""
        deadline = time.monotonic() + 60
        while True:
            self.worker.tick()
            if self.next_due() is None:
                return
            assert time.monotonic() < deadline, "it never comes to rest"
            time.sleep(0.02)
            self.clock.now += step

    def compare(self, *ids: str) -> None:
        """Have load balancers compared with the device, as housekeeping does from time to time."""
        with self.database.read() as conn:
            found = units.load(conn, list(ids))
        self.database.write(lambda conn: units.ask(conn, list(found), self.clock.now, Rank.DRIFT))

    def wanted(self, load_balancer_id: str) -> dict[str, str]:
        definition = Resolver(self.library, self.subnets).resolve(
            self.stored(load_balancer_id).tree, self.unit(load_balancer_id)
        ).definition  # fmt: skip
        return dict(self.f5.render(definition, "pair"))

    def is_on(self, box: Box, *ids: str) -> bool:
        """Whether a device holds exactly these load balancers, as wanted: it finds nothing to change."""
        tenants: dict[str, Any] = {}
        for each in ids:
            tenants |= {name: filled(text, self.library.secret) for name, text in self.wanted(each).items()}
        answer = box.declare(tenants, action="dry-run")
        assert answer.status == 200, answer.text
        return partitions(box) == set(tenants) and all(result[2] == "no change" for result in answer.results)

    @property
    def installation(self) -> str:
        with self.database.read() as conn:
            return meta.installation(conn)

    def mark(self, load_balancer_id: str) -> str:
        """What says on a device that a load balancer is ours."""
        return str(Mark(self.installation, load_balancer_id))


def posts(device: Box) -> int:
    """How many declarations AS3 has worked on."""
    return len(device.get("/mgmt/shared/appsvcs/task").body["items"])


def partitions(device: Box) -> set[str]:
    return {each["name"] for each in device.get("/mgmt/tm/auth/partition").body["items"]} - {"Common"}
