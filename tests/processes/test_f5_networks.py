"""Networks of load balancers on BIG-IP, from the configuration file to emulated devices."""

from __future__ import annotations

import copy
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.site import PASSWORD, Box, identity, pair
from tests.processes.running import Site, wait_for
from tests.processes.test_f5 import EXAMPLE, virtuals

pytestmark = pytest.mark.slow

NETWORK = "5f0c1a00-0000-4000-8000-000000000001"


@pytest.fixture
def boxes() -> Iterator[tuple[Box, Box]]:
    with pair() as made:
        yield made


@pytest.fixture
def site(tmp_path: Path, boxes: tuple[Box, Box]) -> Site:
    made = Site(tmp_path, "f5")
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "ca.pem").write_text(identity()[1])
    made.write("f5", more="device_groups = pair\nnetworks = front")
    text = made.file.read_text().replace("cidr = 127.30.0.0/16", f"cidr = 10.1.0.0/24\ngateway = 10.1.0.1\nnetwork_id = {NETWORK}")
    made.file.write_text(
        text + f"[f5]\nsave_interval = 1\n[device_group:pair]\nurls = {', '.join(box.url for box in boxes)}\n"
        f"password_file = {tmp_path / 'password'}\nca_file = {tmp_path / 'ca.pem'}\nnetwork_driver = static\n"
        f"[network:front]\ndevice_group = pair\nnetwork_id = {NETWORK}\nvlan = 101\ninterface = 1.1\n"
        "self_ips = 10.1.0.2, 10.1.0.3\n"
    )
    return made


def names(box: Box, kind: str) -> list[str]:
    return [body["fullPath"] for body in box.get(f"/mgmt/tm/net/{kind}").body.get("items", []) if body["fullPath"] != "/Common/0"]


def made(*boxes: Box) -> list[str]:
    """Everything of networks that there is."""
    return [name for box in boxes for kind in ("vlan", "route-domain", "self", "route") for name in names(box, kind)]


def example(name: str) -> dict[str, Any]:
    changed = copy.deepcopy(EXAMPLE)
    changed["loadbalancer"]["name"] = name
    return changed


def test_a_network_stands_from_its_first_load_balancer_to_its_last(site: Site, boxes: tuple[Box, Box]) -> None:
    with site.running("bascule", "serve") as running:
        running.wait_until_it_says("Ready; the API is at")
        first, second = site.create(example("one")), site.create(example("two"))
        addresses = {site.load_balancer(each)["vip_address"] for each in (first, second)}
        assert not addresses & {"10.1.0.1", "10.1.0.2", "10.1.0.3"}
        for number, box in enumerate(boxes):
            (own,) = box.get("/mgmt/tm/net/self").body["items"]
            assert own["address"] == f"10.1.0.{2 + number}%101/24"
            assert names(box, "vlan") == names(box, "route-domain") == ["/Common/bascule-101"]
        assert {each["address"] for each in boxes[0].get("/mgmt/tm/ltm/virtual-address").body["items"]} == {
            f"{address}%101" for address in addresses
        }
        assert boxes[0].ask("PUT", "/emulator/members", {"127.20.0.11%101:8080": "up"}).status == 204
        wait_for(lambda: "ONLINE" in _members(site), lambda: running.log)

        assert site.call("DELETE", f"/v2/lbaas/loadbalancers/{first}?cascade=true")[0] == 204
        wait_for(lambda: not site.load_balancer(first), lambda: running.log)
        assert len(virtuals(boxes[0])) == 1
        assert names(boxes[0], "vlan") == ["/Common/bascule-101"]

        assert site.call("DELETE", f"/v2/lbaas/loadbalancers/{second}?cascade=true")[0] == 204
        wait_for(lambda: not site.load_balancer(second), lambda: running.log)
        wait_for(lambda: not made(*boxes), lambda: running.log)
        assert running.stop() == 0, running.log
    assert "Traceback" not in running.log


def test_killed_at_any_time_it_ends_what_it_began(site: Site, boxes: tuple[Box, Box]) -> None:
    for box in boxes:
        box.fault("latency", path="/mgmt/tm/net", seconds=1, times=None)
    load_balancer = ""
    for number in range(3):
        with site.running("bascule", "serve") as running:
            running.wait_until_it_says("Ready; the API is at")
            if not load_balancer:
                load_balancer = site.call("POST", "/v2/lbaas/loadbalancers", example("one"))[1]["loadbalancer"]["id"]
            wait_for(partial(_has, boxes, 3 * number))
            running.stop(signal.SIGKILL)
    with site.running("bascule", "serve") as running:
        running.wait_until_it_says("Ready; the API is at")
        wait_for(lambda: site.load_balancer(load_balancer)["provisioning_status"] == "ACTIVE", lambda: running.log)
        assert len(virtuals(boxes[0])) == 1
        assert running.stop() == 0


def _has(boxes: tuple[Box, Box], count: int) -> bool:
    return len(made(*boxes)) >= count


def _members(site: Site) -> list[str]:
    pools = site.call("GET", "/v2/lbaas/pools")[1]["pools"]
    found = (site.call("GET", f"/v2/lbaas/pools/{each['id']}/members")[1]["members"] for each in pools)
    return [each["operating_status"] for members in found for each in members]
