"""Judges what has become of everything: what was acknowledged against what is wanted, what is wanted against what is carried."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from bascule.cmd import wiring
from bascule.core import known as knowledge
from bascule.core.certificates import CertificateLibrary
from bascule.core.planning import preview
from bascule.core.resolve import Resolver
from bascule.core.subnets import Subnets
from bascule.model.errors import NotFound
from bascule.store import tables, units
from bascule.store.engine import Database
from bascule.store.units import LOAD_BALANCER
from chaos.clients import Client
from chaos.devices import NO_ANSWER, Device, Watcher
from chaos.http import differences
from chaos.site import Site
from tests.emulator.site import box, tenant

_VOLATILE = ("optimisticLockKey", "label", "remark")
"""What of a stored tenant is no part of what was wanted: whose it is, and who wrote it."""

_SHORT = 160
"""So many characters of a finding are told while there may be others."""

_LINKS = ("selfLink", "generation", "link", "isSubcollection")
"""What an object on a device says of where and when it is."""

_KINDS = (
    "virtual", "virtual-address", "pool", "node", "monitor/http", "monitor/tcp", "policy", "profile/http", "profile/tcp", "rule",
)  # fmt: skip
"""The collections of a device that hold what load balancers are made of there."""


@dataclass(slots=True)
class Verdict:
    """What is wrong, in words."""

    lost: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    drifted: list[str] = field(default_factory=list)
    backwards: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing is."""
        return not (self.lost or self.stuck or self.drifted or self.backwards)

    @property
    def text(self) -> str:
        """How much is wrong, and the first thing that is."""
        first = [f": {found[0][:_SHORT]}" for found in self.findings().values() if found][:1]
        return ", ".join(f"{name} {len(found)}" for name, found in self.findings().items()) + "".join(first)

    def findings(self) -> dict[str, list[str]]:
        """All of it, by its kind."""
        return {"lost": self.lost, "stuck": self.stuck, "drifted": self.drifted, "backwards": self.backwards}


class Judge:
    """Asks the API, the database and the devices, by ways that no fault is on."""

    def __init__(self, site: Site, clients: Sequence[Client], watcher: Watcher) -> None:
        self._site = site
        self._clients = clients
        self._watcher = watcher
        self._backends = wiring.backends(site.settings)
        self._passes = wiring.passes(site.settings, self._backends)
        self._resolver = Resolver(CertificateLibrary(site.settings.certificates.directory), Subnets(site.settings.subnets))

    def judge(self, *, everything: bool = False) -> Verdict:
        """What is wrong. As long as anything is stuck, the rest is of no interest, unless `everything` is asked for."""
        found = Verdict()
        database = Database(str(self._site.settings.database.connection))
        try:
            found.stuck += _behind(database)
            if everything or not found.stuck:
                try:
                    self._wanted(found)
                except RuntimeError as error:
                    found.stuck.append(str(error))
                found.drifted += self._planned(database)
                found.drifted += self._carried(database)
                found.backwards += self._watcher.backwards()
        finally:
            database.close()
        return found

    def _wanted(self, found: Verdict) -> None:
        """What the clients know against what the API shows."""
        names: set[str] = set()
        for client in self._clients:
            for balancer in client.balancers:
                seen = client.find(balancer)
                # Of the possible outcomes that one counts which comes closest.
                wrong = min((differences(tree, seen.tree if seen else None) for tree in balancer.outcomes), key=len)
                found.lost += [f"{balancer.name} ({balancer.id}): {each}" for each in wrong]
                if seen is not None:
                    names.add(balancer.name)
                    bad = {name: status for name, status in seen.statuses.items() if status != "ACTIVE"}
                    found.stuck += [f"{balancer.name} ({balancer.id}): {name} is {status}" for name, status in bad.items()]
            found.lost += client.counted.wrong
        shown = {each["name"] for each in self._clients[0].api.list("/loadbalancers")}
        found.lost += [f"load balancer {name} is there and nobody has made it" for name in sorted(shown - names)]

    def _planned(self, database: Database) -> list[str]:
        """What `bascule plan` says of each load balancer, but for those that are being compared with their devices now."""
        found: dict[str, list[str]] = {}
        idle = _idle(database)
        for load_balancer_id in idle:
            try:
                seen = preview(database, self._passes, load_balancer_id)
            except NotFound:
                continue
            steps = [f"{step.verb} {step.name}" for plan in seen.plans for step in plan.steps]
            found[load_balancer_id] = [f"{load_balancer_id}: {text}" for text in (*steps, *seen.reasons)]
        still = _idle(database)
        return [text for key, texts in found.items() if still.get(key) == idle[key] for text in texts]

    def _carried(self, database: Database) -> list[str]:
        """What devices and this host hold against what is rendered anew."""
        found: list[str] = []
        rendered = self._rendered(database)
        for name in sorted({device.group for device in self._site.devices.values()}):
            devices = [device for device in self._site.devices.values() if device.group == name]
            try:
                found += _on_devices(devices, rendered.get(f"f5:{name}", {}))
            except NO_ANSWER as error:
                found.append(f"{name} cannot be looked at: {error}")
        found += self._left_over(database)
        return found

    def _rendered(self, database: Database) -> dict[str, dict[str, dict[str, Any]]]:
        """The tenants that each lane of devices should hold, by name."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        backend = self._backends["f5"]
        ids = _live(database)
        with database.read() as conn:
            loaded = knowledge.load(conn, units.load(conn, ids))
        for known in loaded.values():
            unit, stored = known.unit, known.stored
            if unit.backend == backend.name and stored is not None and unit.deleted is None:
                documents = backend.render(self._resolver.resolve(stored.tree, unit).definition, unit.lane_id.partition(":")[2])
                found.setdefault(unit.lane_id, {}).update({name: json.loads(body) for name, body in documents.items()})
        return found

    def _left_over(self, database: Database) -> Iterator[str]:
        """Instances of HAProxy that belong to no load balancer."""
        live, folder = set(_live(database)), self._site.state / "haproxy"
        for each in folder.iterdir() if folder.is_dir() else ():
            if each.is_dir() and each.name not in live:
                yield f"{each.name} is gone, and its HAProxy is left"


def _live(database: Database) -> list[str]:
    """The load balancers that are there."""
    unit = tables.unit.c
    chosen = sa.select(unit.id).where(unit.gone_at.is_(None), unit.kind == LOAD_BALANCER)
    with database.read() as conn:
        return list(conn.scalars(chosen.order_by(unit.id)))


def _idle(database: Database) -> dict[str, float | None]:
    """The load balancers of which no pass is under way, and when the last one was."""
    unit = tables.unit.c
    chosen = sa.select(unit.id, unit.checked_at).where(unit.due_at.is_(None), unit.gone_at.is_(None))
    with database.read() as conn:
        return {row.id: row.checked_at for row in conn.execute(chosen.where(unit.kind == LOAD_BALANCER))}


def _behind(database: Database) -> list[str]:
    """Units that are not what is wanted."""
    unit = tables.unit.c
    behind = sa.or_(unit.observed < unit.generation, unit.deleted.is_not(None))
    with database.read() as conn:
        rows = conn.execute(sa.select(unit.id, unit.generation, unit.observed).where(behind, unit.gone_at.is_(None))).all()
    return [f"{row.id}: generation {row.generation} is wanted and {row.observed} is confirmed" for row in rows]


def _on_devices(devices: Sequence[Device], target: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What is declared on devices of a group, and what they made of it, against a device that has never seen anything else."""
    with box() as fresh:
        if target:
            answer = fresh.declare(*(tenant(name) | {name: dict(body)} for name, body in target.items()))
            if answer.status != 200:
                yield f"what is wanted of {devices[0].group} is not accepted by a device: {answer.text}"
                return
        wanted = {kind: _objects(fresh.get(f"/mgmt/tm/ltm/{kind}?expandSubcollections=true").body) for kind in _KINDS}
    for device in devices:
        stored = {name: _plain(body) for name, body in device.tenants().items()}
        yield from _unlike(device.name, "tenant", {name: _plain(body) for name, body in target.items()}, stored)
        for kind in _KINDS:
            actual = _objects(device.get(f"/mgmt/tm/ltm/{kind}?expandSubcollections=true"))
            yield from _unlike(device.name, kind, wanted[kind], actual)


def _unlike(device: str, kind: str, target: Mapping[str, Any], actual: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(target.keys() | actual.keys()):
        if name not in actual:
            yield f"{device}: {kind} {name} is missing"
        elif name not in target:
            yield f"{device}: {kind} {name} is there and not wanted"
        elif target[name] != actual[name]:
            yield f"{device}: {kind} {name} is {json.dumps(actual[name])} instead of {json.dumps(target[name])}"


def _plain(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in _VOLATILE}


def _objects(body: Mapping[str, Any]) -> dict[str, Any]:
    """What is in a collection, by full path, without what differs from device to device."""
    found: dict[str, Any] = {}
    for each in body.get("items", []):
        if not each["fullPath"].startswith("/Common/"):
            found[each["fullPath"]] = _stripped(each)
    return found


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _stripped(each) for key, each in value.items() if key not in _LINKS}
    if isinstance(value, list):
        return [_stripped(each) for each in value]
    return value
