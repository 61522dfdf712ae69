"""Every route of the table, asked for by everybody: what comes back follows from the route and from who asks.

A new route is in here by itself. It needs an entry in `BODIES` if it takes a body, and in `ADMIN_PATHS` if it is for
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
from bascule.model.status import CarrierState
from bascule.north.octavia_v2.app import served
from bascule.north.octavia_v2.routes import ROUTES, TOP, Route
from bascule.store import amphorae
from bascule.store.tables import carrier
from tests.api.bascule import VIPS, Answer, Bascule
from tests.identity.users import OURS, client

OF_NOBODY = re.compile("/(flavor|availabilityzone|providers/|amphorae|quotas)")
"""Paths to what belongs to no project, or is a project: there is nothing to hide."""

ADMIN_PATHS = re.compile("/(flavorprofiles|availabilityzoneprofiles|providers/|amphorae|loadbalancers/.*/failover)")
ADMIN_WRITES = re.compile("/(flavors|availabilityzones|quotas)")
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
    ("PUT", "/quotas/{project_id}"): {"quota": {"l7rule": -1}},
    ("POST", "/flavors"): {"flavor": {"name": "new {flavor_id}", "flavor_profile_id": "{flavor_profile_id}"}},
    ("PUT", "/flavors/{flavor_id}"): {"flavor": {"description": "new"}},
    ("POST", "/flavorprofiles"): {"flavorprofile": {"name": "new", "provider_name": "memory", "flavor_data": "{}"}},
    ("PUT", "/flavorprofiles/{flavor_profile_id}"): {"flavorprofile": {"name": "new"}},
    ("POST", "/availabilityzones"): {
        "availability_zone": {
            "name": "new {flavor_id}",
            "availability_zone_profile_id": "{availability_zone_profile_id}",
        },
    },
    ("PUT", "/availabilityzones/{availability_zone_name}"): {"availability_zone": {"description": "new"}},
    ("POST", "/availabilityzoneprofiles"): {
        "availability_zone_profile": {"name": "new", "provider_name": "memory", "availability_zone_data": "{}"},
    },
    ("PUT", "/availabilityzoneprofiles/{availability_zone_profile_id}"): {"availability_zone_profile": {"name": "new"}},
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
    """A load balancer of ours with one of everything below it, and something that operators offer."""
    return _offered(bascule) | _tree(bascule)


def _offered(bascule: Bascule) -> Ids:
    ids = {"provider": "memory", "project_id": OURS}

    def post(path: str, root: str, **body: str) -> Any:
        answer = client(bascule, "admin").post(path, {root: {"name": str(uuid.uuid4())} | body})
        assert answer.status == 201, answer.body
        return answer.body[root]

    for path, root, data in (
        ("/flavorprofiles", "flavorprofile", "flavor_data"),
        ("/availabilityzoneprofiles", "availability_zone_profile", "availability_zone_data"),
    ):
        used, unused = (post(path, root, **{"provider_name": "memory", data: "{}"})["id"] for _ in range(2))
        if root == "flavorprofile":
            ids |= {"flavor_profile_id": unused, "flavor_id": post("/flavors", "flavor", flavor_profile_id=used)["id"]}
        else:
            zone = post("/availabilityzones", "availability_zone", availability_zone_profile_id=used)
            ids |= {"availability_zone_profile_id": unused, "availability_zone_name": zone["name"]}
    return ids


def _amphora(bascule: Bascule, load_balancer_id: str) -> Ids:
    """The processes that carry a load balancer. One that works cannot be deleted, so they do not answer."""
    bascule.settle()
    with bascule.database.read() as conn:
        (found,) = amphorae.amphorae(conn, ["memory"], None, load_balancer_id)
    bascule.database.write(
        lambda conn: conn.execute(carrier.update().where(carrier.c.id == found.id).values(state=str(CarrierState.LOST)))
    )
    return {"amphora_id": found.id}


def _tree(bascule: Bascule) -> Ids:
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
        return re.sub(r"{(\w+)}", lambda found: ids[found[1]], text)

    options: dict[str, Any] = {}
    if route.takes is not None:
        body = named(json.dumps(BODIES[route.method, route.path]))
        options = {"body": body, "headers": {"Content-Type": "application/json"}}
    if "cascade" in route.flags:
        options["query_string"] = "cascade=true"
    return client(bascule, who).raw(route.method, named(route.canonical), **options)


def expected(route: Route, who: str | None) -> int:
    """The status that an answer is to have."""
    key = (route.method, route.path)
    done = route.status
    if who is None:
        return 401
    if who == "admin" or (who == "service" and key in SERVICES):
        return done
    named = ("{" in route.path or "_id}" in json.dumps(BODIES.get(key))) and not OF_NOBODY.match(route.path)
    if who in ("other", "service") and named:
        return 404  # as if it were not there
    if admin_only(route) or who in ("nothing", "service") or (who == "other" and "{project_id}" in route.path):
        return 403
    return done if route.method == "GET" or who in ("member", "other") else 403


def admin_only(route: Route) -> bool:
    written = route.method != "GET" and ADMIN_WRITES.match(route.path)
    return bool(written or ADMIN_PATHS.match(route.path))


def of_route(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", ROUTES, ids=of_route)
def test_every_route_by_everybody(shared: Bascule, route: Route) -> None:
    ids = made(shared)
    if "{amphora_id}" in route.path:
        ids |= _amphora(shared, ids["load_balancer_id"])
    before = Reader(shared.database).stored(ids["load_balancer_id"])
    for who in (None, "other", "nothing", "service", "reader"):
        assert ask(shared, route, who, ids).status == expected(route, who), who
    if route.method != "GET":
        assert Reader(shared.database).stored(ids["load_balancer_id"]) == before, "what was refused has changed something"
    assert ask(shared, route, "member", ids).status == expected(route, "member")
    if route.method != "GET" and not admin_only(route):
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
    assert {name.removesuffix("_id") for name in _tree(shared)} == {*map(str, Kind), "empty_pool"}
