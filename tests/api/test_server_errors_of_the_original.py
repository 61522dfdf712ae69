"""What the original API is known to fail at with 500: here it is answered with what is wrong."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bascule.north.octavia_v2.routes import ROUTES
from bascule.north.octavia_v2.schemas.common import Noun
from tests.api.bascule import Client

pytestmark = pytest.mark.slow

LISTS = [(route.path, route.lists) for route in ROUTES if isinstance(route.lists, Noun) and "{" not in route.path]
NESTED = {"/pools/{id}/members": "pool", "/l7policies/{id}/rules": "l7policy"}


@pytest.mark.parametrize("more", [{"members": []}, {"members": [{"address": "10.1.0.1", "protocol_port": 1}]}, {"members": None}])
def test_members_in_a_pool_that_is_created_by_itself(api: Client, load_balancer: dict[str, Any], more: dict[str, Any]) -> None:
    body = {"loadbalancer_id": load_balancer["id"], "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"} | more
    answer = api.post("/pools", {"pool": body})
    assert answer.status == 400
    assert answer.fault.startswith("Unknown attribute for argument pool: members. Known: ")


def test_a_monitor_in_a_pool_that_is_created_by_itself(api: Client, load_balancer: dict[str, Any]) -> None:
    monitor = {"type": "TCP", "delay": 1, "timeout": 1, "max_retries": 1}
    body = {"loadbalancer_id": load_balancer["id"], "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "healthmonitor": monitor}
    answer = api.post("/pools", {"pool": body})
    assert (answer.status, "Unknown attribute for argument pool: healthmonitor" in answer.fault) == (400, True)


@pytest.mark.parametrize(("path", "noun"), LISTS, ids=lambda each: each if isinstance(each, str) else "")
def test_filters_that_are_given_twice_or_are_lists(api: Client, path: str, noun: Noun) -> None:
    _try_filters(api, path, noun)


@pytest.mark.parametrize("path", NESTED)
def test_filters_of_what_belongs_to_one_object(api: Client, listener: dict[str, Any], pool: dict[str, Any], path: str) -> None:
    owner = pool if NESTED[path] == "pool" else api.l7policy(listener["id"])
    noun = next(route.lists for route in ROUTES if isinstance(route.lists, Noun) and route.path.endswith(path.rpartition("/")[2]))
    _try_filters(api, path.replace("{id}", owner["id"]), noun)


def _try_filters(api: Client, path: str, noun: Noun) -> None:
    single = set(noun.filters)
    several = {field.name for field in msgspec.structs.fields(noun.answer)} - single - {"tags"}
    assert several, "the attributes that are lists, or objects, or not to be filtered by"
    for name in single:
        assert api.get(path, **{name: ["1", "1"]}).fault == f"One or more arguments are either duplicate or invalid: {name}"
    for name in several:
        for value in ("x", ["x", "y"], "", '{"id": "x"}'):
            answer = api.get(path, **{name: value})
            assert (answer.status, answer.fault) == (400, f"One or more arguments are either duplicate or invalid: {name}")
    for name in ("limit", "marker"):
        assert api.get(path, **{name: ["1", "1"]}).status == 400
