"""The OpenAPI document."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from bascule.north.octavia_v2.routes import ROUTES, TOP
from tests.api.bascule import VIPS, Client


@pytest.fixture
def document(api: Client) -> dict[str, Any]:
    body: dict[str, Any] = api.raw("GET", "/openapi.json").body
    return body


def schema_of(document: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    return {**content["content"]["application/json"]["schema"], "components": document["components"]}


def test_every_route_is_in_it(document: dict[str, Any]) -> None:
    documented = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    wanted = {(route.path, route.method) for route in TOP} | {(route.canonical, route.method) for route in ROUTES}
    assert documented == wanted
    operations = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(set(operations)) == len(operations)


def test_every_schema_is_one(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    references = json.dumps(document).count('"$ref"')
    assert references > 100


def test_answers_are_as_documented(api: Client, document: dict[str, Any]) -> None:
    load_balancer = api.post(
        "/loadbalancers",
        {
            "loadbalancer": {
                "vip_subnet_id": VIPS.id,
                "pools": [{"name": "p", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "members": []}],
                "listeners": [{"protocol": "HTTP", "protocol_port": 80, "l7policies": [{"action": "REJECT"}]}],
            }
        },
    )
    load_balancer_id = load_balancer.body["loadbalancer"]["id"]
    checked = 0
    for path, methods in document["paths"].items():
        if "{" in path.replace("{load_balancer_id}", "") or "get" not in methods:
            continue
        answer = api.raw("GET", path.replace("{load_balancer_id}", load_balancer_id))
        jsonschema.validate(answer.body, schema_of(document, methods["get"]["responses"]["200"]))
        checked += 1
    created = document["paths"]["/v2.0/lbaas/loadbalancers"]["post"]["responses"]["201"]
    jsonschema.validate(load_balancer.body, schema_of(document, created))
    refused = document["paths"]["/v2.0/lbaas/loadbalancers"]["post"]["responses"]["default"]
    for wrong in (api.post("/loadbalancers", {}), api.raw("GET", "/nothing")):
        jsonschema.validate(wrong.body, schema_of(document, refused))
    assert checked > 10


def test_bodies_have_the_limits_of_their_attributes(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    listener = schemas["ListenerPost"]
    assert sorted(listener["required"]) == ["loadbalancer_id", "protocol", "protocol_port"]
    assert listener["additionalProperties"] is False
    assert (listener["properties"]["protocol_port"]["minimum"], listener["properties"]["protocol_port"]["maximum"]) == (1, 65535)
    assert listener["properties"]["loadbalancer_id"] == {"type": "string", "format": "uuid"}
