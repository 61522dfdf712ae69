from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.site import Answer, Box, lb, tenant

pytestmark = pytest.mark.slow

TM = "/mgmt/tm"


def make(bigip: Box, kind: str, **body: Any) -> Answer:
    return bigip.ask("POST", f"{TM}/{kind}", body)


def test_an_object_is_made_read_edited_and_deleted(bigip: Box) -> None:
    assert make(bigip, "net/vlan", name="vlan-7", tag=7, interfaces=[{"name": "1.1", "tagged": True}]).status == 200
    shown = bigip.get(f"{TM}/net/vlan/~Common~vlan-7?expandSubcollections=true").body
    assert (shown["kind"], shown["fullPath"], shown["tag"], shown["mtu"]) == ("tm:net:vlan:vlanstate", "/Common/vlan-7", 7, 1500)
    assert shown["interfacesReference"]["items"][0]["name"] == "1.1"
    assert bigip.ask("PATCH", f"{TM}/net/vlan/vlan-7", {"mtu": 9000}).body["mtu"] == 9000
    assert bigip.get(f"{TM}/net/vlan/vlan-7").body["mtu"] == 9000
    assert bigip.ask("DELETE", f"{TM}/net/vlan/~Common~vlan-7").status == 200
    gone = bigip.get(f"{TM}/net/vlan/~Common~vlan-7")
    assert (gone.status, gone.body["code"]) == (404, 404)
    assert gone.body["message"] == "01020036:3: The requested VLAN (/Common/vlan-7) was not found."


def test_a_name_that_is_taken_is_refused(bigip: Box) -> None:
    make(bigip, "ltm/pool", name="p")
    again = make(bigip, "ltm/pool", name="p")
    assert again.status == 409
    assert again.body["message"] == "01020066:3: The requested Pool (/Common/p) already exists in partition Common."


def test_unknown_and_missing_properties_are_refused(bigip: Box) -> None:
    assert make(bigip, "ltm/pool", name="p", colour="red").body["message"] == '"colour" unknown property'
    assert make(bigip, "net/self", name="s", address="10.0.0.1/24").status == 400
    assert make(bigip, "ltm/pool", name="p", partition="nope").status == 400


def test_lists_can_be_narrowed(bigip: Box) -> None:
    make(bigip, "auth/partition", name="P1")
    make(bigip, "ltm/pool", name="a", partition="P1")
    make(bigip, "ltm/pool", name="b")
    listed = bigip.get(f"{TM}/ltm/pool?$filter=partition+eq+P1&$select=name,partition").body
    assert listed["items"] == [{"name": "a", "partition": "P1"}]
    assert "items" not in bigip.get(f"{TM}/ltm/rule?$filter=partition%20eq%20'P1'").body


def test_a_reference_has_to_lead_somewhere(bigip: Box) -> None:
    answer = make(bigip, "ltm/pool", name="p", monitor="/Common/nope")
    assert (answer.status, answer.body["message"]) == (400, "01020036:3: The requested monitor (/Common/nope) was not found.")


def test_what_is_in_use_cannot_go(bigip: Box) -> None:
    make(bigip, "ltm/monitor/http", name="m")
    make(bigip, "ltm/pool", name="p", monitor="/Common/m", members=["10.0.0.1:80"])
    assert bigip.ask("DELETE", f"{TM}/ltm/monitor/http/m").body["message"] == "01070083:3: Monitor /Common/m is in use."
    node = bigip.ask("DELETE", f"{TM}/ltm/node/10.0.0.1").body["message"]
    assert node == "01070110:3: Node address '/Common/10.0.0.1' is referenced by a member of pool '/Common/p'."


def test_members_are_a_collection_of_their_own(bigip: Box) -> None:
    make(bigip, "ltm/pool", name="p", monitor="/Common/tcp")
    members = f"{TM}/ltm/pool/p/members"
    assert bigip.ask("POST", members, {"name": "10.0.0.1:80"}).status == 200
    assert bigip.get(f"{TM}/ltm/node/10.0.0.1").body["address"] == "10.0.0.1"
    one = bigip.get(f"{members}/~Common~10.0.0.1:80").body
    assert (one["session"], one["state"]) == ("monitor-enabled", "up")
    bigip.ask("PATCH", f"{members}/~Common~10.0.0.1:80", {"session": "user-disabled", "state": "user-down"})
    one = bigip.get(members).body["items"][0]
    assert (one["session"], one["state"]) == ("user-disabled", "user-down")
    assert bigip.ask("POST", members, {"name": "10.0.0.1:80"}).status == 409
    assert bigip.ask("DELETE", f"{members}/~Common~10.0.0.1:80").status == 200
    assert "items" not in bigip.get(members).body


def test_a_virtual_server_brings_its_address(bigip: Box) -> None:
    answer = make(bigip, "ltm/virtual", name="v", destination="10.1.0.1:80", profiles=["/Common/tcp"])
    assert answer.body["destination"] == "/Common/10.1.0.1:80"
    assert bigip.get(f"{TM}/ltm/virtual-address/10.1.0.1").body["address"] == "10.1.0.1"
    taken = make(bigip, "ltm/virtual", name="w", destination="10.1.0.1:80")
    assert taken.body["message"].startswith("01070333:3: Virtual Server /Common/w illegally shares destination address")


def test_networks_have_an_order(bigip: Box) -> None:
    self_ip = {"name": "s", "address": "10.0.0.5%7/24", "vlan": "/Common/vlan-7"}
    route = {"name": "r", "network": "default%7", "gw": "10.0.0.1%7"}
    assert make(bigip, "net/self", **self_ip).status == 400
    assert make(bigip, "net/vlan", name="vlan-7", tag=7).status == 200
    assert make(bigip, "net/self", **self_ip).status == 400
    assert make(bigip, "net/route-domain", name="vlan-7", id=7, vlans=["/Common/vlan-7"]).status == 200
    assert make(bigip, "net/route", **route).status == 400
    assert make(bigip, "net/self", **self_ip).status == 200
    assert make(bigip, "net/route", **route).status == 200
    assert make(bigip, "net/vlan", name="other", tag=7).status == 400
    refused = bigip.ask("DELETE", f"{TM}/net/self/s").body["message"]
    assert refused == "01070330:3: Static route gateway 10.0.0.1%7 is not directly connected via an interface."
    assert bigip.ask("DELETE", f"{TM}/net/route-domain/vlan-7").status == 400
    for path in ("route/r", "self/s", "route-domain/vlan-7", "vlan/vlan-7"):
        assert bigip.ask("DELETE", f"{TM}/net/{path}").status == 200


def test_a_partition_that_is_not_empty_cannot_go(bigip: Box) -> None:
    make(bigip, "auth/partition", name="P1")
    make(bigip, "ltm/pool", name="a", partition="P1")
    assert bigip.ask("DELETE", f"{TM}/auth/partition/P1").body["message"].startswith("01070829:5:")
    assert bigip.get(f"{TM}/sys/folder/~P1").status == 200
    bigip.ask("DELETE", f"{TM}/ltm/pool/~P1~a")
    assert bigip.ask("DELETE", f"{TM}/auth/partition/P1").status == 200
    assert bigip.get(f"{TM}/sys/folder/~P1").status == 404


def test_statistics_of_all_virtual_servers_and_pools_come_at_once(bigip: Box) -> None:
    bigip.declare(tenant("T1", lb()))
    bigip.ask("PUT", "/emulator/counters", {"/T1/app/ls_2b91": {"totConns": 5, "bitsIn": 800}})
    entries = bigip.get(f"{TM}/ltm/virtual/stats").body["entries"]
    (virtual,) = (entry["nestedStats"]["entries"] for entry in entries.values())
    assert virtual["tmName"]["description"] == "/T1/app/ls_2b91"
    assert (virtual["clientside.totConns"]["value"], virtual["clientside.bitsIn"]["value"]) == (5, 800)
    assert virtual["status.availabilityState"]["description"] == "available"
    entries = bigip.get(f"{TM}/ltm/pool/stats").body["entries"]
    (pool,) = (entry["nestedStats"]["entries"] for entry in entries.values())
    assert (pool["memberCnt"]["value"], pool["activeMemberCnt"]["value"]) == (2, 2)


def test_members_are_as_the_switchboard_says(bigip: Box) -> None:
    bigip.declare(tenant("T1", lb()))
    bigip.ask("PUT", "/emulator/members", {"10.20.0.11:8080": "down"})
    pool = bigip.get(f"{TM}/ltm/pool/~T1~app~pl_c4e8?expandSubcollections=true").body
    assert [member["state"] for member in pool["membersReference"]["items"]] == ["down", "up"]
    entries = bigip.get(f"{TM}/ltm/pool/~T1~app~pl_c4e8/members/stats").body["entries"]
    states = [entry["nestedStats"]["entries"]["status.availabilityState"]["description"] for entry in entries.values()]
    assert states == ["offline", "available"]
    bigip.ask("PUT", "/emulator/members", {"10.20.0.12:8080": "down"})
    one = bigip.get(f"{TM}/ltm/pool/~T1~app~pl_c4e8/stats").body["entries"]
    (numbers,) = (entry["nestedStats"]["entries"] for entry in one.values())
    assert numbers["status.availabilityState"]["description"] == "offline"


@pytest.mark.parametrize(
    "path",
    ["sys/ready", "sys/provision", "sys/global-settings", "cm/device", "cm/device-group", "cm/sync-status", "cm/failover-status",
     "cm/traffic-group", "util/available", "sys/failover"],
)  # fmt: skip
def test_what_a_client_looks_at_first(bigip: Box, path: str) -> None:
    assert bigip.get(f"{TM}/{path}").status == 200


def test_the_version_is_told(bigip: Box) -> None:
    (entry,) = bigip.get(f"{TM}/sys/version").body["entries"].values()
    assert entry["nestedStats"]["entries"]["Version"]["description"] == "17.1.1"


def test_a_device_alone_is_active(bigip: Box) -> None:
    (device,) = bigip.get(f"{TM}/cm/device").body["items"]
    assert (device["failoverState"], device["selfDevice"]) == ("active", "true")
    bigip.ask("POST", f"{TM}/sys/failover", {"command": "run", "standby": True})
    assert bigip.get(f"{TM}/cm/device").body["items"][0]["failoverState"] == "active"


def test_saving_is_a_task_too(bigip: Box) -> None:
    number = make(bigip, "task/sys/config", command="save").body["_taskId"]
    assert bigip.get(f"{TM}/task/sys/config/{number}").body["_taskState"] == "STARTED"
    assert bigip.ask("PUT", f"{TM}/task/sys/config/{number}", {"_taskState": "VALIDATING"}).status == 202
    assert bigip.get(f"{TM}/task/sys/config/{number}").body["_taskState"] == "COMPLETED"
    assert make(bigip, "sys/config", command="explode").status == 400


def test_keys_are_not_shown(bigip: Box) -> None:
    make(bigip, "sys/file/ssl-key", name="k.key", content="-----BEGIN SECRET")
    assert "BEGIN SECRET" not in bigip.get(f"{TM}/sys/file/ssl-key").text


def test_a_path_that_is_nowhere_is_404_and_a_method_405(bigip: Box) -> None:
    assert bigip.get(f"{TM}/nowhere").body["message"] == "Public URI path not registered"
    assert bigip.ask("PUT", "/mgmt/shared/appsvcs/declare", {}).status == 405


def upload(bigip: Box, name: str, body: bytes, place: str) -> int:
    return bigip.ask("POST", f"/mgmt/shared/file-transfer/uploads/{name}", body, {**bigip.basic, "Content-Range": place}).status


def test_files_are_uploaded_in_pieces(bigip: Box) -> None:
    assert upload(bigip, "crl.pem", b"-----BEGIN", "0-9/14") == 200
    assert upload(bigip, "crl.pem", b"LATE", "12-15/16") == 400
    assert upload(bigip, "crl.pem", b" CRL", "10-13/14") == 200
    assert upload(bigip, "crl.pem", b"x", "nowhere") == 400
    source = "file:/var/config/rest/downloads/"
    assert make(bigip, "sys/file/ssl-crl", name="c.crl", sourcePath=source + "crl.pem").status == 200
    assert make(bigip, "sys/file/ssl-crl", name="d.crl", sourcePath=source + "other.pem").status == 400
    listed = bigip.get(f"{TM}/sys/file/ssl-crl")
    assert [one["fullPath"] for one in listed.body["items"]] == ["/Common/c.crl"]
    assert "BEGIN CRL" not in listed.text


def test_a_value_of_another_type_is_refused_and_leaves_nothing(bigip: Box) -> None:
    for kind, wrong in (("monitor/http", {"persist": True}), ("pool", {"members": 5}), ("virtual", {"destination": "10.0.0.1"})):
        path = f"{TM}/ltm/{kind}"
        assert bigip.ask("POST", path, {"name": "odd", **wrong}).status == 400
        assert bigip.get(f"{path}/odd").status == 404
    assert bigip.ask("POST", f"{TM}/ltm/pool", {"name": "p1"}).status == 200
    assert bigip.ask("DELETE", f"{TM}/ltm/pool/p1").status == 200


def test_a_body_may_come_in_chunks(bigip: Box) -> None:
    answer = bigip.http.request("POST", f"{bigip.url}{TM}/ltm/pool", body=iter([b'{"name":', b'"p"}']), headers=bigip.basic)
    assert answer.status == 200
    assert bigip.get(f"{TM}/ltm/pool/p").status == 200
