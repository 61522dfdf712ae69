"""Flavors and availability zones over emulated BIG-IPs: from the request to the device that carries the load balancer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bascule.clients.bigip import Credentials, Device, DeviceGroup, Trust
from bascule.model.secrets import Secret
from bascule.south.as3 import AS3Backend, Site
from bascule.south.as3.names import tenant_name
from bascule.store.engine import Database
from tests.api.bascule import VIPS, Bascule, Client
from tests.emulator.site import PASSWORD, Box, box, identity
from tests.scenarios.f5.site import partitions

pytestmark = pytest.mark.slow

ZONES = {"a": None, "b": "room1", "c": "room1"}


@pytest.fixture
def devices() -> Iterator[dict[str, Box]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(box()) for name in ZONES}


@pytest.fixture
def api(sqlite_database: Database, tmp_path: Path, devices: dict[str, Box]) -> Iterator[Client]:
    (tmp_path / "ca.pem").write_text(identity()[1])
    credentials, trust = Credentials("admin", Secret(PASSWORD.encode())), Trust(tmp_path / "ca.pem")
    sites = [
        Site(group=DeviceGroup(name, [Device(devices[name].url, credentials, trust)]), availability_zone=zone)
        for name, zone in ZONES.items()
    ]
    backend = AS3Backend(sites, save_interval=3600)
    yield Client(Bascule(sqlite_database, tmp_path / "certificates", lambda _: backend))
    backend.close()


def test_a_load_balancer_is_carried_where_its_flavor_and_zone_say(api: Client, devices: dict[str, Box]) -> None:
    flavors, zones = "/providers/f5/flavor_capabilities", "/providers/f5/availability_zone_capabilities"
    assert [each["name"] for each in api.get(flavors).body["flavor_capabilities"]] == ["device_group"]
    assert [each["name"] for each in api.get(zones).body["availability_zone_capabilities"]] == ["compute_zone"]
    given = {"name": "p", "provider_name": "f5", "flavor_data": '{"device_group": "d"}'}
    assert "'d' is not one of: a, b, c" in api.post("/flavorprofiles", {"flavorprofile": given}).fault
    flavor = {}
    for name in ("a", "c"):
        profile = api.made("/flavorprofiles", "flavorprofile", **given | {"flavor_data": json.dumps({"device_group": name})})
        flavor[name] = api.made("/flavors", "flavor", name=name, flavor_profile_id=profile["id"])["id"]
    data = {"name": "p", "provider_name": "f5", "availability_zone_data": '{"compute_zone": "room1"}'}
    profile = api.made("/availabilityzoneprofiles", "availability_zone_profile", **data)
    api.made("/availabilityzones", "availability_zone", name="east", availability_zone_profile_id=profile["id"])

    carried = {
        "a": [api.load_balancer(flavor_id=flavor["a"]) for _ in range(2)],
        "b": [api.load_balancer(availability_zone="east") for _ in range(2)],
        "c": [api.load_balancer(availability_zone="east", flavor_id=flavor["c"])],
    }
    carried["c"] += [carried["b"].pop()]  # in the zone, the one with the fewest
    nowhere = {"vip_subnet_id": VIPS.id, "availability_zone": "east", "flavor_id": flavor["a"]}
    refused = api.post("/loadbalancers", {"loadbalancer": nowhere})
    assert (refused.status, "has no place for such a flavor in such an availability zone" in refused.fault) == (400, True)

    api.settle()
    for name, made in carried.items():
        assert partitions(devices[name]) == {tenant_name(each["id"]) for each in made}
        assert {api.get(f"/loadbalancers/{each['id']}").body["loadbalancer"]["provisioning_status"] for each in made} == {"ACTIVE"}
