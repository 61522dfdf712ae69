"""L7 policies and rules."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from tests.api.bascule import Client
from tests.api.matrix.trying import differences, listener, status

pytestmark = pytest.mark.slow

URL = "https://www.example.com/a?b=c"
REDIRECTS: dict[str, Any] = {"redirect_url": URL, "redirect_prefix": "http://www.example.com/"}
NEEDED = {"REDIRECT_TO_POOL": "redirect_pool_id", "REDIRECT_TO_URL": "redirect_url", "REDIRECT_PREFIX": "redirect_prefix"}


def test_actions_and_where_they_send_to(api: Client, lb: str) -> None:
    """On creation the action decides, and what belongs to others is passed over. In a change without one, the place decides."""
    of = api.listener(lb, **listener("HTTP"))["id"]
    places = REDIRECTS | {"redirect_pool_id": api.pool(loadbalancer_id=lb)["id"]}
    for action, chosen in itertools.product(("REJECT", *NEEDED), itertools.product((False, True), repeat=3)):
        given = {name: value for (name, value), there in zip(places.items(), chosen, strict=True) if there}
        answer = api.post("/l7policies", {"l7policy": {"listener_id": of, "action": action} | given})
        wanted = 201 if NEEDED.get(action) in (None, *given) else 400
        assert answer.status == wanted, (action, given, answer.body)
        if wanted == 201:
            made = answer.body["l7policy"]
            assert {name: made[name] for name in places} == {
                name: given.get(name) if name == NEEDED.get(action) else None for name in places
            }
            assert made["redirect_http_code"] == (
                302 if NEEDED.get(action) == "redirect_url" or action == "REDIRECT_PREFIX" else None
            )
            api.delete(f"/l7policies/{made['id']}")
    changed = api.l7policy(of)["id"]
    for chosen in itertools.product((False, True), repeat=3):
        given = {name: value for (name, value), there in zip(places.items(), chosen, strict=True) if there}
        answer = api.put(f"/l7policies/{changed}", {"l7policy": given})
        assert answer.status == (200 if len(given) < 2 else 400), (given, answer.body)
        if len(given) == 1:
            assert NEEDED[answer.body["l7policy"]["action"]] in given


POLICY_VALUES: Sequence[tuple[dict[str, Any], int]] = (
    *(({"action": "REDIRECT_TO_URL", "redirect_url": URL, "redirect_http_code": code}, 201) for code in (301, 302, 303, 307, 308)),
    *(
        ({"action": "REDIRECT_TO_URL", "redirect_url": URL, "redirect_http_code": code}, 400)
        for code in (200, 300, 304, 305, 306, 309)
    ),
    *(
        ({"action": action, name: url}, 400)
        for action, name in (("REDIRECT_TO_URL", "redirect_url"), ("REDIRECT_PREFIX", "redirect_prefix"))
        for url in (
            "",
            None,
            "/a",
            "www.example.com",
            "ftp://x/",
            "http://",
            "https:///x",
            "http://a b/",
            "http://x/\n",
            "http://x/\x80",
        )
    ),
    *(({"action": "REJECT", "position": position}, 201) for position in (1, 5, 2147483647, None)),
    *(({"action": "REJECT", "position": position}, 400) for position in (0, -1, 2147483648, "first")),
    ({"action": "ACCEPT"}, 400),
    ({"action": None}, 400),
    ({}, 400),
    ({"action": "REJECT", "name": "x" * 256}, 400),
    ({"action": "REJECT", "description": "x" * 256}, 400),
    ({"action": "REJECT", "tags": ["x" * 256]}, 400),
)


def test_values_of_policies(api: Client, lb: str) -> None:
    of = api.listener(lb, **listener("HTTP"))["id"]
    for given, code in POLICY_VALUES:
        assert status(api, "/l7policies", "l7policy", listener_id=of, **given) == code, given


def test_policies_have_positions_without_gaps(api: Client, lb: str) -> None:
    of = api.listener(lb, **listener("HTTP"))["id"]
    for name, position in (("a", None), ("b", 1), ("c", 2), ("d", 2147483647), ("e", 4)):
        api.l7policy(of, name=name, position=position)

    def order() -> str:
        shown = api.get("/l7policies", listener_id=of, sort="position").body["l7policies"]
        assert [each["position"] for each in shown] == list(range(1, len(shown) + 1))
        return "".join(each["name"] for each in shown)

    ids = {each["name"]: each["id"] for each in api.get("/l7policies", listener_id=of).body["l7policies"]}
    assert "".join(ids) == "abcde", "lists are in order of creation"
    assert order() == "bcaed"
    api.put(f"/l7policies/{ids['d']}", {"l7policy": {"position": 1}})
    assert order() == "dbcae"
    api.put(f"/l7policies/{ids['d']}", {"l7policy": {"position": 2147483647}})
    assert order() == "bcaed"
    api.delete(f"/l7policies/{ids['c']}")
    api.settle()
    assert order() == "baed"


COMPARE = ["CONTAINS", "ENDS_WITH", "EQUAL_TO", "REGEX", "STARTS_WITH"]
RULES: dict[str, tuple[dict[str, Any], str]] = {
    "COOKIE": ({"key": "sid", "value": "abc"}, " ".join(COMPARE)),
    "FILE_TYPE": ({"value": "jpg"}, "EQUAL_TO REGEX"),
    "HEADER": ({"key": "X-Header", "value": "abc"}, " ".join(COMPARE)),
    "HOST_NAME": ({"value": "www.example.com"}, " ".join(COMPARE)),
    "PATH": ({"value": "/abc"}, " ".join(COMPARE)),
    "SSL_CONN_HAS_CERT": ({"value": "true"}, "EQUAL_TO"),
    "SSL_DN_FIELD": ({"key": "CN", "value": "abc"}, " ".join(COMPARE)),
    "SSL_VERIFY_RESULT": ({"value": "0"}, "EQUAL_TO"),
}
RULE_VALUES: Sequence[tuple[dict[str, Any], int]] = (
    ({"type": "HEADER", "value": "x"}, 400),
    ({"type": "COOKIE", "value": "x"}, 400),
    ({"type": "SSL_DN_FIELD", "value": "x"}, 400),
    ({"type": "HEADER", "key": "a b", "value": "x"}, 400),
    ({"type": "COOKIE", "key": "a;b", "value": "x"}, 400),
    ({"type": "SSL_DN_FIELD", "key": "1CN", "value": "x"}, 400),
    ({"type": "SSL_CONN_HAS_CERT", "key": "a", "value": "true"}, 400),
    ({"type": "SSL_CONN_HAS_CERT", "value": "yes"}, 400),
    ({"type": "SSL_VERIFY_RESULT", "key": "a", "value": "0"}, 400),
    ({"type": "SSL_VERIFY_RESULT", "value": "-1"}, 400),
    ({"type": "SSL_VERIFY_RESULT", "value": "none"}, 400),
    ({"type": "HEADER", "key": "a", "value": "two words"}, 400),
    ({"type": "HEADER", "key": "a", "value": '"two words"'}, 201),
    ({"type": "COOKIE", "key": "a", "value": "a;b"}, 400),
    ({"type": "PATH", "compare_type": "REGEX", "value": "("}, 400),
    ({"type": "PATH", "compare_type": "REGEX", "value": "^/a b$"}, 201),
    ({"type": "PATH", "value": ""}, 400),
    ({"type": "PATH", "value": None}, 400),
    ({"type": "PATH"}, 400),
    ({"type": "PATH", "value": "x" * 256}, 400),
    ({"type": "PATH", "value": "/a\r\n/b"}, 400),
    ({"type": "HEADER", "key": "a\r\nb", "value": "x"}, 400),
    ({"type": "HEADER", "key": "x" * 256, "value": "x"}, 400),
    ({"type": "PATH", "value": "/", "name": "x"}, 400),
    ({"type": "MAGIC", "value": "x"}, 400),
    ({"type": "PATH", "compare_type": "LIKE", "value": "x"}, 400),
    ({"type": "PATH", "value": "/", "invert": None, "admin_state_up": None, "tags": None}, 201),
)


def test_rules(api: Client, lb: str) -> None:
    path = f"/l7policies/{api.l7policy(api.listener(lb, **listener('HTTP'))['id'])['id']}/rules"
    found, wanted = {}, {}
    for kind, compare in itertools.product(RULES, COMPARE):
        given, allowed = RULES[kind]
        found[kind, compare] = status(api, path, "rule", type=kind, compare_type=compare, **given)
        wanted[kind, compare] = 201 if compare in allowed.split() else 400
    assert differences(found, wanted) == {}
    for given, code in RULE_VALUES:
        assert status(api, path, "rule", **{"compare_type": "EQUAL_TO"} | given) == code, given
