"""Pools over the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.bascule import NOWHERE, PROJECT, Client

pytestmark = pytest.mark.slow

KEYS = [
    "id",
    "name",
    "description",
    "provisioning_status",
    "operating_status",
    "admin_state_up",
    "protocol",
    "lb_algorithm",
    "session_persistence",
    "project_id",
    "loadbalancers",
    "listeners",
    "created_at",
    "updated_at",
    "members",
    "tags",
    "tls_container_ref",
    "ca_tls_container_ref",
    "crl_container_ref",
    "tls_enabled",
    "tls_ciphers",
    "tls_versions",
    "alpn_protocols",
    "tenant_id",
]


def refused(api: Client, status: int, **attributes: Any) -> str:
    answer = api.post("/pools", {"pool": {"protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"} | attributes})
    assert answer.status == status, answer.body
    return answer.fault


def test_what_is_not_given_has_the_default(api: Client, load_balancer: dict[str, Any]) -> None:
    made = api.pool(loadbalancer_id=load_balancer["id"])
    assert list(made) == KEYS  # healthmonitor_id is not there without a monitor
    shown = api.get(f"/pools/{made['id']}").body["pool"]
    assert shown == made
    for varying in ("id", "created_at"):
        assert shown.pop(varying)
    assert shown == {
        "name": "",
        "description": "",
        "provisioning_status": "PENDING_CREATE",
        "operating_status": "OFFLINE",
        "admin_state_up": True,
        "protocol": "HTTP",
        "lb_algorithm": "ROUND_ROBIN",
        "session_persistence": None,
        "project_id": PROJECT,
        "loadbalancers": [{"id": load_balancer["id"]}],
        "listeners": [],
        "updated_at": None,
        "members": [],
        "tags": [],
        "tls_container_ref": None,
        "ca_tls_container_ref": None,
        "crl_container_ref": None,
        "tls_enabled": False,
        "tls_ciphers": None,
        "tls_versions": None,
        "alpn_protocols": None,
        "tenant_id": PROJECT,
    }


def test_everything_can_be_given_and_is_shown(api: Client, load_balancer: dict[str, Any]) -> None:
    certificate = api.bascule.add_certificate("c.pem")
    given = {
        "name": "n",
        "description": "d",
        "admin_state_up": False,
        "protocol": "HTTP",
        "lb_algorithm": "LEAST_CONNECTIONS",
        "session_persistence": {
            "type": "HTTP_COOKIE",
            "cookie_name": None,
            "persistence_timeout": None,
            "persistence_granularity": None,
        },
        "tags": ["t"],
        "tls_enabled": True,
        "tls_container_ref": certificate,
        "ca_tls_container_ref": certificate,
        "crl_container_ref": certificate,
        "tls_ciphers": "AES128",
        "tls_versions": ["TLSv1.2"],
        "alpn_protocols": ["http/1.1"],
    }
    shown = api.pool(loadbalancer_id=load_balancer["id"], **given)
    assert {name: shown[name] for name in given} == given


def test_a_pool_belongs_to_a_load_balancer_or_a_listener(api: Client, load_balancer: dict[str, Any], pool: dict[str, Any]) -> None:
    listener_id = pool["listeners"][0]["id"]
    assert api.get(f"/listeners/{listener_id}").body["listener"]["default_pool_id"] == pool["id"]
    assert "Must provide at least one of: loadbalancer_id, listener_id" in refused(api, 400)
    assert refused(api, 409, listener_id=listener_id) == f"Listener {listener_id} already has a default pool"
    assert refused(api, 404, listener_id=NOWHERE) == f"Listener {NOWHERE} not found."
    assert refused(api, 404, loadbalancer_id=NOWHERE) == f"Load Balancer {NOWHERE} not found."
    other = api.load_balancer()["id"]
    assert "is not on load balancer" in refused(api, 400, listener_id=listener_id, loadbalancer_id=other)
    assert len(api.get("/pools").body["pools"]) == 1


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({"protocol": "TERMINATED_HTTPS"}, "Value should be one of: HTTP, HTTPS, PROXY, PROXYV2, SCTP, TCP, UDP"),
        ({"lb_algorithm": "RANDOM"}, "Value should be one of: LEAST_CONNECTIONS, ROUND_ROBIN, SOURCE_IP, SOURCE_IP_PORT"),
        ({"members": []}, "Unknown attribute for argument pool: members"),
        ({"healthmonitor": {}}, "Unknown attribute for argument pool: healthmonitor"),
        ({"session_persistence": {"type": "APP_COOKIE"}}, "cookie_name is needed when the type is APP_COOKIE"),
        ({"session_persistence": {"cookie_name": "x"}}, "session_persistence: type is needed"),
        ({"session_persistence": {"type": "SOURCE_IP", "cookie_name": "x"}}, "cookie_name is only allowed with APP_COOKIE"),
        ({"session_persistence": {"type": "APP_COOKIE", "cookie_name": "a b"}}, "cookie_name may have letters, digits and"),
        ({"session_persistence": {"type": "SOURCE_IP", "persistence_timeout": 5}}, "only allowed on UDP and SCTP pools"),
        ({"protocol": "UDP", "session_persistence": {"type": "HTTP_COOKIE"}}, "only SOURCE_IP is allowed on UDP pools"),
        ({"session_persistence": {"type": "SOURCE_IP", "persistence_granularity": "x"}}, "Value should be IPv4 or IPv6"),
        ({"crl_container_ref": "x"}, "Could not retrieve certificate: ['x']"),
        ({"tls_ciphers": "AES;128"}, "AES;128 is not a valid option for tls_ciphers"),
    ],
)
def test_bad_values_are_named(api: Client, load_balancer: dict[str, Any], attributes: dict[str, Any], text: str) -> None:
    if attributes.get("tls_ciphers"):
        attributes["tls_enabled"] = True
    assert text in refused(api, 400, loadbalancer_id=load_balancer["id"], **attributes)
    assert api.get("/pools").body["pools"] == []


def test_session_persistence_is_kept_changed_and_removed(api: Client, load_balancer: dict[str, Any]) -> None:
    given = {"type": "APP_COOKIE", "cookie_name": "one"}
    path = f"/pools/{api.pool(loadbalancer_id=load_balancer['id'], session_persistence=given)['id']}"

    def change(persistence: Any) -> Any:
        answer = api.put(path, {"pool": {"session_persistence": persistence}})
        return answer.body["pool"]["session_persistence"] if answer.status == 200 else answer.fault

    none = {"cookie_name": None, "persistence_timeout": None, "persistence_granularity": None}
    assert change({"cookie_name": "two"}) == none | {"type": "APP_COOKIE", "cookie_name": "two"}
    assert change({"type": "SOURCE_IP"}) == none | {"type": "SOURCE_IP"}
    assert "cookie_name is needed" in change({"type": "APP_COOKIE"})
    assert change(None) is None
    assert "type is needed" in change({"cookie_name": "x"})
    assert api.put(path, {"pool": {"session_persistence": {"type": None}}}).status == 400


def test_udp_persistence(api: Client, load_balancer: dict[str, Any]) -> None:
    given = {"type": "SOURCE_IP", "persistence_timeout": 5, "persistence_granularity": "255.255.0.0"}
    shown = api.pool(loadbalancer_id=load_balancer["id"], protocol="UDP", session_persistence=given)
    assert shown["session_persistence"] == given | {"cookie_name": None}


def test_tls_settings_are_filled_in_where_tls_is_spoken(api: Client, load_balancer: dict[str, Any]) -> None:
    shown = api.pool(loadbalancer_id=load_balancer["id"], tls_enabled=True)
    assert shown["tls_versions"] == ["TLSv1.2", "TLSv1.3"]
    shown = api.put(f"/pools/{shown['id']}", {"pool": {"tls_enabled": None}}).body["pool"]
    assert (shown["tls_enabled"], shown["tls_versions"], shown["tls_ciphers"]) == (False, None, None)


def test_changes(api: Client, pool: dict[str, Any]) -> None:
    path = f"/pools/{pool['id']}"
    given = {"name": "new", "lb_algorithm": "SOURCE_IP", "tags": ["x"], "admin_state_up": False}
    shown = api.put(path, {"pool": given}).body["pool"]
    assert {name: shown[name] for name in given} == given
    assert api.put(path, {"pool": {"lb_algorithm": None}}).status == 400
    for fixed in ("protocol", "loadbalancer_id", "listener_id"):
        assert api.put(path, {"pool": {fixed: "HTTP"}}).fault.endswith(f"{fixed}. It cannot be changed")


def test_a_pool_in_use_by_a_policy_cannot_be_deleted(api: Client, load_balancer: dict[str, Any], listener: dict[str, Any]) -> None:
    target = api.pool(loadbalancer_id=load_balancer["id"])
    policy = api.l7policy(listener["id"], action="REDIRECT_TO_POOL", redirect_pool_id=target["id"])
    answer = api.delete(f"/pools/{target['id']}")
    wanted = f"Pool {target['id']} is in use by L7 policy {policy['id']}"
    assert (answer.status, answer.fault) == (409, wanted)
    api.delete(f"/l7policies/{policy['id']}")
    assert api.delete(f"/pools/{target['id']}").status == 204


def test_deleting_detaches_listeners_and_takes_members_along(api: Client, pool: dict[str, Any]) -> None:
    member, monitor = api.member(pool["id"]), api.health_monitor(pool["id"])
    assert api.get(f"/pools/{pool['id']}").body["pool"]["healthmonitor_id"] == monitor["id"]
    api.settle()
    assert api.delete(f"/pools/{pool['id']}").status == 204
    assert api.get(f"/listeners/{pool['listeners'][0]['id']}").body["listener"]["default_pool_id"] is None
    answer = api.post(f"/pools/{pool['id']}/members", {"member": {"address": "10.1.0.9", "protocol_port": 1}})
    assert (answer.status, answer.fault) == (409, f"Pool {pool['id']} is immutable and cannot be updated.")
    api.settle()
    assert api.get(f"/pools/{pool['id']}").fault == f"Pool {pool['id']} not found."
    assert api.get(f"/pools/{pool['id']}/members/{member['id']}").status == 404
    assert api.get(f"/healthmonitors/{monitor['id']}").status == 404
