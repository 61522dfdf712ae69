"""What HAProxy cannot carry is said in the request, with the field and what is possible."""

from __future__ import annotations

import dataclasses
import os
import socket
from pathlib import Path

import pytest

from bascule.model.backend import Refusal
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
from bascule.south.haproxy import Binary, HAProxyBackend
from tests.addresses import own_address

LOAD_BALANCER = LoadBalancer(id="lb", project_id="p", provider="haproxy", vip=Vip(address=""))
POOL = Pool(id="pool", protocol=PoolProtocol.HTTP, lb_algorithm=Algorithm.ROUND_ROBIN)
LISTENER = Listener(id="listener", protocol=ListenerProtocol.HTTP, protocol_port=8080, default_pool_id="pool")
MEMBER = Member(id="member", pool_id="pool", address="127.0.0.1", protocol_port=80)
MONITOR = HealthMonitor(id="monitor", pool_id="pool", type=MonitorType.HTTP, delay=1, timeout=1, max_retries=1)
POLICY = L7Policy(id="policy", listener_id="listener", action=PolicyAction.REJECT, position=1)
RULE = L7Rule(id="rule", l7policy_id="policy", type=RuleType.PATH, compare_type=CompareType.EQUAL_TO, value="/")
TREE = Tree(LOAD_BALANCER).put(POOL, LISTENER, MEMBER, MONITOR, POLICY, RULE)


UNUSED = Binary(Path("unused"), (2, 6))


@pytest.fixture
def backend(tmp_path: Path) -> HAProxyBackend:
    return HAProxyBackend(tmp_path, UNUSED)


def _sticky(kind: PersistenceType, **fields: object) -> Pool:
    return dataclasses.replace(POOL, session_persistence=SessionPersistence(type=kind, **fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        *[
            (dataclasses.replace(LISTENER, protocol=protocol), f"protocol {protocol} is not possible; it can be HTTP, TERM")
            for protocol in (ListenerProtocol.UDP, ListenerProtocol.SCTP)
        ],
        (dataclasses.replace(LISTENER, insert_headers={"X-Mine": "true"}), "insert_headers 'X-Mine' is not possible; possible are"),
        (
            dataclasses.replace(LISTENER, tls_versions=("SSLv3", "TLSv1.2")),
            "tls_versions SSLv3 is not possible; possible",
        ),
        (dataclasses.replace(LISTENER, tls_versions=("TLSv1.1", "TLSv1.3")), "tls_versions must be without a gap"),
        (dataclasses.replace(LISTENER, alpn_protocols=("h3",)), "alpn_protocols can be h2, http/1.1, http/1.0"),
        (dataclasses.replace(LISTENER, tls_ciphers="a b"), "tls_ciphers must be an OpenSSL cipher string"),
        (dataclasses.replace(LISTENER, allowed_cidrs=("10.0.0.0/33",)), "allowed_cidrs '10.0.0.0/33'"),
        *[
            (dataclasses.replace(POOL, protocol=protocol), f"protocol {protocol} is not possible; it can be HTTP, HTTPS, TCP")
            for protocol in (PoolProtocol.UDP, PoolProtocol.SCTP)
        ],
        (dataclasses.replace(POOL, tls_versions=("TLSv1.1", "TLSv1.3")), "tls_versions must be without a gap"),
        (dataclasses.replace(POOL, alpn_protocols=("h3",)), "alpn_protocols can be h2, http/1.1, http/1.0"),
        (dataclasses.replace(POOL, tls_ciphers="a b"), "tls_ciphers must be an OpenSSL cipher string"),
        (_sticky(PersistenceType.APP_COOKIE), "session_persistence cookie_name must be the name of a cookie"),
        (_sticky(PersistenceType.APP_COOKIE, cookie_name='a"b'), "session_persistence cookie_name must be the name of a cookie"),
        (_sticky(PersistenceType.SOURCE_IP, persistence_granularity="255.255.0.0"), "persistence_granularity"),
        (_sticky(PersistenceType.SOURCE_IP, persistence_timeout=0), "persistence_timeout can be 1 to 2000000"),
        (dataclasses.replace(MEMBER, weight=257), "weight can be 0 to 256"),
        (dataclasses.replace(MEMBER, vnic_type="direct"), "vnic_type 'direct'"),
        (dataclasses.replace(MEMBER, monitor_address="x"), "monitor_address 'x' must be an IP address"),
        *[
            (dataclasses.replace(MONITOR, type=kind), f"type {kind} is not possible: HAProxy carries neither UDP nor SCTP. It can")
            for kind in (MonitorType.SCTP, MonitorType.UDP_CONNECT)
        ],
        (dataclasses.replace(MONITOR, delay=0), "delay can be 1 to 2147483 seconds"),
        (dataclasses.replace(MONITOR, delay=2147484), "delay can be 1 to 2147483 seconds"),
        (dataclasses.replace(MONITOR, timeout=2147484), "timeout can be 0 to 2147483 seconds"),
        (dataclasses.replace(MONITOR, url_path="/a b"), "url_path must begin with a slash"),
        (dataclasses.replace(MONITOR, url_path="a"), "url_path must begin with a slash"),
        (dataclasses.replace(MONITOR, domain_name="a b"), "domain_name must not"),
        (dataclasses.replace(MONITOR, expected_codes="200-"), "expected_codes must be"),
        (dataclasses.replace(MONITOR, expected_codes="200, 700"), "expected_codes must be"),
        (dataclasses.replace(MONITOR, http_version=2.0), "http_version can be 1.0 or 1.1"),
        (dataclasses.replace(MONITOR, id="second"), "more than one health monitor"),
        (dataclasses.replace(LISTENER, protocol=ListenerProtocol.TCP), "TCP protocol listeners do not support L7 policies"),
        (dataclasses.replace(POLICY, redirect_url=""), "redirect_url must not be empty"),
        (dataclasses.replace(POLICY, redirect_prefix="a\nb"), "redirect_prefix must not be empty and must not have control"),
        *[
            (dataclasses.replace(RULE, type=kind, key=key), f"key must be the name of what type {kind} looks at")
            for kind in (RuleType.COOKIE, RuleType.HEADER, RuleType.SSL_DN_FIELD)
            for key in (None, "", "a b", "a)", 'a"', "a\\", "a,b", "\u00e9")
        ],
        *[
            (dataclasses.replace(RULE, type=RuleType.SSL_VERIFY_RESULT, value=value), "value must be the number of a result")
            for value in ("-1", "true", "\u0661", "1" * 10)
        ],
        (dataclasses.replace(RULE, value='""'), "value must not be empty"),
        (dataclasses.replace(RULE, value=""), "value must not be empty"),
        (dataclasses.replace(LOAD_BALANCER, vip_qos_policy_id="x"), "vip_qos_policy_id"),
        (dataclasses.replace(LOAD_BALANCER, vip_sg_ids=("x",)), "vip_sg_ids is not possible; use allowed_cidrs"),
    ],
)
def test_it_is_said_what_is_not_possible(backend: HAProxyBackend, changed: Child | LoadBalancer, text: str) -> None:
    assert backend.refuse(TREE, None) == []
    found = backend.refuse(TREE.put(changed), TREE)
    assert [refusal for refusal in found if text in refusal.text], found
    assert all(refusal.object_id in TREE.put(changed).children or refusal.object_id == "lb" for refusal in found)


@pytest.mark.parametrize(("kind", "name"), [(PersistenceType.HTTP_COOKIE, None), (PersistenceType.APP_COOKIE, "x")])
def test_a_cookie_needs_requests_to_be_read(backend: HAProxyBackend, kind: PersistenceType, name: str | None) -> None:
    tree = Tree(LOAD_BALANCER).put(_sticky(kind, cookie_name=name), LISTENER)
    assert backend.refuse(tree, None) == []
    (refusal,) = backend.refuse(tree.put(dataclasses.replace(LISTENER, protocol=ListenerProtocol.TCP)), tree)
    assert refusal.object_id == "pool"
    assert f"{kind} is not possible behind a TCP listener" in refusal.text


def test_what_is_there_already_stands_in_nobodys_way(backend: HAProxyBackend) -> None:
    before = TREE.put(dataclasses.replace(MONITOR, type=MonitorType.UDP_CONNECT))
    after = before.put(dataclasses.replace(MEMBER, weight=5))
    assert backend.refuse(after, before) == []
    assert [each.object_id for each in backend.refuse(after.put(dataclasses.replace(RULE, value="")), before)] == ["rule"]


def test_metrics_need_a_haproxy_that_shows_them(backend: HAProxyBackend, tmp_path: Path) -> None:
    tree = Tree(LOAD_BALANCER).put(dataclasses.replace(LISTENER, protocol=ListenerProtocol.PROMETHEUS, default_pool_id=None))
    (refusal,) = backend.refuse(tree, None)
    text = "Listener protocol PROMETHEUS is not possible: the HAProxy here was built without prometheus-exporter."
    assert refusal == Refusal("listener", text)
    assert backend.refuse(tree, tree) == []
    assert HAProxyBackend(tmp_path, dataclasses.replace(UNUSED, exporter=True)).refuse(tree, None) == []


# Ports.


def _bound(address: str, port: int) -> Tree:
    load_balancer = dataclasses.replace(LOAD_BALANCER, vip=Vip(address=address))
    return Tree(load_balancer).put(dataclasses.replace(LISTENER, protocol_port=port, default_pool_id=None))


def test_a_port_that_another_program_holds_is_refused_for_new_listeners(backend: HAProxyBackend) -> None:
    address = own_address()
    with socket.create_server((address, 0)) as other:
        tree = _bound(address, other.getsockname()[1])
        (refusal,) = backend.refuse(tree, None)
        text = f"Listener port {other.getsockname()[1]} of {address} cannot be bound: another program uses it."
        assert refusal == Refusal("listener", text, in_the_way=True)
        assert backend.refuse(tree, tree) == []
    assert backend.refuse(tree, None) == []


def test_an_address_that_is_not_here_is_refused(backend: HAProxyBackend) -> None:
    (refusal,) = backend.refuse(_bound("192.0.2.1", 8080), None)
    assert "the address is not on this machine" in refusal.text
    assert not refusal.in_the_way


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.skipif(os.geteuid() != 0, reason="has to give up the rights of root")
def test_a_low_port_without_the_right_is_refused(backend: HAProxyBackend) -> None:
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
        if int(file.read()) <= 1:
            pytest.skip("here everybody may bind low ports")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setuid(65534)
            os.write(writing, "".join(each.text for each in backend.refuse(_bound("127.77.0.1", 80), None)).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        assert "port 80 of 127.77.0.1 cannot be bound: HAProxy has no right to such a low port" in answer.read().decode()


def test_ports_of_another_host_are_not_tried_here(tmp_path: Path) -> None:
    elsewhere = HAProxyBackend(tmp_path, UNUSED, host="elsewhere")
    assert elsewhere.refuse(_bound("192.0.2.1", 80), None) == []
    assert elsewhere.carriers("", None) == ("elsewhere",)
    assert [(lane.id, lane.tags) for lane in elsewhere.lanes()] == [("haproxy:elsewhere", ("elsewhere",))]


def test_a_port_that_a_program_of_the_same_user_shares_with_everybody_is_refused(backend: HAProxyBackend) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.77.0.1", 0))
        other.listen()
        refusals = backend.refuse(_bound("127.77.0.1", other.getsockname()[1]), None)
    assert "another program uses it" in refusals[0].text
