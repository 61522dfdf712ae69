"""Conversations about amphorae: the processes that carry load balancers, which are those of the provider in memory here."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.api.bascule import PROJECT, Answer, Client

pytestmark = pytest.mark.slow


def ask(api: Client, method: str = "GET", path: str = "", query: str = "") -> Answer:
    return api.raw(method, f"/v2.0/octavia/amphorae{path}", query_string=query)


def amphora(api: Client, load_balancer: dict[str, Any]) -> dict[str, Any]:
    (found,) = ask(api, query=f"loadbalancer_id={load_balancer['id']}").body["amphorae"]
    return dict(found)


def test_the_carrier_of_a_load_balancer_is_an_amphora(api: Client, load_balancer: dict[str, Any]) -> None:
    assert ask(api).body == {"amphorae": [], "amphorae_links": []}
    api.settle()
    found = amphora(api, load_balancer)
    assert found == {
        "id": found["id"],
        "loadbalancer_id": load_balancer["id"],
        "compute_id": "memory",
        "lb_network_ip": None,
        "vrrp_ip": load_balancer["vip_address"],
        "ha_ip": load_balancer["vip_address"],
        "vrrp_port_id": None,
        "ha_port_id": load_balancer["vip_port_id"],
        "cert_expiration": None,
        "cert_busy": False,
        "role": "STANDALONE",
        "status": "ALLOCATED",
        "vrrp_interface": None,
        "vrrp_id": None,
        "vrrp_priority": None,
        "cached_zone": None,
        "created_at": load_balancer["created_at"],
        "updated_at": None,
        "image_id": None,
        "compute_flavor": None,
    }
    assert ask(api, path=f"/{found['id']}").body == {"amphora": found}
    assert api.raw("GET", f"/v2/octavia/amphorae/{found['id']}").body == {"amphora": found}
    assert api.raw("GET", "/v2/octavia").body == "v2"
    other = api.load_balancer(project_id="other")
    api.settle()
    assert len(ask(api).body["amphorae"]) == 2
    for query, ids in (
        (f"project_id={PROJECT}", [load_balancer["id"]]),
        ("project_id=other&status=ALLOCATED", [other["id"]]),
        ("status=ERROR", []),
        (f"created_at={found['created_at']}&loadbalancer_id={load_balancer['id']}", [load_balancer["id"]]),
        ("limit=1&sort=loadbalancer_id", [min(load_balancer["id"], other["id"])]),
        ("project_id=%00", []),
    ):
        assert [each["loadbalancer_id"] for each in ask(api, query=query).body["amphorae"]] == ids, query
    assert {ask(api, query=query).status for query in ("vip=1", "sort=project_id", "tags=a", "marker=b")} == {400}


def test_the_oldest_comes_first(api: Client) -> None:
    made = [api.load_balancer()["id"] for _ in range(5)]
    api.settle()
    assert [each["loadbalancer_id"] for each in ask(api).body["amphorae"]] == made
    assert [each["loadbalancer_id"] for each in ask(api, query="sort=status:desc&limit=3").body["amphorae"]] == made[:3]


def test_statistics_stand_by_listener(api: Client, listener: dict[str, Any], load_balancer: dict[str, Any]) -> None:
    api.bascule.worker.tick()
    found = amphora(api, load_balancer)
    missing = ask(api, path=f"/{found['id']}/stats")
    assert (missing.status, missing.fault) == (404, f"Amphora stats for {found['id']} not found.")
    api.settle()
    (counted,) = ask(api, path=f"/{found['id']}/stats").body["amphora_stats"]
    assert counted == {
        "id": found["id"],
        "loadbalancer_id": load_balancer["id"],
        "listener_id": listener["id"],
        "active_connections": 0,
        "bytes_in": 0,
        "bytes_out": 0,
        "request_errors": 0,
        "total_connections": 0,
    }


def test_failover_of_an_amphora_is_that_of_its_load_balancer(api: Client, load_balancer: dict[str, Any]) -> None:
    api.settle()
    found = amphora(api, load_balancer)
    done = ask(api, "PUT", f"/{found['id']}/failover")
    assert (done.status, done.body) == (202, None)
    assert api.get(f"/loadbalancers/{load_balancer['id']}").body["loadbalancer"]["provisioning_status"] == "PENDING_UPDATE"
    api.settle()
    assert '"replace": 2' in api.bascule.device.documents[load_balancer["id"], "memory"][f"instance/{load_balancer['id']}"]
    assert amphora(api, load_balancer) == found
    api.bascule.device.documents[load_balancer["id"], "memory"].clear()
    assert ask(api, "PUT", f"/{found['id']}/config").status == 202
    api.bascule.worker.tick()
    assert api.bascule.device.documents[load_balancer["id"], "memory"], "it was compared, and put right"


def test_only_what_does_not_answer_can_be_deleted(api: Client, load_balancer: dict[str, Any]) -> None:
    api.settle()
    found = amphora(api, load_balancer)
    refused = ask(api, "DELETE", f"/{found['id']}")
    assert (refused.status, refused.fault) == (409, f"amphora {found['id']} is immutable and cannot be updated.")
    api.bascule.device.switches.lost.add("memory")
    api.settle()
    assert amphora(api, load_balancer)["status"] == "ERROR"
    assert ask(api, "DELETE", f"/{found['id']}").status == 204
    api.bascule.device.switches.lost.clear()
    api.delete(f"/loadbalancers/{load_balancer['id']}")
    assert amphora(api, load_balancer)["status"] in ("PENDING_DELETE", "ERROR")


def test_what_is_no_amphora(api: Client) -> None:
    for nobody in (str(uuid.uuid4()), "x", "%00"):
        for method, path in (("GET", ""), ("GET", "/stats"), ("PUT", "/failover"), ("PUT", "/config"), ("DELETE", "")):
            assert ask(api, method, f"/{nobody}{path}").status == 404
