"""L7 policies decide over real requests, the first that matches."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bascule.model.objects import CompareType, L7Policy, L7Rule, Listener, ListenerProtocol, PolicyAction, RuleType
from tests.south.haproxy.site import Site, new_id

pytestmark = pytest.mark.slow

PATH, HOST = RuleType.PATH, RuleType.HOST_NAME
EQUAL, STARTS, ENDS, CONTAINS = (
    CompareType.EQUAL_TO,
    CompareType.STARTS_WITH,
    CompareType.ENDS_WITH,
    CompareType.CONTAINS,
)


def policy(site: Site, listener: Listener, action: PolicyAction, position: int = 1, **fields: object) -> L7Policy:
    found = L7Policy(id=new_id(), listener_id=listener.id, action=action, position=position, **fields)  # type: ignore[arg-type]
    site.put(found)
    return found


def rule(site: Site, of: L7Policy, kind: RuleType, compare: CompareType, value: str, **fields: bool) -> None:
    site.put(L7Rule(id=new_id(), l7policy_id=of.id, type=kind, compare_type=compare, value=value, **fields))


@pytest.fixture
def listener(site: Site) -> Listener:
    return site.listener(default_pool_id=site.pool(site.server("default")).id)


def test_every_rule_of_a_policy_must_match(site: Site, listener: Listener) -> None:
    rejecting = policy(site, listener, PolicyAction.REJECT)
    rule(site, rejecting, PATH, STARTS, "/admin")
    rule(site, rejecting, HOST, EQUAL, "inside.example.com", invert=True)
    site.serve()
    assert site.get(listener, "/admin", host="outside.example.com").status == 403
    assert site.get(listener, "/admin", host="inside.example.com").status == 200
    assert site.get(listener, "/", host="outside.example.com").status == 200


def test_a_redirect_goes_where_it_says_to_the_letter(site: Site, listener: Listener) -> None:
    url = "https://www.example.com/%[env(HOME)]?a='b'&c=\"$HOME\"\\#d%%"
    rule(site, policy(site, listener, PolicyAction.REDIRECT_TO_URL, redirect_url=url), PATH, EQUAL, "/old")
    site.serve()
    answer = site.get(listener, "/old")
    assert (answer.status, answer.headers["Location"]) == (302, url)
    assert site.get(listener, "/new").status == 200


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_prefix_goes_before_the_path(site: Site, listener: Listener, code: int) -> None:
    moved = policy(
        site, listener, PolicyAction.REDIRECT_PREFIX, redirect_prefix="https://x.example.com/%41", redirect_http_code=code
    )
    rule(site, moved, PATH, STARTS, "/old")
    site.serve()
    answer = site.get(listener, "/old/page?q=1%20")
    assert (answer.status, answer.headers["Location"]) == (code, "https://x.example.com/%41/old/page?q=1%20")


def test_a_policy_sends_to_its_pool(site: Site, listener: Listener) -> None:
    images, texts = site.pool(site.server("images")), site.pool(site.server("texts"))
    rule(site, policy(site, listener, PolicyAction.REDIRECT_TO_POOL, 1, redirect_pool_id=images.id), PATH, ENDS, ".png")
    rule(site, policy(site, listener, PolicyAction.REDIRECT_TO_POOL, 2, redirect_pool_id=texts.id), PATH, ENDS, ".txt")
    site.serve()
    assert [site.get(listener, path).name for path in ("/a.png", "/a.txt", "/a")] == ["images", "texts", "default"]


def test_the_first_policy_that_matches_decides_whatever_it_does(site: Site, listener: Listener) -> None:
    pool = site.pool(site.server("chosen"))
    rules = [
        (PolicyAction.REDIRECT_TO_POOL, {"redirect_pool_id": pool.id}, "/a"),
        (PolicyAction.REJECT, {}, "/a/b"),
        (PolicyAction.REDIRECT_TO_URL, {"redirect_url": "http://u"}, "/"),
        (PolicyAction.REDIRECT_TO_POOL, {"redirect_pool_id": pool.id}, "/late"),
    ]
    for position, (action, fields, path) in reversed(list(enumerate(rules, start=1))):
        rule(site, policy(site, listener, action, position, **fields), PATH, STARTS, path)
    site.serve()
    assert site.get(listener, "/a/b").name == "chosen"
    assert site.get(listener, "/late").status == 302


def test_what_is_switched_off_does_not_count(site: Site, listener: Listener) -> None:
    """A disabled policy, a policy without rules, one without enabled rules, one that sends to a disabled pool, a disabled rule."""
    off = replace(site.pool(site.server("off")), admin_state_up=False)
    site.put(off)
    rule(site, policy(site, listener, PolicyAction.REJECT, 1, admin_state_up=False), PATH, STARTS, "/")
    policy(site, listener, PolicyAction.REJECT, 2)
    rule(site, policy(site, listener, PolicyAction.REJECT, 3), PATH, STARTS, "/", admin_state_up=False)
    rule(site, policy(site, listener, PolicyAction.REDIRECT_TO_POOL, 4, redirect_pool_id=off.id), PATH, STARTS, "/")
    partly = policy(site, listener, PolicyAction.REJECT, 5)
    rule(site, partly, PATH, STARTS, "/no")
    rule(site, partly, HOST, EQUAL, "never.example.com", admin_state_up=False)
    site.serve()
    assert [site.get(listener, path).status for path in ("/yes", "/no")] == [200, 403]


def test_fifty_rules_in_one_policy(site: Site, listener: Listener) -> None:
    pool = site.pool(site.server("chosen"))
    rule(site, policy(site, listener, PolicyAction.REDIRECT_TO_POOL, 1, redirect_pool_id=pool.id), PATH, EQUAL, "/first")
    many = policy(site, listener, PolicyAction.REDIRECT_PREFIX, 2, redirect_prefix="http://x", redirect_http_code=308)
    for number in range(50):
        rule(site, many, PATH, CONTAINS, f"/{number:02}/")
    site.serve()
    path = "".join(f"/{number:02}/" for number in range(50))
    assert site.get(listener, path).status == 308
    assert site.get(listener, path.replace("/49/", "/")).status == 200


def test_policies_work_where_tls_ends_only(site: Site) -> None:
    passing = site.listener(ListenerProtocol.TCP)
    policy(site, passing, PolicyAction.REJECT)
    (refusal,) = site.backend.refuse(site.tree, None)
    assert "TCP protocol listeners do not support L7 policies" in refusal.text
