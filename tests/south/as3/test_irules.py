"""iRules, run in Tcl: they decide as HAProxy does, and no text of a user is ever more than text."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from bascule.model.objects import (
    CompareType,
    L7Rule,
    ListenerProtocol,
    PersistenceType,
    PolicyAction,
    PoolProtocol,
    RuleType,
    SessionPersistence,
    Tree,
)
from bascule.south.as3 import distinguished_name
from bascule.south.as3.irule import word
from bascule.south.as3.names import tenant_name
from bascule.south.as3.options import Options
from bascule.south.as3.render import refuse
from tests.south.as3.checks import balanced
from tests.south.as3.tcl import Request, evaluate, run
from tests.south.as3.test_refuse import LISTENER, OTHER, POLICY, POOL, RULE, TREE
from tests.south.as3.test_results import items_of

pytestmark = pytest.mark.slow

OPTIONS = Options(regular_expressions=True)
HOSTILE = [
    *(
        '"',
        "{",
        "}",
        "[exit]",
        "$env(HOME)",
        "\\",
        "a\\",
        ";exit",
        "#",
        "}\nexit\n{",
        '" ] ; exit',
        "\\x7d",
        "\\u007d",
        "`T`",
        "-f",
        "{*}",
    ),
    *("a b", "%41", "\u00e9", "*", "?", "||1", "=1"),
]
REJECT = dataclasses.replace(POLICY, action=PolicyAction.REJECT, redirect_pool_id=None)
OVER_TLS = dataclasses.replace(LISTENER, protocol=ListenerProtocol.TERMINATED_HTTPS, default_tls_container_ref="a")
APP = f"/{tenant_name('lb')}/app"


def _rules(tree: Tree) -> list[str]:
    items = items_of(tree, OPTIONS)
    found = [items[each]["iRule"] for each in items["ls_listener"].get("iRules", [])]
    assert all(balanced(each) for each in found)
    return found


def _rejects(rule: L7Rule, request: Request, listener: Any = LISTENER) -> bool:
    tree = TREE.put(REJECT, rule, listener)
    assert refuse(tree, OPTIONS) == []
    actions, _ = run(_rules(tree), "HTTP_REQUEST", request)
    assert actions in ([], ["respond 403 noserver"])
    return bool(actions)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_word_is_the_text_and_nothing_else(text: str) -> None:
    script = f"set found {word(text)}; puts -nonewline [expr {{ {word(text)} eq $found }}]; binary scan $found H* hex; puts $hex"
    assert evaluate(script) == f"1{text.encode().hex()}\n"
    assert balanced(word(text))


C, R = CompareType, RuleType


@pytest.mark.parametrize(
    ("kind", "compared", "value", "yes", "no"),
    [
        (R.PATH, C.EQUAL_TO, "/a", Request("/a?b"), Request("/ab")),
        (R.PATH, C.STARTS_WITH, "/a", Request("/ab"), Request("/b/a")),
        (R.PATH, C.ENDS_WITH, ".php", Request("/x.php?y"), Request("/x?y.php")),
        (R.PATH, C.CONTAINS, "/b", Request("/a/b/c"), Request("/a?/b")),
        (R.PATH, C.REGEX, "^/v[0-9]+/", Request("/v12/x"), Request("/v/x")),
        (R.PATH, C.REGEX, "(", Request("/none"), None),
        (R.HOST_NAME, C.EQUAL_TO, "WWW.example.com", Request(host="www.Example.com:8080"), Request(host="www.example.com.x")),
        (R.HOST_NAME, C.EQUAL_TO, "www.example.com:8080", Request(host="WWW.example.com:8080"), Request()),
        (R.HOST_NAME, C.ENDS_WITH, ".com", Request(host="a.COM:1"), Request(host="a.org")),
        (R.HOST_NAME, C.REGEX, "^(WWW|api)\\.example\\.com$", Request(host="www.example.com:1"), Request(host="xwww.example.com")),
        (R.FILE_TYPE, C.EQUAL_TO, "tar.gz", Request("/x/y.tar.gz"), Request("/x.tar.gz/y")),
        (R.FILE_TYPE, C.REGEX, "\\.(png|jpe?g)$", Request("/x/y.jpeg"), Request("/x.png/y")),
        (R.HEADER, C.EQUAL_TO, '"two words"', Request(headers={"x-kind": "two words"}), Request(headers={"X-Kind": "two"})),
        (R.HEADER, C.CONTAINS, "two", Request(headers={"X-Kind": "one two"}), Request()),
        (R.COOKIE, C.STARTS_WITH, "a1", Request(cookies={"X-Kind": "a1b"}), Request(cookies={"X-Kind": "ba1"})),
    ],
)
def test_a_rule_matches_what_it_says_and_its_opposite_the_rest(
    kind: RuleType, compared: CompareType, value: str, yes: Request, no: Request | None
) -> None:
    rule = dataclasses.replace(RULE, type=kind, compare_type=compared, value=value, key="X-Kind")
    other = dataclasses.replace(rule, invert=True)
    if no is None:  # Tcl knows no such expression, though Python may; it matches nothing and breaks nothing
        assert not _rejects(rule, yes)
        return
    assert (_rejects(rule, yes), _rejects(other, yes)) == (True, False)
    assert (_rejects(rule, no), _rejects(other, no)) == (False, True)


@pytest.mark.parametrize("text", [each for each in HOSTILE if each.isprintable()])
def test_hostile_text_matches_itself_alone(text: str) -> None:
    for kind in (RuleType.HEADER, RuleType.COOKIE):
        rule = dataclasses.replace(RULE, type=kind, value=text, key="X-Kind")
        own, other = ({"X-Kind": each} for each in (text, text + "x"))
        sent = [Request(headers=each, cookies=each) for each in (own, other)]
        if text.isascii():
            assert [_rejects(rule, each) for each in sent] == [True, False]
    rule = dataclasses.replace(RULE, type=RuleType.PATH, compare_type=CompareType.CONTAINS, value=text)
    assert not _rejects(rule, Request("/harmless"))


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        (Request(), (False, True, False)),
        (Request(subject="CN=x,OU=Shop floor,O=y"), (True, True, True)),
        (Request(subject="CN=x, OU=Shop floor", verified=0), (True, True, True)),
        (Request(subject="CN=x,OU=Shop floor", verified=18), (True, False, False)),
        (Request(subject="CN=x\\,OU=Shop floor,O=y"), (True, True, False)),
        (Request(subject='CN="x,OU=Shop floor",O=y'), (True, True, False)),
        (Request(subject="O=x\\\\,OU=Shop floor"), (True, True, True)),
    ],
)
def test_certificates_are_known_by_what_they_really_say(request_: Request, found: tuple[bool, bool, bool]) -> None:
    rules = [
        dataclasses.replace(RULE, type=RuleType.SSL_CONN_HAS_CERT, value="true"),
        dataclasses.replace(RULE, type=RuleType.SSL_VERIFY_RESULT, value="0"),
        dataclasses.replace(RULE, type=RuleType.SSL_DN_FIELD, value='"Shop floor"', key="OU"),
    ]
    assert tuple(_rejects(rule, request_, OVER_TLS) for rule in rules) == found
    assert [_rejects(rule, request_) for rule in rules] == [False] * 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CN=a,OU=b,CN=c", "a"),
        ("C=US,O=Biz.\\,Inc.,OU=UNIT\\=foo,CN=NAME", "NAME"),
        ('CN=Name, OU=UNIT, O="Biz.,Inc.", C=US', "Name"),
        ("O=x+CN=y,OU=z", "y"),
        ("O=x\\,CN=admin", ""),
        ('O="x,CN=admin",CN=me', "me"),
        ("XCN=admin", ""),
        ("CN=", ""),
        ('CN="a,b"', "a,b"),
        ("CN=a\\,b\\\\c", "a,b\\c"),
        ("CN={[exit]}", "{[exit]}"),
        ("", ""),
    ],
)
def test_a_field_of_a_name_is_found_where_it_begins(name: str, value: str) -> None:
    script = f"set name [binary format H* {name.encode().hex()}]; puts -nonewline {distinguished_name.field('$name', 'CN')}"
    assert evaluate(script) == value


@pytest.mark.parametrize(
    ("fields", "in_policy"),
    [
        ({"value": "/api"}, True),
        ({"value": "/a[b"}, False),
        ({"value": "/a$b"}, False),
        ({"value": '"/a b"'}, False),
        ({"value": "-f"}, False),
        ({"type": RuleType.HOST_NAME, "value": "www.example.com"}, True),
        ({"type": RuleType.HOST_NAME, "value": "host"}, False),
        ({"type": RuleType.HEADER, "key": "X-Kind", "value": "Not"}, True),
        ({"type": RuleType.HEADER, "key": "X-Kind", "value": "not"}, False),
        ({"type": RuleType.HEADER, "key": "X-Kind", "value": "case-sensitive"}, False),
        ({"type": RuleType.COOKIE, "key": "path", "value": "1"}, False),
        ({"type": RuleType.COOKIE, "key": "Path", "value": "1", "invert": True}, False),
        ({"type": RuleType.COOKIE, "key": "Path", "value": "1"}, True),
    ],
)
def test_a_policy_of_the_device_gets_nothing_that_as3_could_take_for_its_own_words(fields: dict[str, Any], in_policy: bool) -> None:
    classes = [each["class"] for each in items_of(TREE.put(dataclasses.replace(RULE, **fields))).values() if isinstance(each, dict)]
    assert (classes.count("Endpoint_Policy"), classes.count("iRule")) == (in_policy, not in_policy)


def test_the_first_policy_decides_and_without_one_the_default_pool() -> None:
    second = dataclasses.replace(REJECT, id="second", position=2)
    rule = dataclasses.replace(RULE, id="of-second", l7policy_id="second", compare_type=CompareType.STARTS_WITH)
    rules = _rules(TREE.put(second, rule, dataclasses.replace(RULE, value="/api")))
    assert run(rules, "HTTP_REQUEST", Request("/api"))[0] == [f"pool {APP}/pl_other"]
    assert run(rules, "HTTP_REQUEST", Request("/other"))[0] == ["respond 403 noserver"]
    assert run(rules, "HTTP_REQUEST", Request("*"))[0] == [f"pool {APP}/pl_pool"]
    without = _rules(
        TREE.put(second, rule, dataclasses.replace(RULE, value="/api"), dataclasses.replace(LISTENER, default_pool_id=None))
    )
    assert run(without, "HTTP_REQUEST", Request("*"))[0] == ["respond 503 noserver"]


@pytest.mark.parametrize("target", ["https://x.example.com/", 'https://x/[exit]"}$HOME\\'])
def test_redirects_go_where_they_should(target: str) -> None:
    to_url = dataclasses.replace(REJECT, action=PolicyAction.REDIRECT_TO_URL, redirect_url=target + "?a=b", redirect_http_code=307)
    to_prefix = dataclasses.replace(REJECT, action=PolicyAction.REDIRECT_PREFIX, redirect_prefix=target)
    asked = Request("/?x=[exit]$a")
    first = dataclasses.replace(RULE, compare_type=CompareType.CONTAINS)
    assert run(_rules(TREE.put(to_url, first)), "HTTP_REQUEST", asked)[0] == [f"respond 307 noserver Location {target}?a=b"]
    assert run(_rules(TREE.put(to_prefix, first)), "HTTP_REQUEST", asked)[0] == [
        f"respond 302 noserver Location {target}/?x=[exit]$a"
    ]


def test_what_has_been_answered_is_left_alone() -> None:
    """By a policy of the device, or by the program for policies: the device breaks the connection of who goes on asking."""
    sticky = SessionPersistence(type=PersistenceType.APP_COOKIE, cookie_name="sid")
    pools = [dataclasses.replace(each, session_persistence=sticky) for each in (POOL, OTHER)]
    listener = dataclasses.replace(OVER_TLS, insert_headers={"X-Forwarded-For": "true"})
    asked = Request(RULE.text, headers={"X-Forwarded-For": "9.9.9.9"}, cookies={"sid": "1"})
    for policy, answered, does in ((POLICY, True, []), (REJECT, False, ["respond 403 noserver"])):
        items = items_of(TREE.put(policy, *pools, listener), OPTIONS)
        programs = [each["iRule"] for each in items.values() if isinstance(each, dict) and each["class"] == "iRule"]
        last_first = sorted(programs, key=lambda text: "HTTP::respond" not in text)
        actions, headers = run(last_first, "HTTP_REQUEST", dataclasses.replace(asked, answered=answered))
        assert (len(programs), actions, headers) == (3 - answered, does, ["X-Forwarded-For: 9.9.9.9"])


def test_no_client_says_what_only_we_may_say() -> None:
    wanted = {"X-Real-IP": "true", "X-Forwarded-For": "true", "X-Forwarded-Proto": "true"}
    sent = {
        "X_Real.IP": "bad",
        "x-real-ip": "bad",
        "X-SSL_Client-CN": "bad",
        "X-Forwarded-For": "9.9.9.9",
        "X_Forwarded_For": "bad",
    }
    rules = _rules(TREE.put(dataclasses.replace(OVER_TLS, insert_headers=wanted)))
    _, headers = run(rules, "HTTP_REQUEST", Request(client="192.0.2.7%5", headers={**sent, "Other": "1"}))
    assert headers == [
        *("X-Forwarded-For: 9.9.9.9", "Other: 1"),
        *("X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https", "X-Real-IP: 192.0.2.7"),
    ]


def test_members_are_told_of_good_certificates() -> None:
    wanted = ["CN", "DN", "Has-Cert", "Not-After", "Not-Before", "SHA1", "Verify"]
    listener = dataclasses.replace(
        OVER_TLS, insert_headers={f"X-SSL-Client-{each}": "true" for each in wanted} | {"X-SSL-Issuer": "true"}
    )
    rules = _rules(TREE.put(listener))
    _, headers = run(rules, "HTTP_REQUEST", Request(subject="CN=me\r\nX-Admin: 1,O=x"))
    assert headers == [
        "X-SSL-Client-Has-Cert: 1",
        "X-SSL-Client-Verify: 0",
        "X-SSL-Client-CN: meX-Admin: 1",
        "X-SSL-Client-DN: CN=meX-Admin: 1,O=x",
        "X-SSL-Client-Not-After: 270904123005Z",
        "X-SSL-Client-Not-Before: 260904123005Z",
        "X-SSL-Client-SHA1: ABCD",
        "X-SSL-Issuer: CN=issuer",
    ]
    _, headers = run(rules, "HTTP_REQUEST", Request(subject="CN=me", verified=18))
    assert headers == ["X-SSL-Client-Has-Cert: 1", "X-SSL-Client-Verify: 18"]
    assert run(rules, "HTTP_REQUEST", Request())[1] == ["X-SSL-Client-Has-Cert: 0"]


@pytest.mark.parametrize(
    ("cidrs", "group", "turned_away"),
    [
        (("10.9.0.0/16",), ["10.9.0.1"], ["192.0.2.7", "fd00::1"]),
        (("10.9.0.0/16", "::/0"), ["10.9.0.1"], ["192.0.2.7"]),
        (("fd00::/64", "0.0.0.0/0"), ["fd00::1"], ["fd01::1"]),
        (("::/0",), [], ["192.0.2.7"]),
        (("0.0.0.0/0", "::/0"), [], []),
    ],
)
def test_only_clients_of_allowed_networks_may_connect(cidrs: tuple[str, ...], group: list[str], turned_away: list[str]) -> None:
    rules = _rules(TREE.put(dataclasses.replace(LISTENER, allowed_cidrs=cidrs)))
    groups = {f"{APP}/dg_listener": group}
    clients = ["10.9.0.1", "192.0.2.7", "fd00::1", "fd01::1", "10.9.0.1%5"]
    away = [each for each in clients if run(rules, "CLIENT_ACCEPTED", Request(client=each), groups)[0] == ["reject"]]
    assert set(turned_away) <= set(away)
    assert not set(group) & set(away)
    assert ("10.9.0.1%5" in away) == ("10.9.0.1" in away)


@pytest.mark.parametrize(
    ("protocol", "client", "local", "sent"),
    [
        (PoolProtocol.PROXY, "192.0.2.7%5", "10.1.0.1%5", b"PROXY TCP4 192.0.2.7 10.1.0.1 50000 443\r\n".hex()),
        (PoolProtocol.PROXY, "fd00::7", "fd00::1", b"PROXY TCP6 fd00::7 fd00::1 50000 443\r\n".hex()),
        (PoolProtocol.PROXYV2, "192.0.2.7%5", "10.1.0.1%5", "0d0a0d0a000d0a515549540a2111000cc00002070a010001c35001bb"),
        *[
            (PoolProtocol.PROXYV2, client, "fd00::1", f"0d0a0d0a000d0a515549540a21210024{found}fd{'00' * 14}01c35001bb")
            for client, found in (
                ("fd00:1:2:3:4:5:6:7", "fd000001000200030004000500060007"),
                ("::7", "00000000000000000000000000000007"),
                ("fd00::", "fd000000000000000000000000000000"),
                ("fd00::abcd:7%5", "fd0000000000000000000000abcd0007"),
            )
        ],
    ],
)
def test_members_are_told_of_the_client(protocol: PoolProtocol, client: str, local: str, sent: str) -> None:
    rules = _rules(Tree(TREE.load_balancer).put(LISTENER, dataclasses.replace(POOL, protocol=protocol)))
    assert run(rules, "SERVER_CONNECTED", Request(client=client, local=local))[0] == [f"send {sent}"]
