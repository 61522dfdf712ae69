"""Load balancers over the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.bascule import MEMBERS, NETWORK_ID, NOWHERE, PROJECT, VIPS, VIPS6, Client

KEYS = [
    "id",
    "name",
    "description",
    "provisioning_status",
    "operating_status",
    "admin_state_up",
    "project_id",
    "created_at",
    "updated_at",
    "vip_address",
    "vip_port_id",
    "vip_subnet_id",
    "vip_network_id",
    "vip_sg_ids",
    "additional_vips",
    "listeners",
    "pools",
    "provider",
    "flavor_id",
    "vip_qos_policy_id",
    "tags",
    "availability_zone",
    "vip_vnic_type",
    "tenant_id",
]


def refused(api: Client, status: int, **attributes: Any) -> str:
    answer = api.post("/loadbalancers", {"loadbalancer": {"vip_subnet_id": VIPS.id} | attributes})
    assert answer.status == status, answer.body
    return answer.fault


def test_a_creation_shows_the_whole_tree_with_its_parts_first(api: Client) -> None:
    answer = api.post("/loadbalancers", {"loadbalancer": {"vip_subnet_id": VIPS.id}})
    assert answer.status == 201
    shown = answer.body["loadbalancer"]
    rest = [key for key in KEYS if key not in ("listeners", "pools")]
    assert list(shown) == ["listeners", "pools", *rest]
    assert shown["listeners"] == shown["pools"] == []


def test_what_is_not_given_has_the_default(api: Client, load_balancer: dict[str, Any]) -> None:
    answer = api.get(f"/loadbalancers/{load_balancer['id']}")
    assert answer.status == 200
    shown = answer.body["loadbalancer"]
    assert list(shown) == KEYS
    varying = {key: shown.pop(key) for key in ("id", "created_at", "vip_address", "vip_port_id")}
    assert shown == {
        "name": "lb",
        "description": "",
        "provisioning_status": "PENDING_CREATE",
        "operating_status": "OFFLINE",
        "admin_state_up": True,
        "project_id": PROJECT,
        "updated_at": None,
        "vip_subnet_id": VIPS.id,
        "vip_network_id": NETWORK_ID,
        "vip_sg_ids": [],
        "additional_vips": [],
        "listeners": [],
        "pools": [],
        "provider": "memory",
        "flavor_id": None,
        "vip_qos_policy_id": None,
        "tags": [],
        "availability_zone": None,
        "vip_vnic_type": "normal",
        "tenant_id": PROJECT,
    }
    assert varying["vip_address"].startswith("127.9.")
    assert len(varying["created_at"]) == len("2026-11-20T19:28:45")


def test_it_becomes_active(api: Client, load_balancer: dict[str, Any]) -> None:
    api.settle()
    shown = api.get(f"/loadbalancers/{load_balancer['id']}").body["loadbalancer"]
    assert (shown["provisioning_status"], shown["operating_status"]) == ("ACTIVE", "ONLINE")


def test_the_project_comes_from_the_body_then_the_header_then_the_settings(api: Client) -> None:
    assert api.load_balancer(project_id="p1")["project_id"] == "p1"
    assert api.load_balancer(tenant_id="p2")["project_id"] == "p2"
    body = json.dumps({"loadbalancer": {"vip_subnet_id": VIPS.id}})
    headers = {"Content-Type": "application/json", "X-Project-Id": "p3"}
    answer = api.raw("POST", "/v2/lbaas/loadbalancers", body=body, headers=headers)
    assert answer.body["loadbalancer"]["project_id"] == "p3"
    answer = api.raw("POST", "/v2/lbaas/loadbalancers", body=body, headers=headers | {"X-Project-Id": "p" * 37})
    assert (answer.status, answer.fault) == (400, "X-Project-Id: 1 to 36 printable characters are allowed")


# VIPs


def test_a_vip_is_needed(api: Client) -> None:
    answer = api.post("/loadbalancers", {"loadbalancer": {}})
    assert answer.status == 400
    wanted = "Validation failure: VIP must contain one of: vip_port_id, vip_network_id, vip_subnet_id."
    assert answer.fault == wanted


def test_an_address_can_be_chosen_and_is_taken_then(api: Client) -> None:
    assert api.load_balancer(vip_address="127.9.0.77")["vip_address"] == "127.9.0.77"
    assert "127.9.0.77 is already in use" in refused(api, 409, vip_address="127.9.0.77")
    assert "vip_address 127.8.0.1 is not in subnet 127.9.0.0/16" in refused(api, 400, vip_address="127.8.0.1")


def test_a_network_gives_the_subnet(api: Client) -> None:
    assert api.load_balancer(vip_subnet_id=None, vip_network_id=NETWORK_ID)["vip_subnet_id"] == VIPS.id  # IPv4 first
    shown = api.load_balancer(vip_subnet_id=None, vip_network_id=NETWORK_ID, vip_address="FD00:9::0077")
    assert (shown["vip_subnet_id"], shown["vip_address"]) == (VIPS6.id, "fd00:9::77")
    assert api.load_balancer(vip_network_id=NETWORK_ID, vip_subnet_id=VIPS6.id)["vip_subnet_id"] == VIPS6.id


def test_vips_lie_in_subnets_that_are_declared_for_them(api: Client) -> None:
    assert refused(api, 400, vip_subnet_id=NOWHERE) == f"Subnet {NOWHERE} not found."
    assert refused(api, 400, vip_subnet_id=MEMBERS.id) == f"Subnet {MEMBERS.id} not found."
    assert refused(api, 400, vip_network_id=NOWHERE) == f"Network {NOWHERE} not found."
    assert refused(api, 400, vip_network_id=MEMBERS.network_id) == f"Network {MEMBERS.network_id} not found."
    assert refused(api, 400, vip_network_id=NETWORK_ID, vip_subnet_id=MEMBERS.id) == f"Subnet {MEMBERS.id} not found."
    text = refused(api, 400, vip_network_id=NETWORK_ID, vip_subnet_id=None, vip_address="10.0.0.1")
    assert text == "Validation failure: vip_address 10.0.0.1 is not in subnet 127.9.0.0/16, fd00:9::/64"


def test_there_are_no_ports(api: Client) -> None:
    for more in ({}, {"vip_subnet_id": None}, {"vip_network_id": NETWORK_ID}):
        assert refused(api, 400, vip_port_id=NOWHERE, **more) == f"Port {NOWHERE} not found."


def test_further_vips_lie_in_the_same_network(api: Client) -> None:
    shown = api.load_balancer(additional_vips=[{"subnet_id": VIPS6.id, "ip_address": "fd00:9::20"}])
    (vip,) = shown["additional_vips"]
    assert list(vip) == ["subnet_id", "ip_address", "port_id"]
    assert (vip["subnet_id"], vip["ip_address"]) == (VIPS6.id, "fd00:9::20")
    again = api.get(f"/loadbalancers/{shown['id']}").body["loadbalancer"]
    assert again["additional_vips"] == shown["additional_vips"]
    assert "only one VIP per subnet" in refused(api, 400, additional_vips=[{"subnet_id": VIPS.id}])
    assert "not found" in refused(api, 400, additional_vips=[{"subnet_id": MEMBERS.id}])
    assert refused(api, 400, additional_vips=[{"subnet_id": VIPS6.id, "port_id": NOWHERE}]) == f"Port {NOWHERE} not found."


@pytest.mark.parametrize(
    ("attribute", "value", "text"),
    [
        ("provider", "amphora", "Provider 'amphora' is not enabled. Enabled: memory"),
        ("flavor_id", NOWHERE, "Validation failure: Invalid flavor_id."),
        ("availability_zone", "az", "Validation failure: Invalid availability zone."),
        ("vip_qos_policy_id", NOWHERE, "vip_qos_policy_id: there is no network service"),
        ("vip_sg_ids", [NOWHERE], "vip_sg_ids: there is no network service"),
        ("vip_subnet_id", "x", "vip_subnet_id. Value: 'x'. Value should be UUID format"),
        ("vip_address", "300.0.0.1", "vip_address. Value: '300.0.0.1'. Value should be IPv4 or IPv6 format"),
        ("name", "x" * 256, "Value should be text of at most 255 characters"),
        ("name", "a\nb", "Validation failure: name must not contain control characters"),
        ("tags", ["a\x00b"], "Validation failure: tags must not contain control characters"),
        ("project_id", "x" * 37, "Value should be text of at most 36 characters"),
        ("colour", "red", "Unknown attribute for argument loadbalancer: colour"),
        ("operating_status", "ONLINE", "Unknown attribute for argument loadbalancer: operating_status"),
    ],
)
def test_bad_values_are_named(api: Client, attribute: str, value: Any, text: str) -> None:
    assert text in refused(api, 400, **{attribute: value})
    assert api.get("/loadbalancers").body["loadbalancers"] == []


def test_any_printable_name_will_do(api: Client) -> None:
    name = "Straße 交差点 🚦 <&\"'> \\ %s {}"
    assert api.load_balancer(name=name)["name"] == name
    assert [each["name"] for each in api.get("/loadbalancers", name=name).body["loadbalancers"]] == [name]


# Changes


def test_a_change_is_shown_at_once_and_accepted_at_any_time(api: Client, load_balancer: dict[str, Any]) -> None:
    path = f"/loadbalancers/{load_balancer['id']}"
    for round_ in range(3):  # it is still being created
        answer = api.put(path, {"loadbalancer": {"name": f"name {round_}", "tags": ["a", "b", "a"]}})
        assert (answer.status, answer.body["loadbalancer"]["name"]) == (200, f"name {round_}")
    assert answer.body["loadbalancer"]["provisioning_status"] == "PENDING_CREATE"
    assert answer.body["loadbalancer"]["tags"] == ["a", "b"]
    assert answer.body["loadbalancer"]["updated_at"] is not None
    api.settle()
    answer = api.put(path, {"loadbalancer": {"admin_state_up": False}})
    assert answer.body["loadbalancer"]["provisioning_status"] == "PENDING_UPDATE"
    assert list(answer.body["loadbalancer"]) == KEYS


def test_null_gives_the_default_and_nothing_changes_nothing(api: Client, load_balancer: dict[str, Any]) -> None:
    path = f"/loadbalancers/{load_balancer['id']}"
    api.put(path, {"loadbalancer": {"description": "d", "tags": ["t"]}})
    shown = api.put(path, {"loadbalancer": {"name": None, "description": None, "tags": None, "admin_state_up": None}})
    shown = shown.body["loadbalancer"]
    assert (shown["name"], shown["description"], shown["tags"], shown["admin_state_up"]) == ("", "", [], False)
    api.settle()
    shown = api.put(path, {"loadbalancer": {}}).body["loadbalancer"]
    assert shown["provisioning_status"] == "ACTIVE"
    shown = api.put(path, {"loadbalancer": {"vip_qos_policy_id": None, "vip_sg_ids": None}}).body["loadbalancer"]
    assert shown["provisioning_status"] == "ACTIVE"


@pytest.mark.parametrize("attribute", ["vip_address", "vip_subnet_id", "provider", "project_id", "listeners"])
def test_what_is_fixed_cannot_be_changed(api: Client, load_balancer: dict[str, Any], attribute: str) -> None:
    answer = api.put(f"/loadbalancers/{load_balancer['id']}", {"loadbalancer": {attribute: "x"}})
    assert answer.status == 400
    assert answer.fault == f"Unknown attribute for argument loadbalancer: {attribute}. It cannot be changed"


# Deletion


def test_deleting(api: Client, load_balancer: dict[str, Any]) -> None:
    path = f"/loadbalancers/{load_balancer['id']}"
    answer = api.delete(path)
    assert (answer.status, answer.body) == (204, None)
    assert api.get(path).body["loadbalancer"]["provisioning_status"] == "PENDING_DELETE"
    state = f"Invalid state PENDING_DELETE of loadbalancer resource {load_balancer['id']}"
    for answer in (api.delete(path), api.put(path, {"loadbalancer": {"name": "x"}}), api.put(f"{path}/failover")):
        assert (answer.status, answer.fault) == (409, state)
    answer = api.post("/listeners", {"listener": {"loadbalancer_id": load_balancer["id"], "protocol": "TCP", "protocol_port": 1}})
    assert (answer.status, answer.fault) == (409, f"Load Balancer {load_balancer['id']} is immutable and cannot be updated.")
    api.settle()
    for answer in (api.get(path), api.delete(path), api.put(path, {"loadbalancer": {}}), api.put(f"{path}/failover")):
        assert (answer.status, answer.fault) == (404, f"Load Balancer {load_balancer['id']} not found.")
    assert api.get("/loadbalancers").body["loadbalancers"] == []


def test_children_are_deleted_only_when_asked_for(api: Client, load_balancer: dict[str, Any], pool: dict[str, Any]) -> None:
    path = f"/loadbalancers/{load_balancer['id']}"
    for query in ({}, {"cascade": "false"}):
        answer = api.delete(path, **query)
        wanted = f"Validation failure: Cannot delete Load Balancer {load_balancer['id']} - it has children"
        assert (answer.status, answer.fault) == (400, wanted)
    assert api.delete(path, cascade="maybe").fault == "cascade: 'maybe' is neither true nor false"
    assert api.delete(path, cascade="true").status == 204
    assert api.get(f"/pools/{pool['id']}").body["pool"]["provisioning_status"] == "PENDING_DELETE"
    answer = api.put(f"/pools/{pool['id']}", {"pool": {"name": "x"}})
    assert (answer.status, answer.fault) == (409, f"Load Balancer {load_balancer['id']} is immutable and cannot be updated.")
    api.settle()
    assert api.get(f"/pools/{pool['id']}").status == 404


# Statuses, statistics, events


def test_the_status_tree(api: Client, load_balancer: dict[str, Any], listener: dict[str, Any], pool: dict[str, Any]) -> None:
    member = api.member(pool["id"], name="m")
    monitor = api.health_monitor(pool["id"], name="h")
    api.pool(loadbalancer_id=load_balancer["id"], name="used by nobody")
    api.settle()
    path = f"/loadbalancers/{load_balancer['id']}"
    answer = api.get(f"{path}/status")
    fine = {"provisioning_status": "ACTIVE", "operating_status": "ONLINE"}
    pool_status = {
        "id": pool["id"],
        "name": "pool",
        **fine,
        "health_monitor": {"id": monitor["id"], "name": "h", "type": "HTTP", **fine},
        "members": [{"id": member["id"], "name": "m", "address": "10.1.0.5", "protocol_port": 8080, **fine}],
    }
    wanted = {
        "id": load_balancer["id"],
        "name": "lb",
        **fine,
        "listeners": [{"id": listener["id"], "name": "listener", **fine, "pools": [pool_status]}],
    }
    assert answer.body == {"statuses": {"loadbalancer": wanted}}
    assert api.get(f"{path}/statuses").body == answer.body
    assert api.get(f"/loadbalancers/{NOWHERE}/status").fault == f"Load Balancer {NOWHERE} not found."


def test_the_status_tree_says_why_something_is_in_error(
    api: Client, load_balancer: dict[str, Any], listener: dict[str, Any], pool: dict[str, Any]
) -> None:
    policy = api.l7policy(listener["id"], name="policy")
    rule = api.l7rule(policy["id"])
    lonely = api.pool(loadbalancer_id=load_balancer["id"], name="lonely")
    for each in (pool, rule, lonely):
        api.bascule.device.switches.rejected[each["id"]] = "no such thing"
    for _ in range(3):
        api.settle()
    tree = api.get(f"/loadbalancers/{load_balancer['id']}/status").body["statuses"]["loadbalancer"]
    assert "fault" not in tree
    (shown,) = tree["listeners"]
    assert shown["pools"][0]["provisioning_status"] == "ERROR"
    assert "no such thing" in shown["pools"][0]["fault"]
    (shown_policy,) = shown["l7policies"]
    assert "no such thing" in shown_policy["rules"][0]["fault"]
    (shown_pool,) = tree["pools"]
    assert (shown_pool["name"], "no such thing" in shown_pool["fault"]) == ("lonely", True)
    texts = [each["text"] for each in api.get(f"/loadbalancers/{load_balancer['id']}/events").body["events"]]
    assert any("no such thing" in text for text in texts)


def test_statistics_are_zero_before_there_are_any(api: Client, load_balancer: dict[str, Any]) -> None:
    answer = api.get(f"/loadbalancers/{load_balancer['id']}/stats")
    names = ("active_connections", "bytes_in", "bytes_out", "request_errors", "total_connections")
    assert answer.body == {"stats": dict.fromkeys(names, 0)}
    assert api.get(f"/loadbalancers/{NOWHERE}/stats").status == 404


def test_events_are_listed_newest_first_and_bounded(api: Client, load_balancer: dict[str, Any]) -> None:
    path = f"/loadbalancers/{load_balancer['id']}"
    for round_ in range(120):
        api.put(path, {"loadbalancer": {"description": str(round_)}})
    events = api.get(f"{path}/events").body["events"]
    assert len(events) == 100
    assert list(events[0]) == ["time", "generation", "object", "text"]
    assert events[0]["generation"] == 121
    assert events[0]["object"] == {"type": "loadbalancer", "id": load_balancer["id"]}
    assert [each["generation"] for each in events] == list(range(121, 21, -1))
    assert api.get(f"/loadbalancers/{NOWHERE}/events").status == 404


def test_failover_replaces_what_carries_it(api: Client, load_balancer: dict[str, Any]) -> None:
    api.settle()
    path = f"/loadbalancers/{load_balancer['id']}"
    answer = api.put(f"{path}/failover")
    assert (answer.status, answer.body) == (202, None)
    assert api.get(path).body["loadbalancer"]["provisioning_status"] == "PENDING_UPDATE"
    api.settle()
    assert api.get(path).body["loadbalancer"]["provisioning_status"] == "ACTIVE"
