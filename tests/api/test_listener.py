"""Listeners over the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.bascule import NOWHERE, PROJECT, Client
from tests.certificates import AUTHORITY, Authority

KEYS = [
    "id",
    "name",
    "description",
    "provisioning_status",
    "operating_status",
    "admin_state_up",
    "protocol",
    "protocol_port",
    "connection_limit",
    "default_tls_container_ref",
    "sni_container_refs",
    "project_id",
    "default_pool_id",
    "l7policies",
    "insert_headers",
    "created_at",
    "updated_at",
    "loadbalancers",
    "timeout_client_data",
    "timeout_member_connect",
    "timeout_member_data",
    "timeout_tcp_inspect",
    "tags",
    "client_ca_tls_container_ref",
    "client_authentication",
    "client_crl_container_ref",
    "allowed_cidrs",
    "tls_ciphers",
    "tls_versions",
    "alpn_protocols",
    "hsts_max_age",
    "hsts_include_subdomains",
    "hsts_preload",
    "tenant_id",
]


def refused(api: Client, status: int, load_balancer_id: str, **attributes: Any) -> str:
    given = {"loadbalancer_id": load_balancer_id, "protocol": "HTTP", "protocol_port": 80}
    answer = api.post("/listeners", {"listener": given | attributes})
    assert answer.status == status, answer.body
    return answer.fault


def test_what_is_not_given_has_the_default(api: Client, load_balancer: dict[str, Any]) -> None:
    made = api.listener(load_balancer["id"])
    assert list(made) == KEYS
    shown = api.get(f"/listeners/{made['id']}").body["listener"]
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
        "protocol_port": 80,
        "connection_limit": -1,
        "default_tls_container_ref": None,
        "sni_container_refs": [],
        "project_id": PROJECT,
        "default_pool_id": None,
        "l7policies": [],
        "insert_headers": {},
        "updated_at": None,
        "loadbalancers": [{"id": load_balancer["id"]}],
        "timeout_client_data": 50000,
        "timeout_member_connect": 5000,
        "timeout_member_data": 50000,
        "timeout_tcp_inspect": 0,
        "tags": [],
        "client_ca_tls_container_ref": None,
        "client_authentication": "NONE",
        "client_crl_container_ref": None,
        "allowed_cidrs": None,
        "tls_ciphers": None,
        "tls_versions": None,
        "alpn_protocols": None,
        "hsts_max_age": None,
        "hsts_include_subdomains": False,
        "hsts_preload": False,
        "tenant_id": PROJECT,
    }


def test_everything_can_be_given_and_is_shown(api: Client, load_balancer: dict[str, Any]) -> None:
    certificate, authority = api.bascule.add_certificate("web.pem"), api.bascule.add_certificate("ca.pem")
    given = {
        "name": "n",
        "description": "d",
        "admin_state_up": False,
        "protocol": "TERMINATED_HTTPS",
        "protocol_port": 443,
        "connection_limit": 100,
        "default_tls_container_ref": certificate,
        "sni_container_refs": [certificate, authority],
        "insert_headers": {"X-Forwarded-Port": "true", "X-SSL-Client-CN": "true"},
        "timeout_client_data": 1,
        "timeout_member_connect": 2,
        "timeout_member_data": 3,
        "timeout_tcp_inspect": 4,
        "tags": ["t"],
        "client_ca_tls_container_ref": authority,
        "client_authentication": "MANDATORY",
        "client_crl_container_ref": authority,
        "allowed_cidrs": ["10.0.0.0/8", "192.0.2.1/32"],
        "tls_ciphers": "ECDHE-RSA-AES128-GCM-SHA256",
        "tls_versions": ["TLSv1.3"],
        "alpn_protocols": ["http/1.1"],
        "hsts_max_age": 31536000,
        "hsts_include_subdomains": True,
        "hsts_preload": True,
    }
    shown = api.listener(load_balancer["id"], **given)
    assert {name: shown[name] for name in given} == given


def test_tls_settings_are_filled_in_where_tls_ends(api: Client, load_balancer: dict[str, Any]) -> None:
    certificate = api.bascule.add_certificate("web.pem")
    shown = api.listener(load_balancer["id"], protocol="TERMINATED_HTTPS", protocol_port=443, default_tls_container_ref=certificate)
    assert shown["tls_versions"] == ["TLSv1.2", "TLSv1.3"]
    assert shown["alpn_protocols"] == ["h2", "http/1.1", "http/1.0"]
    assert shown["tls_ciphers"].startswith("TLS_AES_128_GCM_SHA256:")
    path = f"/listeners/{shown['id']}"
    shown = api.put(path, {"listener": {"tls_versions": ["TLSv1.3"], "alpn_protocols": ["h2"]}}).body["listener"]
    assert (shown["tls_versions"], shown["alpn_protocols"]) == (["TLSv1.3"], ["h2"])
    shown = api.put(path, {"listener": {"tls_versions": None}}).body["listener"]
    assert (shown["tls_versions"], shown["alpn_protocols"]) == (["TLSv1.2", "TLSv1.3"], ["h2"])


def test_numbers_and_booleans_may_be_text(api: Client, load_balancer: dict[str, Any]) -> None:
    shown = api.listener(load_balancer["id"], protocol_port="80", connection_limit="7", admin_state_up="false")
    assert (shown["protocol_port"], shown["connection_limit"], shown["admin_state_up"]) == (80, 7, False)


def test_networks_of_clients_are_written_in_their_usual_form(api: Client, load_balancer: dict[str, Any]) -> None:
    shown = api.listener(load_balancer["id"], allowed_cidrs=["10.1.2.3/8", "192.0.2.1"])
    assert shown["allowed_cidrs"] == ["10.0.0.0/8", "192.0.2.1/32"]
    shown = api.put(f"/listeners/{shown['id']}", {"listener": {"allowed_cidrs": []}}).body["listener"]
    assert shown["allowed_cidrs"] is None


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({"protocol": None}, "attribute listener.protocol. Value: 'null'. Value should be one of: HTTP, HTTPS, PROMETHEUS, "),
        (
            {"protocol_port": 0},
            "attribute listener.protocol_port. Value: '0'. Value should be greater or equal to 1: a number from 1 to 65535",
        ),
        ({"protocol_port": 10**40}, "Value should be lower or equal to 65535: a number from 1 to 65535"),
        ({"connection_limit": -2}, "Value should be greater or equal to -1: a number from -1 to 2147483647"),
        ({"timeout_client_data": 2073600001}, "Value should be lower or equal to 2073600000: a number from 0 to 2073600000"),
        ({"client_authentication": "MAYBE"}, "Value should be one of: MANDATORY, NONE, OPTIONAL"),
        ({"client_authentication": "OPTIONAL"}, "client_ca_tls_container_ref is needed when client_authentication is OPTIONAL"),
        ({"insert_headers": {"X-Mine": "true"}}, "X-Mine is not a valid option for insert_headers. Allowed: X-Client-IP, "),
        ({"insert_headers": {"X-SSL-Issuer": "true"}}, "X-SSL-Issuer is not a valid option for insert_headers"),
        ({"protocol": "TCP", "insert_headers": {"X-Real-IP": "true"}}, "insert_headers is only allowed on HTTP and"),
        ({"insert_headers": {"X-Real-IP": 1}}, "listener.insert_headers. Value: '{\"X-Real-IP\":1}'."),
        ({"allowed_cidrs": ["10.0.0.0/33"]}, "listener.allowed_cidrs[0]. Value: '10.0.0.0/33'. Value should be IPv4 or IPv6 CIDR"),
        ({"allowed_cidrs": ["fd00::/8"]}, "allowed_cidrs: fd00::/8 is IPv6, but no VIP of the load balancer is"),
        ({"protocol": "TERMINATED_HTTPS"}, "An SNI or default certificate container reference must be provided"),
        ({"hsts_max_age": 1}, "hsts_max_age is only allowed on TERMINATED_HTTPS listeners, not on HTTP ones"),
        ({"hsts_preload": True}, "hsts_max_age is needed for hsts_include_subdomains and hsts_preload"),
        ({"tls_versions": []}, "Value should be a list that is not empty"),
        ({"tls_versions": ["TLSv9"]}, "Value should be one of: SSLv3, TLSv1, TLSv1.1, TLSv1.2, TLSv1.3"),
        ({"alpn_protocols": ["h3"]}, "Value should be one of: h2, http/1.0, http/1.1"),
        ({"default_tls_container_ref": "no.pem"}, "Could not retrieve certificate: ['no.pem']"),
        ({"default_pool": {"name": "x"}}, "Unknown attribute for argument listener: default_pool"),
    ],
)
def test_bad_values_are_named(api: Client, load_balancer: dict[str, Any], attributes: dict[str, Any], text: str) -> None:
    assert text in refused(api, 400, load_balancer["id"], **attributes)
    assert api.get("/listeners").body["listeners"] == []


def test_a_certificate_must_be_readable_by_the_project_of_the_load_balancer(api: Client) -> None:
    mine, theirs = api.bascule.add_certificate("mine.pem"), api.bascule.add_certificate("theirs.pem", "other")
    load_balancer_id = api.load_balancer()["id"]
    tls = {"protocol": "TERMINATED_HTTPS", "protocol_port": 443}
    assert theirs in refused(api, 400, load_balancer_id, **tls, default_tls_container_ref=theirs)
    listener = api.listener(load_balancer_id, **tls, default_tls_container_ref=mine)
    answer = api.put(f"/listeners/{listener['id']}", {"listener": {"sni_container_refs": [mine, theirs, "../x"]}})
    assert (answer.status, answer.fault) == (400, f"Could not retrieve certificate: {[theirs, '../x']}")


def test_a_load_balancer_is_needed(api: Client) -> None:
    assert refused(api, 404, NOWHERE) == f"Load Balancer {NOWHERE} not found."
    tls = {"protocol": "TERMINATED_HTTPS", "default_tls_container_ref": "x"}
    assert refused(api, 404, NOWHERE, **tls) == f"Load Balancer {NOWHERE} not found."


def test_a_port_is_taken_once_per_transport(api: Client, load_balancer: dict[str, Any], listener: dict[str, Any]) -> None:
    text = refused(api, 409, load_balancer["id"], protocol="TCP")
    assert text == "Another Listener on this Load Balancer is already using protocol HTTP and protocol_port 80"
    api.listener(load_balancer["id"], protocol="UDP")
    api.listener(load_balancer["id"], protocol="SCTP")
    api.settle()
    assert api.delete(f"/listeners/{listener['id']}").status == 204
    api.listener(load_balancer["id"])  # free again before anybody carried the deletion out


def test_the_default_pool(api: Client, load_balancer: dict[str, Any], listener: dict[str, Any]) -> None:
    path = f"/listeners/{listener['id']}"
    good = api.pool(loadbalancer_id=load_balancer["id"])
    wrong = api.pool(loadbalancer_id=load_balancer["id"], protocol="UDP")
    foreign = api.pool(loadbalancer_id=api.load_balancer()["id"])
    assert api.put(path, {"listener": {"default_pool_id": good["id"]}}).body["listener"]["default_pool_id"] == good["id"]
    answer = api.put(path, {"listener": {"default_pool_id": wrong["id"]}})
    text = "Validation failure: The pool protocol 'UDP' is invalid while the listener protocol is 'HTTP'."
    assert (answer.status, answer.fault) == (400, text)
    for other in (foreign["id"], NOWHERE):
        answer = api.put(path, {"listener": {"default_pool_id": other}})
        assert (answer.status, answer.fault) == (404, f"Pool {other} not found.")
    assert api.put(path, {"listener": {"default_pool_id": None}}).body["listener"]["default_pool_id"] is None


def test_null_gives_the_default(api: Client, load_balancer: dict[str, Any]) -> None:
    made = api.listener(load_balancer["id"], connection_limit=5, timeout_client_data=6, insert_headers={"X-Real-IP": "true"})
    names = ("connection_limit", "timeout_client_data", "insert_headers", "name", "sni_container_refs", "client_authentication")
    shown = api.put(f"/listeners/{made['id']}", {"listener": dict.fromkeys(names)}).body["listener"]
    assert [shown[name] for name in names] == [-1, 50000, {}, "", [], "NONE"]


@pytest.mark.parametrize("attribute", ["protocol", "protocol_port", "loadbalancer_id", "project_id"])
def test_what_is_fixed_cannot_be_changed(api: Client, listener: dict[str, Any], attribute: str) -> None:
    answer = api.put(f"/listeners/{listener['id']}", {"listener": {attribute: "HTTP"}})
    assert answer.status == 400
    assert answer.fault == f"Unknown attribute for argument listener: {attribute}. It cannot be changed"


def test_deleting(api: Client, listener: dict[str, Any], pool: dict[str, Any]) -> None:
    policy = api.l7policy(listener["id"])
    api.settle()
    path = f"/listeners/{listener['id']}"
    assert api.delete(path).status == 204
    immutable = f"Listener {listener['id']} is immutable and cannot be updated."
    for answer in (api.delete(path), api.put(path, {"listener": {"name": "x"}})):
        assert (answer.status, answer.fault) == (409, immutable)
    answer = api.post("/l7policies", {"l7policy": {"listener_id": listener["id"], "action": "REJECT"}})
    assert (answer.status, answer.fault) == (409, immutable)
    assert api.get(path).body["listener"]["provisioning_status"] == "PENDING_DELETE"
    api.settle()
    assert api.get(path).fault == f"Listener {listener['id']} not found."
    assert api.get(f"/l7policies/{policy['id']}").status == 404
    assert api.get(f"/pools/{pool['id']}").body["pool"]["listeners"] == []


def test_statistics(api: Client, listener: dict[str, Any]) -> None:
    api.settle()
    names = ("active_connections", "bytes_in", "bytes_out", "request_errors", "total_connections")
    assert api.get(f"/listeners/{listener['id']}/stats").body == {"stats": dict.fromkeys(names, 0)}
    assert api.get(f"/listeners/{NOWHERE}/stats").fault == f"Listener {NOWHERE} not found."


def test_a_certificate_must_be_able_to_work(api: Client) -> None:
    load_balancer_id = api.load_balancer()["id"]
    tls = {"protocol": "TERMINATED_HTTPS", "protocol_port": 443, "client_authentication": "OPTIONAL"}
    keyless = api.bascule.add_certificate("keyless.pem", content=AUTHORITY.pem)
    good, strange = api.bascule.add_certificate("good.pem"), api.bascule.add_certificate("crl.pem", content=Authority("X").crl())
    tls |= {"default_tls_container_ref": good, "client_ca_tls_container_ref": keyless}
    text = "A reference cannot be used: certificate keyless.pem has no private key"
    assert refused(api, 400, load_balancer_id, **tls | {"default_tls_container_ref": keyless}) == text
    assert "signed by any of the authorities" in refused(api, 400, load_balancer_id, **tls, client_crl_container_ref=strange)
    both = refused(api, 400, load_balancer_id, **tls | {"sni_container_refs": ["missing.pem", keyless]})
    assert both.split("; ") == ["Could not retrieve certificate: ['missing.pem']", text]
    listener = api.listener(load_balancer_id, **tls)
    for attributes in ({"sni_container_refs": [good, keyless]}, {"client_crl_container_ref": keyless}):
        answer = api.put(f"/listeners/{listener['id']}", {"listener": attributes})
        assert (answer.status, answer.fault.partition(":")[0]) == (400, "A reference cannot be used")
