"""From ids to a service definition: everything a renderer may know, looked up before it runs. Does I/O, writes nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bascule.core.certificates import CertificateLibrary, Unreadable, Unusable
from bascule.core.networks import NetworkDriver
from bascule.core.subnets import Subnets
from bascule.model.backend import NETWORK
from bascule.model.definition import ServiceDefinition, SharedDefinition, Subnet, secret_uses
from bascule.model.objects import Object, Tree
from bascule.model.secrets import SecretRef
from bascule.store.secrets import SecretUse
from bascule.store.units import Unit


@dataclass(frozen=True, slots=True)
class Unresolved:
    """References of an object that stand for nothing now, or for nothing that can work. The text is for the user."""

    object_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """A definition, the objects whose references could not be resolved, and every use of a secret as it was found."""

    definition: ServiceDefinition
    missing: Sequence[Unresolved]
    uses: Sequence[SecretUse]


class Resolver:
    """Resolves references. Asks only for what a definition needs, so a deleted load balancer needs none of this.

    `networks` are the network drivers of lanes, by lane id.
    """

    def __init__(
        self, certificates: CertificateLibrary, subnets: Subnets, networks: Mapping[str, NetworkDriver] | None = None
    ) -> None:
        self._certificates = certificates
        self._subnets = subnets
        self._networks = networks or {}

    def resolve(self, tree: Tree, unit: Unit) -> Resolved:
        """The definition of a load balancer, and what came of its references. Raises NetworkTrouble."""
        secrets: dict[str, SecretRef] = {}
        missing: list[Unresolved] = []
        uses: list[SecretUse] = []
        for each in tree.objects():
            found, wrong = self._looked_up(tree, each)
            uses += found
            if wrong:
                missing.append(Unresolved(each.id, f"A reference cannot be used: {'; '.join(wrong)}."))
            else:
                secrets |= {use.ref: SecretRef(use.project_id, use.ref, use.digest) for use in found if use.digest}
        definition = ServiceDefinition(
            unit_id=unit.id,
            generation=unit.generation,
            replace=unit.replace,
            tree=tree,
            secrets=secrets,
            subnets=self._subnets_of(tree),
            route_domain=self._route_domain(tree, unit.lane_id),
        )
        return Resolved(definition, missing, uses)

    def shared(self, unit: Unit, *, hold: bool) -> SharedDefinition:
        """The definition of a shared unit. With `hold`, what it takes outside the devices is made. Raises NetworkTrouble."""
        driver = self._driver(unit)
        network = None
        if driver is not None:
            network = driver.hold(unit.id, unit.key) if hold else driver.find(unit.id, unit.key)
        return SharedDefinition(unit_id=unit.id, generation=unit.generation, kind=unit.kind, key=unit.key, network=network)

    def release(self, unit: Unit) -> None:
        """Let go of what was held for a shared unit that no device holds any more. Raises NetworkTrouble."""
        if (driver := self._driver(unit)) is not None:
            driver.release(unit.id, unit.key)

    def _driver(self, unit: Unit) -> NetworkDriver | None:
        return self._networks.get(unit.lane_id) if unit.kind == NETWORK else None

    def _route_domain(self, tree: Tree, lane_id: str) -> int:
        driver, network_id = self._networks.get(lane_id), tree.load_balancer.vip.network_id
        return driver.route_domain(network_id) if driver is not None and network_id else 0

    def _looked_up(self, tree: Tree, each: Object) -> tuple[list[SecretUse], list[str]]:
        """What an object's references stand for, and what is wrong with them."""
        project_id = tree.load_balancer.project_id
        uses: list[SecretUse] = []
        wrong: list[str] = []
        named = secret_uses(each.kind, each)
        for kind, ref in named:
            use = SecretUse(unit_id=tree.id, object_id=each.id, kind=kind, ref=ref, project_id=project_id)
            try:
                found = self._certificates.find(project_id, ref, kind)
                ends_at, part = (found.ends.ends_at, found.ends.name) if found.ends else (None, None)
                use = dataclasses.replace(use, digest=found.secret.sha256, ends_at=ends_at, part=part)
            except Unreadable as error:
                wrong.append(str(error))
            except Unusable as error:
                use = dataclasses.replace(use, digest=error.secret.sha256)
                wrong.append(str(error))
            uses.append(use)
        return uses, wrong or self._certificates.mismatches(project_id, named)

    def _subnets_of(self, tree: Tree) -> dict[str, Subnet]:
        vips = (tree.load_balancer.vip, *tree.load_balancer.additional_vips)
        found = (self._subnets.by_id(vip.subnet_id) for vip in vips)
        return {subnet.id: subnet for subnet in found if subnet}
