"""L7 policies over the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.bascule import NOWHERE, PROJECT, Client

pytestmark = pytest.mark.slow

KEYS = [
    "id",
    "name",
    "description",
    "provisioning_status",
    "operating_status",
    "admin_state_up",
    "project_id",
    "action",
    "listener_id",
    "redirect_pool_id",
    "redirect_url",
    "redirect_prefix",
    "position",
    "rules",
    "created_at",
    "updated_at",
    "tags",
    "redirect_http_code",
    "tenant_id",
]


def refused(api: Client, status: int, listener_id: str, **attributes: Any) -> str:
    answer = api.post("/l7policies", {"l7policy": {"listener_id": listener_id, "action": "REJECT"} | attributes})
    assert answer.status == status, answer.body
    return answer.fault


def test_what_is_not_given_has_the_default(api: Client, listener: dict[str, Any]) -> None:
    made = api.l7policy(listener["id"])
    assert list(made) == KEYS
    shown = api.get(f"/l7policies/{made['id']}").body["l7policy"]
    assert shown == made
    for varying in ("id", "created_at"):
        assert shown.pop(varying)
    assert shown == {
        "name": "",
        "description": "",
        "provisioning_status": "PENDING_CREATE",
        "operating_status": "OFFLINE",
        "admin_state_up": True,
        "project_id": PROJECT,
        "action": "REJECT",
        "listener_id": listener["id"],
        "redirect_pool_id": None,
        "redirect_url": None,
        "redirect_prefix": None,
        "position": 1,
        "rules": [],
        "updated_at": None,
        "tags": [],
        "redirect_http_code": None,
        "tenant_id": PROJECT,
    }
    assert api.get(f"/listeners/{listener['id']}").body["listener"]["l7policies"] == [{"id": made["id"]}]


def test_actions_keep_only_what_belongs_to_them(api: Client, listener: dict[str, Any], pool: dict[str, Any]) -> None:
    url, prefix = "https://x.example/a?b=c", "http://y.example"
    all_targets = {"redirect_url": url, "redirect_prefix": prefix, "redirect_pool_id": pool["id"], "redirect_http_code": 307}

    def shown(action: str) -> list[Any]:
        made = api.l7policy(listener["id"], action=action, **all_targets)
        return [made[name] for name in all_targets]

    assert shown("REJECT") == [None, None, None, None]
    assert shown("REDIRECT_TO_URL") == [url, None, None, 307]
    assert shown("REDIRECT_PREFIX") == [None, prefix, None, 307]
    assert shown("REDIRECT_TO_POOL") == [None, None, pool["id"], None]
    assert api.l7policy(listener["id"], action="REDIRECT_TO_URL", redirect_url=url)["redirect_http_code"] == 302


def test_the_place_to_send_to_decides_the_action(api: Client, listener: dict[str, Any], pool: dict[str, Any]) -> None:
    path = f"/l7policies/{api.l7policy(listener['id'])['id']}"

    def change(**attributes: Any) -> Any:
        answer = api.put(path, {"l7policy": attributes})
        return answer.body["l7policy"] if answer.status == 200 else answer.fault

    shown = change(redirect_url="http://x.example/")
    assert (shown["action"], shown["redirect_http_code"]) == ("REDIRECT_TO_URL", 302)
    shown = change(redirect_pool_id=pool["id"])
    assert (shown["action"], shown["redirect_url"], shown["redirect_http_code"]) == ("REDIRECT_TO_POOL", None, None)
    assert "Only one of redirect_pool_id, redirect_url, redirect_prefix can be given" in change(
        redirect_pool_id=pool["id"], redirect_url="http://x.example/"
    )
    assert "redirect_pool_id is needed when the action is REDIRECT_TO_POOL" in change(redirect_pool_id=None)
    assert "redirect_prefix is needed when the action is REDIRECT_PREFIX" in change(action="REDIRECT_PREFIX")
    assert change(action="REJECT")["redirect_pool_id"] is None


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({"action": "DANCE"}, "Value should be one of: REDIRECT_PREFIX, REDIRECT_TO_POOL, REDIRECT_TO_URL, REJECT"),
        ({"action": "REDIRECT_TO_URL"}, "redirect_url is needed when the action is REDIRECT_TO_URL"),
        ({"action": "REDIRECT_TO_URL", "redirect_url": "ftp://x/"}, "ftp://x/ is not a valid option for redirect_url"),
        ({"action": "REDIRECT_TO_URL", "redirect_url": "http://"}, "http:// is not a valid option for redirect_url"),
        ({"action": "REDIRECT_TO_URL", "redirect_url": "http://[x/"}, "is not a valid option for redirect_url"),
        ({"action": "REDIRECT_PREFIX", "redirect_prefix": "http://a b/"}, "is not a valid option for redirect_prefix"),
        ({"action": "REDIRECT_TO_URL", "redirect_url": "http://x/\r\nA: b"}, "redirect_url must not contain control characters"),
        (
            {"action": "REDIRECT_TO_URL", "redirect_url": "http://x/", "redirect_http_code": 200},
            "200 is not a valid option for redirect_http_code. Allowed: 301, 302, 303, 307, 308",
        ),
        ({"position": 0}, "Value should be greater or equal to 1: a number from 1 to 2147483647"),
        ({"redirect_pool": {"name": "x"}}, "Unknown attribute for argument l7policy: redirect_pool"),
        ({"rules": [{"type": "PATH"}]}, "attribute l7policy.rules[0].value. Value: 'None'. Mandatory field missing."),
    ],
)
def test_bad_values_are_named(api: Client, listener: dict[str, Any], attributes: dict[str, Any], text: str) -> None:
    assert text in refused(api, 400, listener["id"], **attributes)
    assert api.get("/l7policies").body["l7policies"] == []


def test_what_it_belongs_to_must_be_there(api: Client, load_balancer: dict[str, Any], listener: dict[str, Any]) -> None:
    assert refused(api, 404, NOWHERE) == f"Listener {NOWHERE} not found."
    to_pool = {"action": "REDIRECT_TO_POOL", "redirect_pool_id": NOWHERE}
    assert refused(api, 404, listener["id"], **to_pool) == f"Pool {NOWHERE} not found."
    udp = api.pool(loadbalancer_id=load_balancer["id"], protocol="UDP")
    assert "The pool protocol 'UDP' is invalid" in refused(api, 400, listener["id"], **to_pool | {"redirect_pool_id": udp["id"]})
    metrics = api.listener(load_balancer["id"], protocol="PROMETHEUS", protocol_port=9)
    assert "PROMETHEUS listeners cannot have child objects." in refused(api, 400, metrics["id"])


def test_it_can_come_with_its_rules(api: Client, listener: dict[str, Any]) -> None:
    rule = {"type": "PATH", "compare_type": "EQUAL_TO", "value": "/a"}
    made = api.l7policy(listener["id"], rules=[rule, rule | {"value": "/b", "invert": True}])
    rules = api.get(f"/l7policies/{made['id']}/rules").body["rules"]
    in_order = sorted(rules, key=lambda each: each["value"])  # made at the same time, they are listed in any order
    assert [(each["value"], each["invert"]) for each in in_order] == [("/a", False), ("/b", True)]
    assert made["rules"] == [{"id": each["id"]} for each in in_order]


def test_positions_have_no_gaps(api: Client, listener: dict[str, Any]) -> None:
    def order() -> str:
        policies = api.get("/l7policies", sort="position").body["l7policies"]
        wanted = [each for each in policies if each["provisioning_status"] != "PENDING_DELETE"]
        assert [each["position"] for each in wanted] == list(range(1, len(wanted) + 1))
        return "".join(each["name"] for each in wanted)

    ids = {name: api.l7policy(listener["id"], name=name)["id"] for name in "abc"}
    assert order() == "abc"
    ids["d"] = api.l7policy(listener["id"], name="d", position=2)["id"]
    assert order() == "adbc"
    assert api.l7policy(listener["id"], name="e", position=99)["position"] == 5
    assert order() == "adbce"

    def change(name: str, **attributes: Any) -> str:
        assert api.put(f"/l7policies/{ids[name]}", {"l7policy": attributes}).status == 200
        return order()

    assert change("c", position=1) == "cadbe"
    assert change("c", position=3) == "adcbe"
    assert change("a", position=99) == "dcbea"
    assert change("b", description="stays") == "dcbea"
    assert change("b", position=None) == "dcbea"
    api.settle()
    assert api.delete(f"/l7policies/{ids['c']}").status == 204
    assert order() == "dbea"
    shown = api.get(f"/listeners/{listener['id']}").body["listener"]["l7policies"]
    assert [each["id"] for each in shown if each["id"] != ids["c"]][:2] == [ids["d"], ids["b"]]


def test_deleting(api: Client, listener: dict[str, Any]) -> None:
    policy = api.l7policy(listener["id"])
    rule = api.l7rule(policy["id"])
    api.settle()
    path = f"/l7policies/{policy['id']}"
    assert api.delete(path).status == 204
    immutable = f"L7Policy {policy['id']} is immutable and cannot be updated."
    body = {"rule": {"type": "PATH", "compare_type": "EQUAL_TO", "value": "/"}}
    for answer in (api.delete(path), api.put(path, {"l7policy": {"name": "x"}}), api.post(f"{path}/rules", body)):
        assert (answer.status, answer.fault) == (409, immutable)
    api.settle()
    assert api.get(path).fault == f"L7Policy {policy['id']} not found."
    assert api.get(f"{path}/rules/{rule['id']}").fault == f"L7Rule {rule['id']} not found."
