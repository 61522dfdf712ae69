"""The OpenAPI document."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from bascule.north.octavia_v2.lookups import ROUTES as LOOKUPS
from bascule.north.octavia_v2.routes import ROUTES, TOP
from tests.api.bascule import VIPS, Client
from tests.api.serving import serving


@pytest.fixture
def document(api: Client) -> dict[str, Any]:
    body: dict[str, Any] = api.raw("GET", "/openapi.json").body
    return body


def schema_of(document: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    return {**content["content"]["application/json"]["schema"], "components": document["components"]}


def test_every_route_is_in_it(document: dict[str, Any]) -> None:
    documented = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    wanted = {(route.path, route.method) for route in TOP} | {(route.canonical, route.method) for route in ROUTES}
    wanted |= {(route.path, route.method) for route in LOOKUPS if not route.path.startswith("/v2/")} | {("/healthcheck", "GET")}
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
        if "{" in path.replace("{load_balancer_id}", "") or "get" not in methods or path == "/healthcheck":
            continue
        answer = api.raw("GET", path.replace("{load_balancer_id}", load_balancer_id))
        jsonschema.validate(answer.body, schema_of(document, methods["get"]["responses"]["200"]))
        checked += 1
    created = document["paths"]["/v2.0/lbaas/loadbalancers"]["post"]["responses"]["201"]
    jsonschema.validate(load_balancer.body, schema_of(document, created))
    refused = document["paths"]["/v2.0/lbaas/loadbalancers"]["post"]["responses"]["400"]
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


def test_every_parameter_and_attribute_is_in_it(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for route in ROUTES:
        operation = document["paths"][route.canonical][route.method.lower()]
        given = {each["name"] for each in operation["parameters"]}
        assert set(route.flags) | set(re.findall(r"{(\w+)}", route.canonical)) <= given
        if route.lists is not None:
            assert {*route.lists.filters, "fields", "limit", "marker", "sort"} <= given
        for kind in (route.takes, route.gives):
            if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
                assert set(schemas[kind.__name__]["properties"]) == {field.encode_name for field in msgspec.structs.fields(kind)}


def test_attributes_and_filters_that_can_be_asked_for_are_in_it(api: Client, document: dict[str, Any]) -> None:
    def parameters(path: str) -> set[str]:
        return {each["name"] for each in document["paths"][path]["get"]["parameters"]}

    load_balancer = api.load_balancer(name="lb")
    for path, some in {
        "/v2.0/lbaas/loadbalancers/{load_balancer_id}": {"loadbalancer": {"name": "lb"}},
        "/v2.0/lbaas/providers": {"providers": [{"name": "memory"}]},
    }.items():
        assert "fields" in parameters(path)
        answer = api.raw("GET", path.replace("{load_balancer_id}", load_balancer["id"]), query_string="fields=name").body
        assert answer == some
        jsonschema.validate(answer, schema_of(document, document["paths"][path]["get"]["responses"]["200"]))
    assert parameters("/v2.0/lbaas/providers/{provider}/flavor_capabilities") == {"provider", "name", "description", "fields"}
    assert "fields" not in parameters("/v2.0/lbaas/quotas/{project_id}")
    assert {"id", "name", "cidr", "shared"} == (parameters("/v2.0/subnets") & {"id", "name", "cidr"}) | (
        parameters("/v2.0/networks") & {"shared"}
    )


def test_how_the_healthcheck_answers_is_in_it(api: Client, document: dict[str, Any]) -> None:
    responses = document["paths"]["/healthcheck"]["get"]["responses"]
    assert str(api.raw("GET", "/healthcheck").status) in responses
    answer = api.raw("GET", "/healthcheck", headers={"Accept": "application/json"})
    jsonschema.validate(answer.body, schema_of(document, responses[str(answer.status)]))


def test_every_answer_that_may_come_is_in_it(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        if path == "/healthcheck":
            continue
        for method, operation in methods.items():
            assert "default" not in operation["responses"]
            assert {"400", "403", "406", "500"} <= set(operation["responses"])
            assert ("401" in operation["responses"]) == (operation.get("security") != [])
            assert ({"413", "415"} <= set(operation["responses"])) == ("requestBody" in operation)
            assert ("409" in operation["responses"]) == (method != "get")
            assert ("Retry-After" in operation["responses"].get("503", {}).get("headers", ())) == (operation.get("security") != [])


def test_people_can_look_at_it_and_nothing_comes_from_elsewhere(api: Client) -> None:
    answer = api.client.simulate_get("/docs")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert re.findall(r'(?:src|href)="(?!openapi\.json")', answer.text) == []
    assert "//" not in re.sub(r"^\s*//.*$", "", answer.text, flags=re.MULTILINE)


@pytest.mark.slow
def test_a_browser_shows_every_operation(api: Client, document: dict[str, Any], tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("NOT TESTED: there is no chromium")
    with serving(api.bascule) as url:
        how = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", f"--user-data-dir={tmp_path}"]
        command = [chromium, *how, "--dump-dom", f"{url}/docs/"]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True).stdout
    for path, methods in document["paths"].items():
        assert f"<code>{path}</code>" in shown
        assert all(f'id="{each["operationId"]}"' in shown for each in methods.values())
    assert all(f'id="type-{name}"' in shown for name in document["components"]["schemas"])
