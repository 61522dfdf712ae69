"""Hostile text in every attribute of every body: answered with what is wrong and where, or taken to the letter."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from bascule.north.octavia_v2.schemas.health_monitor import HealthMonitorPost, HealthMonitorPut
from bascule.north.octavia_v2.schemas.l7policy import L7PolicyPost, L7PolicyPut
from bascule.north.octavia_v2.schemas.l7rule import L7RulePost, L7RulePut
from bascule.north.octavia_v2.schemas.listener import ListenerPost, ListenerPut
from bascule.north.octavia_v2.schemas.load_balancer import LoadBalancerPost, LoadBalancerPut
from bascule.north.octavia_v2.schemas.member import MemberPost, MemberPut
from bascule.north.octavia_v2.schemas.pool import PoolPost, PoolPut
from tests.api.bascule import VIPS, Answer, Client

pytestmark = pytest.mark.slow

TEXTS = [
    "",
    "a\nb: c",
    "a\u2028b",
    "a\x85b",
    "a\x00b",
    "a\ud800b",
    "'\"\\ %[src] ${HOME} %{+Q}o # é",
    "%0d%0aX: y",
    "a" * 5000,
]
BODIES = {
    LoadBalancerPost: LoadBalancerPut,
    ListenerPost: ListenerPut,
    PoolPost: PoolPut,
    MemberPost: MemberPut,
    HealthMonitorPost: HealthMonitorPut,
    L7PolicyPost: L7PolicyPut,
    L7RulePost: L7RulePut,
}
ELSEWHERE = {"listeners", "pools", "default_pool", "l7policies", "members", "healthmonitor", "rules"} | {
    "loadbalancer_id",
    "listener_id",
    "pool_id",
    "tenant_id",
}
"""Attributes that are objects of their own, or say where the object belongs, or are another name of one."""


def targets(api: Client) -> dict[type[Any], tuple[str, str, dict[str, Any]]]:
    """For each kind of body the path, the root, and what is needed at least."""
    load_balancer = api.load_balancer()
    listener = api.listener(load_balancer["id"])
    pool = api.pool(loadbalancer_id=load_balancer["id"])
    policy = api.l7policy(listener["id"])
    inside = {"loadbalancer_id": load_balancer["id"]}
    certificate = api.bascule.add_certificate("www.pem")
    monitor = {"pool_id": pool["id"], "type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 2}
    rule = {"type": "HEADER", "compare_type": "EQUAL_TO", "value": "a", "key": "b"}
    return {
        LoadBalancerPost: ("/loadbalancers", "loadbalancer", {"vip_subnet_id": VIPS.id}),
        ListenerPost: (
            "/listeners",
            "listener",
            {"protocol": "TERMINATED_HTTPS", "protocol_port": 99, "default_tls_container_ref": certificate} | inside,
        ),
        PoolPost: ("/pools", "pool", {"protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "tls_enabled": True} | inside),
        MemberPost: (f"/pools/{pool['id']}/members", "member", {"address": "10.1.0.5", "protocol_port": 80}),
        HealthMonitorPost: ("/healthmonitors", "healthmonitor", monitor),
        L7PolicyPost: ("/l7policies", "l7policy", {"listener_id": listener["id"], "action": "REJECT"}),
        L7RulePost: (f"/l7policies/{policy['id']}/rules", "rule", rule),
    }


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_any_text_in_any_attribute(api: Client, body: type[Any]) -> None:
    path, root, needed = targets(api)[body]
    made = api.made(path, root, **needed)
    changeable = {field.encode_name for field in msgspec.structs.fields(BODIES[body])}
    for field in msgspec.structs.fields(body):
        name = field.encode_name
        for value in _values(name, str(field.type)):
            if name == "project_id" and body is not LoadBalancerPost:  # the parent's counts
                continue
            if name in changeable:
                answer = api.put(f"{path}/{made['id']}", {root: {name: value}})
            else:
                answer = api.post(path, {root: {**needed, name: value}})
            _check(answer, root, name, value)


def _check(answer: Answer, root: str, name: str, value: Any) -> None:
    if answer.status in (200, 201):
        shown = answer.body[root]
        assert shown.get(name) == value or value in ("", [""]), (name, value, shown)
    elif "\ud800" in json.dumps(value, ensure_ascii=False):
        assert (answer.status, answer.fault) == (400, "Request is not in valid JSON format")
    else:
        assert answer.status in (400, 404), (name, value, answer)
        # The original's words for references speak of certificates.
        fault = answer.fault.lower()
        named = name in fault or name.replace("_", " ") in fault or ("_ref" in name and "certificate" in fault)
        assert named, (name, value, answer.fault)


def _values(name: str, hint: str) -> list[Any]:
    return [] if name in ELSEWHERE else [value for text in TEXTS for value in _forms(name, hint, text)]


def _forms(name: str, hint: str, text: str) -> list[Any]:
    if name == "insert_headers":
        return [{text: "true"}, {"X-Forwarded-For": text}]
    if name == "session_persistence":
        return [{"type": "APP_COOKIE", "cookie_name": text}, {"type": text}]
    return [text, [text]] if "list" in hint else [text]
