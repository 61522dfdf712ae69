"""What may not be together in one tree."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from bascule.model.errors import Conflict, Invalid, NotFound, Refused
from bascule.model.objects import (
    Algorithm,
    ClientAuthentication,
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
from bascule.model.rules import InvalidOption, check

ROOT = LoadBalancer(id="lb", project_id="p", provider="x", vip=Vip(address="192.0.2.1", subnet_id="s"))
POOL = Pool(id="pool", protocol=PoolProtocol.HTTP, lb_algorithm=Algorithm.ROUND_ROBIN)
LISTENER = Listener(id="listener", protocol=ListenerProtocol.HTTP, protocol_port=80, default_pool_id="pool")
MEMBER = Member(id="member", pool_id="pool", address="10.0.0.1", protocol_port=80)
MONITOR = HealthMonitor(id="monitor", pool_id="pool", type=MonitorType.HTTP, delay=5, timeout=3, max_retries=2)
POLICY = L7Policy(id="policy", listener_id="listener", action=PolicyAction.REJECT, position=1)
RULE = L7Rule(id="rule", l7policy_id="policy", type=RuleType.PATH, compare_type=CompareType.EQUAL_TO, value="/")
TREE = Tree(ROOT).put(POOL, LISTENER, MEMBER, MONITOR, POLICY, RULE)


def but(each: Any, **changes: Any) -> Any:
    return dataclasses.replace(each, **changes)


def refusal(tree: Tree, before: Tree | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        check(tree, before)
    return caught.value


def test_a_tree_that_is_right() -> None:
    check(TREE, None)
    check(TREE, TREE)
    check(TREE.drop("pool", "policy"), TREE)


PAIRS = {
    "TCP": "HTTP HTTPS PROXY PROXYV2 TCP",
    "HTTP": "HTTP PROXY PROXYV2",
    "HTTPS": "HTTPS PROXY PROXYV2 TCP",
    "TERMINATED_HTTPS": "HTTP PROXY PROXYV2",
    "UDP": "UDP",
    "SCTP": "SCTP",
    "PROMETHEUS": "",
}


@pytest.mark.parametrize("pool_protocol", PoolProtocol)
@pytest.mark.parametrize("protocol", ListenerProtocol)
@pytest.mark.parametrize("through_policy", [False, True])
def test_protocols_that_go_together(protocol: ListenerProtocol, pool_protocol: PoolProtocol, through_policy: bool) -> None:
    own = {"default_tls_container_ref": "c"} if protocol is ListenerProtocol.TERMINATED_HTTPS else {}
    listener = but(LISTENER, protocol=protocol, default_pool_id=None if through_policy else "pool", **own)
    tree = Tree(ROOT).put(but(POOL, protocol=pool_protocol), listener)
    if through_policy:
        tree = tree.put(but(POLICY, action=PolicyAction.REDIRECT_TO_POOL, redirect_pool_id="pool"))
    if pool_protocol in PAIRS[protocol].split():
        check(tree, None)
    elif protocol is ListenerProtocol.PROMETHEUS:
        assert str(refusal(tree)) == "Protocol PROMETHEUS listeners cannot have child objects."
    else:
        wanted = f"The pool protocol '{pool_protocol}' is invalid while the listener protocol is '{protocol}'."
        assert str(refusal(tree)) == wanted


@pytest.mark.parametrize("protocol", ["TCP", "TERMINATED_HTTPS", "HTTPS", "PROMETHEUS"])
def test_ports_are_counted_by_transport(protocol: str) -> None:
    second = but(LISTENER, id="second", protocol=ListenerProtocol(protocol), default_pool_id=None)
    if protocol == "TERMINATED_HTTPS":
        second = but(second, default_tls_container_ref="c")
    assert isinstance(refusal(TREE.put(second), TREE), Conflict)
    check(TREE.put(but(second, protocol_port=81)), TREE)
    for other in (ListenerProtocol.UDP, ListenerProtocol.SCTP):
        check(TREE.put(but(second, protocol=other, default_tls_container_ref=None)), TREE)


def test_references_stay_within_the_tree() -> None:
    for each in (
        but(LISTENER, default_pool_id="elsewhere"),
        but(MEMBER, pool_id="elsewhere"),
        but(MONITOR, pool_id="elsewhere"),
        but(POLICY, listener_id="elsewhere"),
        but(POLICY, action=PolicyAction.REDIRECT_TO_POOL, redirect_pool_id="elsewhere"),
        but(RULE, l7policy_id="elsewhere"),
    ):
        error = refusal(TREE.put(each), TREE)
        assert isinstance(error, NotFound)
        assert error.id == "elsewhere"


def test_a_pool_in_use_by_a_policy_stays() -> None:
    tree = TREE.put(but(POLICY, action=PolicyAction.REDIRECT_TO_POOL, redirect_pool_id="pool"))
    assert str(refusal(tree.drop("pool"), tree)) == "Pool pool is in use by L7 policy policy"
    check(tree.drop("policy").drop("pool"), tree)


def test_members_are_where_no_other_is() -> None:
    assert isinstance(refusal(TREE.put(but(MEMBER, id="second")), TREE), Conflict)
    check(TREE.put(but(MEMBER, id="second", protocol_port=81), but(MEMBER, id="third", address="10.0.0.2")), TREE)


def test_fifty_rules_are_enough() -> None:
    tree = TREE.put(*(but(RULE, id=f"rule{number}") for number in range(49)))
    check(tree, TREE)
    assert isinstance(refusal(tree.put(but(RULE, id="last")), tree), Conflict)


TLS = but(LISTENER, protocol=ListenerProtocol.TERMINATED_HTTPS, default_tls_container_ref="c")


@pytest.mark.parametrize(
    ("listener", "text"),
    [
        (but(LISTENER, default_tls_container_ref="c"), "only allowed on TERMINATED_HTTPS"),
        (but(LISTENER, sni_container_refs=("c",)), "only allowed on TERMINATED_HTTPS"),
        (but(LISTENER, client_ca_tls_container_ref="c"), "only allowed on TERMINATED_HTTPS"),
        (but(TLS, default_tls_container_ref=None), "must be provided"),
        (but(TLS, client_authentication=ClientAuthentication.OPTIONAL), "client_ca_tls_container_ref is needed"),
        (but(TLS, client_crl_container_ref="c"), "client_ca_tls_container_ref is needed"),
        (but(TLS, tls_ciphers="A\nB"), "control characters"),
        (but(TLS, tls_ciphers="A; reboot"), "not a valid option for tls_ciphers"),
        (but(LISTENER, insert_headers={"X-SSL-Client-DN": "true"}), "not a valid option for insert_headers"),
        (but(TLS, insert_headers={"X-Real-IP\r\nA": "true"}), "control characters"),
        (but(TLS, insert_headers={"X-Real-IP": "a\nb"}), "control characters"),
        (but(LISTENER, hsts_max_age=0), "hsts_max_age is only allowed"),
        (but(TLS, hsts_include_subdomains=True), "hsts_max_age is needed"),
        (but(LISTENER, allowed_cidrs=("fd00::/8",)), "no VIP of the load balancer is"),
        (but(LISTENER, name="a\u2028b"), "name must not contain control characters"),
        (but(LISTENER, tags=("fine", "\x7f")), "tags must not contain control characters"),
    ],
)
def test_listeners(listener: Listener, text: str) -> None:
    assert text in str(refusal(TREE.put(listener), TREE))


def test_listeners_that_are_right() -> None:
    full = but(
        TLS,
        sni_container_refs=("d",),
        client_ca_tls_container_ref="e",
        client_crl_container_ref="f",
        client_authentication=ClientAuthentication.MANDATORY,
        insert_headers={"X-SSL-Client-DN": "true", "X-Forwarded-For": "anything"},
        hsts_max_age=0,
        hsts_preload=True,
        allowed_cidrs=("10.0.0.0/8",),
        tls_ciphers="ECDHE+AES:!NULL@SECLEVEL=2",
    )
    check(TREE.put(full), TREE)
    metrics = but(full, id="metrics", protocol=ListenerProtocol.PROMETHEUS, protocol_port=81)
    check(TREE.put(but(metrics, default_pool_id=None, insert_headers={}, hsts_max_age=None, hsts_preload=False)), TREE)


def test_networks_of_clients_match_some_vip() -> None:
    both = but(ROOT, additional_vips=(Vip(address="fd00::1", subnet_id="t"),))
    check(TREE.put(both, but(LISTENER, allowed_cidrs=("fd00::/8", "10.0.0.0/8"))), TREE)
    unknown = but(ROOT, vip=Vip(address="", subnet_id="s"))
    check(TREE.put(unknown, but(LISTENER, allowed_cidrs=("fd00::/8",))), TREE)
    guarded = but(ROOT, vip_sg_ids=("g",))
    limited = but(LISTENER, allowed_cidrs=("10.0.0.0/8",))
    assert isinstance(refusal(TREE.put(guarded, limited), TREE), Invalid)
    assert isinstance(refusal(TREE.put(limited).put(guarded), TREE.put(limited)), Invalid)


def test_one_vip_per_subnet() -> None:
    twice = but(ROOT, additional_vips=(Vip(address="192.0.2.2", subnet_id="s"),))
    assert "only one VIP per subnet" in str(refusal(TREE.put(twice), TREE))


@pytest.mark.parametrize(
    ("persistence", "protocol", "right"),
    [
        (SessionPersistence(type=PersistenceType.APP_COOKIE, cookie_name="a"), "HTTP", True),
        (SessionPersistence(type=PersistenceType.APP_COOKIE), "HTTP", False),
        (SessionPersistence(type=PersistenceType.APP_COOKIE, cookie_name="a;b"), "HTTP", False),
        (SessionPersistence(type=PersistenceType.HTTP_COOKIE), "HTTP", True),
        (SessionPersistence(type=PersistenceType.HTTP_COOKIE), "TCP", True),
        (SessionPersistence(type=PersistenceType.HTTP_COOKIE, cookie_name="a"), "HTTP", False),
        (SessionPersistence(type=PersistenceType.SOURCE_IP, persistence_timeout=1), "HTTP", False),
        (SessionPersistence(type=PersistenceType.SOURCE_IP, persistence_granularity="255.0.0.0"), "TCP", False),
        (SessionPersistence(type=PersistenceType.SOURCE_IP, persistence_timeout=1), "UDP", True),
        (SessionPersistence(type=PersistenceType.SOURCE_IP, persistence_timeout=1), "SCTP", True),
        (SessionPersistence(type=PersistenceType.HTTP_COOKIE), "UDP", False),
    ],
)
def test_session_persistence(persistence: SessionPersistence, protocol: str, right: bool) -> None:
    tree = Tree(ROOT).put(but(POOL, protocol=PoolProtocol(protocol), session_persistence=persistence))
    if right:
        check(tree, None)
    else:
        assert str(refusal(tree)).startswith("session_persistence: ")


def test_pools() -> None:
    assert "ca_tls_container_ref is needed" in str(refusal(Tree(ROOT).put(but(POOL, crl_container_ref="c"))))
    assert isinstance(refusal(Tree(ROOT).put(but(POOL, tls_ciphers=""))), InvalidOption)


@pytest.mark.parametrize("pool_protocol", PoolProtocol)
@pytest.mark.parametrize("kind", MonitorType)
def test_monitors_that_suit_their_pool(kind: MonitorType, pool_protocol: PoolProtocol) -> None:
    tree = Tree(ROOT).put(but(POOL, protocol=pool_protocol), but(MONITOR, type=kind))
    datagrams = pool_protocol in (PoolProtocol.UDP, PoolProtocol.SCTP)
    allowed = ("UDP-CONNECT", "SCTP", "TCP", "HTTP") if datagrams else ("HTTP", "HTTPS", "PING", "TCP", "TLS-HELLO")
    if kind in allowed:
        check(tree, None)
    else:
        assert isinstance(refusal(tree), Invalid)


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({"url_path": "/a/b.c?d=e&f=%20"}, True),
        ({"url_path": "a"}, False),
        ({"url_path": "//host/a"}, False),
        ({"url_path": "/a b"}, False),
        ({"url_path": '/"'}, False),
        ({"url_path": "/é"}, False),
        ({"expected_codes": "200"}, True),
        ({"expected_codes": "200, 201,302"}, True),
        ({"expected_codes": "200-299"}, True),
        ({"expected_codes": "200-200"}, True),
        ({"expected_codes": "204-200"}, False),
        ({"expected_codes": "2xx"}, False),
        ({"expected_codes": "200,"}, False),
        ({"expected_codes": "٢٠٠"}, False),
        ({"http_version": 1.0}, True),
        ({"http_version": 1.5}, False),
        ({"domain_name": "a.example", "http_version": 1.1}, True),
        ({"domain_name": "a.example", "http_version": 1.0}, False),
        ({"domain_name": "a..example", "http_version": 1.1}, False),
        ({"domain_name": "a" * 64, "http_version": 1.1}, False),
        ({"type": MonitorType.TCP, "expected_codes": "200"}, False),
    ],
)
def test_monitors_that_speak_http(changes: dict[str, Any], right: bool) -> None:
    tree = Tree(ROOT).put(POOL, but(MONITOR, **changes))
    if right:
        check(tree, None)
    else:
        assert isinstance(refusal(tree), Invalid)


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("http://x.example", True),
        ("HTTPS://x.example:8443/a?b=c#d", True),
        ("http://[2001:db8::1]/", True),
        ("http://x.example:0/", False),
        ("http://x.example:99999/", False),
        ("http:///a", False),
        ("ftp://x.example/", False),
        ("//x.example/", False),
        ("http://x.example/a b", False),
        ("http://x.example/\u00e9", False),
    ],
)
def test_urls_to_redirect_to(url: str, right: bool) -> None:
    for action, name in ((PolicyAction.REDIRECT_TO_URL, "redirect_url"), (PolicyAction.REDIRECT_PREFIX, "redirect_prefix")):
        tree = TREE.put(but(POLICY, action=action, **{name: url}))
        if right:
            check(tree, TREE)
        else:
            assert name in str(refusal(tree, TREE))


def test_policies_have_what_their_action_needs_and_no_more() -> None:
    for changes in (
        {"action": PolicyAction.REDIRECT_TO_POOL},
        {"action": PolicyAction.REDIRECT_TO_URL, "redirect_prefix": "http://x/"},
        {"redirect_url": "http://x/"},
        {"redirect_pool_id": "pool"},
        {"redirect_http_code": 302},
        {"action": PolicyAction.REDIRECT_TO_URL, "redirect_url": "http://x/", "redirect_http_code": 304},
    ):
        assert isinstance(refusal(TREE.put(but(POLICY, **changes)), TREE), Invalid)


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({"value": "/a,b;c"}, True),
        ({"value": '"a b"'}, True),
        ({"value": 'a "b"'}, False),
        ({"value": "é"}, False),
        ({"value": ""}, False),
        ({"type": RuleType.HEADER, "key": "X-A"}, True),
        ({"type": RuleType.HEADER, "key": "X A"}, False),
        ({"type": RuleType.HEADER}, False),
        ({"type": RuleType.COOKIE, "key": "a", "value": "b=c"}, True),
        ({"type": RuleType.COOKIE, "key": "a", "value": '"b"'}, False),
        ({"type": RuleType.COOKIE, "key": "a", "value": "b\\c"}, False),
        ({"type": RuleType.FILE_TYPE, "value": "jpg"}, True),
        ({"type": RuleType.FILE_TYPE, "compare_type": CompareType.CONTAINS}, False),
        ({"compare_type": CompareType.REGEX, "value": "^/[a-z ]+$"}, True),
        ({"compare_type": CompareType.REGEX, "value": "("}, False),
        ({"compare_type": CompareType.REGEX, "value": "a{99999999999}"}, False),
        ({"type": RuleType.SSL_CONN_HAS_CERT, "value": "true"}, True),
        ({"type": RuleType.SSL_CONN_HAS_CERT, "value": "true", "key": "k"}, False),
        ({"type": RuleType.SSL_CONN_HAS_CERT, "value": "false"}, False),
        ({"type": RuleType.SSL_VERIFY_RESULT, "value": "21"}, True),
        ({"type": RuleType.SSL_VERIFY_RESULT, "value": "x"}, False),
        ({"type": RuleType.SSL_VERIFY_RESULT, "value": "0", "compare_type": CompareType.CONTAINS}, False),
        ({"type": RuleType.SSL_DN_FIELD, "key": "CN", "value": "x"}, True),
        ({"type": RuleType.SSL_DN_FIELD, "key": "C_N", "value": "x"}, False),
    ],
)
def test_rules(changes: dict[str, Any], right: bool) -> None:
    tree = TREE.put(but(RULE, **changes))
    if right:
        check(tree, TREE)
    else:
        assert isinstance(refusal(tree, TREE), Invalid)


def test_only_what_changes_is_looked_at() -> None:
    wrong = TREE.put(but(MONITOR, url_path="wrong"), but(POOL, name="a\nb"))
    check(wrong.put(but(LISTENER, name="new")), wrong)
    assert isinstance(refusal(wrong.put(but(POOL, name="c\nd")), wrong), Invalid)
