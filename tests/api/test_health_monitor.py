"""Health monitors over the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.bascule import NOWHERE, PROJECT, Client

pytestmark = pytest.mark.slow

KEYS = [
    "id",
    "name",
    "type",
    "delay",
    "timeout",
    "max_retries",
    "max_retries_down",
    "http_method",
    "url_path",
    "expected_codes",
    "admin_state_up",
    "project_id",
    "pools",
    "provisioning_status",
    "operating_status",
    "created_at",
    "updated_at",
    "tags",
    "http_version",
    "domain_name",
    "tenant_id",
]
GIVEN = {"type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 2}


def refused(api: Client, status: int, pool_id: str, **attributes: Any) -> str:
    answer = api.post("/healthmonitors", {"healthmonitor": GIVEN | {"pool_id": pool_id} | attributes})
    assert answer.status == status, answer.body
    return answer.fault


def test_what_is_not_given_has_the_default(api: Client, pool: dict[str, Any]) -> None:
    made = api.health_monitor(pool["id"])
    assert list(made) == KEYS
    shown = api.get(f"/healthmonitors/{made['id']}").body["healthmonitor"]
    assert shown == made
    for varying in ("id", "created_at"):
        assert shown.pop(varying)
    assert shown == GIVEN | {
        "name": "",
        "max_retries_down": 3,
        "http_method": "GET",
        "url_path": "/",
        "expected_codes": "200",
        "admin_state_up": True,
        "project_id": PROJECT,
        "pools": [{"id": pool["id"]}],
        "provisioning_status": "PENDING_CREATE",
        "operating_status": "OFFLINE",
        "updated_at": None,
        "tags": [],
        "http_version": None,
        "domain_name": None,
        "tenant_id": PROJECT,
    }


def test_everything_can_be_given_and_is_shown(api: Client, pool: dict[str, Any]) -> None:
    given = GIVEN | {
        "name": "n",
        "type": "HTTPS",
        "max_retries_down": 10,
        "http_method": "HEAD",
        "url_path": "/health?deep=1",
        "expected_codes": "200-204",
        "admin_state_up": False,
        "tags": ["t"],
        "http_version": 1.1,
        "domain_name": "www.x.example",
    }
    shown = api.health_monitor(pool["id"], **given)
    assert {name: shown[name] for name in given} == given


def test_a_monitor_that_speaks_no_http_asks_for_nothing(api: Client, pool: dict[str, Any]) -> None:
    shown = api.health_monitor(pool["id"], type="TCP")
    assert (shown["http_method"], shown["url_path"], shown["expected_codes"]) == (None, None, None)


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({"type": "ICMP"}, "Value should be one of: HTTP, HTTPS, PING, SCTP, TCP, TLS-HELLO, UDP-CONNECT"),
        ({"delay": None}, "attribute healthmonitor.delay. Value: 'null'. Value should be a number from 0 to 2147483647"),
        ({"timeout": -1}, "Value should be greater or equal to 0: a number from 0 to 2147483647"),
        ({"max_retries": 11}, "Value should be lower or equal to 10: a number from 1 to 10"),
        ({"max_retries_down": 0}, "Value should be greater or equal to 1: a number from 1 to 10"),
        ({"http_method": "BREW"}, "Value should be one of: CONNECT, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE"),
        ({"url_path": "health"}, "health is not a valid option for url_path"),
        ({"url_path": "/a b"}, "/a b is not a valid option for url_path"),
        ({"url_path": "//x.example/"}, "//x.example/ is not a valid option for url_path"),
        ({"url_path": "/a\r\nX: y"}, "url_path must not contain control characters"),
        ({"expected_codes": "20"}, "20 is not a valid option for expected_codes"),
        ({"expected_codes": "200-204,300"}, "is not a valid option for expected_codes"),
        ({"http_version": 2.0}, "2.0 is not a valid option for http_version. Allowed: 1.0, 1.1"),
        ({"domain_name": "x.example"}, "http_version 1.1 is needed for domain_name"),
        ({"domain_name": "-x", "http_version": 1.1}, "-x is not a valid option for domain_name"),
        ({"type": "TCP", "url_path": "/"}, "url_path is only allowed on health monitors of type HTTP and HTTPS, not TCP"),
        ({"type": "UDP-CONNECT"}, "A health monitor of type UDP-CONNECT is only allowed on UDP and SCTP pools"),
        ({"description": "x"}, "Unknown attribute for argument healthmonitor: description"),
    ],
)
def test_bad_values_are_named(api: Client, pool: dict[str, Any], attributes: dict[str, Any], text: str) -> None:
    assert text in refused(api, 400, pool["id"], **attributes)
    assert api.get("/healthmonitors").body["healthmonitors"] == []


def test_monitors_of_udp_pools(api: Client, load_balancer: dict[str, Any]) -> None:
    pool_id = api.pool(loadbalancer_id=load_balancer["id"], protocol="UDP")["id"]
    for kind in ("HTTPS", "PING", "TLS-HELLO"):
        assert "HTTP, SCTP, TCP, UDP-CONNECT" in refused(api, 400, pool_id, type=kind)
    assert "at least 3 seconds" in refused(api, 400, pool_id, type="UDP-CONNECT", delay=2)
    assert api.health_monitor(pool_id, type="UDP-CONNECT")["type"] == "UDP-CONNECT"


def test_a_pool_has_one_monitor(api: Client, pool: dict[str, Any]) -> None:
    monitor = api.health_monitor(pool["id"])
    assert refused(api, 409, pool["id"]) == "This pool already has a health monitor"
    assert refused(api, 404, NOWHERE) == f"Pool {NOWHERE} not found."
    api.settle()
    assert api.delete(f"/healthmonitors/{monitor['id']}").status == 204
    successor = api.health_monitor(pool["id"])  # before anybody carried the deletion out
    assert api.get(f"/pools/{pool['id']}").body["pool"]["healthmonitor_id"] == successor["id"]


def test_changes(api: Client, pool: dict[str, Any]) -> None:
    path = f"/healthmonitors/{api.health_monitor(pool['id'])['id']}"
    given = {"name": "new", "delay": 7, "http_method": "HEAD", "url_path": "/x", "max_retries_down": 5}
    shown = api.put(path, {"healthmonitor": given}).body["healthmonitor"]
    assert {name: shown[name] for name in given} == given
    nulls = ("http_method", "url_path", "expected_codes", "max_retries_down")
    shown = api.put(path, {"healthmonitor": dict.fromkeys(nulls)}).body["healthmonitor"]
    assert [shown[name] for name in nulls] == ["GET", "/", "200", 3]
    for fixed in ("type", "pool_id"):
        assert api.put(path, {"healthmonitor": {fixed: "TCP"}}).fault.endswith(f"{fixed}. It cannot be changed")
    assert api.put(path, {"healthmonitor": {"delay": None}}).status == 400


def test_deleting(api: Client, pool: dict[str, Any]) -> None:
    monitor = api.health_monitor(pool["id"])
    path = f"/healthmonitors/{monitor['id']}"
    api.settle()
    assert api.delete(path).status == 204
    answer = api.put(path, {"healthmonitor": {"name": "x"}})
    assert (answer.status, answer.fault) == (409, f"Health Monitor {monitor['id']} is immutable and cannot be updated.")
    api.settle()
    assert api.get(path).fault == f"Health Monitor {monitor['id']} not found."
