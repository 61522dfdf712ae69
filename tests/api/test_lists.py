"""Lists over the API: filters, tags, order, pages, fields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bascule.north.octavia_v2.routes import ROUTES
from bascule.north.octavia_v2.schemas.common import Noun
from bascule.store.tables import objects
from tests.api.bascule import VIPS, Client
from tests.store.examples import statements

pytestmark = pytest.mark.slow

NOUNS = [route.lists for route in ROUTES if isinstance(route.lists, Noun)]


@pytest.fixture
def balancers(api: Client) -> list[dict[str, Any]]:
    """Four load balancers, named and tagged a to d."""
    tags = {"a": ["red"], "b": ["red", "blue"], "c": ["blue"], "d": []}
    return [api.load_balancer(name=name, tags=tags[name], vip_address=f"127.9.1.{at}") for at, name in enumerate(tags)]


def names(api: Client, **query: Any) -> str:
    answer = api.get("/loadbalancers", **query)
    assert answer.status == 200, answer.body
    assert list(answer.body) == ["loadbalancers", "loadbalancers_links"]
    return "".join(each["name"] for each in answer.body["loadbalancers"])


def refused(api: Client, **query: Any) -> str:
    answer = api.get("/loadbalancers", **query)
    assert answer.status == 400, answer.body
    return answer.fault


# Filters


def test_filters(api: Client, balancers: list[dict[str, Any]]) -> None:
    first = balancers[0]
    api.put(f"/loadbalancers/{balancers[1]['id']}", {"loadbalancer": {"admin_state_up": False}})
    assert names(api) == "abcd"
    assert names(api, id=first["id"]) == "a"
    assert names(api, name="a") == "a"
    assert names(api, name="A") == ""
    assert names(api, vip_address="127.9.1.2") == "c"
    assert names(api, vip_subnet_id=VIPS.id) == "abcd"
    assert names(api, admin_state_up="false") == "b"
    assert names(api, admin_state_up="True", name="b") == ""
    assert names(api, provisioning_status="PENDING_CREATE") == "abcd"
    assert names(api, provisioning_status="ACTIVE") == ""
    assert names(api, project_id=first["project_id"]) == "abcd"
    assert names(api, project_id="other") == ""
    assert names(api, created_at="2001-01-01T00:00:00") == ""
    assert "a" in names(api, created_at=first["created_at"])
    assert names(api, name="\x00") == ""


def test_filters_of_children(api: Client, load_balancer: dict[str, Any], listener: dict[str, Any], pool: dict[str, Any]) -> None:
    other = api.load_balancer()["id"]
    monitor = api.health_monitor(pool["id"])
    policy = api.l7policy(listener["id"])
    member = api.member(pool["id"])

    def ids(path: str, root: str, **query: Any) -> list[str]:
        answer = api.get(path, **query)
        assert answer.status == 200, answer.body
        return [each["id"] for each in answer.body[root]]

    for path, root, each in (("/listeners", "listeners", listener), ("/pools", "pools", pool)):
        assert ids(path, root, loadbalancer_id=load_balancer["id"]) == [each["id"]]
        assert ids(path, root, loadbalancer_id=other) == []
    assert ids("/listeners", "listeners", protocol_port="80", protocol="HTTP") == [listener["id"]]
    assert ids("/listeners", "listeners", protocol_port="99999999999999999999") == []
    assert ids("/listeners", "listeners", default_pool_id=pool["id"]) == [listener["id"]]
    assert ids("/healthmonitors", "healthmonitors", pool_id=pool["id"], delay="5") == [monitor["id"]]
    assert ids("/healthmonitors", "healthmonitors", http_version="1.1") == []
    assert ids("/l7policies", "l7policies", listener_id=listener["id"], position="1") == [policy["id"]]
    members = f"/pools/{pool['id']}/members"
    assert ids(members, "members", address="10.1.0.5", weight="1", backup="no") == [member["id"]]
    assert ids(members, "members", weight="2") == []
    assert ids(members, "members", pool_id=pool["id"]) == [member["id"]]
    assert api.get(members, pool_id=other).fault == "One or more arguments are either duplicate or invalid: pool_id"


@pytest.mark.parametrize(
    "query",
    [
        {"colour": "red"},
        {"listeners": "x"},
        {"vip_sg_ids": "x"},
        {"tenant_id": "x"},
        {"name": ["a", "b"]},
        {"limit": ["1", "2"]},
    ],
)
def test_unknown_and_repeated_filters_are_refused(api: Client, query: dict[str, Any]) -> None:
    wanted = f"One or more arguments are either duplicate or invalid: {next(iter(query))}"
    assert refused(api, **query) == wanted


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.many)
def test_every_filter_is_one(noun: Noun) -> None:
    columns = objects[noun.kind].c
    assert len(noun.filters) > 10
    for name, (column, kind) in noun.columns.items():
        python_type = float if name.endswith("_at") else columns[column].type.python_type
        assert python_type is (float if name.endswith("_at") else kind), name


def test_filters_have_the_types_of_their_attributes(api: Client) -> None:
    assert refused(api, admin_state_up="maybe") == "admin_state_up: 'maybe' is neither true nor false"
    assert refused(api, created_at="yesterday") == "created_at: 'yesterday' is not a time such as 2026-01-31T12:00:00"
    answer = api.get("/listeners", protocol_port="http")
    assert (answer.status, answer.fault) == (400, "protocol_port: 'http' is not a number")


# Tags


def test_tags(api: Client, balancers: list[dict[str, Any]]) -> None:
    assert names(api, tags="red") == "ab"
    assert names(api, tags="red,blue") == names(api, tags=["red", "blue"]) == "b"
    assert names(api, **{"tags-any": "red,blue"}) == "abc"
    assert names(api, **{"not-tags": "red,blue"}) == "acd"
    assert names(api, **{"not-tags-any": "red,blue"}) == "d"
    assert names(api, tags="red", **{"not-tags": "blue"}) == "a"
    assert names(api, tags="green") == ""
    many = [str(number) for number in range(32)]
    for name in ("tags", "tags-any", "not-tags", "not-tags-any"):
        assert api.get("/loadbalancers", **{name: [",".join(many * 50)]}).status == 200
        assert refused(api, **{name: [*many, "red"]}) == f"{name}: 33 tags are too many. At most 32 are allowed"


# Order


def test_order(api: Client, balancers: list[dict[str, Any]]) -> None:
    assert names(api, sort="name:desc") == names(api, sort="name:DESC") == "dcba"
    assert names(api, sort="admin_state_up,name:desc") == "dcba"
    assert names(api, sort_key="name", sort_dir="desc") == "dcba"
    assert names(api, sort_key=["admin_state_up", "vip_address"], sort_dir=["asc", "desc"]) == "dcba"
    assert names(api, sort_key="vip_address") == "abcd"
    assert "'colour' is not one of admin_state_up, " in refused(api, sort="colour")
    assert refused(api, sort="name:up") == "sort: 'up' is neither asc nor desc"
    assert refused(api, sort_key="name", sort_dir="up") == "sort: 'up' is neither asc nor desc"
    assert refused(api, sort_dir="asc") == "sort_dir: 1 directions for 0 keys"


# Pages


def links(body: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    return {link["rel"]: parse_qs(urlsplit(link["href"]).query) for link in body["loadbalancers_links"]}


def test_pages_forth_and_back(api: Client, balancers: list[dict[str, Any]]) -> None:
    body = api.get("/loadbalancers", limit=2, sort="name:desc").body
    assert [each["name"] for each in body["loadbalancers"]] == ["d", "c"]
    (link,) = body["loadbalancers_links"]
    assert link["href"].startswith("http://127.0.0.1:9876/v2.0/lbaas/loadbalancers?")
    assert links(body) == {"next": {"limit": ["2"], "sort": ["name:desc"], "marker": [balancers[2]["id"]]}}
    body = api.get("/loadbalancers", **links(body)["next"]).body
    assert [each["name"] for each in body["loadbalancers"]] == ["b", "a"]
    assert list(links(body)) == ["next", "previous"]  # a full page always has a next one
    assert links(body)["previous"]["page_reverse"] == ["True"]
    after = api.get("/loadbalancers", **links(body)["next"]).body
    assert after == {"loadbalancers": [], "loadbalancers_links": []}
    before = api.get("/loadbalancers", **links(body)["previous"]).body
    assert [each["name"] for each in before["loadbalancers"]] == ["d", "c"]


def test_limits(api: Client, balancers: list[dict[str, Any]]) -> None:
    for unlimited in ("0", "-1", "infinite", "100000"):
        assert names(api, limit=unlimited) == "abcd"
    assert names(api, limit="3") == "abc"
    assert refused(api, limit="x") == "limit: 'x' is not a number"
    assert refused(api, marker="nothing") == "Supplied pagination marker 'nothing' is not valid."
    assert "is not valid." in refused(api, marker="x" * 500)


# Fields


def test_fields(api: Client, balancers: list[dict[str, Any]]) -> None:
    def fields(wanted: Iterable[str]) -> Any:
        return api.get("/loadbalancers", fields=list(wanted), limit=1).body["loadbalancers"]

    assert fields(["name", "vip_address", "colour"]) == [{"name": "a", "vip_address": "127.9.1.0"}]
    assert fields(["name,vip_address"]) == [{}]
    path = f"/loadbalancers/{balancers[0]['id']}"
    assert api.get(path, fields=["name", "id"]).body == {"loadbalancer": {"id": balancers[0]["id"], "name": "a"}}


@pytest.mark.parametrize("path", ["/loadbalancers", "/listeners", "/pools", "/healthmonitors", "/l7policies"])
def test_a_list_and_each_of_its_objects_take_one_statement(api: Client, path: str) -> None:
    monitor = {"type": "TCP", "delay": 5, "timeout": 3, "max_retries": 3}
    pool = {"protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "name": "p", "healthmonitor": monitor}
    listener = {"protocol": "HTTP", "protocol_port": 80, "default_pool": pool, "l7policies": [{"action": "REJECT"}]}
    counts = []
    for _ in range(3):
        for _ in range(10):
            api.load_balancer(listeners=[listener])
        with statements(api.bascule.database) as sent:
            listed = api.get(path)
            (found,) = (value for name, value in listed.body.items() if not name.endswith("_links"))
            assert api.get(f"{path}/{found[-1]['id']}").status == 200
        counts.append((len(found), len(sent)))
    assert counts == [(10, 2), (20, 2), (30, 2)]


def test_every_list_is_served_below_every_root(api: Client, load_balancer: dict[str, Any]) -> None:
    for root in ("/v2", "/v2.0", "/v2/lbaas", "/v2.0/lbaas"):
        for path in (f"{root}/loadbalancers", f"{root}/loadbalancers/"):
            answer = api.raw("GET", path)
            assert [each["id"] for each in answer.body["loadbalancers"]] == [load_balancer["id"]]


def test_a_pool_is_found_by_its_monitor(api: Client) -> None:
    monitor = {"type": "TCP", "delay": 5, "timeout": 3, "max_retries": 3}
    pools = [{"name": name, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "healthmonitor": monitor} for name in ("a", "b")]
    api.load_balancer(pools=pools)
    for found in api.get("/pools").body["pools"]:
        assert api.get("/pools", healthmonitor_id=found["healthmonitor_id"]).body["pools"] == [found]
    assert api.get("/pools", healthmonitor_id="nothing").body["pools"] == []
    assert "healthmonitor_id" in api.get("/pools", sort="healthmonitor_id").fault


def test_every_vip_is_a_normal_one(api: Client, balancers: list[dict[str, Any]]) -> None:
    assert len(api.get("/loadbalancers", vip_vnic_type="normal").body["loadbalancers"]) == len(balancers)
    assert api.get("/loadbalancers", vip_vnic_type="direct").body["loadbalancers"] == []


def test_an_edit_takes_as_many_statements_beside_many_objects_as_beside_few(api: Client) -> None:
    pool = {"protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "name": "p", "members": [_member(1)]}
    found = api.load_balancer(listeners=[{"protocol": "HTTP", "protocol_port": 80, "default_pool": pool}])
    pool_id = found["pools"][0]["id"]
    counts = set()
    for start in (2, 102):
        wanted = {"members": [_member(number) for number in range(start, start + 100)]}
        assert api.put(f"/pools/{pool_id}/members", wanted, additive_only="true").status == 202
        api.bascule.settle()
        with statements(api.bascule.database) as sent:
            assert api.post(f"/pools/{pool_id}/members", {"member": _member(start + 1000)}).status == 201
        counts.add(len(sent))
    assert len(counts) == 1


def _member(number: int) -> dict[str, Any]:
    return {"address": f"10.1.{number >> 8}.{number & 255}", "protocol_port": 80}
