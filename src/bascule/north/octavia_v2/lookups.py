"""Look-ups in other services that clients make on their own, answered from the declared subnets.

Without Keystone there is no catalogue, and clients send everything to one place; with Keystone and without Neutron, a catalogue
may send them here. The command-line client turns the names of subnets, networks, ports, policies and security groups into ids
before it asks for a load balancer. There are no ports, policies and security groups here: those lists are empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict

import msgspec

from bascule.model.definition import Subnet
from bascule.north.octavia_v2.door import Call
from bascule.north.octavia_v2.errors import Malformed
from bascule.north.octavia_v2.query import Params, boolean, texts
from bascule.north.octavia_v2.routes import Route


class Named(TypedDict):
    """What there is none of, or what is there because somebody names it."""

    id: str
    name: str


class AddressPool(TypedDict):
    """The addresses that a subnet hands out."""

    start: str
    end: str


class SubnetFound(Named, total=False):
    """A subnet, or only what somebody calls it where any subnet is taken to be there."""

    network_id: str
    cidr: str
    ip_version: int
    gateway_ip: str | None
    enable_dhcp: bool
    allocation_pools: list[AddressPool]
    dns_nameservers: list[str]
    host_routes: list[str]
    project_id: str
    tenant_id: str


class NetworkFound(Named, total=False):
    """A network, or only what somebody calls it where any network is taken to be there."""

    status: str
    admin_state_up: bool
    shared: bool
    subnets: list[str]
    project_id: str
    tenant_id: str


class ProjectFound(Named):
    """A project."""

    domain_id: str
    enabled: bool


class ProjectBody(TypedDict):
    """A project."""

    project: ProjectFound


_Items = Callable[[Call], list[dict[str, Any]]]


def _subnet(subnet: Subnet, project_id: str) -> dict[str, Any]:
    return {
        "id": subnet.id,
        "name": subnet.name,
        "network_id": subnet.network_id,
        "cidr": subnet.cidr,
        "ip_version": 6 if ":" in subnet.cidr else 4,
        "gateway_ip": subnet.gateway,
        "enable_dhcp": False,
        "allocation_pools": [{"start": subnet.first, "end": subnet.last}],
        "dns_nameservers": [],
        "host_routes": [],
        "project_id": project_id,
        "tenant_id": project_id,
    }


def _subnets(call: Call) -> list[dict[str, Any]]:
    return [_subnet(subnet, call.project_id) for subnet in call.door.subnets.all()]


def _networks(call: Call) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for subnet in call.door.subnets.all():
        network = found.setdefault(
            subnet.network_id,
            {
                "id": subnet.network_id,
                "name": subnet.name,
                "status": "ACTIVE",
                "admin_state_up": True,
                "shared": True,
                "subnets": [],
                "project_id": call.project_id,
                "tenant_id": call.project_id,
            },
        )
        network["subnets"].append(subnet.id)
    return list(found.values())


def _none(call: Call) -> list[dict[str, Any]]:
    return []


def _there(call: Call, items: _Items, named: Iterable[str]) -> list[dict[str, Any]]:
    """What there is, with what somebody names where whatever is named is there."""
    return items(call) + ([{"id": each, "name": each} for each in named] if call.door.subnets.anything else [])


def _matches(item: Mapping[str, Any], params: Params) -> bool:
    """Whether an item has all attributes asked for. One that is asked for several times may have any of the values."""
    return all(_has(item, name, texts(params, name)) for name in params if name in item)


def _has(item: Mapping[str, Any], name: str, wanted: Sequence[str]) -> bool:
    if isinstance(item[name], bool):
        return item[name] in [boolean(name, text) for text in wanted]
    return str(item[name]) in wanted


def _index(many: str, items: _Items) -> Callable[[Call], Any]:
    def index(call: Call) -> Any:
        """List what there is, filtered by attributes."""
        named = dict.fromkeys([*texts(call.params, "id"), *texts(call.params, "name")])
        return {many: [item for item in _there(call, items, named) if _matches(item, call.params)]}

    return index


def _show(one: str, items: _Items) -> Callable[[Call, str], Any]:
    def show(call: Call, object_id: str) -> Any:
        """Show one of them."""
        for item in _there(call, items, [object_id]):
            if item["id"] == object_id:
                return {one: item}
        raise Malformed(f"{one} {object_id} not found.", 404)

    return show


def _collection(path: str, one: str, many: str, items: _Items, kind: Any = Named, filters: Sequence[str] = ()) -> list[Route]:
    """The routes for what Neutron has many of. `kind` is the type of one, `filters` are attributes besides its names."""
    name = one.title().replace("_", "")
    body = msgspec.defstruct(f"{name}Body", [(one, kind)])
    list_body = msgspec.defstruct(f"{name}List", [(many, list[kind])])
    found = []
    for root in ("/v2.0", "/v2"):
        listed = Route(method="GET", path=f"{root}{path}", policy=None, handler=_index(many, items), gives=list_body)
        found.append(replace(listed, filters=("id", "name", *filters)))
        shown = _show(one, items)
        found.append(Route(method="GET", path=f"{root}{path}/{{object_id}}", policy=None, handler=shown, gives=body))
    return found


def _project(call: Call, project_id: str) -> Any:
    """Show a project. Whatever is named is one: where there is Keystone, nobody asks here."""
    return {"project": {"id": project_id, "name": project_id, "domain_id": "default", "enabled": True}}


ROUTES = (
    Route(method="GET", path="/projects/{project_id}", policy=None, handler=_project, gives=ProjectBody),
    *_collection("/subnets", "subnet", "subnets", _subnets, SubnetFound, ("network_id", "cidr", "ip_version", "enable_dhcp")),
    *_collection("/networks", "network", "networks", _networks, NetworkFound, ("status", "admin_state_up", "shared")),
    *_collection("/ports", "port", "ports", _none),
    *_collection("/security-groups", "security_group", "security_groups", _none),
    *_collection("/qos/policies", "policy", "policies", _none),
    *_collection("/extensions", "extension", "extensions", _none),
)
