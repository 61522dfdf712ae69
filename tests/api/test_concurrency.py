"""Requests at the same time."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bascule.store.engine import Database
from tests.api.bascule import Bascule, Client

THREADS = 8


@pytest.fixture
def api(database: Database, tmp_path: Path) -> Client:
    """A client, on every kind of database."""
    return Client(Bascule(database, tmp_path))


def at_once(api: Client, path: str, bodies: list[Any]) -> Counter[int]:
    with ThreadPoolExecutor(THREADS) as pool:
        return Counter(answer.status for answer in pool.map(lambda body: api.post(path, body), bodies))


def test_a_port_is_given_to_one(api: Client) -> None:
    load_balancer_id = api.load_balancer()["id"]
    body = {"listener": {"loadbalancer_id": load_balancer_id, "protocol": "HTTP", "protocol_port": 80}}
    assert at_once(api, "/listeners", [body] * THREADS * 2) == {201: 1, 409: THREADS * 2 - 1}


def test_no_edit_is_lost(api: Client) -> None:
    load_balancer_id = api.load_balancer()["id"]
    pool_id = api.pool(loadbalancer_id=load_balancer_id)["id"]
    bodies = [{"member": {"address": "10.1.0.1", "protocol_port": port}} for port in range(1, 41)]
    assert at_once(api, f"/pools/{pool_id}/members", bodies) == {201: 40}
    assert len(api.get(f"/pools/{pool_id}/members").body["members"]) == 40


def test_positions_have_no_gaps(api: Client) -> None:
    listener_id = api.listener(api.load_balancer()["id"])["id"]
    bodies = [{"l7policy": {"listener_id": listener_id, "action": "REJECT", "position": 1}}] * 20
    assert at_once(api, "/l7policies", bodies) == {201: 20}
    policies = api.get("/l7policies").body["l7policies"]
    assert sorted(each["position"] for each in policies) == list(range(1, 21))


def test_an_address_is_given_to_one(api: Client) -> None:
    bodies = [{"loadbalancer": {"vip_subnet_id": api.load_balancer()["vip_subnet_id"]}}] * 20
    assert at_once(api, "/loadbalancers", bodies) == {201: 20}
    addresses = {each["vip_address"] for each in api.get("/loadbalancers").body["loadbalancers"]}
    assert len(addresses) == 21
    bodies = [{"loadbalancer": body["loadbalancer"] | {"vip_address": "127.9.0.200"}} for body in bodies]
    statuses = at_once(api, "/loadbalancers", bodies)
    assert statuses in ({201: 1, 409: 19}, {409: 20})
