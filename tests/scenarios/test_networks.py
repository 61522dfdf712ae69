"""Network drivers: what they hold outside the devices is there before the devices are written to and goes after they are empty."""

from __future__ import annotations

import dataclasses
import json

import pytest

from bascule.clients.neutron import NewPort
from bascule.core.networks import Declared, NetworkTrouble, Routed
from bascule.core.neutron_networks import OWNER
from bascule.core.subnets import Subnets
from bascule.model.definition import Network
from bascule.model.errors import Conflict, Invalid
from bascule.model.status import Provisioning
from bascule.store.tables import unit
from bascule.store.units import Rank
from tests.scenarios.clouds import DEVICES, LANE, SHARED, Cloud, claimed, made
from tests.scenarios.conftest import Build
from tests.scenarios.world import SUBNET

pytestmark = pytest.mark.slow


@pytest.fixture
def cloud(build: Build) -> Cloud:
    return Cloud(build)


def test_ports_are_there_from_the_first_load_balancer_to_the_last(cloud: Cloud) -> None:
    world = cloud.world()
    first, second = world.create(), world.create()
    world.settle()
    network = made(world)
    assert (network["vlan"], network["route_domain"], network["mtu"], network["interface"]) == (1000, 1000, 8950, "1.1")
    assert sorted(each["address"] for each in network["self_ips"]) == cloud.addresses
    assert [each["device"] for each in network["self_ips"]] == list(DEVICES)
    assert {port.wanted.device_owner for port in cloud.neutron.port_by_id.values()} == {OWNER}
    assert {address: unit for address, unit in claimed(world).items() if unit == SHARED}.keys() == set(cloud.addresses)
    world.delete(first.id)
    world.settle()
    assert len(cloud.addresses) == 2
    world.delete(second.id)
    world.settle()
    assert (cloud.addresses, claimed(world), world.device.documents) == ([], {}, {})


def test_what_was_made_is_found_again(cloud: Cloud) -> None:
    world = cloud.world()
    world.create()
    world.settle()
    before = dict(cloud.neutron.port_by_id)
    world.restart()
    world.create()
    world.settle()
    assert cloud.neutron.port_by_id == before


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_write_that_breaks_off_is_made_up_for(cloud: Cloud, when: str) -> None:
    world = cloud.world()
    cloud.neutron.broken = when
    tree = world.create()
    world.settle()
    assert cloud.neutron.broken is None
    assert world.status(tree.id) == Provisioning.ACTIVE
    assert len(cloud.addresses) == 2
    cloud.neutron.broken = when
    world.delete(tree.id)
    world.settle()
    assert (cloud.addresses, claimed(world)) == ([], {})


def test_a_port_that_turns_up_late_is_ours(cloud: Cloud) -> None:
    """It was not there yet when the ports were listed: its request got no answer, or its worker was paused."""
    world = cloud.world()
    cloud.neutron.broken = "after"
    world.create()
    world.tick()
    (first,) = cloud.addresses
    cloud.neutron.broken = "late"
    world.settle()
    assert cloud.neutron.broken is None
    assert len(cloud.addresses) == 2
    assert made(world)["self_ips"][0]["address"] == first
    assert {address for address, unit in claimed(world).items() if unit == SHARED} == set(cloud.addresses)


def test_a_network_that_another_worker_made_again_is_where_that_one_made_it(cloud: Cloud) -> None:
    world = cloud.world()
    drivers = [cloud.driver(world.database, world.subnets, world.clock) for _ in range(2)]
    drivers[0].hold(SHARED, SUBNET.network_id)
    assert [each.route_domain(SUBNET.network_id) for each in drivers] == [1000, 1000]
    drivers[1].release(SHARED, SUBNET.network_id)
    drivers[1].hold(SHARED, SUBNET.network_id)
    world.clock.now += 2
    assert [each.route_domain(SUBNET.network_id) for each in drivers] == [1001, 1001]
    cloud.neutron.broken = "always"
    world.clock.now += 2
    assert drivers[0].route_domain(SUBNET.network_id) == 1001
    cloud.neutron.networks.clear()
    cloud.neutron.broken = None
    world.clock.now += 2
    with pytest.raises(NetworkTrouble, match="does not exist any more"):
        drivers[0].route_domain(SUBNET.network_id)


def test_without_an_answer_from_neutron_nothing_is_given_up(cloud: Cloud) -> None:
    world = cloud.world()
    cloud.neutron.broken = "always"
    tree = world.create()
    for _ in range(30):
        world.tick(30)
    assert world.status(tree.id) == "ERROR"
    assert "The network service gives no answer." in world.faults(tree.id)[tree.id]
    cloud.neutron.broken = None
    world.settle()
    assert world.status(tree.id) == "ACTIVE"
    cloud.neutron.broken = "always"
    world.delete(tree.id)
    for _ in range(5):
        world.tick(30)
    assert world.is_gone(tree.id)
    assert world.device.documents == {}
    assert len(cloud.addresses) == 2
    cloud.neutron.broken = None
    world.settle()
    assert (cloud.addresses, claimed(world)) == ([], {})


def test_a_network_wanted_again_while_its_ports_go_has_them_again(cloud: Cloud) -> None:
    world = cloud.world()
    first = world.create()
    world.settle()
    cloud.neutron.broken = "always"
    world.delete(first.id)
    world.tick()
    world.tick(5)
    cloud.neutron.broken = None
    second = world.create()
    world.settle()
    assert world.status(second.id) == "ACTIVE"
    assert sorted(each["address"] for each in made(world)["self_ips"]) == cloud.addresses
    assert len(cloud.addresses) == 2


def test_an_address_that_somebody_has_in_the_cloud_is_passed_over_and_no_vip_gets_it(cloud: Cloud) -> None:
    world = cloud.world()
    world.create()
    world.settle()
    taken = cloud.addresses[0]
    ours = next(port for port in cloud.neutron.port_by_id.values() if port.wanted.address == taken)
    cloud.neutron.delete_port(ours.id)
    other = NewPort(
        name="vm", network_id="network-1", subnet_id=SUBNET.id, address=taken, device_id="vm", device_owner="", host="kvm"
    )
    cloud.neutron.create_port(other)
    world.housekeeping.tick()
    world.create()  # needs the network too, so it is looked at again
    world.clock.now += 1
    world.restart()
    due = {"due_at": 0.0, "rank": int(Rank.EDIT)}
    world.database.write(lambda conn: conn.execute(unit.update().where(unit.c.kind == "network").values(due)))
    world.settle()
    mine = [each["address"] for each in made(world)["self_ips"]]
    assert taken not in mine
    assert claimed(world)[taken] == SHARED
    assert set(mine) | {taken} == set(cloud.addresses)


def test_looking_at_a_plan_makes_nothing(cloud: Cloud) -> None:
    world = cloud.world()
    tree = world.create()
    assert world.preview(tree.id).reasons
    assert cloud.addresses == []


def test_a_network_that_nobody_declared_is_the_reason_shown(build: Build) -> None:
    world = build(networks=True, drivers=lambda _database, _subnets: {LANE: Declared({})})
    tree = world.create()
    for _ in range(30):
        world.tick(30)
    assert "Network network-1 is not declared for these devices." in world.faults(tree.id)[tree.id]


def test_the_route_domain_of_its_network_is_in_what_was_accepted(build: Build) -> None:
    declared = {"network-1": Network(id="network-1", devices=DEVICES, vlan=7, route_domain=7)}
    for driver, domain in ((Declared(declared), 7), (Routed(DEVICES), 0)):
        world = build(networks=True, drivers=lambda _database, _subnets, driver=driver: {LANE: driver})
        tree = world.create()
        world.settle()
        accepted = world.unit(tree.id).accepted
        assert accepted is not None
        assert json.loads(accepted)["route_domain"] == domain


def test_a_load_balancer_from_before_its_network_was_taken_care_of_gets_it_with_its_next_edit(build: Build) -> None:
    world = build(networks=False)
    tree = world.create()
    world.settle()
    world.rebuild(networks=True)
    world.rename(tree.id, "new")
    world.settle()
    assert world.status(tree.id) == "ACTIVE"
    assert (SHARED, "memory") in world.device.documents
    world.rebuild(networks=False)
    world.rename(tree.id, "newer")
    world.settle()
    assert (SHARED, "memory") not in world.device.documents


def test_no_vip_gets_a_reserved_address(build: Build) -> None:
    database = build().database
    small = dataclasses.replace(SUBNET, first="10.9.0.10", last="10.9.0.12", reserved=("10.9.0.10", "10.9.0.12"))
    subnets = Subnets([small])
    assert database.write(lambda conn: subnets.allocate(conn, "one", small, ""))[0] == "10.9.0.11"
    with pytest.raises(Conflict, match="no free address left"):
        database.write(lambda conn: subnets.allocate(conn, "two", small, ""))
    with pytest.raises(Invalid, match="reserved"):
        database.write(lambda conn: subnets.allocate(conn, "two", small, "10.9.0.12"))
