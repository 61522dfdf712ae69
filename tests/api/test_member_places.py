"""Members, and where they are probed, lie in declared subnets, whatever way they come in by and however they are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.bascule import VIPS, Client

pytestmark = pytest.mark.slow

POOL = {"name": "pool", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}
LISTENER = {"protocol": "HTTP", "protocol_port": 80}

ELSEWHERE = [
    "127.0.0.1",
    "127.9.0.10",  # declared, but for VIPs
    "0.0.0.0",
    "169.254.169.254",
    "192.0.2.1",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::",
    "fe80::1",
    "fd00:9::10",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::FFFF:10.1.0.5",  # would be inside without the prefix
    "::ffff:0:10.1.0.5",
    "64:ff9b::10.1.0.5",
    "2002:a01:5::",
]
NO_ADDRESSES = [
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x0a010005",
    "167837701",
    "10.1.5",
    "10.1.0.05",
    "010.1.0.5",
    "10.1.0.5 ",
    " 10.1.0.5",
    "10.1.0.5\n",
    "10.1.0.5/32",
    "10.1.0.5:80",
    "[::1]",
    "fe80::1%eth0",
    "10.1.0.5%eth0",
    "10\u30021\u30020\u30025",
    "\uff11\uff10.1.0.5",
    "\u0661\u0660.1.0.5",
    "localhost",
    "unix@/run/haproxy.sock",
    "",
    ["10.1.0.5"],
    167837701,
]


def _create(api: Client, pool: dict[str, Any], member: dict[str, Any]) -> Any:
    return api.post(f"/pools/{pool['id']}/members", {"member": member})


def _replace_all(api: Client, pool: dict[str, Any], member: dict[str, Any]) -> Any:
    return api.put(f"/pools/{pool['id']}/members", {"members": [member]})


def _only_add(api: Client, pool: dict[str, Any], member: dict[str, Any]) -> Any:
    return api.put(f"/pools/{pool['id']}/members", {"members": [member]}, additive_only="true")


def _single_call(api: Client, **graph: Any) -> Any:
    return api.post("/loadbalancers", {"loadbalancer": {"vip_subnet_id": VIPS.id, "name": "another"} | graph})


def _in_pools(api: Client, pool: dict[str, Any], member: dict[str, Any]) -> Any:
    return _single_call(api, pools=[POOL | {"members": [member]}])


def _in_default_pool(api: Client, pool: dict[str, Any], member: dict[str, Any]) -> Any:
    return _single_call(api, listeners=[LISTENER | {"default_pool": POOL | {"members": [member]}}])


def _in_redirect_pool(api: Client, pool: dict[str, Any], member: dict[str, Any]) -> Any:
    policy = {"action": "REDIRECT_TO_POOL", "redirect_pool": POOL | {"members": [member]}}
    return _single_call(api, listeners=[LISTENER | {"l7policies": [policy]}])


WAYS = [_create, _replace_all, _only_add, _in_pools, _in_default_pool, _in_redirect_pool]


def _refused(answer: Any, field: str, place: object) -> None:
    wanted = "Members must lie in a subnet" if place in ELSEWHERE else "Value should be IPv4 or IPv6 format"
    assert answer.status == 400, (place, answer.body)
    assert f"{field}. Value: " in answer.fault
    assert wanted in answer.fault, (place, answer.fault)


@pytest.mark.parametrize("way", WAYS)
def test_no_way_leads_elsewhere(api: Client, pool: dict[str, Any], way: Callable[..., Any]) -> None:
    good = {"address": "10.1.0.5", "protocol_port": 80}
    for place in ("127.0.0.1", "127.9.0.10", "::ffff:127.0.0.1", "127.1"):
        for field in ("address", "monitor_address"):
            _refused(way(api, pool, good | {field: place}), field, place)
    assert api.get(f"/pools/{pool['id']}/members").body["members"] == []
    assert len(api.get("/loadbalancers").body["loadbalancers"]) == 1
    assert way(api, pool, good | {"monitor_address": "10.1.0.6"}).status in (201, 202)


def test_no_spelling_leads_elsewhere(api: Client, pool: dict[str, Any]) -> None:
    member = api.member(pool["id"], monitor_address="10.1.0.6")
    path = f"/pools/{pool['id']}/members/{member['id']}"
    for place in (*ELSEWHERE, *NO_ADDRESSES):
        _refused(_create(api, pool, {"address": place, "protocol_port": 80}), "address", place)
        _refused(api.put(path, {"member": {"monitor_address": place}}), "monitor_address", place)
    assert api.put(path, {"member": {"address": "10.1.0.7"}}).fault.endswith("address. It cannot be changed")
    (shown,) = api.get(f"/pools/{pool['id']}/members").body["members"]
    assert (shown["address"], shown["monitor_address"]) == ("10.1.0.5", "10.1.0.6")
