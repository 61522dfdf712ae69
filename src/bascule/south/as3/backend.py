"""The provider `f5`: what the worker calls."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bascule.clients.bigip import AS3, DeviceError, DeviceGroup
from bascule.model.backend import NETWORK, Fence, LaneSpec, Lost, Marked, Need, Outcome, Plan, Reads, Refusal, Secrets, Target
from bascule.model.definition import Definition, SharedDefinition
from bascule.model.documents import Documents, Verb
from bascule.model.health import Health
from bascule.model.objects import LoadBalancer, Tree
from bascule.model.offers import Capability, OfferKind
from bascule.model.status import Report
from bascule.south import icontrol
from bascule.south import marks as marking
from bascule.south.as3 import limits
from bascule.south.as3 import render as rendering
from bascule.south.as3 import report as reporting
from bascule.south.as3.names import tenant_name
from bascule.south.as3.options import Options
from bascule.south.as3.post import Poster, Wish
from bascule.south.as3.saving import Saver
from bascule.south.as3.watch import Watch

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A device group that carries load balancers.

    `sync_group` is what the devices call their group, where AS3 is to have them synchronized after every change; empty where they
    do it by themselves. `networks`: whether their networks are made by us. The others are those of its lane.
    """

    group: DeviceGroup
    sync_group: str = ""
    tags: tuple[str, ...] = ()
    max_load_balancers: int | None = None
    availability_zone: str | None = None
    networks: bool = False


class AS3Backend:
    """Carries load balancers by groups of BIG-IP devices. `save_interval`: seconds until the devices save what was changed."""

    name = "f5"
    description = "F5 BIG-IP devices."
    reads = Reads.RECORD
    processes = False
    version = 1

    def __init__(
        self,
        sites: Sequence[Site],
        options: Options | None = None,
        *,
        save_interval: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options or Options()
        self._sites = {lane_of(site.group.name): site for site in sites}
        self._savers = {lane: Saver(site.group, save_interval) for lane, site in self._sites.items()}
        self._posters = {
            lane: Poster(site.group, self._savers[lane], sync_group=site.sync_group, clock=clock)
            for lane, site in self._sites.items()
        }
        devices = {lane: {device.name: device for device in site.group.devices} for lane, site in self._sites.items()}
        self._networks = icontrol.Networks(devices)
        self._watches = {lane: Watch(site.group, clock) for lane, site in self._sites.items()}

    def lanes(self) -> Sequence[LaneSpec]:
        """One lane for each device group. It is given no more than AS3 has names for, whatever the operator allows."""
        return [
            LaneSpec(lane, site.tags, limits.most(site.max_load_balancers), site.availability_zone)
            for lane, site in self._sites.items()
        ]

    def capabilities(self, kind: OfferKind) -> Sequence[Capability] | None:
        """Flavors can name a device group, availability zones a zone of device groups."""
        if kind is OfferKind.FLAVOR:
            groups = [site.group.name for site in self._sites.values()]
            return [Capability(name="device_group", description="Device group that carries the load balancer.", texts=groups)]
        zones = sorted({site.availability_zone for site in self._sites.values() if site.availability_zone})
        text = "Availability zone of the device groups of which one carries the load balancer."
        return [Capability(name="compute_zone", description=text, texts=zones)]

    def lanes_for(self, load_balancer: LoadBalancer) -> Sequence[LaneSpec]:
        """The device groups that its flavor and its zone leave."""
        group, zone = load_balancer.flavor.get("device_group"), load_balancer.zone.get("compute_zone")
        return [
            spec
            for spec in self.lanes()
            if group in (None, self._sites[spec.id].group.name) and zone in (None, spec.availability_zone)
        ]

    def refuse(self, tree: Tree, before: Tree | None) -> Sequence[Refusal]:
        """What BIG-IP cannot carry of what is new in a tree."""
        known = set(rendering.refuse(before, self._options)) if before else set()
        return [refusal for refusal in rendering.refuse(tree, self._options) if refusal not in known]

    def needs(self, tree: Tree) -> Sequence[Need]:
        """The network, where it is made for any of the groups. In the others nothing is to be done for it."""
        network_id = tree.load_balancer.vip.network_id
        return (Need(NETWORK, network_id),) if network_id and any(site.networks for site in self._sites.values()) else ()

    def carriers(self, lane: str, definition: Definition | None) -> Sequence[str]:
        """One carrier, named after the device group; of a network one for each device."""
        if isinstance(definition, SharedDefinition) and definition.network is not None:
            return definition.network.devices
        return (_group(lane),)

    def render(self, definition: Definition, carrier: str) -> Documents:
        """The tenant of a load balancer, or the objects of a network. Raises KeyError for a certificate that is not resolved."""
        if isinstance(definition, SharedDefinition):
            return icontrol.render(definition, carrier)
        return rendering.render(definition, self._options)

    def read(self, lane: str, targets: Sequence[Target]) -> Mapping[Target, Documents | Lost]:
        """Is never asked: what AS3 has stored is not what the device holds."""
        raise NotImplementedError("what a BIG-IP holds is kept on record")

    def apply(self, lane: str, fence: Fence, plans: Sequence[Plan], secrets: Secrets) -> Mapping[Target, Outcome]:
        """Carry out plans. Raises Fenced."""
        networks = [plan for plan in plans if icontrol.is_network(plan)]
        wishes = [_wish(plan) for plan in plans if not icontrol.is_network(plan)]
        outcomes: dict[Target, Outcome] = {}
        if networks:
            outcomes |= self._networks.apply(lane, fence, networks)
            self._savers[lane].changed()
        if wishes:
            outcomes |= self._posters[lane].post(fence, wishes, secrets)
        return outcomes

    def report(self, lane: str, units: Sequence[str]) -> Sequence[Report]:
        """What the active device sees. Nothing where it is there and cannot tell now, nor while another one may be taking over."""
        carrier, watch = _group(lane), self._watches[lane]
        try:
            seen = watch.sight()
        except DeviceError as problem:
            _LOG.warning("device group %s cannot be asked now: %s", carrier, problem)
            return ()
        if seen is None:
            return [Report(unit_id, carrier, alive=False) for unit_id in units] if watch.away else ()
        return [reporting.report(seen, unit_id, carrier) for unit_id in units]

    def health(self, lane: str, *, load: bool = False) -> Health:
        """How the devices of the group are."""
        return self._watches[lane].health(load=load)

    def marked(self, lane: str, installation: str) -> Sequence[Marked]:
        """The tenants with our mark, under the name that we give them: a label alone may be anybody's words. And the networks.

        Raises DeviceError.
        """
        networks = self._networks.marked(lane, installation) if self._sites[lane].networks else []
        stored = AS3(self._sites[lane].group.active()).declared(show_hash=False)
        if limits.taken(stored) >= limits.FULL:
            _LOG.warning(
                "device group %s: the names of its %d tenants take %.0f %% of what AS3 has for them; "
                "there is room for %d load balancers, and every change will fail after that",
                _group(lane), len(stored), 100 * limits.taken(stored), limits.left(stored),
            )  # fmt: skip
        marks = {name: mark for name, each in stored.items() if (mark := marking.read(each.label))}
        tenants = [
            Marked(mark.of, _group(lane), (name,))
            for name, mark in marks.items()
            if mark.installation == installation and name == tenant_name(mark.of)
        ]
        return [*tenants, *networks]

    def close(self) -> None:
        """Have saved what is not, and give back what the devices were asked for: logins."""
        for saver in self._savers.values():
            saver.end()
        for site in self._sites.values():
            site.group.close()


def lane_of(group: str) -> str:
    """The id of a device group's lane."""
    return f"{AS3Backend.name}:{group}"


def _group(lane: str) -> str:
    return lane.partition(":")[2]


def _wish(plan: Plan) -> Wish:
    """A load balancer is one document, which is one tenant. Units of other kinds end in the id of the load balancer meant."""
    (step,) = plan.steps
    return Wish(
        target=(plan.unit_id, plan.carrier),
        tenant=step.name,
        load_balancer_id=plan.unit_id.rpartition("/")[2],
        generation=plan.generation,
        text=None if step.verb is Verb.DELETE else step.body,
        memo=plan.memo,
        there=step.verb is not Verb.CREATE,
    )
