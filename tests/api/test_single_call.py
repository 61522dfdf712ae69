"""Load balancers that are created with everything below them in a single call."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.api.bascule import NOWHERE, VIPS, Client

pytestmark = pytest.mark.slow

MONITOR = {"type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 2, "name": "monitor"}
BLUE = {
    "name": "blue",
    "protocol": "HTTP",
    "lb_algorithm": "ROUND_ROBIN",
    "session_persistence": {"type": "APP_COOKIE", "cookie_name": "id"},
    "healthmonitor": MONITOR,
    "members": [
        {"address": "10.1.0.1", "protocol_port": 80, "name": "m1"},
        {"address": "10.1.0.2", "protocol_port": 80, "weight": 5},
    ],
}
GREEN = {"name": "green", "protocol": "HTTP", "lb_algorithm": "LEAST_CONNECTIONS"}
RULE = {"type": "PATH", "compare_type": "STARTS_WITH", "value": "/green"}


def send(api: Client, **graph: Any) -> Any:
    return api.post("/loadbalancers", {"loadbalancer": {"vip_subnet_id": VIPS.id, "name": "lb"} | graph})


def shown(api: Client, **graph: Any) -> dict[str, Any]:
    answer = send(api, **graph)
    assert answer.status == 201, answer.body
    tree: dict[str, Any] = answer.body["loadbalancer"]
    return tree


def test_a_whole_tree(api: Client) -> None:
    tree = shown(
        api,
        pools=[BLUE],
        listeners=[
            {
                "name": "web",
                "protocol": "HTTP",
                "protocol_port": 80,
                "default_pool": {"name": "blue"},
                "insert_headers": {"X-Forwarded-For": "true"},
                "l7policies": [
                    {"action": "REDIRECT_TO_POOL", "redirect_pool": GREEN, "rules": [RULE], "name": "to green"},
                    {"action": "REDIRECT_TO_URL", "redirect_url": "https://x.example/", "position": 1},
                ],
            },
            {"name": "tcp", "protocol": "TCP", "protocol_port": 81, "default_pool": {"name": "green"}},
        ],
    )
    assert list(tree)[:3] == ["listeners", "pools", "id"]
    blue, green = tree["pools"]
    web, tcp = tree["listeners"]
    assert "loadbalancers" not in web
    assert "loadbalancers" not in blue
    assert "healthmonitor_id" not in blue
    first_keys = [next(iter(each)) for each in (web, blue, web["l7policies"][0])]
    assert first_keys == ["l7policies", "healthmonitor", "rules"]
    assert (web["default_pool_id"], tcp["default_pool_id"]) == (blue["id"], green["id"])
    assert [each["name"] for each in blue["members"]] == ["m1", ""]
    assert [each["weight"] for each in blue["members"]] == [1, 5]
    assert blue["healthmonitor"]["name"] == "monitor"
    assert "pools" not in blue["healthmonitor"]
    assert green["healthmonitor"] is None
    assert blue["session_persistence"] == {
        "type": "APP_COOKIE",
        "cookie_name": "id",
        "persistence_timeout": None,
        "persistence_granularity": None,
    }
    assert [each["id"] for each in green["listeners"]] == [web["id"], tcp["id"]]
    first, second = web["l7policies"]
    assert (first["redirect_url"], first["position"], first["redirect_http_code"]) == ("https://x.example/", 1, 302)
    assert (second["redirect_pool_id"], second["position"], second["rules"][0]["value"]) == (green["id"], 2, "/green")


def test_the_parts_are_there_afterwards_as_they_were_shown(api: Client) -> None:
    tree = shown(api, pools=[BLUE], listeners=[{"protocol": "HTTP", "protocol_port": 80, "default_pool": {"name": "blue"}}])
    (pool,), (listener,) = tree["pools"], tree["listeners"]
    alone = api.get(f"/pools/{pool['id']}").body["pool"]
    assert alone.pop("healthmonitor_id") == pool.pop("healthmonitor")["id"]
    assert alone.pop("members") == [{"id": each["id"]} for each in pool.pop("members")]
    assert alone.pop("loadbalancers") == [{"id": tree["id"]}]
    assert alone == pool
    alone = api.get(f"/listeners/{listener['id']}").body["listener"]
    assert alone.pop("loadbalancers") == [{"id": tree["id"]}]
    assert alone == listener
    again = api.get(f"/loadbalancers/{tree['id']}").body["loadbalancer"]
    assert again["listeners"] == [{"id": listener["id"]}]
    api.settle()
    assert api.get(f"/loadbalancers/{tree['id']}").body["loadbalancer"]["provisioning_status"] == "ACTIVE"


LISTENER = {"protocol": "HTTP", "protocol_port": 80}
TO_GREEN = {"action": "REDIRECT_TO_POOL", "redirect_pool": GREEN}


@pytest.mark.parametrize(
    ("graph", "status", "text"),
    [
        ({"pools": [{"protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}]}, 400, "Pools must have a name"),
        ({"pools": [GREEN, GREEN]}, 400, "Pool 'green' is defined more than once"),
        ({"pools": [{"name": "x", "protocol": "HTTP"}]}, 400, "Pool 'x': protocol and lb_algorithm are needed"),
        (
            {"listeners": [LISTENER | {"default_pool": {"name": "x", "admin_state_up": True}}]},
            400,
            "Validation failure: Pool 'x' was referenced but no full definition was found.",
        ),
        (
            {"listeners": [LISTENER | {"protocol": "PROMETHEUS", "default_pool": GREEN}]},
            400,
            "Protocol PROMETHEUS listeners cannot have child objects.",
        ),
        (
            {"listeners": [LISTENER | {"protocol": "UDP", "default_pool": GREEN}]},
            400,
            "The pool protocol 'HTTP' is invalid while the listener protocol is 'UDP'.",
        ),
        ({"listeners": [LISTENER, LISTENER]}, 409, "is already using protocol HTTP and protocol_port 80"),
        (
            {"listeners": [LISTENER | {"default_pool": GREEN, "default_pool_id": NOWHERE}]},
            400,
            "default_pool and default_pool_id exclude each other",
        ),
        (
            {"listeners": [LISTENER | {"l7policies": [TO_GREEN | {"redirect_pool_id": NOWHERE}]}]},
            400,
            "redirect_pool and redirect_pool_id exclude each other",
        ),
        ({"listeners": [LISTENER | {"default_pool_id": NOWHERE}]}, 404, f"Pool {NOWHERE} not found."),
        (
            {"listeners": [LISTENER | {"l7policies": [{"action": "REJECT", "rules": [RULE] * 51}]}]},
            409,
            "Too many rules on L7 policy",
        ),
        ({"pools": [BLUE | {"members": [BLUE["members"][0]] * 2}]}, 409, "Another member on this pool is already using"),
        ({"pools": [BLUE | {"members": [{"address": "127.0.0.1", "protocol_port": 1}]}]}, 400, "attribute address."),
        ({"pools": [BLUE | {"healthmonitor": MONITOR | {"type": "SCTP"}}]}, 400, "only allowed on UDP and SCTP pools"),
        ({"listeners": [LISTENER | {"allowed_cidrs": ["fd00::/8"]}]}, 400, "fd00::/8 is IPv6, but no VIP"),
        ({"listeners": [LISTENER | {"sni_container_refs": ["x"]}]}, 400, "Could not retrieve certificate: ['x']"),
        ({"pools": [GREEN | {"ca_tls_container_ref": "y"}]}, 400, "Could not retrieve certificate: ['y']"),
    ],
)
def test_what_does_not_fit_is_refused_as_a_whole(api: Client, graph: dict[str, Any], status: int, text: str) -> None:
    answer = send(api, **graph)
    assert answer.status == status
    assert text in answer.fault
    for collection in ("loadbalancers", "listeners", "pools"):
        assert api.get(f"/{collection}").body[collection] == []


def test_all_that_is_wrong_with_a_body_is_told_at_once(api: Client) -> None:
    answer = send(
        api,
        name=7,
        colour="red",
        listeners=[{"protocol": "HTTPX", "protocol_port": "99999"}],
        pools=[{"members": [{"address": "x", "weight": -1}]}],
    )
    assert answer.status == 400
    for problem in (
        "Unknown attribute for argument loadbalancer: colour",
        "attribute loadbalancer.name. Value: '7'. Value should be text of at most 255 characters",
        "attribute loadbalancer.listeners[0].protocol. Value: 'HTTPX'. Value should be one of: HTTP, HTTPS, PROMETHEUS, SCTP",
        "attribute loadbalancer.listeners[0].protocol_port. Value: '99999'. Value should be lower or equal to 65535: a number from",
        "attribute loadbalancer.pools[0].members[0].address. Value: 'x'. Value should be IPv4 or IPv6 format",
        "attribute loadbalancer.pools[0].members[0].protocol_port. Value: 'None'. Mandatory field missing.",
        "attribute loadbalancer.pools[0].members[0].weight. Value: '-1'. Value should be greater or equal to 0: a number from",
    ):
        assert problem in answer.fault


def test_all_that_does_not_fit_together_is_told_at_once(api: Client) -> None:
    """By the name of the object, or by its number among those of its kind where it has none."""
    pool = {"name": "p", "protocol": "UDP", "lb_algorithm": "ROUND_ROBIN", "session_persistence": {"type": "APP_COOKIE"}}
    answer = send(
        api,
        name="a\nb",
        listeners=[
            {"protocol": "TCP", "protocol_port": 1, "hsts_preload": True, "insert_headers": {"X-Real-IP": "true"}},
            {"protocol": "TCP", "protocol_port": 2, "name": "second", "default_pool": pool},
        ],
    )
    assert answer.status == 400
    assert answer.fault.split("; ") == [
        "Validation failure: name must not contain control characters such as line breaks",
        "Validation failure: session_persistence: cookie_name is needed when the type is APP_COOKIE",
        "Validation failure: session_persistence: only SOURCE_IP is allowed on UDP pools, not APP_COOKIE",
        "Validation failure: listener 1: insert_headers is only allowed on HTTP and TERMINATED_HTTPS listeners, not on TCP ones",
        "Validation failure: listener 1: hsts_max_age is needed for hsts_include_subdomains and hsts_preload",
        "Validation failure: listener second: The pool protocol 'UDP' is invalid while the listener protocol is 'TCP'.",
    ]
    assert api.get("/loadbalancers").body["loadbalancers"] == []


def test_all_that_is_not_there_is_told_at_once(api: Client) -> None:
    answer = send(
        api,
        vip_subnet_id=NOWHERE,
        provider="nobody",
        vip_qos_policy_id=NOWHERE,
        listeners=[{"protocol": "TERMINATED_HTTPS", "protocol_port": 443, "default_tls_container_ref": "missing.pem"}],
        pools=[
            {
                "name": "p",
                "protocol": "TCP",
                "lb_algorithm": "ROUND_ROBIN",
                "members": [{"address": "192.0.2.1", "protocol_port": 1}],
            }
        ],
    )
    assert answer.status == 400
    assert [text.partition(":")[0] for text in answer.fault.split("; ")] == [
        "Provider 'nobody' is not enabled. Enabled",
        "Validation failure",
        f"Subnet {NOWHERE} not found.",
        "Invalid input for field/attribute address. Value",
        "Could not retrieve certificate",
    ]


def test_what_is_not_there_goes_before_what_does_not_fit_and_that_before_what_is_taken(api: Client) -> None:
    both = [{"protocol": "TCP", "protocol_port": 1}, {"protocol": "HTTP", "protocol_port": 1}]
    assert send(api, listeners=both).status == 409
    both[0]["hsts_preload"] = True
    assert send(api, listeners=both).status == 400
    both[0]["default_pool_id"] = NOWHERE
    assert send(api, listeners=both).status == 404
    many = [{"protocol": "TCP", "protocol_port": port, "hsts_preload": True} for port in range(1, 40)]
    assert send(api, listeners=many).fault.count("hsts_max_age is needed") == 20


def test_policies_are_placed_as_if_they_came_one_by_one(api: Client) -> None:
    positions = (("a", None), ("b", 1), ("c", 2), ("d", 2147483647), ("e", 4))
    policies = [{"action": "REJECT", "name": name, "position": position} for name, position in positions]
    answer = send(api, listeners=[{"protocol": "HTTP", "protocol_port": 80, "l7policies": policies}])
    shown = answer.body["loadbalancer"]["listeners"][0]["l7policies"]
    assert [(each["name"], each["position"]) for each in shown] == [(name, at) for at, name in enumerate("bcaed", 1)]


def test_a_large_body_costs_no_more_for_each_object_than_a_small_one(api: Client) -> None:
    """What looks at all objects for every object takes minutes for the largest bodies."""
    policies = [{"action": "REJECT", "rules": [RULE]}] * 2000
    members = [{"address": f"10.1.{number >> 8}.{number & 255}", "protocol_port": 80} for number in range(3000)]
    pool = GREEN | {"members": members}
    begun = time.process_time()
    answer = send(api, listeners=[{"protocol": "HTTP", "protocol_port": 80, "l7policies": policies, "default_pool": pool}])
    assert answer.status == 201
    assert api.get(f"/loadbalancers/{answer.body['loadbalancer']['id']}/status").status == 200
    assert time.process_time() - begun < 4
