"""Every type of L7 rule with every comparison, with real requests. Each rule has listeners of its own: one plain, one inverted."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import pytest

from bascule.model.backend import Rejected
from bascule.model.definition import with_last_accepted
from bascule.model.objects import CompareType, L7Policy, L7Rule, Listener, PolicyAction, RuleType
from bascule.model.rules import l7rule as rules
from tests.south.haproxy.site import Site, new_id

pytestmark = pytest.mark.slow

PATH, HOST, FILE, HEADER, COOKIE = RuleType.PATH, RuleType.HOST_NAME, RuleType.FILE_TYPE, RuleType.HEADER, RuleType.COOKIE
EQUAL, STARTS, ENDS, CONTAINS, REGEX = (
    CompareType.EQUAL_TO,
    CompareType.STARTS_WITH,
    CompareType.ENDS_WITH,
    CompareType.CONTAINS,
    CompareType.REGEX,
)

ODD_KEY = "X-a!#$%&'*+.^_`|~9"
"""Every sign that the name of a header may have."""


@dataclass(frozen=True)
class Asked:
    path: str = "/"
    host: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


def path(text: str) -> Asked:
    return Asked(path=text)


def host(text: str) -> Asked:
    return Asked(host=text)


def header(value: str, key: str = "X-Kind") -> Asked:
    return Asked(headers={key: value})


def cookies(value: str) -> Asked:
    return Asked(headers={"Cookie": value})


TABLE: list[tuple[RuleType, str | None, CompareType, str, list[Asked], list[Asked]]] = [
    (PATH, None, EQUAL, "/a", [path("/a"), path("/a?b=c")], [path("/a/b"), path("/A"), path("/%61")]),
    (PATH, None, STARTS, "/a", [path("/a/b")], [path("/b/a")]),
    (PATH, None, STARTS, "-f", [], [path("/")]),
    (PATH, None, ENDS, ".gif", [path("/x.gif"), path("/x.gif?y")], [path("/x.gifs"), path("/x?.gif")]),
    (PATH, None, CONTAINS, "mid", [path("/a/mid/b")], [path("/a")]),
    (PATH, None, REGEX, r"^/v[0-9]+/(users|groups)$", [path("/v12/users")], [path("/v/users"), path("/v1/users/")]),
    (PATH, None, EQUAL, "/'\\\"%[src]${HOME}", [path("/'\\\"%[src]${HOME}")], [path("/")]),
    (HEADER, "X-Kind", EQUAL, "'\\\"#%[src]${HOME}%%{a}\\n", [header("'\\\"#%[src]${HOME}%%{a}\\n")], [header("'\"#")]),
    (HOST, None, EQUAL, "www.Example.com", [host("WWW.example.com"), host("www.example.com:8080")], [host("example.com")]),
    (HOST, None, EQUAL, "www.example.com:81", [host("www.example.com:81")], [host("www.example.com:82"), host("www.example.com")]),
    (HOST, None, EQUAL, '"www.example.com"', [host("www.example.com")], [host('"www.example.com"')]),
    (HOST, None, STARTS, "www.", [host("www.example.com"), host("WWW.x")], [host("wwwexample.com")]),
    (HOST, None, ENDS, ".com", [host("example.com:8080"), host("example.COM")], [host("example.org"), host("example.com.evil")]),
    (HOST, None, CONTAINS, "amp", [host("example.com")], [host("other.org")]),
    (HOST, None, REGEX, r"^(?:www|API)\.example\.com$", [host("api.EXAMPLE.com"), host("www.example.com:99")], [host("a.www")]),
    (FILE, None, EQUAL, "jpg", [path("/a/b.jpg"), path("/b.x.jpg?c=d")], [path("/jpg"), path("/b.jpg/c"), path("/b.JPG")]),
    (FILE, None, EQUAL, ".tar.gz", [path("/b.tar.gz")], [path("/b.gz"), path("/tar.gz")]),
    (FILE, None, REGEX, r"\.(jpe?g|png)$", [path("/a/b.jpeg")], [path("/a.png/b"), path("/b.jpeg2"), path("/")]),
    (HEADER, "X-Kind", EQUAL, "a", [header("a"), header("b, a"), header("a", "x-kind")], [header("A"), header("a b"), path("/")]),
    (HEADER, "X-Kind", EQUAL, '"two words"', [header("two words")], [header('"two words"'), header("two")]),
    (HEADER, "X-Kind", EQUAL, '"a, b"', [header("a, b")], [header("a,b"), header("a")]),
    (HEADER, "X-Kind", EQUAL, 'say"so"', [header('say"so"')], [header("sayso")]),
    (HEADER, "X-Kind", STARTS, "ab", [header("abc"), header("x, abc")], [header("cab")]),
    (HEADER, "X-Kind", ENDS, '"b c"', [header("a b c")], [header("a b c d")]),
    (HEADER, "X-Kind", CONTAINS, '"like Gecko"', [header("Mozilla/5.0 (KHTML, like Gecko) x")], [header("like-Gecko")]),
    (HEADER, "X-Kind", REGEX, "^a, .* c$", [header("a, b c")], [header("b, c")]),
    (HEADER, ODD_KEY, EQUAL, "1", [header("1", ODD_KEY)], [header("1", "X-a")]),
    (
        COOKIE,
        "id",
        EQUAL,
        "a=b",
        [cookies("id=a=b"), cookies("x=y; id=a=b")],
        [cookies("id=a"), cookies("ID=a=b"), cookies("xid=a=b")],
    ),
    (COOKIE, "id", STARTS, "a", [cookies("id=abc")], [cookies("id=cab")]),
    (COOKIE, "id", ENDS, "c", [cookies("id=abc")], [cookies("id=cab; x=c")]),
    (COOKIE, "id", CONTAINS, "b", [cookies("id=abc")], [cookies("id=ac")]),
    (COOKIE, "id", REGEX, "^a[0-9]+$", [cookies("id=a17")], [cookies("id=a17x")]),
    (COOKIE, ODD_KEY, EQUAL, "1", [cookies(f"{ODD_KEY}=1")], [cookies("X-a=1")]),
    (RuleType.SSL_CONN_HAS_CERT, None, EQUAL, "true", [], [path("/")]),
    (RuleType.SSL_DN_FIELD, "CN", REGEX, ".*", [], [path("/")]),
]


def guarded(site: Site, kind: RuleType, key: str | None, compare: CompareType, value: str, invert: bool) -> Listener:
    """A listener that rejects what a rule matches."""
    listener = site.listener()
    policy = L7Policy(id=new_id(), listener_id=listener.id, action=PolicyAction.REJECT, position=1)
    rule = L7Rule(id=new_id(), l7policy_id=policy.id, type=kind, key=key, compare_type=compare, value=value, invert=invert)
    site.put(policy, rule)
    assert list(rules.check(site.tree, rule)) == []
    return listener


def test_rules_match(site: Site) -> None:
    listeners = [[guarded(site, *row[:4], invert) for invert in (False, True)] for row in TABLE]
    site.serve()
    for (*row, matching, others), pair in zip(TABLE, listeners, strict=True):
        for asked, expected in [*((each, True) for each in matching), *((each, False) for each in others)]:
            for listener, rejected in zip(pair, (expected, not expected), strict=True):
                answer = site.get(listener, asked.path, host=asked.host, **asked.headers)
                # No pool: what is not rejected finds no server.
                assert answer.status == (403 if rejected else 503), (row, asked, listener is pair[1])


def test_every_type_and_comparison_is_tried_here() -> None:
    tried = {(kind, compare) for kind, _, compare, *_ in TABLE}
    allowed = {(kind, compare) for kind, some in rules.COMPARE.items() for compare in some}
    elsewhere = {each for each in allowed if each[0] in (RuleType.SSL_DN_FIELD, RuleType.SSL_VERIFY_RESULT)}
    assert allowed - elsewhere <= tried


def test_an_expression_that_takes_exponential_time_is_given_up(site: Site) -> None:
    listener = guarded(site, HEADER, "X-Kind", REGEX, "^(a+)+$", invert=False)
    site.serve()
    asked = [header("a" * 40), header("a" * 40 + "!"), header("b")]
    assert [site.get(listener, **each.headers).status for each in asked] == [403, 503, 503]


@pytest.mark.parametrize("value", [r"\u0041", "(?u)a", "(((a{1,200}){1,200}){1,200})"])
def test_an_expression_that_haproxy_does_not_take_is_a_fault_of_its_rule(site: Site, value: str) -> None:
    """Python, by which the API judges, and PCRE do not agree about every expression."""
    listener = guarded(site, PATH, None, REGEX, "^/a", invert=False)
    site.serve()
    accepted = site.definition()
    (rule,) = site.tree.rules
    site.put(dataclasses.replace(rule, value=value))
    assert list(rules.check(site.tree, site.tree.rules[0])) == []
    new = site.listener()
    outcome = site.apply()
    assert isinstance(outcome, Rejected), outcome
    assert outcome.objects == (rule.id,)
    # What the worker then does: the rule as it was, and everything else as it is wanted.
    site.tree = with_last_accepted(site.definition(), accepted, outcome.objects).tree
    site.serve()
    assert [site.get(listener, each).status for each in ("/a", "/b")] == [403, 503]
    assert site.get(new).status == 503
