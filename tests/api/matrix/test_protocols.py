"""What listeners and pools can be together, and how ports are shared."""

from __future__ import annotations

import pytest

from tests.api.bascule import VIPS, Client
from tests.api.matrix.trying import LISTENERS, POOLS, differences, listener, listening, status
from tests.model.test_rules import PAIRS

pytestmark = pytest.mark.slow

WAYS = (
    "listener's default",
    "default set later",
    "pool of listener",
    "redirect",
    "redirect set later",
    "default at once",
    "redirect at once",
)


def _pair(api: Client, lb: str, way: str, of: str, protocol: str, ids: dict[str, str]) -> int:
    """Bring a listener and a pool together in one of the ways that there are, and part them again."""
    pool = {"protocol": protocol, "lb_algorithm": "ROUND_ROBIN"}
    redirect = {"action": "REDIRECT_TO_POOL", "redirect_pool_id": ids[f"pool {protocol}"]}
    match way:
        case "listener's default":
            return listening(api, lb, of, default_pool_id=ids[f"pool {protocol}"])
        case "default set later":
            path = f"/listeners/{ids[of]}"
            answer = api.put(path, {"listener": {"default_pool_id": ids[f"pool {protocol}"]}})
            api.put(path, {"listener": {"default_pool_id": None}})
            return {200: 201}.get(answer.status, answer.status)
        case "pool of listener":
            return status(api, "/pools", "pool", listener_id=ids[of], **pool)
        case "redirect":
            return status(api, "/l7policies", "l7policy", listener_id=ids[of], **redirect)
        case "redirect set later":
            if f"policy {of}" not in ids:
                return 400  # a listener that can have no policy
            answer = api.put(f"/l7policies/{ids[f'policy {of}']}", {"l7policy": redirect})
            return {200: 201}.get(answer.status, answer.status)
    named = pool | {"name": "p"}
    nested = (
        {"default_pool": named}
        if way == "default at once"
        else {"l7policies": [{"action": "REDIRECT_TO_POOL", "redirect_pool": named}]}
    )
    answer = api.post("/loadbalancers", {"loadbalancer": {"vip_subnet_id": VIPS.id, "listeners": [listener(of, **nested)]}})
    return answer.status


@pytest.mark.parametrize("way", WAYS)
def test_listeners_and_pools(api: Client, lb: str, way: str) -> None:
    ids: dict[str, str] = {}
    for protocol in LISTENERS:
        ids[protocol] = api.listener(lb, **listener(protocol))["id"]
        if way == "redirect set later" and protocol != "PROMETHEUS":
            ids[f"policy {protocol}"] = api.l7policy(ids[protocol])["id"]
    for protocol in POOLS:
        ids[f"pool {protocol}"] = api.pool(loadbalancer_id=lb, protocol=protocol)["id"]
    found = {(of, pool): _pair(api, lb, way, of, pool, ids) for of in LISTENERS for pool in POOLS}
    wanted = {(of, pool): 201 if pool in PAIRS[of].split() else 400 for of in LISTENERS for pool in POOLS}
    assert differences(found, wanted) == {}


def test_ports(api: Client, lb: str) -> None:
    """One port is taken once for each of TCP, UDP and SCTP, whatever is spoken on top."""
    transport = {"UDP": "UDP", "SCTP": "SCTP"}
    found, wanted = {}, {}
    for first in LISTENERS:
        made = api.listener(lb, **listener(first))
        for second in LISTENERS:
            found[first, second] = listening(api, lb, second, protocol_port=made["protocol_port"])
            wanted[first, second] = 409 if transport.get(first, "TCP") == transport.get(second, "TCP") else 201
        api.delete(f"/listeners/{made['id']}")
    assert differences(found, wanted) == {}
