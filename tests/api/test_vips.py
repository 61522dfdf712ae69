"""Where a VIP lies, by all that a body can say of it, against both network drivers."""

from __future__ import annotations

import uuid
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from bascule.core.subnets import AnySubnets, Subnets
from bascule.model.definition import Subnet
from bascule.store.engine import Database
from tests.api.bascule import MEMBERS, NETWORK_ID, NOWHERE, VIPS, VIPS6, Bascule, Client

pytestmark = pytest.mark.slow

SUBNET, NETWORK, PORT = (str(uuid.UUID(int=number)) for number in (1, 2, 3))
ADDRESSES = {"none": None, "IPv4": "192.0.2.77", "IPv6": "2001:db8::77"}


@pytest.fixture
def noop(sqlite_database: Database, tmp_path: Path) -> Client:
    return Client(Bascule(sqlite_database, tmp_path, subnets=AnySubnets()))


def asked(api: Client, **given: Any) -> tuple[int, dict[str, Any] | str]:
    answer = api.post("/loadbalancers", {"loadbalancer": given})
    return answer.status, answer.body["loadbalancer"] if answer.status == 201 else answer.fault


# noop

COMBINATIONS = [
    {
        name: value
        for name, value, there in zip(
            ("vip_subnet_id", "vip_network_id", "vip_port_id"), (SUBNET, NETWORK, PORT), chosen, strict=True
        )
        if there
    }
    for chosen in product((False, True), repeat=3)
    if any(chosen)
]


@pytest.mark.slow
@pytest.mark.parametrize("family", ADDRESSES)
@pytest.mark.parametrize("named", COMBINATIONS, ids=lambda named: "+".join(name[4:-3] for name in named))
def test_noop_takes_whatever_is_named(noop: Client, named: dict[str, str], family: str) -> None:
    status, shown = asked(noop, vip_address=ADDRESSES[family], **named)
    assert (status, isinstance(shown, dict)) == (201, True), shown
    assert isinstance(shown, dict)
    assert {name: shown[name] for name in named} == named
    assert all(uuid.UUID(shown[name]) for name in ("vip_subnet_id", "vip_network_id", "vip_port_id"))
    if ADDRESSES[family]:
        assert shown["vip_address"] == ADDRESSES[family]
    else:
        assert shown["vip_address"].startswith(("198.18.", "198.19."))
    noop.settle()
    again = noop.get(f"/loadbalancers/{shown['id']}").body["loadbalancer"]
    assert again["provisioning_status"] == "ACTIVE"
    assert {name: again[name] for name in shown if name.startswith("vip_")} == {
        name: shown[name] for name in shown if name.startswith("vip_")
    }


def test_noop_needs_something_to_be_named(noop: Client) -> None:
    text = "Validation failure: VIP must contain one of: vip_port_id, vip_network_id, vip_subnet_id."
    for given in ({}, {"vip_address": "192.0.2.1"}, {"vip_subnet_id": None, "vip_network_id": None, "vip_port_id": None}):
        assert asked(noop, **given) == (400, text)


def test_noop_says_the_same_of_a_subnet_and_a_port_every_time(noop: Client) -> None:
    for given in ({"vip_subnet_id": SUBNET}, {"vip_port_id": PORT}, {"vip_network_id": NETWORK}):
        first, second = (noop.load_balancer(**{"vip_subnet_id": None} | given) for _ in range(2))
        assert first["vip_address"] != second["vip_address"], "each has an address of its own"
        for name in ("vip_subnet_id", "vip_network_id"):
            assert first[name] == second[name]


def test_noop_has_addresses_of_both_families_and_more_of_them(noop: Client) -> None:
    more = [
        {"subnet_id": str(uuid.UUID(int=9)), "ip_address": "2001:db8::9"},
        {"subnet_id": str(uuid.UUID(int=8)), "port_id": PORT},
    ]
    shown = noop.load_balancer(vip_subnet_id=SUBNET, additional_vips=more)
    v6, with_port = shown["additional_vips"]
    assert (v6["subnet_id"], v6["ip_address"]) == (str(uuid.UUID(int=9)), "2001:db8::9")
    assert (with_port["subnet_id"], with_port["port_id"]) == (str(uuid.UUID(int=8)), PORT)
    status, text = asked(noop, vip_subnet_id=SUBNET, additional_vips=[{"subnet_id": SUBNET}])
    assert (status, "only one VIP per subnet" in str(text)) == (400, True)


def test_noop_takes_policies_and_groups(noop: Client) -> None:
    shown = noop.load_balancer(vip_subnet_id=SUBNET, vip_qos_policy_id=PORT, vip_sg_ids=[NETWORK])
    assert (shown["vip_qos_policy_id"], shown["vip_sg_ids"]) == (PORT, [NETWORK])
    path = f"/loadbalancers/{shown['id']}"
    answer = noop.post(
        "/listeners",
        {"listener": {"loadbalancer_id": shown["id"], "protocol": "TCP", "protocol_port": 1, "allowed_cidrs": ["192.0.2.0/24"]}},
    )
    text = "Validation failure: allowed_cidrs cannot be used while the load balancer has vip_sg_ids"
    assert (answer.status, answer.fault) == (400, text)
    cleared = noop.put(path, {"loadbalancer": {"vip_qos_policy_id": None, "vip_sg_ids": None}}).body["loadbalancer"]
    assert (cleared["vip_qos_policy_id"], cleared["vip_sg_ids"]) == (None, [])
    noop.listener(shown["id"], allowed_cidrs=["192.0.2.0/24"])
    answer = noop.put(path, {"loadbalancer": {"vip_sg_ids": [NETWORK]}})
    assert (answer.status, answer.fault) == (
        400,
        "Validation failure: vip_sg_ids cannot be used while a listener has allowed_cidrs",
    )


def test_noop_lets_members_lie_anywhere_but_on_the_host_itself(noop: Client) -> None:
    pool = noop.pool(loadbalancer_id=noop.load_balancer(vip_subnet_id=SUBNET)["id"])
    noop.member(pool["id"], address="203.0.113.7", subnet_id=SUBNET, monitor_address="2001:db8::5")
    for place in ("127.0.0.1", "127.9.8.7", "169.254.169.254", "0.0.0.0", "224.0.0.1", "::1", "fe80::1", "::ffff:127.0.0.1", "::"):
        for member in ({"address": place}, {"address": "203.0.113.8", "monitor_address": place}):
            answer = noop.post(f"/pools/{pool['id']}/members", {"member": {"protocol_port": 80} | member})
            assert (answer.status, "Members must lie at addresses that are neither loopback" in answer.fault) == (400, True), place


def test_noop_answers_the_look_ups_of_clients(noop: Client) -> None:
    for path, one, many in (("subnets", "subnet", "subnets"), ("networks", "network", "networks"), ("ports", "port", "ports")):
        assert noop.raw("GET", f"/v2.0/{path}/{SUBNET}").body[one]["id"] == SUBNET
        for query in (f"id={SUBNET}", f"name={SUBNET}"):
            assert [each["id"] for each in noop.raw("GET", f"/v2.0/{path}", query_string=query).body[many]] == [SUBNET]
        assert noop.raw("GET", f"/v2.0/{path}").body == {many: []}


# declared

OTHER_NETWORK = "66666666-6666-4666-8666-666666666666"
SMALL = Subnet("77777777-7777-4777-8777-777777777777", "small", OTHER_NETWORK, "192.0.2.0/29", "192.0.2.2", "192.0.2.2")
LARGE = Subnet("88888888-8888-4888-8888-888888888888", "large", OTHER_NETWORK, "198.51.100.0/24", "198.51.100.5", "198.51.100.9")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "status", "wanted"),
    [
        ({"vip_subnet_id": VIPS.id}, 201, VIPS),
        ({"vip_subnet_id": VIPS6.id}, 201, VIPS6),
        ({"vip_subnet_id": VIPS.id, "vip_address": "127.9.0.50"}, 201, VIPS),
        ({"vip_subnet_id": VIPS.id, "vip_address": "fd00:9::50"}, 400, "vip_address fd00:9::50 is not in subnet 127.9.0.0/16"),
        ({"vip_subnet_id": VIPS.id, "vip_network_id": NETWORK_ID}, 201, VIPS),
        ({"vip_subnet_id": VIPS6.id, "vip_network_id": NETWORK_ID}, 201, VIPS6),
        ({"vip_subnet_id": VIPS6.id, "vip_network_id": NETWORK_ID, "vip_address": "fd00:9::50"}, 201, VIPS6),
        (
            {"vip_subnet_id": VIPS.id, "vip_network_id": NETWORK_ID, "vip_address": "fd00:9::50"},
            400,
            "is not in subnet 127.9.0.0/16",
        ),
        ({"vip_subnet_id": VIPS.id, "vip_network_id": OTHER_NETWORK}, 400, f"Subnet {VIPS.id} not found."),
        ({"vip_subnet_id": VIPS.id, "vip_network_id": NOWHERE}, 400, f"Network {NOWHERE} not found."),
        ({"vip_network_id": NETWORK_ID}, 201, VIPS),
        ({"vip_network_id": NETWORK_ID, "vip_address": "fd00:9::51"}, 201, VIPS6),
        ({"vip_network_id": NETWORK_ID, "vip_address": "10.9.9.9"}, 400, "is not in subnet 127.9.0.0/16, fd00:9::/64"),
        ({"vip_network_id": MEMBERS.network_id}, 400, f"Network {MEMBERS.network_id} not found."),
        ({"vip_network_id": NOWHERE}, 400, f"Network {NOWHERE} not found."),
        ({"vip_subnet_id": NOWHERE}, 400, f"Subnet {NOWHERE} not found."),
        ({"vip_subnet_id": MEMBERS.id}, 400, f"Subnet {MEMBERS.id} not found."),
        ({"vip_port_id": PORT}, 400, f"Port {PORT} not found."),
        ({"vip_port_id": PORT, "vip_subnet_id": VIPS.id}, 400, f"Port {PORT} not found."),
        ({"vip_port_id": PORT, "vip_network_id": NETWORK_ID}, 400, f"Port {PORT} not found."),
        ({"vip_port_id": PORT, "vip_network_id": NOWHERE, "vip_subnet_id": NOWHERE}, 400, f"Port {PORT} not found."),
        ({"vip_address": "127.9.0.50"}, 400, "VIP must contain one of"),
        ({"vip_subnet_id": VIPS.id, "vip_address": "127.9.0.0"}, 400, "an end of subnet"),
        ({"vip_subnet_id": VIPS.id, "additional_vips": [{"subnet_id": VIPS6.id}]}, 201, VIPS),
        ({"vip_network_id": NETWORK_ID, "additional_vips": [{"subnet_id": VIPS6.id}]}, 201, VIPS),
        ({"vip_network_id": NETWORK_ID, "additional_vips": [{"subnet_id": VIPS.id}]}, 400, "only one VIP per subnet"),
        ({"vip_subnet_id": VIPS.id, "additional_vips": [{"subnet_id": VIPS.id}]}, 400, "only one VIP per subnet"),
        ({"vip_subnet_id": VIPS.id, "additional_vips": [{"subnet_id": SMALL.id}]}, 400, "in the same network as the first VIP"),
        ({"vip_subnet_id": VIPS.id, "additional_vips": [{"subnet_id": NOWHERE}]}, 400, f"Subnet {NOWHERE} not found."),
        ({"vip_subnet_id": VIPS.id, "additional_vips": [{}]}, 400, "additional_vips[0].subnet_id. Value: 'None'. Mandatory field"),
        (
            {"vip_subnet_id": VIPS.id, "additional_vips": [{"subnet_id": VIPS6.id, "ip_address": "127.9.0.51"}]},
            400,
            "additional_vips: ip_address 127.9.0.51 is not in subnet fd00:9::/64",
        ),
        ({"vip_subnet_id": VIPS.id, "additional_vips": [{"subnet_id": VIPS6.id, "port_id": PORT}]}, 400, f"Port {PORT} not found."),
    ],
)
def test_declared_subnets(sqlite_database: Database, tmp_path: Path, given: dict[str, Any], status: int, wanted: Any) -> None:
    api = Client(Bascule(sqlite_database, tmp_path, subnets=Subnets([VIPS6, VIPS, MEMBERS, SMALL, LARGE])))
    found, shown = asked(api, **given)
    assert found == status, shown
    if isinstance(wanted, str):
        assert wanted in str(shown)
        return
    assert isinstance(shown, dict)
    assert (shown["vip_subnet_id"], shown["vip_network_id"]) == (wanted.id, wanted.network_id)
    assert (":" in shown["vip_address"]) == (":" in wanted.cidr)


def test_a_network_gives_addresses_as_long_as_any_of_its_subnets_has_one(sqlite_database: Database, tmp_path: Path) -> None:
    api = Client(Bascule(sqlite_database, tmp_path, subnets=Subnets([SMALL, LARGE])))
    got = [api.load_balancer(vip_subnet_id=None, vip_network_id=OTHER_NETWORK)["vip_address"] for _ in range(6)]
    assert got == ["192.0.2.2", *(f"198.51.100.{last}" for last in range(5, 10))]
    status, text = asked(api, vip_network_id=OTHER_NETWORK)
    assert (status, f"Subnet {SMALL.id} (192.0.2.2 to 192.0.2.2) has no free address left." in str(text)) == (409, True)


def test_an_address_that_is_taken_is_a_conflict_and_free_again_after_its_end(api: Client) -> None:
    first = api.load_balancer(vip_address="127.9.0.60")
    body = {"vip_network_id": NETWORK_ID, "vip_address": "127.9.0.60"}
    assert asked(api, **body)[0] == 409
    api.settle()
    api.delete(f"/loadbalancers/{first['id']}")
    api.settle()
    assert asked(api, **body)[0] == 201
