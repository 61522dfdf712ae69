"""What other drivers get wrong on BIG-IP, and what AS3 would choose where nobody says what is wanted."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pytest

from bascule.model.definition import ServiceDefinition
from bascule.model.objects import (
    Algorithm,
    ClientAuthentication,
    Listener,
    ListenerProtocol,
    MonitorType,
    Object,
    PersistenceType,
    PoolProtocol,
    RuleType,
    SessionPersistence,
    Tree,
    Vip,
)
from bascule.model.secrets import SecretRef
from bascule.south.as3.options import Options, Snat
from bascule.south.as3.render import render
from bench import standard
from tests.south.as3.test_refuse import LISTENER, LOAD_BALANCER, MEMBER, MONITOR, OTHER, POLICY, POOL, RULE, TREE

SIMPLE = Tree(LOAD_BALANCER).put(POOL, LISTENER, MEMBER, MONITOR)


def items_of(tree: Tree, options: Options | None = None, route_domain: int = 0) -> dict[str, Any]:
    refs = {ref: SecretRef("p", ref, "0" * 64) for ref in ("a", "b", "c")}
    definition = ServiceDefinition(unit_id=tree.id, generation=1, replace=0, tree=tree, secrets=refs, route_domain=route_domain)
    (text,) = render(definition, options or Options()).values()
    found: dict[str, Any] = json.loads(text)["app"]
    return found


def _of(kind: str, *changed: Object, tree: Tree = SIMPLE, **how: Any) -> list[dict[str, Any]]:
    """The items of a class that a tree has with some objects changed."""
    items = items_of(tree.put(*changed), **how).values()
    return [each for each in items if isinstance(each, dict) and each["class"] == kind]


def _one(kind: str, *changed: Object, tree: Tree = SIMPLE, **how: Any) -> dict[str, Any]:
    (found,) = _of(kind, *changed, tree=tree, **how)
    return found


# Members


def _members(*weights: int, **fields: Any) -> list[dict[str, Any]]:
    members = [
        dataclasses.replace(MEMBER, id=f"m{number}", address=f"10.2.0.{number}", weight=weight, **fields)
        for number, weight in enumerate(weights, 1)
    ]
    found: list[dict[str, Any]] = _one("Pool", *members, tree=Tree(LOAD_BALANCER).put(POOL, LISTENER))["members"]
    return found


@pytest.mark.parametrize(
    ("weights", "ratios"),
    [
        ((1, 2), (1, 2)),
        ((1, 3), (1, 3)),
        ((10, 20, 30), (1, 2, 3)),
        ((256, 256), (1, 1)),
        ((256, 128), (2, 1)),
        ((100, 99), (100, 99)),
    ],
)
def test_ratios_are_as_the_weights_are(weights: tuple[int, ...], ratios: tuple[int, ...]) -> None:
    assert tuple(each.get("ratio", 1) for each in _members(*weights)) == ratios


@pytest.mark.parametrize(
    ("algorithm", "weights", "mode"),
    [
        (Algorithm.ROUND_ROBIN, (7, 7), "round-robin"),
        (Algorithm.ROUND_ROBIN, (1, 2), "ratio-member"),
        (Algorithm.ROUND_ROBIN, (0, 5), "round-robin"),
        (Algorithm.LEAST_CONNECTIONS, (7, 7), "least-connections-member"),
        (Algorithm.LEAST_CONNECTIONS, (1, 2), "ratio-least-connections-member"),
    ],
)
def test_weights_count_with_every_algorithm(algorithm: Algorithm, weights: tuple[int, int], mode: str) -> None:
    two = [
        dataclasses.replace(MEMBER, id=f"m{weight}", address=f"10.2.0.{number}", weight=weight)
        for number, weight in enumerate(weights, 2)
    ]
    pool = dataclasses.replace(POOL, lb_algorithm=algorithm)
    tree = Tree(LOAD_BALANCER).put(pool, LISTENER, dataclasses.replace(MEMBER, weight=weights[0] or weights[1]), *two)
    assert _one("Pool", tree=tree)["loadBalancingMode"] == mode


def test_a_member_without_weight_takes_nobody_new_and_a_disabled_one_nobody() -> None:
    assert [each.get("adminState") for each in _members(0, 1)] == ["disable", None]
    assert [each.get("adminState") for each in _members(0, 1, admin_state_up=False)] == ["offline", "offline"]


def test_backup_members_wait_for_the_others_to_go() -> None:
    backup = dataclasses.replace(MEMBER, id="backup", address="10.2.0.2", backup=True)
    assert [each["priorityGroup"] for each in _one("Pool", backup)["members"]] == [2, 1]
    assert all("priorityGroup" not in each for each in _members(1, 1))


def test_nodes_are_shared_from_the_first_day_and_members_have_no_remark() -> None:
    (member,) = _members(1)
    assert member == {"serverAddresses": ["10.2.0.1"], "servicePort": 80, "shareNodes": True}


# Monitors


def _good(codes: str) -> set[int]:
    receive = _one("Monitor", dataclasses.replace(MONITOR, expected_codes=codes))["receive"]
    return {code for code in range(100, 600) for version in "01" if re.search(receive, f"HTTP/1.{version} {code} x")}


@pytest.mark.parametrize(
    ("codes", "good"),
    [
        ("200", {200}),
        ("200,404", {200, 404}),
        ("200, 204 ,301", {200, 204, 301}),
        ("200-204", set(range(200, 205))),
        ("198-301", set(range(198, 302))),
        ("100-599", set(range(100, 600))),
        ("404-404", {404}),
    ],
)
def test_ranges_of_codes_are_ranges(codes: str, good: set[int]) -> None:
    assert _good(codes) == good


def test_every_range_of_codes_is_a_range() -> None:
    for first in range(195, 206):
        for last in range(first, 306, 7):
            assert _good(f"{first}-{last}") == set(range(first, last + 1))


@pytest.mark.parametrize(
    ("delay", "timeout", "retries", "down", "until"), [(5, 5, 2, 3, (20, 5)), (5, 1, 1, 1, (6, 0)), (10, 0, 10, 3, (31, 90))]
)
def test_a_member_is_down_and_up_when_it_is_asked_for(
    delay: int, timeout: int, retries: int, down: int, until: tuple[int, int]
) -> None:
    monitor = dataclasses.replace(MONITOR, delay=delay, timeout=timeout, max_retries=retries, max_retries_down=down)
    found = _one("Monitor", monitor)
    assert (found["interval"], found["timeout"], found.get("timeUntilUp", 0)) == (delay, *until)
    assert found["interval"] < found["timeout"]


def test_a_request_is_sent_as_asked_for() -> None:
    assert _one("Monitor")["send"] == "GET / HTTP/1.0\\r\\n\\r\\n"
    monitor = dataclasses.replace(MONITOR, http_version=1.1, domain_name="www.example.com", url_path="/x?y=1")
    assert _one("Monitor", monitor)["send"] == ("GET /x?y=1 HTTP/1.1\\r\\nHost: www.example.com\\r\\nConnection: close\\r\\n\\r\\n")


def test_no_type_of_monitor_gets_a_request_that_nobody_asked_for() -> None:
    for kind, monitored in ((MonitorType.TCP, "tcp"), (MonitorType.PING, "icmp"), (MonitorType.UDP_CONNECT, "udp")):
        found = _one("Monitor", dataclasses.replace(MONITOR, type=kind))
        assert (found["monitorType"], "send" in found, "receive" in found) == (monitored, False, False)
    found = _one("Monitor", dataclasses.replace(MONITOR, type=MonitorType.TLS_HELLO))
    assert (found["monitorType"], found["send"], found["receive"]) == ("https", "", "")


def test_members_may_be_probed_elsewhere() -> None:
    there = dataclasses.replace(MEMBER, id="there", address="10.2.0.2", monitor_address="10.2.0.9", monitor_port=81)
    tree = SIMPLE.put(there, dataclasses.replace(MEMBER, id="same", address="10.2.0.3", monitor_port=80))
    monitors = _of("Monitor", tree=tree)
    assert [(each.get("targetAddress"), each.get("targetPort")) for each in monitors] == [(None, None), ("10.2.0.9", 81)]
    assert ["monitors" in each for each in _one("Pool", tree=tree)["members"]] == [False, True, False]


# What is switched off


def test_disabled_objects_do_nothing() -> None:
    assert "adminState" not in _one("Service_HTTP")
    assert _one("Service_HTTP", dataclasses.replace(LISTENER, admin_state_up=False))["adminState"] == "disable"
    assert _one("Service_HTTP", dataclasses.replace(LOAD_BALANCER, admin_state_up=False))["adminState"] == "disable"
    assert "pool" not in _one("Service_HTTP", dataclasses.replace(POOL, admin_state_up=False))
    assert _of("Monitor", dataclasses.replace(MONITOR, admin_state_up=False)) == []
    assert "monitors" not in _one("Pool", dataclasses.replace(MONITOR, admin_state_up=False))


def test_what_of_l7_is_disabled_decides_nothing() -> None:
    more = dataclasses.replace(RULE, id="more", value="/more")
    (rule, default) = _one("Endpoint_Policy", more, tree=TREE)["rules"]
    assert len(rule["conditions"]) == 2
    (rule, default) = _one("Endpoint_Policy", dataclasses.replace(more, admin_state_up=False), tree=TREE)["rules"]
    assert len(rule["conditions"]) == 1
    assert "conditions" not in default
    for off in (POLICY, RULE, OTHER):
        assert _of("Endpoint_Policy", dataclasses.replace(off, admin_state_up=False), tree=TREE) == []


def test_a_policy_without_rules_never_matches() -> None:
    assert _of("Endpoint_Policy", tree=TREE.drop("rule")) == []


# Listeners


def test_as3_chooses_nothing() -> None:
    """Neither a persistence, nor another listener on port 80, nor whether to follow an order, nor a header."""
    assert _one("Service_HTTP")["persistenceMethods"] == []
    over_tls = dataclasses.replace(
        LISTENER, protocol=ListenerProtocol.TERMINATED_HTTPS, default_tls_container_ref="a", hsts_max_age=1
    )
    assert _one("Service_HTTPS", over_tls)["redirect80"] is False
    assert _one("HTTP_Profile", over_tls)["xForwardedFor"] is False
    assert _one("Endpoint_Policy", tree=TREE)["strategy"] == "first-match"


def test_timeouts_are_those_that_were_asked_for() -> None:
    listener = dataclasses.replace(LISTENER, timeout_client_data=1500, timeout_member_data=0, timeout_member_connect=100_000)
    items = items_of(SIMPLE.put(listener))
    both = items["ls_listener"]["profileTCP"]
    assert items[both["ingress"]["use"]] == {"class": "TCP_Profile", "idleTimeout": 2}
    egress = items[both["egress"]["use"]]
    assert egress["idleTimeout"] == -1
    assert 100_000 <= egress["synRtoBase"] * (2 ** (egress["synMaxRetrans"] + 1) - 1) <= 100_100
    assert egress["synRtoBase"] <= 5000


@pytest.mark.parametrize("milliseconds", [1, 999, 1000, 1001, 5000, 15_000, 15_001, 315_000])
def test_connecting_takes_as_long_as_asked_for(milliseconds: int) -> None:
    items = items_of(SIMPLE.put(dataclasses.replace(LISTENER, timeout_member_connect=milliseconds)))
    egress = items[items["ls_listener"]["profileTCP"]["egress"]["use"]]
    shares = 2 ** (egress["synMaxRetrans"] + 1) - 1
    assert milliseconds <= egress["synRtoBase"] * shares < milliseconds + shares
    assert 1 <= egress["synRtoBase"] <= 5000


def test_a_limit_is_a_limit() -> None:
    assert _one("Service_HTTP", dataclasses.replace(LISTENER, connection_limit=5))["maxConnections"] == 5
    assert "maxConnections" not in _one("Service_HTTP")


def test_every_address_is_listened_on_and_named_after_itself() -> None:
    vips = dataclasses.replace(LOAD_BALANCER, additional_vips=(Vip(address="FD00:0::1"),))
    items = items_of(SIMPLE.put(vips))
    assert items["ls_listener"]["virtualAddresses"] == [{"use": "va_10_1_0_1"}, {"use": "va_fd00__1"}]
    assert items["va_fd00__1"] == {"class": "Service_Address", "virtualAddress": "fd00::1"}
    moved = items_of(SIMPLE.put(dataclasses.replace(LOAD_BALANCER, vip=Vip(address="10.1.0.2"))))
    assert "va_10_1_0_1" not in moved


def test_a_load_balancer_without_listeners_is_no_empty_tenant() -> None:
    assert _one("Service_Address", tree=Tree(LOAD_BALANCER))["virtualAddress"] == "10.1.0.1"


@pytest.mark.parametrize(
    ("options", "snat"),
    [
        (Options(), "auto"),
        (Options(snat=Snat.SELF), "self"),
        (Options(snat=Snat.POOL, snat_pool="/Common/outside"), {"bigip": "/Common/outside"}),
    ],
)
def test_members_see_the_address_that_the_operator_chose(options: Options, snat: Any) -> None:
    assert _one("Service_HTTP", options=options)["snat"] == snat


def test_addresses_lie_in_the_route_domain() -> None:
    there = dataclasses.replace(MEMBER, monitor_address="10.2.0.9")
    items = items_of(SIMPLE.put(there), route_domain=5)
    assert items["va_10_1_0_1_5"]["virtualAddress"] == "10.1.0.1%5"
    (member,) = items["pl_pool"]["members"]
    assert (member["serverAddresses"], member["routeDomain"]) == (["10.2.0.1"], 5)
    assert [each.get("targetAddress") for each in _of("Monitor", there, route_domain=5)] == [None, "10.2.0.9%5"]


# What ties clients to members


def _tied(
    *, algorithm: Algorithm = Algorithm.ROUND_ROBIN, persistence: SessionPersistence | None = None, **fields: Any
) -> dict[str, Any]:
    pool = dataclasses.replace(POOL, lb_algorithm=algorithm, session_persistence=persistence)
    items = items_of(SIMPLE.put(pool, dataclasses.replace(LISTENER, **fields)))
    service = items["ls_listener"]
    return {
        "methods": [items[each["use"]] for each in service["persistenceMethods"]],
        "fallback": items.get(service.get("fallbackPersistenceMethod", {}).get("use")),
    }


def test_a_hash_of_the_client_chooses_the_member() -> None:
    hashed = {"class": "Persist", "persistenceMethod": "source-address", "hashAlgorithm": "carp"}
    assert _tied(algorithm=Algorithm.SOURCE_IP) == {"methods": [hashed], "fallback": None}
    found = _tied(algorithm=Algorithm.SOURCE_IP, persistence=SessionPersistence(type=PersistenceType.HTTP_COOKIE))
    assert (found["methods"][0]["persistenceMethod"], found["fallback"]) == ("cookie", hashed)
    (method,) = _tied(algorithm=Algorithm.SOURCE_IP_PORT)["methods"]
    assert (method["persistenceMethod"], method["hashAlgorithm"]) == ("hash", "carp")


def test_a_browser_brings_a_cookie_back_over_what_it_came_by() -> None:
    cookie = SessionPersistence(type=PersistenceType.HTTP_COOKIE)
    assert _tied(persistence=cookie)["methods"][0]["secure"] is False
    over_tls = {"protocol": ListenerProtocol.TERMINATED_HTTPS, "default_tls_container_ref": "a"}
    assert _tied(persistence=cookie, **over_tls)["methods"][0]["secure"] is True


def test_clients_are_remembered_as_long_as_asked_for() -> None:
    persistence = SessionPersistence(type=PersistenceType.SOURCE_IP, persistence_timeout=77, persistence_granularity="255.255.0.0")
    (method,) = _tied(persistence=persistence)["methods"]
    assert (method["duration"], method["addressMask"]) == (77, "255.255.0.0")


def test_the_persistence_of_another_pool_than_the_default_one_counts() -> None:
    sticky = dataclasses.replace(OTHER, session_persistence=SessionPersistence(type=PersistenceType.HTTP_COOKIE))
    alone = dataclasses.replace(LISTENER, default_pool_id=None)
    assert _one("Persist", sticky, alone, tree=TREE)["persistenceMethod"] == "cookie"


def test_requests_of_a_connection_are_decided_one_by_one() -> None:
    assert _one("Service_HTTP")["profileMultiplex"] == "basic"
    told = dataclasses.replace(POOL, protocol=PoolProtocol.PROXY)
    assert "profileMultiplex" not in _one("Service_HTTP", told)


# TLS


def _terminated(**fields: Any) -> Listener:
    return dataclasses.replace(
        LISTENER, protocol=ListenerProtocol.TERMINATED_HTTPS, **({"default_tls_container_ref": "a"} | fields)
    )


def test_old_versions_are_off_and_the_newest_is_on_where_nobody_says() -> None:
    found = _one("TLS_Server", _terminated())
    versions = {name: value for name, value in found.items() if name.endswith("Enabled")}
    on = {"tls1_2Enabled", "tls1_3Enabled"}
    off = {"sslEnabled", "ssl3Enabled", "tls1_0Enabled", "tls1_1Enabled", "renegotiationEnabled"}
    assert versions == {**dict.fromkeys(on, True), **dict.fromkeys(off, False)}


def test_versions_are_those_asked_for_even_with_a_gap() -> None:
    found = _one("TLS_Server", _terminated(tls_versions=("TLSv1.3", "TLSv1.1")))
    assert [found[f"tls1_{number}Enabled"] for number in range(4)] == [False, True, False, True]


def test_ciphers_are_those_asked_for_and_no_others() -> None:
    listener = _terminated(tls_ciphers="TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES128-SHA:ECDHE-RSA-CHACHA20-POLY1305")
    assert _one("Cipher_Rule", listener)["cipherSuites"] == [
        "TLS13-AES256-GCM-SHA384",
        "ECDHE-RSA-AES128-CBC-SHA",
        "ECDHE-RSA-CHACHA20-POLY1305-SHA256",
    ]


@pytest.mark.parametrize(
    ("fields", "strict"),
    [
        ({}, True),
        ({"tls_ciphers": "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256"}, True),
        ({"tls_ciphers": "ECDHE-RSA-AES256-GCM-SHA384"}, False),
        ({"tls_versions": ("TLSv1.3",)}, True),
    ],
)
def test_no_listener_is_refused_for_what_http_2_wants_of_tls(fields: dict[str, Any], strict: bool) -> None:
    assert _one("HTTP2_Profile", _terminated(alpn_protocols=("h2",), **fields))["enforceTlsRequirements"] is strict


def test_the_default_certificate_is_the_first_and_the_default() -> None:
    (found,) = _of("TLS_Server", _terminated(sni_container_refs=("c", "b", "a")))
    items = items_of(SIMPLE.put(_terminated(sni_container_refs=("c", "b", "a"))))
    order = [items[each["certificate"]]["certificate"]["bascule"]["ref"] for each in found["certificates"]]
    assert order == ["a", "c", "b"]
    assert [each["sniDefault"] for each in found["certificates"]] == [True, False, False]


@pytest.mark.parametrize(
    ("wanted", "mode"),
    [(ClientAuthentication.NONE, None), (ClientAuthentication.OPTIONAL, "request"), (ClientAuthentication.MANDATORY, "require")],
)
def test_clients_are_asked_for_certificates_as_wanted(wanted: ClientAuthentication, mode: str | None) -> None:
    listener = _terminated(client_authentication=wanted, client_ca_tls_container_ref="b")
    assert _one("TLS_Server", listener).get("authenticationMode") == mode
    assert len(_of("CA_Bundle", listener)) == bool(mode)


def test_members_are_verified_only_by_authorities_that_were_given() -> None:
    over_tls = dataclasses.replace(POOL, tls_enabled=True)
    assert _one("TLS_Client", over_tls)["validateCertificate"] is False
    found = _one("TLS_Client", dataclasses.replace(over_tls, ca_tls_container_ref="b"))
    assert (found["validateCertificate"], found["trustCA"]["use"][:8]) == (True, "ca_pool_")


def test_pools_of_policies_are_spoken_to_by_tls_too() -> None:
    both = [dataclasses.replace(each, tls_enabled=True) for each in (POOL, OTHER)]
    assert _one("Service_HTTP", *both, tree=TREE)["clientTLS"] == "tlsc_pool"
    without_default = dataclasses.replace(LISTENER, default_pool_id=None)
    assert _one("Service_HTTP", *both, without_default, tree=TREE)["clientTLS"] == "tlsc_other"


# Headers


def test_only_true_asks_for_a_header() -> None:
    assert _of("iRule", dataclasses.replace(LISTENER, insert_headers={"X-Forwarded-For": "false"})) == []
    assert len(_of("iRule", dataclasses.replace(LISTENER, insert_headers={"X-Forwarded-For": "True"}))) == 1


def test_a_name_is_that_of_the_client_and_not_of_who_vouches_for_it() -> None:
    listener = _terminated(insert_headers={"X-SSL-Client-CN": "true"})
    (line,) = [each for each in _one("iRule", listener)["iRule"].splitlines() if "insert X-SSL-Client-CN" in each]
    assert "X509::subject" in line
    assert "X509::issuer" not in line


def test_a_rule_about_a_certificate_is_no_rule_about_a_server_name() -> None:
    rule = dataclasses.replace(RULE, type=RuleType.SSL_DN_FIELD, key="CN")
    text = json.dumps(items_of(TREE.put(rule, _terminated())))
    assert "X509::subject" in text
    assert "sslExtension" not in text


# Size


def test_a_declaration_is_small() -> None:
    tree = standard.tree(standard.new_id(), "x", Vip(address="198.18.0.1"))
    definition = ServiceDefinition(unit_id=tree.id, generation=1, replace=0, tree=tree)
    (text,) = render(definition, Options()).values()
    assert len(text) < 3000
