"""Members over the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.bascule import MEMBERS, NOWHERE, PROJECT, Client

KEYS = [
    "id",
    "name",
    "operating_status",
    "provisioning_status",
    "admin_state_up",
    "address",
    "protocol_port",
    "weight",
    "backup",
    "subnet_id",
    "project_id",
    "created_at",
    "updated_at",
    "monitor_address",
    "monitor_port",
    "tags",
    "vnic_type",
    "tenant_id",
]


def test_what_is_not_given_has_the_default(api: Client, pool: dict[str, Any]) -> None:
    made = api.member(pool["id"])
    assert list(made) == KEYS
    shown = api.get(f"/pools/{pool['id']}/members/{made['id']}").body["member"]
    assert shown == made
    for varying in ("id", "created_at"):
        assert shown.pop(varying)
    assert shown == {
        "name": "",
        "operating_status": "NO_MONITOR",
        "provisioning_status": "PENDING_CREATE",
        "admin_state_up": True,
        "address": "10.1.0.5",
        "protocol_port": 8080,
        "weight": 1,
        "backup": False,
        "subnet_id": None,
        "project_id": PROJECT,
        "updated_at": None,
        "monitor_address": None,
        "monitor_port": None,
        "tags": [],
        "vnic_type": "normal",
        "tenant_id": PROJECT,
    }


def test_everything_can_be_given_and_is_shown(api: Client, pool: dict[str, Any]) -> None:
    given = {
        "name": "n",
        "admin_state_up": False,
        "address": "10.1.0.6",
        "protocol_port": 1,
        "weight": 0,
        "backup": True,
        "subnet_id": MEMBERS.id,
        "monitor_address": "10.1.0.7",
        "monitor_port": 2,
        "tags": ["t"],
    }
    shown = api.member(pool["id"], **given, project_id="ignored", request_sriov=False)
    assert {name: shown[name] for name in given} == given
    assert shown["project_id"] == PROJECT


def test_a_member_of_a_monitored_pool_is_offline_until_seen(api: Client, pool: dict[str, Any]) -> None:
    api.health_monitor(pool["id"])
    assert api.member(pool["id"])["operating_status"] == "OFFLINE"


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({"address": "10.2.0.1"}, "attribute address. Value: '10.2.0.1'. Members must lie in a subnet that is declared for"),
        ({"address": "127.0.0.1"}, "10.1.0.0/16 (members)"),
        ({"address": "169.254.169.254"}, "10.1.0.0/16 (members)"),
        ({"address": "::ffff:10.1.0.1"}, "Members must lie in a subnet"),
        ({"address": "fe80::1%eth0"}, "Value should be IPv4 or IPv6 format"),
        ({"address": "10.1.0.256"}, "Value should be IPv4 or IPv6 format"),
        ({"address": 5}, "Value should be IPv4 or IPv6 format"),
        ({"monitor_address": "127.0.0.1"}, "attribute monitor_address. Value: '127.0.0.1'. Members must lie"),
        ({"monitor_port": 0}, "Value should be greater or equal to 1: a number from 1 to 65535"),
        ({"protocol_port": 65536}, "Value should be lower or equal to 65535: a number from 1 to 65535"),
        ({"weight": 257}, "Value should be lower or equal to 256: a number from 0 to 256"),
        ({"backup": "perhaps"}, "Value should be true or false"),
        ({"subnet_id": NOWHERE}, f"Subnet {NOWHERE} not found."),
        ({"request_sriov": True}, "request_sriov: no provider has such ports"),
    ],
)
def test_bad_values_are_named(api: Client, pool: dict[str, Any], attributes: dict[str, Any], text: str) -> None:
    given = {"address": "10.1.0.5", "protocol_port": 8080} | attributes
    for answer in (
        api.post(f"/pools/{pool['id']}/members", {"member": given}),
        api.put(f"/pools/{pool['id']}/members", {"members": [given]}),
    ):
        assert answer.status == 400
        assert text in answer.fault
    assert api.get(f"/pools/{pool['id']}/members").body["members"] == []


def test_changes(api: Client, pool: dict[str, Any]) -> None:
    path = f"/pools/{pool['id']}/members/{api.member(pool['id'], weight=7, monitor_port=9)['id']}"
    shown = api.put(path, {"member": {"name": "new", "backup": True}}).body["member"]
    assert (shown["name"], shown["backup"], shown["weight"], shown["monitor_port"]) == ("new", True, 7, 9)
    shown = api.put(path, {"member": {"weight": None, "monitor_port": None, "backup": None}}).body["member"]
    assert (shown["weight"], shown["monitor_port"], shown["backup"]) == (1, None, False)
    for fixed in ("address", "protocol_port", "subnet_id"):
        assert api.put(path, {"member": {fixed: "x"}}).fault.endswith(f"{fixed}. It cannot be changed")
    assert "attribute monitor_address" in api.put(path, {"member": {"monitor_address": "127.0.0.1"}}).fault


def test_a_place_is_taken_once(api: Client, pool: dict[str, Any]) -> None:
    member = api.member(pool["id"])
    answer = api.post(f"/pools/{pool['id']}/members", {"member": {"address": "10.1.0.5", "protocol_port": 8080}})
    wanted = "Another member on this pool is already using ip 10.1.0.5 on protocol_port 8080"
    assert (answer.status, answer.fault) == (409, wanted)
    api.settle()
    assert api.delete(f"/pools/{pool['id']}/members/{member['id']}").status == 204
    api.member(pool["id"])  # free again before anybody carried the deletion out


def test_a_member_is_found_only_in_its_pool(api: Client, load_balancer: dict[str, Any], pool: dict[str, Any]) -> None:
    member = api.member(pool["id"])
    other = api.pool(loadbalancer_id=load_balancer["id"])
    path = f"/pools/{other['id']}/members/{member['id']}"
    for answer in (api.get(path), api.put(path, {"member": {"name": "x"}}), api.delete(path)):
        assert (answer.status, answer.fault) == (404, f"Member {member['id']} not found.")
    assert api.get(f"/pools/{other['id']}/members").body["members"] == []
    for answer in (api.get(f"/pools/{NOWHERE}/members"), api.put(f"/pools/{NOWHERE}/members", {"members": []})):
        assert (answer.status, answer.fault) == (404, f"Pool {NOWHERE} not found.")


def test_deleting(api: Client, pool: dict[str, Any]) -> None:
    member = api.member(pool["id"])
    api.settle()
    path = f"/pools/{pool['id']}/members/{member['id']}"
    assert api.delete(path).status == 204
    assert api.get(path).body["member"]["provisioning_status"] == "PENDING_DELETE"
    assert api.delete(path).fault == f"Member {member['id']} is immutable and cannot be updated."
    api.settle()
    assert api.get(path).status == 404


# All members at once


def places(api: Client, pool_id: str) -> dict[str, dict[str, Any]]:
    members = api.get(f"/pools/{pool_id}/members").body["members"]
    return {each["address"]: each for each in members if each["provisioning_status"] != "PENDING_DELETE"}


def member(host: int, **attributes: Any) -> dict[str, Any]:
    return {"address": f"10.1.0.{host}", "protocol_port": 80} | attributes


def test_a_batch_says_what_all_members_are(api: Client, pool: dict[str, Any]) -> None:
    path = f"/pools/{pool['id']}/members"
    answer = api.put(path, {"members": [member(1, name="one", weight=5, tags=["t"]), member(2, name="two")]})
    assert (answer.status, answer.body) == (202, None)
    before = places(api, pool["id"])
    api.settle()
    answer = api.put(path, {"members": [member(2, name="zwei"), member(3), member(1, backup=True)]})
    assert answer.status == 202
    after = places(api, pool["id"])
    assert sorted(after) == ["10.1.0.1", "10.1.0.2", "10.1.0.3"]
    assert [after[place]["id"] for place in before] == [before[place]["id"] for place in before]
    one = after["10.1.0.1"]
    assert (one["name"], one["weight"], one["backup"], one["tags"]) == ("one", 1, True, ["t"])
    assert after["10.1.0.2"]["name"] == "zwei"
    assert api.put(path, {"members": [member(3)]}).status == 202
    assert list(places(api, pool["id"])) == ["10.1.0.3"]
    assert api.put(path, {"members": []}).status == 202
    assert places(api, pool["id"]) == {}


def test_a_batch_may_only_add(api: Client, pool: dict[str, Any]) -> None:
    path = f"/pools/{pool['id']}/members"
    api.put(path, {"members": [member(1)]})
    assert api.put(path, {"members": [member(2)]}, additive_only="true").status == 202
    assert sorted(places(api, pool["id"])) == ["10.1.0.1", "10.1.0.2"]
    assert api.put(path, {"members": []}, additive_only="x").fault == "additive_only: 'x' is neither true nor false"


def test_a_batch_that_changes_nothing_changes_nothing(api: Client, pool: dict[str, Any]) -> None:
    path = f"/pools/{pool['id']}/members"
    api.put(path, {"members": [member(1)]})
    api.settle()
    assert api.put(path, {"members": [member(1)]}).status == 202
    assert places(api, pool["id"])["10.1.0.1"]["provisioning_status"] == "ACTIVE"


def test_a_batch_is_refused_as_a_whole(api: Client, pool: dict[str, Any]) -> None:
    path = f"/pools/{pool['id']}/members"
    answer = api.put(path, {"members": [member(1), member(1, name="again")]})
    assert (answer.status, "may be given only once" in answer.fault) == (400, True)
    answer = api.put(path, {"members": [member(1), {"address": "10.1.0.2"}]})
    assert "members[1].protocol_port. Value: 'None'. Mandatory field missing." in answer.fault
    assert api.put(path, {"members": None}).status == 400
    assert places(api, pool["id"]) == {}
