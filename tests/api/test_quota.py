"""Conversations about quotas."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.bascule import PROJECT, VIPS, Client

pytestmark = pytest.mark.slow

UNLIMITED = {
    "loadbalancer": -1,
    "load_balancer": -1,
    "listener": -1,
    "member": -1,
    "pool": -1,
    "healthmonitor": -1,
    "health_monitor": -1,
    "l7policy": -1,
    "l7rule": -1,
}


def shown(project_id: str, **limits: int) -> dict[str, Any]:
    return {"project_id": project_id} | UNLIMITED | limits | {"tenant_id": project_id}


def limit(api: Client, project_id: str = PROJECT, **limits: int | None) -> dict[str, Any]:
    answer = api.put(f"/quotas/{project_id}", {"quota": limits})
    assert answer.status == 202, answer.body
    found: dict[str, Any] = answer.body["quota"]
    return found


def test_a_quota_from_beginning_to_end(api: Client) -> None:
    assert api.get("/quotas").body == {"quotas": [], "quotas_links": []}
    assert api.get("/quotas/defaults").body == {"quota": shown("defaults")}
    assert api.get("/quotas/anything at all").body == {"quota": shown("anything at all")}
    set_now = shown(PROJECT, loadbalancer=2, load_balancer=2, healthmonitor=0, health_monitor=0)
    assert limit(api, loadbalancer=2, health_monitor=0) == set_now
    assert list(set_now) == list(api.get(f"/quotas/{PROJECT}").body["quota"])
    assert limit(api, "other", pool=5) == shown("other", pool=5)
    assert [each["project_id"] for each in api.get("/quotas").body["quotas"]] == [PROJECT, "other"]
    assert api.get("/quotas", project_id="other", fields="pool").body["quotas"] == [{"pool": 5}]
    page = api.get("/quotas", limit=1, sort="pool:desc").body
    assert [each["project_id"] for each in page["quotas"]] == ["other"]
    assert "marker=other" in page["quotas_links"][0]["href"]
    assert [each["project_id"] for each in api.get("/quotas", marker=PROJECT).body["quotas"]] == ["other"]
    assert limit(api, load_balancer=None) == shown(PROJECT, healthmonitor=0, health_monitor=0)
    assert api.get(f"/quotas/{PROJECT}/default").body == {"quota": shown(PROJECT)}
    gone = api.delete(f"/quotas/{PROJECT}")
    assert (gone.status, gone.body) == (202, None)
    assert api.get(f"/quotas/{PROJECT}").body == {"quota": shown(PROJECT)}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"quota": {"pool": -2}}, "quota.pool"),
        ({"quota": {"pool": 2_000_000_001}}, "quota.pool"),
        ({"quota": {"ports": 1}}, "ports"),
        ({"quota": {"loadbalancer": 1, "load_balancer": 2}}, "load_balancer is the old name"),
        ({}, "quota"),
    ],
)
def test_what_is_no_quota_is_refused(api: Client, body: Any, text: str) -> None:
    answer = api.put(f"/quotas/{PROJECT}", body)
    assert (answer.status, text in answer.fault) == (400, True), answer.fault
    assert api.get("/quotas").body["quotas"] == []
    assert api.get("/quotas", tags="a").status == 400
    assert api.get("/quotas", marker="nobody").status == 400


def test_too_many_are_refused(api: Client) -> None:
    limit(api, loadbalancer=1, listener=1, pool=2, member=1, healthmonitor=0, l7policy=0, l7rule=0)
    load_balancer = api.load_balancer()
    refused = api.post("/loadbalancers", {"loadbalancer": {"vip_subnet_id": VIPS.id}})
    assert (refused.status, refused.fault) == (403, "Quota has been met for resources: Load Balancer")
    listener = api.listener(load_balancer["id"])
    pool = api.pool(listener_id=listener["id"])
    api.member(pool["id"])
    monitor = {"pool_id": pool["id"], "type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 2}
    for path, body, kind in (
        ("/listeners", {"listener": {"loadbalancer_id": load_balancer["id"], "protocol": "TCP", "protocol_port": 1}}, "Listener"),
        (f"/pools/{pool['id']}/members", {"member": {"address": "10.1.0.9", "protocol_port": 80}}, "Member"),
        ("/healthmonitors", {"healthmonitor": monitor}, "Health Monitor"),
        ("/l7policies", {"l7policy": {"listener_id": listener["id"], "action": "REJECT"}}, "L7Policy"),
    ):
        refused = api.post(path, body)
        assert (refused.status, refused.fault) == (403, f"Quota has been met for resources: {kind}")
    batch = [{"address": f"10.1.0.{last}", "protocol_port": 80} for last in (1, 2)]
    assert api.put(f"/pools/{pool['id']}/members", {"members": batch}).status == 403
    assert api.put(f"/pools/{pool['id']}/members", {"members": batch[:1]}).status == 202
    api.delete(f"/loadbalancers/{load_balancer['id']}", cascade="true")
    assert api.post("/loadbalancers", {"loadbalancer": {"vip_subnet_id": VIPS.id}}).status == 403, "it is there still"
    api.settle()
    tree = {"listeners": [{"protocol": "HTTP", "protocol_port": port} for port in (80, 81)], "vip_subnet_id": VIPS.id}
    refused = api.post("/loadbalancers", {"loadbalancer": tree})
    assert (refused.status, refused.fault) == (403, "Quota has been met for resources: Listener")
    assert api.post("/loadbalancers", {"loadbalancer": tree | {"listeners": tree["listeners"][:1]}}).status == 201
