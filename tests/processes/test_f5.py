"""The provider f5, from the API to an emulated BIG-IP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.site import PASSWORD, Box, box, identity
from tests.processes.running import Site, wait_for

pytestmark = pytest.mark.slow

EXAMPLE: dict[str, Any] = {
    "loadbalancer": {
        "name": "shop",
        "vip_subnet_id": "1d9f6c5e-6c1b-4c0e-9d0f-1f4f0c1a0001",
        "listeners": [{"name": "web", "protocol": "HTTP", "protocol_port": 80, "default_pool": {"name": "servers"}}],
        "pools": [
            {
                "name": "servers",
                "protocol": "HTTP",
                "lb_algorithm": "ROUND_ROBIN",
                "members": [
                    {"name": "one", "address": "127.20.0.11", "protocol_port": 8080},
                    {"name": "two", "address": "127.20.0.12", "protocol_port": 8080},
                ],
                "healthmonitor": {"type": "TCP", "delay": 2, "timeout": 1, "max_retries": 1, "max_retries_down": 1},
            }
        ],
    }
}


@pytest.fixture
def bigip(tmp_path: Path) -> Iterator[Box]:
    with box(state=tmp_path / "saved") as made:
        yield made


@pytest.fixture
def site(tmp_path: Path, bigip: Box) -> Site:
    made = Site(tmp_path, "f5")
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "ca.pem").write_text(identity()[1])
    made.write("f5", more="device_groups = pair")
    with made.file.open("a") as file:
        file.write(
            f"[f5]\nsave_interval = 3600\n[device_group:pair]\nurls = {bigip.url}\n"
            f"password_file = {tmp_path / 'password'}\nca_file = {tmp_path / 'ca.pem'}\n"
        )
    return made


def members(site: Site) -> dict[str, str]:
    _, pools = site.call("GET", "/v2/lbaas/pools")
    _, answer = site.call("GET", f"/v2/lbaas/pools/{pools['pools'][0]['id']}/members")
    return {each["name"]: each["operating_status"] for each in answer["members"]}


def virtuals(bigip: Box) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = bigip.get("/mgmt/tm/ltm/virtual").body.get("items", [])
    return found


def test_a_load_balancer_is_carried_changed_watched_and_removed(site: Site, bigip: Box, tmp_path: Path) -> None:
    with site.running("bascule", "serve") as running:
        running.wait_until_it_says("Ready; the API is at")
        wrong = json.loads(json.dumps(EXAMPLE).replace('"HTTP", "protocol_port": 80', '"PROMETHEUS", "protocol_port": 80'))
        del wrong["loadbalancer"]["listeners"][0]["default_pool"]
        status, answer = site.call("POST", "/v2/lbaas/loadbalancers", wrong)
        assert (status, "f5" in answer["faultstring"]) == (501, True), "BIG-IP cannot carry it"

        made = site.create(EXAMPLE)
        (virtual,) = virtuals(bigip)
        assert virtual["destination"].endswith(":80")

        states = {"127.20.0.11:8080": "up", "127.20.0.12:8080": "down"}
        assert bigip.ask("PUT", "/emulator/members", states).status == 204
        wait_for(lambda: members(site) == {"one": "ONLINE", "two": "ERROR"}, lambda: running.log)
        counted = {virtual["fullPath"]: {"bitsIn": 8000, "totConns": 7}}
        assert bigip.ask("PUT", "/emulator/counters", counted).status == 204
        path = f"/v2/lbaas/loadbalancers/{made}"
        wait_for(lambda: site.call("GET", f"{path}/stats")[1]["stats"]["bytes_in"] == 1000)
        assert site.call("GET", f"{path}/stats")[1]["stats"]["total_connections"] == 7

        assert site.call("PUT", path, {"loadbalancer": {"admin_state_up": False}})[0] == 200
        wait_for(lambda: site.load_balancer(made)["provisioning_status"] == "ACTIVE")
        (virtual,) = virtuals(bigip)
        assert virtual.get("disabled")

        assert site.call("DELETE", f"{path}?cascade=true")[0] == 204
        wait_for(lambda: not site.load_balancer(made), lambda: running.log)
        assert not virtuals(bigip)
        assert not (tmp_path / "saved").exists(), "it is not time to yet"
        assert running.stop() == 0, running.log
    wait_for((tmp_path / "saved").exists)
    assert PASSWORD not in running.log
    assert "Traceback" not in running.log
    assert not bigip.get("/mgmt/shared/authz/tokens").body.get("items"), "tokens were not given back"
