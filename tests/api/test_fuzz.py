"""Requests that nobody would think of: none of them may be answered with an error of ours.

Half of the ids in a request are ones that exist, so that requests get past the first check.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bascule.north.octavia_v2.routes import ROUTES
from bascule.store.engine import Database
from tests.api.bascule import MEMBERS, NETWORK_ID, PROJECT, VIPS, Bascule, Client
from tests.conftest import KINDS

HEADERS = {"Host": "localhost"}
DOCUMENTED = [status_code_conformance, content_type_conformance, response_schema_conformance]
"""No answer is one that the document does not tell of."""


@contextmanager
def _fresh_url(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        shutil.copyfile(request.getfixturevalue("migrated_file"), folder / "bascule.db")
        yield f"sqlite:///{folder / 'bascule.db'}"
    else:
        with request.getfixturevalue(kind).migrated() as url:
            yield url


@pytest.fixture(scope="module", params=KINDS)
def fuzzed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a Bascule that is used up, on every kind of database."""
    folder = tmp_path_factory.mktemp("fuzzed")
    with _fresh_url(request.param, request, folder) as url:
        database = Database(url)
        yield Client(Bascule(database, folder / "certificates"))
        database.close()


@pytest.fixture(scope="module")
def schema(fuzzed: Client) -> Any:
    return schemathesis.openapi.from_wsgi("/openapi.json", fuzzed.bascule.application, headers=HEADERS)


def known_ids(api: Client) -> dict[str, str]:
    """Make one of everything; give the ids by the names under which paths and bodies refer to them."""
    pool = {"name": "p", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}
    monitor = {"type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 2}
    policy = {"action": "REJECT", "rules": [{"type": "PATH", "compare_type": "EQUAL_TO", "value": "/"}]}
    made = api.load_balancer(
        pools=[pool | {"healthmonitor": monitor, "members": [{"address": "10.1.0.1", "protocol_port": 80}]}],
        listeners=[{"protocol": "HTTP", "protocol_port": 80, "default_pool": {"name": "p"}, "l7policies": [policy]}],
    )
    (shown_pool,), (shown_listener,) = made["pools"], made["listeners"]
    (shown_policy,) = shown_listener["l7policies"]
    return {
        "load_balancer_id": made["id"],
        "loadbalancer_id": made["id"],
        "listener_id": shown_listener["id"],
        "pool_id": shown_pool["id"],
        "default_pool_id": shown_pool["id"],
        "redirect_pool_id": shown_pool["id"],
        "member_id": shown_pool["members"][0]["id"],
        "health_monitor_id": shown_pool["healthmonitor"]["id"],
        "l7policy_id": shown_policy["id"],
        "l7rule_id": shown_policy["rules"][0]["id"],
        "vip_subnet_id": VIPS.id,
        "vip_network_id": NETWORK_ID,
        "subnet_id": MEMBERS.id,
        "project_id": PROJECT,
        "provider": made["provider"],
        "provider_name": made["provider"],
    }


def with_known_ids(value: Any, ids: dict[str, str], chance: random.Random) -> Any:
    if isinstance(value, dict):
        return {
            name: ids[name] if name in ids and chance.random() < 0.5 else with_known_ids(part, ids, chance)
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [with_known_ids(part, ids, chance) for part in value]
    if value == "10.0.0.0" or (isinstance(value, str) and value.count(".") == 3 and chance.random() < 0.5):
        return f"10.1.0.{chance.randint(1, 250)}"
    return value


def probe(api: Client, case: Any) -> None:
    chance = random.Random(repr(case.body) + repr(case.query))
    ids = known_ids(api)
    case.path_parameters = {
        name: ids[name] if name in ids and chance.random() < 0.8 else value for name, value in (case.path_parameters or {}).items()
    }
    if isinstance(case.body, dict | list):
        case.body = with_known_ids(case.body, ids, chance)
    response = case.call(headers=HEADERS)
    assert response.status_code < 500 or response.status_code == 501, response.text
    assert "x-openstack-request-id" in response.headers
    case.validate_response(response, checks=DOCUMENTED)
    if response.status_code >= 400:
        body = response.json()
        assert body.get("faultstring") or body["code"] == response.status_code
    api.delete(f"/loadbalancers/{ids['load_balancer_id']}", cascade="true")
    if chance.random() < 0.1:
        api.settle()


COMMON: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck)}
QUICK = settings(max_examples=6, phases=[Phase.generate], derandomize=True, **COMMON)
THOROUGH = settings(max_examples=50, phases=[Phase.generate], **COMMON)

OPERATIONS = [pytest.param(each.canonical, each.method, id=f"{each.method} {each.path}") for each in ROUTES]
# Odd but valid regular expressions make Python warn.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def fuzz(schema: Any, api: Client, path: str, method: str, how_much: settings) -> None:
    operation = schema[path][method]

    @how_much
    @given(case=operation.as_strategy() | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def run(case: Any) -> None:
        probe(api, case)

    run()


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_a_few_requests_of_every_kind(path: str, method: str, schema: Any, fuzzed: Client) -> None:
    fuzz(schema, fuzzed, path, method, QUICK)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fuzzed", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_many_requests_of_every_kind(path: str, method: str, schema: Any, fuzzed: Client) -> None:
    fuzz(schema, fuzzed, path, method, THOROUGH)


# Without a schema

COLLECTIONS = ("loadbalancers", "listeners", "pools", "healthmonitors", "l7policies")
ROOTS = {"loadbalancers": "loadbalancer", "listeners": "listener", "pools": "pool"} | {
    "healthmonitors": "healthmonitor",
    "l7policies": "l7policy",
}
ATTRIBUTES = ["name", "id", "created_at", "admin_state_up", "protocol_port", "vip_address", "position", "delay"]
PARAMETERS = ["limit", "marker", "sort", "sort_key", "sort_dir", "fields", "tags", "not-tags-any", "page_reverse"]
WORDS = st.sampled_from([*ROOTS.values(), *ATTRIBUTES, *PARAMETERS])
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(["1", "-1", "true", "asc", "a:desc", "9" * 30])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(WORDS | TEXTS, parts, max_size=4),
    max_leaves=12,
)
SHORT = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@SHORT
@given(collection=st.sampled_from(COLLECTIONS), body=VALUES, wrapped=st.booleans(), put=st.booleans())
def test_any_json(collection: str, body: Any, wrapped: bool, put: bool, fuzzed: Client) -> None:
    sent = {ROOTS[collection]: body} if wrapped else body
    path = f"/{collection}/{known_ids(fuzzed)['load_balancer_id']}" if put else f"/{collection}"
    answer = fuzzed.send("PUT" if put else "POST", path, sent)
    assert answer.status < 500
    assert answer.status == 200 or answer.fault


@SHORT
@given(collection=st.sampled_from(COLLECTIONS), query=st.lists(st.tuples(WORDS | TEXTS, TEXTS), max_size=4))
def test_any_query(collection: str, query: list[tuple[str, str]], fuzzed: Client) -> None:
    answer = fuzzed.raw("GET", f"/v2/lbaas/{collection}", query_string=urlencode(query))
    assert answer.status < 500
    assert answer.status == 200 or answer.fault


@SHORT
@given(raw=st.binary(max_size=200), query=st.booleans())
def test_any_bytes(raw: bytes, query: bool, fuzzed: Client) -> None:
    if query:
        printable = "".join(chr(byte) for byte in raw if 0x21 <= byte < 0x7F and byte != ord("#"))
        answer = fuzzed.raw("GET", "/v2/lbaas/listeners", query_string=printable.lstrip("?"))  # Falcon's client takes none
    else:
        headers = {"Content-Type": "application/json"}
        answer = fuzzed.raw("POST", "/v2/lbaas/listeners", body=raw, headers=headers)
    assert answer.status < 500
    assert answer.status == 200 or answer.fault
    assert json.dumps(answer.body)
