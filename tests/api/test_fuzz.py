"""Requests that nobody would think of: none of them may be answered with an error of ours.

Half of the ids in a request are ones that exist, so that requests get past the first check.
"""

from __future__ import annotations

import json
import random
import shutil
import uuid
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

from bascule.north.octavia_v2.openapi import documented
from bascule.store.engine import Database
from tests.api.bascule import MEMBERS, NETWORK_ID, PROJECT, VIPS, Client
from tests.conftest import KINDS, SERVERS
from tests.identity.conftest import guarded
from tests.identity.users import basic, client

HEADERS = {"Host": "localhost"}
DOCUMENTED = [status_code_conformance, content_type_conformance, response_schema_conformance]
"""No answer is one that the document does not tell of."""

ADMIN, READER = "admin", "reader"
USERS = {each: f"{PROJECT}={each}" for each in (ADMIN, READER)}

MANY, FEW = 36, 3
"""Requests for each operation, on SQLite and on each of the other databases."""


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
    """An administrator's client of a Bascule that is used up, on every kind of database."""
    folder = tmp_path_factory.mktemp("fuzzed")
    with _fresh_url(request.param, request, folder) as url:
        database = Database(url)
        yield client(guarded(database, folder, USERS), ADMIN)
        database.close()


@pytest.fixture(scope="module")
def schema(fuzzed: Client) -> Any:
    found = schemathesis.openapi.from_wsgi("/openapi.json", fuzzed.bascule.application, headers=HEADERS)
    found.config.generation.update(with_security_parameters=False)  # who asks is up to us
    return found


class Known:
    """One of everything. `ids` has them by the names under which paths and bodies refer to them."""

    def __init__(self, api: Client) -> None:
        self._api = api
        self.ids = self._offered() | self._carried()

    def renew(self) -> None:
        """Make everything anew, since it may have changed. What quotas were set would be in the way."""
        self._api.delete(f"/quotas/{PROJECT}")
        self._api.delete(f"/loadbalancers/{self.ids['load_balancer_id']}", cascade="true")
        self.ids = self._offered() | self._carried()

    def _offered(self) -> dict[str, str]:
        api, name = self._api, {"name": str(uuid.uuid4())}
        data = {"provider_name": "memory"} | name
        profile = api.made("/flavorprofiles", "flavorprofile", flavor_data="{}", **data)["id"]
        zone_profile = api.made("/availabilityzoneprofiles", "availability_zone_profile", availability_zone_data="{}", **data)["id"]
        return {
            "flavor_profile_id": profile,
            "flavor_id": api.made("/flavors", "flavor", flavor_profile_id=profile, **name)["id"],
            "availability_zone_profile_id": zone_profile,
            "availability_zone_name": api.made(
                "/availabilityzones", "availability_zone", availability_zone_profile_id=zone_profile, **name
            )["name"],
        }

    def _carried(self) -> dict[str, str]:
        pool = {"name": "p", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}
        monitor = {"type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 2}
        policy = {"action": "REJECT", "rules": [{"type": "PATH", "compare_type": "EQUAL_TO", "value": "/"}]}
        made = self._api.load_balancer(
            pools=[pool | {"healthmonitor": monitor, "members": [{"address": "10.1.0.1", "protocol_port": 80}]}],
            listeners=[{"protocol": "HTTP", "protocol_port": 80, "default_pool": {"name": "p"}, "l7policies": [policy]}],
        )
        self._api.settle()
        query = f"loadbalancer_id={made['id']}"
        (amphora,) = self._api.raw("GET", "/v2.0/octavia/amphorae", query_string=query).body["amphorae"]
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
            "amphora_id": amphora["id"],
            "vip_subnet_id": VIPS.id,
            "vip_network_id": NETWORK_ID,
            "subnet_id": MEMBERS.id,
            "project_id": PROJECT,
            "provider": made["provider"],
            "provider_name": made["provider"],
        }


@pytest.fixture(scope="module")
def known(fuzzed: Client) -> Known:
    return Known(fuzzed)


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


def probe(known: Known, case: Any) -> None:
    """Send one request, by an administrator or now and then by a reader or nobody."""
    chance = random.Random(repr((case.path_parameters, case.query, case.body)))
    case.path_parameters = {
        name: known.ids[name] if name in known.ids and chance.random() < 0.8 else value
        for name, value in (case.path_parameters or {}).items()
    }
    if isinstance(case.body, dict | list):
        case.body = with_known_ids(case.body, known.ids, chance)
    who = chance.choices((ADMIN, READER, None), (8, 1, 1))[0]
    response = case.call(headers=HEADERS | ({"Authorization": basic(who)} if who else {}))
    changed = response.status_code < 300 and case.method != "GET"
    if changed:
        known.renew()
    assert response.status_code < 500 or response.status_code == 501, response.text
    assert "x-openstack-request-id" in response.headers
    assert (response.status_code == 401) == (who is None), response.text
    assert who == ADMIN or not changed
    case.validate_response(response, checks=DOCUMENTED)
    if response.status_code >= 400:
        body = response.json()
        assert body.get("faultstring") or body.get("error") or body["code"] == response.status_code


COMMON: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}
OPERATIONS = [
    pytest.param(path, each.method, id=f"{each.method} {each.path}")
    for path, each in documented()
    if "{" in path or each.takes or each.lists or each.selects or each.filters
]
"""Those for which requests can be of more than one kind."""

# Odd but valid regular expressions make Python warn.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def fuzz(schema: Any, known: Known, path: str, method: str, count: int) -> None:
    operation = schema[path][method]
    sent = 0

    @settings(max_examples=count, phases=[Phase.generate], **COMMON)
    @given(case=operation.as_strategy() | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def run(case: Any) -> None:
        nonlocal sent
        sent += 1
        probe(known, case)

    run()
    assert sent >= count


def test_several_thousand_requests_are_tried() -> None:
    """The test below fails for an operation that it tries with fewer."""
    assert len(OPERATIONS) * MANY >= 3000


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fuzzed", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_many_requests_of_every_kind(path: str, method: str, schema: Any, known: Known) -> None:
    fuzz(schema, known, path, method, MANY)


@pytest.mark.parametrize("fuzzed", SERVERS, indirect=True)
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_a_few_requests_on_every_database(path: str, method: str, schema: Any, known: Known) -> None:
    fuzz(schema, known, path, method, FEW)


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
SHORT = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@SHORT
@given(collection=st.sampled_from(COLLECTIONS), body=VALUES, wrapped=st.booleans(), put=st.booleans())
def test_any_json(collection: str, body: Any, wrapped: bool, put: bool, fuzzed: Client, known: Known) -> None:
    sent = {ROOTS[collection]: body} if wrapped else body
    path = f"/{collection}/{known.ids['load_balancer_id']}" if put else f"/{collection}"
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
