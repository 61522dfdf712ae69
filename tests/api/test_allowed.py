"""What an operator does not leave to users."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bascule.model.rules import Deployment
from bascule.store.engine import Database
from tests.api.bascule import VIPS, Bascule, Client

pytestmark = pytest.mark.slow

STRICT = Deployment(
    terminated_https=True, prometheus=False, ping=False, oldest_tls="TLSv1.2", prohibited_ciphers=frozenset({"AES128-SHA"})
)
TLS = {"protocol": "TERMINATED_HTTPS", "default_tls_container_ref": "all.pem"}


@pytest.fixture
def strict(sqlite_database: Database, tmp_path: Path) -> Client:
    bascule = Bascule(sqlite_database, tmp_path / "certificates", allowed=STRICT)
    bascule.add_certificate("all.pem")
    return Client(bascule)


def test_listeners(strict: Client) -> None:
    load_balancer = strict.load_balancer()["id"]

    def asked(**given: Any) -> str:
        body = {"loadbalancer_id": load_balancer, "protocol": "HTTP", "protocol_port": 80} | given
        answer = strict.post("/listeners", {"listener": body})
        assert answer.status == 400, answer.body
        return answer.fault

    assert asked(protocol="PROMETHEUS") == "Validation failure: protocol: listeners of PROMETHEUS are not allowed here"
    text = "Validation failure: tls_versions: TLSv1, TLSv1.1 is not allowed here. Allowed: TLSv1.2, TLSv1.3"
    assert asked(**TLS, tls_versions=["TLSv1", "TLSv1.1", "TLSv1.2"]) == text
    text = "Validation failure: tls_ciphers: AES128-SHA is not allowed here"
    assert asked(**TLS, tls_ciphers="ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA") == text
    strict.listener(load_balancer, **TLS, protocol_port=443, tls_ciphers="ECDHE-RSA-AES128-GCM-SHA256:!AES128-SHA")
    made = strict.listener(load_balancer, **TLS, protocol_port=444)
    assert (made["tls_versions"], made["tls_ciphers"] is not None) == (["TLSv1.2", "TLSv1.3"], True)
    answer = strict.put(f"/listeners/{made['id']}", {"listener": {"tls_versions": ["SSLv3"]}})
    assert (answer.status, "SSLv3 is not allowed here" in answer.fault) == (400, True)


def test_pools_and_monitors(strict: Client) -> None:
    pool = {"loadbalancer_id": strict.load_balancer()["id"], "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}
    for given in ({"tls_versions": ["TLSv1.1"]}, {"tls_ciphers": "AES128-SHA"}):
        assert strict.post("/pools", {"pool": pool | {"tls_enabled": True} | given}).status == 400
    ping = {"type": "PING", "delay": 5, "timeout": 3, "max_retries": 2}
    answer = strict.post("/healthmonitors", {"healthmonitor": ping | {"pool_id": strict.pool(**pool, tls_enabled=True)["id"]}})
    text = "Validation failure: type: health monitors of type PING are not allowed here"
    assert (answer.status, answer.fault) == (400, text)
    nested = {
        "vip_subnet_id": VIPS.id,
        "pools": [{"name": "p", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN", "healthmonitor": ping}],
    }
    answer = strict.post("/loadbalancers", {"loadbalancer": nested})
    assert (answer.status, answer.fault) == (400, text)


def test_what_is_there_already_may_stay(api: Client, sqlite_database: Database) -> None:
    api.bascule.add_certificate("all.pem")
    load_balancer = api.load_balancer()["id"]
    old = api.listener(load_balancer, **TLS, protocol_port=443, tls_versions=["TLSv1"], tls_ciphers="AES128-SHA")
    strict = Client(
        Bascule(sqlite_database, api.bascule.certificates, allowed=Deployment(terminated_https=False, oldest_tls="TLSv1.2"))
    )
    path = f"/listeners/{old['id']}"
    assert strict.put(path, {"listener": {"name": "x"}}).status == 200
    assert strict.put(path, {"listener": {"tls_versions": ["TLSv1", "TLSv1.2"]}}).status == 400
    assert strict.put(path, {"listener": {"tls_versions": ["TLSv1.3"]}}).status == 200
    body = {"loadbalancer_id": load_balancer, "protocol_port": 444} | TLS
    answer = strict.post("/listeners", {"listener": body})
    assert (answer.status, "TERMINATED_HTTPS are not allowed here" in answer.fault) == (400, True)
