"""L7 rules over the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.bascule import NOWHERE, PROJECT, Client

pytestmark = pytest.mark.slow

KEYS = [
    "id",
    "type",
    "compare_type",
    "key",
    "value",
    "invert",
    "provisioning_status",
    "operating_status",
    "created_at",
    "updated_at",
    "project_id",
    "admin_state_up",
    "tags",
    "tenant_id",
]


@pytest.fixture
def policy(api: Client, listener: dict[str, Any]) -> dict[str, Any]:
    return api.l7policy(listener["id"])


def test_what_is_not_given_has_the_default(api: Client, policy: dict[str, Any]) -> None:
    made = api.l7rule(policy["id"])
    assert list(made) == KEYS
    shown = api.get(f"/l7policies/{policy['id']}/rules/{made['id']}").body["rule"]
    assert shown == made
    for varying in ("id", "created_at"):
        assert shown.pop(varying)
    assert shown == {
        "type": "PATH",
        "compare_type": "STARTS_WITH",
        "key": None,
        "value": "/api",
        "invert": False,
        "provisioning_status": "PENDING_CREATE",
        "operating_status": "OFFLINE",
        "updated_at": None,
        "project_id": PROJECT,
        "admin_state_up": True,
        "tags": [],
        "tenant_id": PROJECT,
    }
    assert api.get(f"/l7policies/{policy['id']}").body["l7policy"]["rules"] == [{"id": made["id"]}]


@pytest.mark.parametrize(
    "given",
    [
        {"type": "HEADER", "key": "X-Thing", "compare_type": "CONTAINS", "value": '"two words"'},
        {"type": "COOKIE", "key": "id", "compare_type": "EQUAL_TO", "value": "!#$%&'()*+,-./:<=>?@[]^_`{|}~aZ09"},
        {"type": "COOKIE", "key": "id", "compare_type": "REGEX", "value": "^a[0-9]+$", "invert": True, "tags": ["t"]},
        {"type": "HEADER", "key": "X!#$%&'*+-.^_`|~", "compare_type": "EQUAL_TO", "value": '"a"b"'},
        {"type": "PATH", "compare_type": "STARTS_WITH", "value": '"'},
        {"type": "HOST_NAME", "compare_type": "ENDS_WITH", "value": ".x.example", "admin_state_up": False},
        {"type": "FILE_TYPE", "compare_type": "EQUAL_TO", "value": "jpg"},
        {"type": "SSL_CONN_HAS_CERT", "compare_type": "EQUAL_TO", "value": "true"},
        {"type": "SSL_VERIFY_RESULT", "compare_type": "EQUAL_TO", "value": "0"},
        {"type": "SSL_DN_FIELD", "key": "CN", "compare_type": "EQUAL_TO", "value": "x.example"},
    ],
)
def test_everything_can_be_given_and_is_shown(api: Client, policy: dict[str, Any], given: dict[str, Any]) -> None:
    shown = api.l7rule(policy["id"], **given)
    assert {name: shown[name] for name in given} == given


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({"type": "WEATHER"}, "Value should be one of: COOKIE, FILE_TYPE, HEADER, HOST_NAME, PATH, SSL_CONN_HAS_CERT, "),
        ({"compare_type": "SOUNDS_LIKE"}, "Value should be one of: CONTAINS, ENDS_WITH, EQUAL_TO, REGEX, STARTS_WITH"),
        ({"value": None}, "Value should be text of at most 255 characters"),
        ({"value": ""}, "Error parsing L7Rule: value must not be empty"),
        ({"value": '""'}, "Error parsing L7Rule: value must not be empty"),
        ({"value": 'a "b c"'}, "with spaces only between double quotes"),
        ({"value": "/a\nb"}, "value must not contain control characters"),
        ({"value": "/a b"}, "with spaces only between double quotes"),
        ({"type": "HEADER"}, "Error parsing L7Rule: key is needed with type HEADER"),
        ({"type": "COOKIE", "key": "a;b"}, "key 'a;b' is not a name that type COOKIE can have"),
        *[({"type": "COOKIE", "key": "a", "value": f"a{sign}b"}, "is not allowed with type COOKIE") for sign in ' ";\\é'],
        ({"type": "FILE_TYPE"}, "compare_type STARTS_WITH is not allowed with type FILE_TYPE. Allowed: EQUAL_TO, REGEX"),
        ({"compare_type": "REGEX", "value": "(["}, "value is not a regular expression"),
        ({"type": "SSL_CONN_HAS_CERT", "compare_type": "EQUAL_TO", "value": "no"}, "Allowed: true"),
        ({"type": "SSL_VERIFY_RESULT", "compare_type": "EQUAL_TO", "value": "-1"}, "a number that is not negative"),
        ({"type": "SSL_DN_FIELD", "key": "1x"}, "key '1x' is not a name that type SSL_DN_FIELD can have"),
        ({"name": "x"}, "Unknown attribute for argument rule: name"),
    ],
)
def test_bad_values_are_named(api: Client, policy: dict[str, Any], attributes: dict[str, Any], text: str) -> None:
    given = {"type": "PATH", "compare_type": "STARTS_WITH", "value": "/api"} | attributes
    answer = api.post(f"/l7policies/{policy['id']}/rules", {"rule": given})
    assert answer.status == 400
    assert text in answer.fault
    assert api.get(f"/l7policies/{policy['id']}/rules").body["rules"] == []


def test_changes(api: Client, policy: dict[str, Any]) -> None:
    path = f"/l7policies/{policy['id']}/rules/{api.l7rule(policy['id'])['id']}"
    given = {"type": "HEADER", "key": "X-A", "compare_type": "EQUAL_TO", "value": "b", "invert": True}
    shown = api.put(path, {"rule": given}).body["rule"]
    assert {name: shown[name] for name in given} == given
    answer = api.put(path, {"rule": {"key": None}})
    assert (answer.status, answer.fault) == (400, "Error parsing L7Rule: key is needed with type HEADER")


def test_a_policy_has_at_most_fifty(api: Client, listener: dict[str, Any]) -> None:
    rule = {"type": "PATH", "compare_type": "EQUAL_TO", "value": "/a"}
    policy = api.l7policy(listener["id"], rules=[rule] * 50)
    answer = api.post(f"/l7policies/{policy['id']}/rules", {"rule": rule})
    wanted = f"Too many rules on L7 policy {policy['id']}: at most 50 are allowed"
    assert (answer.status, answer.fault) == (409, wanted)


def test_a_rule_is_found_only_in_its_policy(api: Client, listener: dict[str, Any], policy: dict[str, Any]) -> None:
    rule = api.l7rule(policy["id"])
    other = api.l7policy(listener["id"])
    path = f"/l7policies/{other['id']}/rules/{rule['id']}"
    for answer in (api.get(path), api.put(path, {"rule": {"value": "/x"}}), api.delete(path)):
        assert (answer.status, answer.fault) == (404, f"L7Rule {rule['id']} not found.")
    assert api.get(f"/l7policies/{NOWHERE}/rules").fault == f"L7Policy {NOWHERE} not found."


def test_deleting(api: Client, policy: dict[str, Any]) -> None:
    path = f"/l7policies/{policy['id']}/rules/{api.l7rule(policy['id'])['id']}"
    api.settle()
    assert api.delete(path).status == 204
    assert api.delete(path).status == 409
    api.settle()
    assert api.get(path).status == 404
