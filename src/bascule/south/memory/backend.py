"""The backend of the in-memory device. One document per object, named by its kind and id."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence

from bascule.model.backend import Fence, LaneSpec, Lost, Marked, Need, Outcome, Plan, Reads, Refusal, Secrets, Target
from bascule.model.definition import Definition, ServiceDefinition, SharedDefinition, secret_refs
from bascule.model.documents import Documents
from bascule.model.health import DeviceSeen, Health, Load
from bascule.model.objects import LoadBalancer, Object, Tree
from bascule.model.offers import Capability, OfferKind
from bascule.model.status import ListenerSeen, MemberSeen, Report, Statistics
from bascule.south.memory.device import Device


class MemoryBackend:
    """Carries load balancers in memory. `carriers` are names; `networks`: every load balancer needs its network."""

    name = "memory"
    description = "Keeps load balancers in memory. No traffic."
    processes = True
    version = 1

    def __init__(
        self,
        device: Device | None = None,
        *,
        lanes: Sequence[str | LaneSpec] = ("memory:0",),
        carriers: Sequence[str] = ("memory",),
        reads: Reads = Reads.DEVICE,
        networks: bool = False,
    ) -> None:
        self.device = device or Device()
        self.reads = reads
        self._lanes = tuple(lane if isinstance(lane, LaneSpec) else LaneSpec(lane) for lane in lanes)
        self._carriers = tuple(carriers)
        self._networks = networks

    def lanes(self) -> Sequence[LaneSpec]:
        return self._lanes

    def capabilities(self, kind: OfferKind) -> Sequence[Capability] | None:
        """A number that is kept and means nothing, and the zones of the lanes."""
        if kind is OfferKind.FLAVOR:
            return [Capability(name="size", description="A number that is kept with the load balancer.", most=100)]
        zones = sorted({spec.availability_zone for spec in self._lanes if spec.availability_zone})
        return [Capability(name="compute_zone", description="Where the load balancer is placed.", texts=zones)]

    def lanes_for(self, load_balancer: LoadBalancer) -> Sequence[LaneSpec]:
        zone = load_balancer.zone.get("compute_zone")
        return self._lanes if zone is None else [spec for spec in self._lanes if spec.availability_zone == zone]

    def refuse(self, tree: Tree, before: Tree | None) -> Sequence[Refusal]:
        return ()

    def needs(self, tree: Tree) -> Sequence[Need]:
        network_id = tree.load_balancer.vip.network_id
        return (Need("network", network_id),) if self._networks and network_id else ()

    def carriers(self, lane: str, definition: Definition | None) -> Sequence[str]:
        return self._carriers

    def render(self, definition: Definition, carrier: str) -> Documents:
        if isinstance(definition, SharedDefinition):
            body = {"key": definition.key, "network": definition.network and dataclasses.asdict(definition.network)}
            return {f"{definition.kind}/{definition.key}": json.dumps(body, sort_keys=True)}
        documents = {f"instance/{definition.unit_id}": json.dumps({"replace": definition.replace})}
        for each in definition.tree.objects():
            documents[f"{each.kind}/{each.id}"] = _body(definition, each)
        return documents

    def read(self, lane: str, targets: Sequence[Target]) -> Mapping[Target, Documents | Lost]:
        return {target: self.device.read(target) for target in targets}

    def apply(self, lane: str, fence: Fence, plans: Sequence[Plan], secrets: Secrets) -> Mapping[Target, Outcome]:
        return self.device.apply(lane, fence, tuple(plans))

    def report(self, lane: str, units: Sequence[str]) -> Sequence[Report]:
        """Every member is up, every listener open and idle, on every carrier that answers."""
        away = lane in self.device.switches.away
        return [
            Report(unit_id, carrier, alive=False) if away else self._report(unit_id, carrier)
            for unit_id in units
            for carrier in self._carriers
        ]

    def health(self, lane: str, *, load: bool = False) -> Health:
        """One device for each carrier, of which the first that answers is active."""
        switches = self.device.switches
        silent = set(self._carriers) if lane in switches.away else switches.lost
        active = next((carrier for carrier in self._carriers if carrier not in silent), None)
        states = {carrier: "unknown" if carrier in silent else "standby" for carrier in self._carriers} | {active: "active"}
        return Health(
            tuple(DeviceSeen(each, states[each], problem="no answer" if each in silent else "") for each in self._carriers),
            away=active is None,
            load=Load(0.0, 0) if load and active else None,
        )

    def marked(self, lane: str, installation: str) -> Sequence[Marked]:
        return ()

    def _report(self, unit_id: str, carrier: str) -> Report:
        documents = self.device.read((unit_id, carrier))
        if isinstance(documents, Lost) or not documents:
            return Report(unit_id, carrier, alive=False)
        listeners = [name.partition("/")[2] for name in documents if name.startswith("listener/")]
        members = [name.partition("/")[2] for name in documents if name.startswith("member/")]
        return Report(
            unit_id,
            carrier,
            alive=True,
            listeners=dict.fromkeys(listeners, ListenerSeen.OPEN),
            members=dict.fromkeys(members, MemberSeen.UP),
            statistics=dict.fromkeys(listeners, Statistics()),
        )


def _body(definition: ServiceDefinition, each: Object) -> str:
    body = dataclasses.asdict(each)
    refs = secret_refs(each)
    if refs:
        body["secrets"] = {ref: definition.secret(each.id, ref).sha256 for ref in refs}
    return json.dumps(body, sort_keys=True)
