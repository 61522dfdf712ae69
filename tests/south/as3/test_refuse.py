"""What BIG-IP cannot carry is said in the request, with the field and what is possible."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from bascule.model.objects import (
    Algorithm,
    Child,
    CompareType,
    HealthMonitor,
    L7Policy,
    L7Rule,
    Listener,
    ListenerProtocol,
    LoadBalancer,
    Member,
    MonitorType,
    PersistenceType,
    PolicyAction,
    Pool,
    PoolProtocol,
    RuleType,
    SessionPersistence,
    Tree,
    Vip,
)
from bascule.south.as3.options import Options
from bascule.south.as3.render import refuse

LOAD_BALANCER = LoadBalancer(id="lb", project_id="p", provider="f5", vip=Vip(address="10.1.0.1"))
POOL = Pool(id="pool", protocol=PoolProtocol.HTTP, lb_algorithm=Algorithm.ROUND_ROBIN)
OTHER = dataclasses.replace(POOL, id="other")
LISTENER = Listener(id="listener", protocol=ListenerProtocol.HTTP, protocol_port=8080, default_pool_id="pool")
MEMBER = Member(id="member", pool_id="pool", address="10.2.0.1", protocol_port=80)
MONITOR = HealthMonitor(id="monitor", pool_id="pool", type=MonitorType.HTTP, delay=5, timeout=5, max_retries=1)
POLICY = L7Policy(id="policy", listener_id="listener", action=PolicyAction.REDIRECT_TO_POOL, position=1, redirect_pool_id="other")
RULE = L7Rule(id="rule", l7policy_id="policy", type=RuleType.PATH, compare_type=CompareType.EQUAL_TO, value="/")
TREE = Tree(LOAD_BALANCER).put(POOL, OTHER, LISTENER, MEMBER, MONITOR, POLICY, RULE)


def _pool(**fields: Any) -> Pool:
    return dataclasses.replace(POOL, **fields)


def _sticky(kind: PersistenceType, *, algorithm: Algorithm = Algorithm.ROUND_ROBIN, **fields: Any) -> Pool:
    return _pool(session_persistence=SessionPersistence(type=kind, **fields), lb_algorithm=algorithm)


def _listener(**fields: Any) -> Listener:
    return dataclasses.replace(LISTENER, **fields)


def _monitor(**fields: Any) -> HealthMonitor:
    return dataclasses.replace(MONITOR, **fields)


def _rule(**fields: Any) -> L7Rule:
    return dataclasses.replace(RULE, **fields)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        (dataclasses.replace(LOAD_BALANCER, vip_qos_policy_id="x"), "vip_qos_policy_id"),
        (dataclasses.replace(LOAD_BALANCER, vip_sg_ids=("x",)), "vip_sg_ids is not possible; use allowed_cidrs"),
        (_listener(protocol=ListenerProtocol.PROMETHEUS), "protocol PROMETHEUS is not possible; it can be HTTP, HTTPS, SCTP, TCP"),
        (_listener(insert_headers={"X-Mine": "true"}), "insert_headers 'X-Mine' is not possible; possible are"),
        (_listener(tls_versions=("SSLv3", "TLSv1.2")), "tls_versions SSLv3 is not possible; possible"),
        (_listener(alpn_protocols=("h3",)), "alpn_protocols can be h2, http/1.1, http/1.0"),
        *[
            (_listener(tls_ciphers=ciphers), f"tls_ciphers {wrong!r} is not possible; possible are, joined by colons, AES128")
            for ciphers, wrong in (
                ("a b", "a b"),
                ("AES128-SHA:HIGH", "HIGH"),
                ("AES128-SHA:!aNULL", "!aNULL"),
                ("AES128-SHA:", ""),
            )
        ],
        (_listener(client_crl_container_ref="x"), "client_crl_container_ref is not possible"),
        (_listener(allowed_cidrs=("10.0.0.0/33",)), "allowed_cidrs '10.0.0.0/33'"),
        (_listener(hsts_max_age=2**32), "hsts_max_age can be 0 to 4294967295"),
        (_listener(timeout_client_data=86_400_001), "timeout_client_data can be 0, which is for ever, or up to 86400000"),
        (_listener(timeout_member_data=86_400_001), "timeout_member_data can be 0, which is for ever, or up to 86400000"),
        *[
            (_listener(timeout_member_connect=wrong), "timeout_member_connect can be 1 to 315000 milliseconds")
            for wrong in (0, 315_001)
        ],
        (_listener(timeout_tcp_inspect=1), "timeout_tcp_inspect is not possible"),
        (_listener(protocol=ListenerProtocol.SCTP, timeout_client_data=1000), "timeout_client_data is not possible with SCTP"),
        (_pool(protocol=PoolProtocol.PROXY), "protocol PROXY is not possible beside other pools of listener listener"),
        (_pool(tls_enabled=True), "must be as those of pool pool are, because listener listener sends to both"),
        (_pool(alpn_protocols=("h2",)), "alpn_protocols h2 is not possible"),
        (_pool(crl_container_ref="x"), "crl_container_ref is not possible"),
        (_pool(tls_ciphers="HIGH"), "tls_ciphers 'HIGH' is not possible"),
        (_pool(tls_versions=("SSLv3",)), "tls_versions SSLv3 is not possible"),
        (_sticky(PersistenceType.APP_COOKIE, cookie_name='a"b'), "session_persistence cookie_name must be the name of a cookie"),
        (_sticky(PersistenceType.SOURCE_IP, persistence_timeout=0), "persistence_timeout can be 1 to 604800"),
        (_sticky(PersistenceType.SOURCE_IP, persistence_timeout=604_801), "persistence_timeout can be 1 to 604800"),
        (_sticky(PersistenceType.SOURCE_IP, persistence_granularity="255.0.255.0"), "persistence_granularity must be the netmask"),
        (
            _sticky(PersistenceType.SOURCE_IP, algorithm=Algorithm.SOURCE_IP),
            "SOURCE_IP is not possible with lb_algorithm SOURCE_IP",
        ),
        (
            _sticky(PersistenceType.HTTP_COOKIE, algorithm=Algorithm.SOURCE_IP_PORT),
            "is not possible with lb_algorithm SOURCE_IP_PORT",
        ),
        (dataclasses.replace(MEMBER, weight=257), "weight can be 0 to 256"),
        (dataclasses.replace(MEMBER, vnic_type="direct"), "vnic_type 'direct'"),
        *[
            (dataclasses.replace(MEMBER, address=address), f"address {address!r} must be the IP address of a host")
            for address in ("x", "fe80::1%eth0", "10.2.0.1%5", "0.0.0.0", "::", "224.0.0.1")
        ],
        (dataclasses.replace(MEMBER, monitor_address="0.0.0.0"), "monitor_address '0.0.0.0' must be the IP address of a host"),
        (dataclasses.replace(MEMBER, address="10.1.0.1"), "address 10.1.0.1 is that of the load balancer itself"),
        (_monitor(type=MonitorType.SCTP), "type SCTP is not possible; it can be HTTP, HTTPS, PING, TCP, TLS-HELLO, UDP-CONNECT"),
        (_monitor(delay=0), "delay can be 1 to 3600 seconds"),
        (_monitor(delay=3601), "delay can be 1 to 3600 seconds"),
        (
            _monitor(delay=300),
            "timeout can be such that max_retries_down times delay, and timeout, are 900 seconds together at most",
        ),
        (_monitor(delay=250, timeout=1, max_retries=10), "max_retries can be such that one less, times delay, is 1800 seconds"),
        (_monitor(id="second"), "more than one health monitor"),
        *[
            (_monitor(url_path=path), "url_path must begin with a slash and have only")
            for path in ("a", "/ ", "/$x", "/[x", '/"', "/`T`")
        ],
        (_monitor(domain_name="a_b"), "domain_name must be a host name"),
        (_monitor(expected_codes="200-"), "expected_codes must be"),
        (_monitor(expected_codes="200, 700"), "expected_codes must be"),
        (_monitor(http_version=2.0), "http_version can be 1.0 or 1.1"),
        (_listener(protocol=ListenerProtocol.TCP), "TCP protocol listeners do not support L7 policies"),
        (dataclasses.replace(POLICY, redirect_url=""), "redirect_url must not be empty"),
        (dataclasses.replace(POLICY, redirect_prefix="a\nb"), "redirect_prefix must not be empty and must not have control"),
        (
            _rule(compare_type=CompareType.REGEX),
            "compare_type REGEX is not possible: it could hold up the whole device; it can be CONT",
        ),
        (_rule(type=RuleType.FILE_TYPE, value="a/b"), "value must be a type of files, which has no slash"),
        (_rule(type=RuleType.COOKIE, key="a b"), "key must be the name of what type COOKIE looks at"),
        (_rule(type=RuleType.SSL_DN_FIELD, key="O=*)"), "key must be the name of what type SSL_DN_FIELD looks at"),
        (_rule(type=RuleType.SSL_VERIFY_RESULT, value="-1"), "value must be the number of a result"),
        (_rule(value='""'), "value must not be empty"),
    ],
)
def test_it_is_said_what_is_not_possible(changed: Child | LoadBalancer, text: str) -> None:
    assert refuse(TREE, Options()) == []
    found = refuse(TREE.put(changed), Options())
    assert [refusal for refusal in found if text in refusal.text], found
    assert all(refusal.object_id in TREE.put(changed).children or refusal.object_id == "lb" for refusal in found)


@pytest.mark.parametrize("value", ["(?P<name>x)", "(?<=x)y", "(?<!x)y"])
def test_allowed_regular_expressions_are_those_of_tcl(value: str) -> None:
    options = Options(regular_expressions=True)
    assert refuse(TREE.put(_rule(compare_type=CompareType.REGEX, value="(?i)^/v[0-9]+$")), options) == []
    (refusal,) = refuse(TREE.put(_rule(compare_type=CompareType.REGEX, value=value)), options)
    assert (refusal.object_id, "a regular expression of Tcl" in refusal.text) == ("rule", True)


def test_weights_must_have_an_exact_ratio() -> None:
    heavy = dataclasses.replace(MEMBER, weight=256)
    light = dataclasses.replace(MEMBER, id="light", address="10.2.0.2", weight=1)
    assert refuse(TREE.put(heavy), Options()) == []
    assert refuse(TREE.put(heavy, dataclasses.replace(light, weight=64)), Options()) == []
    (refusal,) = refuse(TREE.put(heavy, light), Options())
    assert (refusal.object_id, "weight 256 of a member is not possible beside weight 1" in refusal.text) == ("pool", True)


def test_a_hash_knows_no_weights() -> None:
    light = dataclasses.replace(MEMBER, id="light", address="10.2.0.2", weight=2)
    tree = TREE.drop("policy").put(_pool(lb_algorithm=Algorithm.SOURCE_IP))
    assert refuse(tree, Options()) == []
    (refusal,) = refuse(tree.put(light), Options())
    assert "lb_algorithm SOURCE_IP is not possible with different weights" in refusal.text


def test_a_member_is_there_once_however_its_address_is_written() -> None:
    one, same = (dataclasses.replace(MEMBER, id=text, address=text) for text in ("fd00::1", "fd00:0:0::1"))
    (refusal,) = refuse(TREE.put(one, same), Options())
    assert (refusal.object_id, "members fd00::1 port 80 are 2 and must be one" in refusal.text) == ("pool", True)


@pytest.mark.parametrize("algorithm", [Algorithm.ROUND_ROBIN, Algorithm.SOURCE_IP])
def test_pools_of_a_listener_tie_clients_in_one_way_or_not_at_all(algorithm: Algorithm) -> None:
    sticky = _sticky(PersistenceType.HTTP_COOKIE)
    other = dataclasses.replace(OTHER, lb_algorithm=algorithm)
    assert refuse(TREE.put(sticky, dataclasses.replace(sticky, id="other")), Options()) == []
    (refusal,) = refuse(TREE.put(sticky, other), Options())
    assert (refusal.object_id, "in the same way, or none of them" in refusal.text) == ("other", True)


def test_cookies_need_requests_to_be_read() -> None:
    tree = Tree(LOAD_BALANCER).put(_sticky(PersistenceType.HTTP_COOKIE), _listener(protocol=ListenerProtocol.TCP))
    (refusal,) = refuse(tree, Options())
    assert "HTTP_COOKIE is not possible behind a TCP listener" in refusal.text


def test_connections_are_counted_for_each_address() -> None:
    several = dataclasses.replace(LOAD_BALANCER, additional_vips=(Vip(address="fd00::1"),))
    assert refuse(TREE.put(several), Options()) == []
    (refusal,) = refuse(TREE.put(several, _listener(connection_limit=5)), Options())
    assert "connection_limit beside additional_vips is not possible" in refusal.text


@pytest.mark.parametrize(
    ("protocol", "kind", "tls"),
    [
        (PoolProtocol.PROXY, MonitorType.HTTPS, False),
        (PoolProtocol.PROXY, MonitorType.TLS_HELLO, False),
        (PoolProtocol.PROXYV2, MonitorType.HTTP, False),
        (PoolProtocol.PROXY, MonitorType.HTTP, True),
    ],
)
def test_probes_cannot_begin_as_all_traffic_does(protocol: PoolProtocol, kind: MonitorType, tls: bool) -> None:
    tree = Tree(LOAD_BALANCER).put(_pool(protocol=protocol, tls_enabled=tls), LISTENER, _monitor(type=MonitorType.TCP))
    assert refuse(tree, Options()) == []
    (refusal,) = refuse(tree.put(_monitor(type=kind)), Options())
    assert f"type {kind} is not possible for a {protocol} pool" in refusal.text
