"""Conversations about availability zones and their profiles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bascule.model.backend import Backend, LaneSpec
from bascule.south.memory import Device, MemoryBackend
from bascule.store import units
from bascule.store.engine import Database
from tests.api.bascule import NOWHERE, VIPS, Bascule, Client

pytestmark = pytest.mark.slow


def zoned(device: Device) -> Backend:
    lanes = (LaneSpec("memory:e", availability_zone="east"), LaneSpec("memory:w", availability_zone="west"))
    return MemoryBackend(device, lanes=lanes)


@pytest.fixture
def api(sqlite_database: Database, tmp_path: Path) -> Client:
    return Client(Bascule(sqlite_database, tmp_path / "certificates", zoned))


def profile(api: Client, data: str = '{"compute_zone": "east"}') -> dict[str, Any]:
    given = {"name": "right", "provider_name": "memory", "availability_zone_data": data}
    return api.made("/availabilityzoneprofiles", "availability_zone_profile", **given)


def test_an_availability_zone_from_beginning_to_end(api: Client) -> None:
    made = profile(api)
    assert list(made) == ["id", "name", "provider_name", "availability_zone_data"]
    listed = api.get("/availabilityzoneprofiles").body
    assert listed == {"availability_zone_profiles": [made], "availability_zone_profile_links": []}
    zone = api.made("/availabilityzones", "availability_zone", name="az one", availability_zone_profile_id=made["id"])
    assert zone == {"name": "az one", "description": "", "enabled": True, "availability_zone_profile_id": made["id"]}
    assert api.get("/availabilityzones/az one").body == {"availability_zone": zone}
    assert api.get("/availabilityzones", enabled="yes").body == {"availability_zones": [zone], "availability_zones_links": []}
    changed = api.put("/availabilityzones/az one", {"availability_zone": {"description": "d"}})
    assert (changed.status, changed.body) == (200, {"availability_zone": zone | {"description": "d"}})
    assert api.put("/availabilityzones/az one", {"availability_zone": {"name": "other"}}).status == 400
    refused = api.post("/availabilityzones", {"availability_zone": {"name": "az one", "availability_zone_profile_id": made["id"]}})
    assert (refused.status, refused.fault) == (409, "A availability zone of az one already exists.")
    for unreachable in ("a/b", "/", ".", ".."):
        given = {"name": unreachable, "availability_zone_profile_id": made["id"]}
        refused = api.post("/availabilityzones", {"availability_zone": given})
        assert (refused.status, refused.fault.startswith(f"{unreachable} is not a valid option for name. ")) == (400, True)
    refused = api.delete(f"/availabilityzoneprofiles/{made['id']}")
    assert (refused.status, refused.fault) == (409, f"Availability Zone Profile {made['id']} is in use and cannot be modified.")
    assert api.delete("/availabilityzones/az one").status == 204
    assert api.get("/availabilityzones/az one").fault == "Availability Zone az one not found."
    assert api.delete(f"/availabilityzoneprofiles/{made['id']}").status == 204
    refused = api.delete(f"/availabilityzoneprofiles/{made['id']}")
    assert refused.fault == f"Availability Zone Profile {made['id']} not found."


def test_a_load_balancer_goes_where_its_zone_is(api: Client) -> None:
    made = profile(api)
    api.made("/availabilityzones", "availability_zone", name="az1", availability_zone_profile_id=made["id"])
    found = [api.load_balancer(availability_zone="az1") for _ in range(3)]
    assert {each["availability_zone"] for each in found} == {"az1"}
    with api.bascule.database.read() as conn:
        lanes = {unit.lane_id for each in found if (unit := units.get(conn, each["id"]))}
    assert lanes == {"memory:e"}
    assert len(api.get("/loadbalancers", availability_zone="az1").body["loadbalancers"]) == 3
    refused = api.delete("/availabilityzones/az1")
    assert (refused.status, refused.fault) == (409, "Availability Zone az1 is in use and cannot be modified.")
    api.put("/availabilityzones/az1", {"availability_zone": {"enabled": False}})
    refused = api.post("/loadbalancers", {"loadbalancer": {"vip_subnet_id": VIPS.id, "availability_zone": "az1"}})
    assert (refused.status, refused.fault) == (400, "The selected availability_zone is not allowed in this deployment: az1")
    refused = api.post("/loadbalancers", {"loadbalancer": {"vip_subnet_id": VIPS.id, "availability_zone": "none\x00"}})
    assert (refused.status, refused.fault) == (400, "Validation failure: Invalid availability zone.")


def test_what_is_no_zone_is_refused(api: Client) -> None:
    refused = api.post("/availabilityzones", {"availability_zone": {"name": "x", "availability_zone_profile_id": NOWHERE}})
    assert (refused.status, refused.fault) == (400, "Validation failure: Invalid availability_zone_profile_id.")
    given = {"name": "right", "provider_name": "memory", "availability_zone_data": '{"compute_zone": "north"}'}
    refused = api.post("/availabilityzoneprofiles", {"availability_zone_profile": given})
    text = "Validation failure: availability_zone_data: compute_zone: 'north' is not one of: east, west."
    assert (refused.status, refused.fault) == (400, text)
    (found,) = api.get("/providers/memory/availability_zone_capabilities").body["availability_zone_capabilities"]
    assert found == {"name": "compute_zone", "description": "Where the load balancer is placed: one of: east, west."}
