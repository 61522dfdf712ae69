"""Where flavors and availability zones let load balancers go, and what they can say."""

from __future__ import annotations

import pytest

from bascule.clients.bigip import Credentials, Device, DeviceGroup, Trust
from bascule.model.objects import LoadBalancer, Vip
from bascule.model.offers import OfferKind, problem
from bascule.model.secrets import Secret
from bascule.south.as3 import AS3Backend, Site


@pytest.fixture
def backend() -> AS3Backend:
    def group(number: int) -> DeviceGroup:
        device = Device(f"https://192.0.2.{number}", Credentials("admin", Secret(b"x")), Trust(None, False))
        return DeviceGroup("abc"[number], [device])

    zones = (None, "room1", "room1")
    return AS3Backend([Site(group=group(number), availability_zone=zone) for number, zone in enumerate(zones)])


@pytest.mark.parametrize(
    ("flavor", "zone", "groups"),
    [
        ({}, {}, "abc"),
        ({"device_group": "b"}, {}, "b"),
        ({}, {"compute_zone": "room1"}, "bc"),
        ({"device_group": "c"}, {"compute_zone": "room1"}, "c"),
        ({"device_group": "a"}, {"compute_zone": "room1"}, ""),
    ],
)
def test_flavors_and_zones_choose_device_groups(
    backend: AS3Backend, flavor: dict[str, str], zone: dict[str, str], groups: str
) -> None:
    wanted = LoadBalancer(id="1", project_id="p", provider="f5", vip=Vip(address="192.0.2.1"), flavor=flavor, zone=zone)
    assert [spec.id for spec in backend.lanes_for(wanted)] == [f"f5:{name}" for name in groups]


def test_profiles_name_what_is_there(backend: AS3Backend) -> None:
    flavors, zones = (backend.capabilities(kind) or () for kind in (OfferKind.FLAVOR, OfferKind.AVAILABILITY_ZONE))
    assert problem(flavors, {"device_group": "a"}) is None
    assert problem(flavors, {"device_group": "d"}) == "device_group: 'd' is not one of: a, b, c"
    assert problem(zones, {"compute_zone": "room1"}) is None
    assert problem(zones, {"compute_zone": None}) == "compute_zone: None is not one of: room1"
