"""Every route of the table, asked for by everybody: what comes back follows from the route and from who asks.

A new route is in here by itself. It needs an entry in `BODIES` if it takes a body, and one in `ADMIN_ONLY` if it is for
administrators; without them the test of it fails.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import pytest

from bascule.core.reader import Reader
from bascule.model.objects import Kind
from bascule.north.octavia_v2.app import served
from bascule.north.octavia_v2.routes import CANONICAL, ROUTES, TOP, Route
from tests.api.bascule import VIPS, Answer, Bascule
from tests.identity.users import OURS, client

ADMIN_ONLY = {("PUT", "/loadbalancers/{load_balancer_id}/failover")}
SERVICES = {("GET", "/pools/{pool_id}/members")}
"""Routes that other services may use in every project."""

BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/loadbalancers"): {"loadbalancer": {"vip_subnet_id": VIPS.id}},
    ("PUT", "/loadbalancers/{load_balancer_id}"): {"loadbalancer": {"name": "new"}},
    ("POST", "/listeners"): {
        "listener": {"loadbalancer_id": "{load_balancer_id}", "protocol": "HTTP", "protocol_port": 81},
    },
    ("PUT", "/listeners/{listener_id}"): {"listener": {"name": "new"}},
    ("POST", "/pools"): {"pool": {"loadbalancer_id": "{load_balancer_id}", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}},
    ("PUT", "/pools/{pool_id}"): {"pool": {"name": "new"}},
    ("POST", "/pools/{pool_id}/members"): {"member": {"address": "10.1.0.77", "protocol_port": 80}},
    ("PUT", "/pools/{pool_id}/members"): {"members": [{"address": "10.1.0.78", "protocol_port": 80}]},
    ("PUT", "/pools/{pool_id}/members/{member_id}"): {"member": {"name": "new"}},
    ("POST", "/healthmonitors"): {
        "healthmonitor": {"pool_id": "{empty_pool_id}", "type": "TCP", "delay": 5, "timeout": 3, "max_retries": 2},
    },
    ("PUT", "/healthmonitors/{health_monitor_id}"): {"healthmonitor": {"name": "new"}},
    ("POST", "/l7policies"): {"l7policy": {"listener_id": "{listener_id}", "action": "REJECT"}},
    ("PUT", "/l7policies/{l7policy_id}"): {"l7policy": {"name": "new"}},
    ("POST", "/l7policies/{l7policy_id}/rules"): {"rule": {"type": "PATH", "compare_type": "EQUAL_TO", "value": "/new"}},
    ("PUT", "/l7policies/{l7policy_id}/rules/{l7rule_id}"): {"rule": {"value": "/new"}},
}

MONITOR = {"type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 2}
POOL = {"protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}
MEMBER = {"address": "10.1.0.5", "protocol_port": 8080}
RULE = {"type": "PATH", "compare_type": "STARTS_WITH", "value": "/old"}
TREE = {
    "vip_subnet_id": VIPS.id,
    "project_id": OURS,
    "pools": [POOL | {"name": "empty"}],
    "listeners": [
        {
            "protocol": "HTTP",
            "protocol_port": 80,
            "default_pool": {
                "name": "full",
                "protocol": "HTTP",
                "lb_algorithm": "ROUND_ROBIN",
                "members": [MEMBER],
                "healthmonitor": MONITOR,
            },
            "l7policies": [{"action": "REJECT", "rules": [RULE]}],
        }
    ],
}

Ids = dict[str, str]


def made(bascule: Bascule) -> Ids:
    """A load balancer of ours with one of everything below it."""
    answer = client(bascule, "admin").post("/loadbalancers", {"loadbalancer": TREE})
    assert answer.status == 201, answer.body
    load_balancer = answer.body["loadbalancer"]
    (listener,) = load_balancer["listeners"]
    (policy,) = listener["l7policies"]
    pool = next(each for each in load_balancer["pools"] if each["members"])
    empty = next(each for each in load_balancer["pools"] if not each["members"])
    return {
        "load_balancer_id": load_balancer["id"],
        "listener_id": listener["id"],
        "pool_id": pool["id"],
        "empty_pool_id": empty["id"],
        "member_id": pool["members"][0]["id"],
        "health_monitor_id": pool["healthmonitor"]["id"],
        "l7policy_id": policy["id"],
        "l7rule_id": policy["rules"][0]["id"],
    }


def ask(bascule: Bascule, route: Route, who: str | None, ids: Ids) -> Answer:
    """Ask for a route, with all objects named by these ids."""

    def named(text: str) -> str:
        return re.sub(r"{(\w+_id)}", lambda found: ids[found[1]], text)

    options: dict[str, Any] = {}
    if route.takes is not None:
        body = named(json.dumps(BODIES[route.method, route.path]))
        options = {"body": body, "headers": {"Content-Type": "application/json"}}
    if "cascade" in route.flags:
        options["query_string"] = "cascade=true"
    return client(bascule, who).raw(route.method, CANONICAL + named(route.path), **options)


def expected(route: Route, who: str | None) -> int:
    """The status that an answer is to have."""
    key = (route.method, route.path)
    done = route.status
    if who is None:
        return 401
    if who == "admin" or (who == "service" and key in SERVICES):
        return done
    named = "{" in route.path or "_id}" in json.dumps(BODIES.get(key))
    if who in ("other", "service") and named:
        return 404  # as if it were not there
    if key in ADMIN_ONLY or who in ("nothing", "service"):
        return 403
    return done if route.method == "GET" or who in ("member", "other") else 403


def of_route(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", ROUTES, ids=of_route)
def test_every_route_by_everybody(shared: Bascule, route: Route) -> None:
    ids = made(shared)
    before = Reader(shared.database).stored(ids["load_balancer_id"])
    for who in (None, "other", "nothing", "service", "reader"):
        assert ask(shared, route, who, ids).status == expected(route, who), who
    if route.method != "GET":
        assert Reader(shared.database).stored(ids["load_balancer_id"]) == before, "what was refused has changed something"
    assert ask(shared, route, "member", ids).status == expected(route, "member")
    if route.method != "GET" and (route.method, route.path) not in ADMIN_ONLY:
        ids = made(shared)
    assert ask(shared, route, "admin", ids).status == expected(route, "admin")


def test_what_is_of_others_looks_like_what_is_not_there(shared: Bascule) -> None:
    ids = made(shared)
    nowhere = {name: str(uuid.uuid4()) for name in ids}
    routes = [route for route in ROUTES if expected(route, "other") == 404]
    assert len(routes) > 30
    for route in routes:
        theirs, missing = (ask(shared, route, "other", each) for each in (ids, nowhere))
        text = json.dumps(missing.body)
        for name, each in nowhere.items():
            text = text.replace(each, ids[name])
        assert (theirs.status, json.dumps(theirs.body)) == (missing.status, text), of_route(route)
        assert theirs.headers.keys() == missing.headers.keys()


def test_every_path_asks_who_one_is_but_those_that_are_public(shared: Bascule) -> None:
    public = {route.path for route in TOP if route.public}
    assert public == {"/"}
    for path, route in served():
        answer = client(shared, None).raw(route.method, re.sub(r"{\w+}", str(uuid.uuid4()), path))
        assert answer.status == (200 if path in public else 401), path
    assert client(shared, None).raw("GET", "/openapi.json").status == 200
    assert client(shared, None).raw("GET", "/nothing/here").status == 401


def test_looking_up_is_for_everybody_who_is_somebody(shared: Bascule) -> None:
    for path, route in served():
        if route.policy is None and "{" not in path:
            assert client(shared, "nothing").raw(route.method, path).status == 200, path


def test_every_kind_can_be_asked_for(shared: Bascule) -> None:
    """The matrix would be worth little if it did not reach every kind of object."""
    assert {name.removesuffix("_id") for name in made(shared)} == {*map(str, Kind), "empty_pool"}
