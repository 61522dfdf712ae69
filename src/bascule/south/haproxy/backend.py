"""The provider `haproxy`: what the worker calls."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from bascule.model import trace
from bascule.model.backend import Fence, LaneSpec, Lost, Marked, Need, Outcome, Plan, Reads, Refusal, Secrets, Target
from bascule.model.definition import Definition, ServiceDefinition
from bascule.model.documents import Documents
from bascule.model.health import DeviceSeen, Health
from bascule.model.objects import ListenerProtocol, LoadBalancer, MonitorType, Tree
from bascule.model.offers import Capability, OfferKind
from bascule.model.status import Report
from bascule.south.haproxy import flavor, listener, ports, prober
from bascule.south.haproxy import render as rendering
from bascule.south.haproxy.binary import Binary
from bascule.south.haproxy.fence import fenced
from bascule.south.haproxy.instance import Instance
from bascule.south.haproxy.quoting import name
from bascule.south.haproxy.report import report

_AT_ONCE = 4
_REPORTS_AT_ONCE = 32
"""More of them: an instance that does not answer is waited for, and must not hide what the others see."""

_PATIENCE = 1.0
"""Seconds that an instance is waited for in a request, while nobody else may write."""

T = TypeVar("T")
R = TypeVar("R")


class HAProxyBackend:
    """Carries load balancers by HAProxy processes on one host.

    `state_dir` is where the instances live; they are found again there after a restart. `host` names the host: only a process
    that runs there reads, applies and reports.
    """

    name = "haproxy"
    description = "HAProxy processes on the hosts of the control plane."
    reads = Reads.DEVICE
    processes = True
    version = 1

    def __init__(self, state_dir: Path, binary: Binary, host: str | None = None) -> None:
        self._directory = Path(state_dir).absolute() / "haproxy"
        self._binary = binary.path
        self._version = "HAProxy {}.{}".format(*binary.version)
        self._exporter = binary.exporter
        self._host = host or socket.gethostname()

    def lanes(self) -> Sequence[LaneSpec]:
        """The one lane of this host, for the workers on it."""
        return (LaneSpec(f"haproxy:{self._host}", (self._host,)),)

    def capabilities(self, kind: OfferKind) -> Sequence[Capability] | None:
        """What flavors can say of a group of processes. There is one host, so there are no zones."""
        return flavor.CAPABILITIES if kind is OfferKind.FLAVOR else None

    def lanes_for(self, load_balancer: LoadBalancer) -> Sequence[LaneSpec]:
        """The one lane of this host."""
        return self.lanes()

    def refuse(self, tree: Tree, before: Tree | None) -> Sequence[Refusal]:
        """What HAProxy cannot carry of what is new in a tree, and what this system does not let it do: ports and probes."""
        known = set(self._never(before)) if before else set()
        found = [refusal for refusal in self._never(tree) if refusal not in known]
        if not found and self._host == socket.gethostname():
            found = [*self._unbindable(tree, before), *self._unpingable(tree, before)]
        return found

    def _never(self, tree: Tree) -> list[Refusal]:
        lacking = [] if self._exporter else [each for each in tree.listeners if each.protocol is ListenerProtocol.PROMETHEUS]
        text = "Listener protocol PROMETHEUS is not possible: the HAProxy here was built without prometheus-exporter."
        return rendering.refuse(tree) + [Refusal(each.id, text) for each in lacking]

    def needs(self, tree: Tree) -> Sequence[Need]:
        """Nothing is shared between load balancers."""
        return ()

    def carriers(self, lane: str, definition: Definition | None) -> Sequence[str]:
        """One carrier, named after the host."""
        return (self._host,)

    def render(self, definition: Definition, carrier: str) -> Documents:
        """The documents of a load balancer. Raises KeyError for a certificate that the definition does not resolve."""
        if not isinstance(definition, ServiceDefinition):
            raise TypeError(f"HAProxy has no shared units such as {definition.kind}")
        return rendering.render(definition)

    def read(self, lane: str, targets: Sequence[Target]) -> Mapping[Target, Documents | Lost]:
        """What the instances hold and run."""
        return dict(zip(targets, _together(self._read, targets), strict=True))

    def apply(self, lane: str, fence: Fence, plans: Sequence[Plan], secrets: Secrets) -> Mapping[Target, Outcome]:
        """Carry out plans, a few at once. Raises Fenced."""
        with fenced(self._directory, lane, fence):
            outcomes = _together(lambda plan: self._instance(plan.unit_id).apply(plan, secrets), plans)
        return {(plan.unit_id, plan.carrier): outcome for plan, outcome in zip(plans, outcomes, strict=True)}

    def report(self, lane: str, units: Sequence[str]) -> Sequence[Report]:
        """What the instances of these load balancers see."""
        return _together(lambda unit_id: report(self._path(unit_id), unit_id, self._host), units, _REPORTS_AT_ONCE)

    def health(self, lane: str, *, load: bool = False) -> Health:
        """This host, which answers as long as anybody asks here. How busy it is is for its own monitoring."""
        return Health((DeviceSeen(self._host, "active", (self._version,)),))

    def marked(self, lane: str, installation: str) -> Sequence[Marked]:
        """Nothing: who has no database any more looks after its HAProxys by hand."""
        return ()

    def _read(self, target: Target) -> Documents | Lost:
        if target[1] != self._host:
            return Lost(f"It is carried on the host {target[1]}, which this worker does not serve.")
        try:
            return self._instance(target[0]).read()
        except OSError as error:
            return Lost(f"The files of the instance cannot be read: {error.strerror}.")

    def _unpingable(self, tree: Tree, before: Tree | None) -> Iterator[Refusal]:
        """New PING monitors where this system does not permit probes."""
        for each in tree.monitors:
            known = before and each.id in before.children
            if each.type is MonitorType.PING and not known and (text := prober.trouble(self._directory)):
                yield Refusal(each.id, f"Health monitor type PING is not possible on this system: {text}")

    def _unbindable(self, tree: Tree, before: Tree | None) -> Iterator[Refusal]:
        """Listeners that are new, on addresses that are known, whose port cannot be bound."""
        addresses = [address for address in listener.addresses(tree.load_balancer) if address]
        for each in tree.listeners:
            if before and before.listener(each.id):
                continue
            for address in addresses:
                found = ports.trouble(address, each.protocol_port, shared=False)
                if found and found.in_use and self._holds(tree.id, address, each.protocol_port):
                    found = ports.trouble(address, each.protocol_port, shared=True)
                if found:
                    yield Refusal(each.id, f"Listener {found.text}", found.in_use)

    def _holds(self, unit_id: str, address: str, port: int) -> bool:
        """Whether an instance may hold a port itself. It does not where we may not look: another user's shares no port with us."""
        try:
            ours = self._instance(unit_id).ports(_PATIENCE)
        except OSError:
            return False
        return ours is None or (address, port) in ours

    def _instance(self, unit_id: str) -> Instance:
        return Instance(self._path(unit_id), self._binary)

    def _path(self, unit_id: str) -> Path:
        return self._directory / name(unit_id)


def _together(work: Callable[[T], R], items: Sequence[T], at_once: int = _AT_ONCE) -> list[R]:
    """Do the same to several things, a few at a time. Results in order."""
    with ThreadPoolExecutor(min(at_once, len(items)) or 1, thread_name_prefix="haproxy") as pool:
        return list(pool.map(trace.carried(work), items))
