"""`bascule device`: what operators see of what carries load balancers, and what they want of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bascule.model.backend import LaneSpec
from bascule.south.as3 import limits
from bascule.store import placement, tables, units
from bascule.store.engine import Database
from bascule.store.units import LOAD_BALANCER, Unit
from tests.emulator.site import PASSWORD, box, identity
from tests.processes.running import Site, wait_for
from tests.processes.test_f5 import EXAMPLE, virtuals
from tests.processes.test_serve import example, serving

pytestmark = pytest.mark.slow


def seen(site: Site, name: str) -> dict[str, Any]:
    """What `bascule device show` says."""
    shown = site.run("bascule", "device", "show", name, "--json")
    assert shown.returncode == 0, shown.stderr
    found: dict[str, Any] = json.loads(shown.stdout)
    return found


def refused(site: Site, *words: str) -> str:
    """What a command says that cannot be carried out."""
    done = site.run("bascule", "device", *words)
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr


def test_device_list_drain_resync_and_show(site: Site) -> None:
    with serving(site) as running:
        made = site.create(example())
        listed = site.run("bascule", "device", "list").stdout.splitlines()
        titles = ["NAME", "PROVIDER", "LOAD BALANCERS", "CAPACITY", "ZONE", "DRAINED", "STATE", "ACTIVE", "LEASE OWNER"]
        titles += ["OLDEST DUE"]
        assert [title.strip() for title in listed[0].split("  ") if title] == titles
        assert listed[1].split()[:6] == ["memory:0", "memory", "1", "-", "-", "no"]
        (only,) = json.loads(site.run("bascule", "device", "list", "--json").stdout)
        assert (only["id"], only["load_balancers"], only["drained"]) == ("memory:0", 1, False)

        drained = site.run("bascule", "device", "drain", "memory:0")
        assert drained.stdout == "memory:0 gets no new load balancers. It keeps the 1 that it has.\n"
        status, answer = site.call("POST", "/v2/lbaas/loadbalancers", example())
        assert status == 409
        assert "Provider 'memory' has no room for another load balancer" in answer["faultstring"]
        assert "1 take no new ones" in answer["faultstring"]
        assert "memory:0" not in answer["faultstring"], "names of devices are the operator's business"
        assert "Drained: memory:0" in running.log
        assert site.load_balancer(made)["provisioning_status"] == "ACTIVE"
        site.run("bascule", "device", "drain", "0", "--off")
        other = site.create(example())

        again = site.run("bascule", "device", "resync", "memory:0")
        assert "2 in all, 10 in a second" in again.stdout
        wait_for(lambda: seen(site, "0")["to_resync"] == 0, lambda: running.log)
        assert seen(site, "0")["load_balancers"] == 2
        assert site.load_balancer(other)["provisioning_status"] == "ACTIVE"
        assert running.stop() == 0
    database = Database(f"sqlite:///{site.state}/bascule.sqlite")
    of_one = tables.load_balancer.c.id == made
    failed = tables.load_balancer.update().where(of_one).values(provisioning_status="ERROR", name="www\x1b[2J")
    fault = {"unit_id": made, "object_id": made, "object_kind": "load_balancer", "kind": "rejected", "generation": 1, "since": 0.0}
    why = tables.fault.insert().values(fault | {"user_text": "It is refused.", "operator_text": "01070734: no\nreally not"})
    database.write(lambda conn: [conn.execute(each) for each in (failed, why)])
    database.close()
    shown = site.run("bascule", "device", "show", "memory:0").stdout
    assert "Load balancers in ERROR:   1\n" in shown
    assert shown.endswith(f"  {made}  www\\x1b[2J\n    It is refused.\n    01070734: no\n    really not\n")
    (one,) = seen(site, "memory:0")["in_error"]
    assert one == {"id": made, "name": "www\x1b[2J", "reason": "It is refused.", "details": "01070734: no\nreally not"}


def test_device_forget_and_names_that_nobody_has(site: Site) -> None:
    site.upgrade()
    lane = {"memory": [LaneSpec("memory:0")]}
    made = Unit(id="some-id", kind=LOAD_BALANCER, key="some-id", lane_id="memory:0", backend="memory")
    database = Database(f"sqlite:///{site.state}/bascule.sqlite")
    database.write(lambda conn: (units.add(conn, made), placement.ensure(conn, lane)))
    assert "memory:0 is in the configuration and would come back: take it out first" in refused(site, "forget", "memory:0")
    assert "there is no memory:1. Known: memory:0" in refused(site, "show", "memory:1")
    site.write("haproxy")
    assert "memory:0 is not empty: load balancers 1" in refused(site, "forget", "memory:0")
    found = seen(site, "memory:0")
    assert (found["configured"], found["load_balancers"]) == (False, 1)
    database.write(lambda conn: conn.execute(tables.unit.update().values(gone_at=1.0)))
    database.close()
    assert site.run("bascule", "device", "forget", "memory:0").stdout == "memory:0 is forgotten.\n"
    assert "there is no memory:0" in refused(site, "drain", "memory:0")


def test_device_groups_of_bigips_share_load_balancers_and_get_back_what_they_lost(site: Site, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "ca.pem").write_text(identity()[1])
    with box() as small, box() as large:
        site.write("f5", more="device_groups = large, small")
        with site.file.open("a") as file:
            for name, each, more in (("small", small, "max_load_balancers = 1"), ("large", large, "availability_zone = north")):
                file.write(
                    f"[device_group:{name}]\nurls = {each.url}\npassword_file = {tmp_path / 'password'}\n"
                    f"ca_file = {tmp_path / 'ca.pem'}\n{more}\n"
                )
        with serving(site) as running:
            for _ in range(3):
                site.create(EXAMPLE)
            listed = [line.split()[:6] for line in site.run("bascule", "device", "list").stdout.splitlines()]
            assert listed[1:] == [["f5:large", "f5", "2", str(limits.MOST), "north", "no"], ["f5:small", "f5", "1", "1", "-", "no"]]
            full = {name: "(nearly full)" in site.run("bascule", "device", "show", name).stdout for name in ("large", "small")}
            assert full == {"large": False, "small": True}
            assert [len(virtuals(each)) for each in (large, small)] == [2, 1]
            wait_for(lambda: seen(site, "large")["devices"], lambda: running.log)
            shown = site.run("bascule", "device", "show", "large").stdout
            name = large.url.removeprefix("https://")
            assert "ready for" in shown
            assert [line.split()[2:] for line in shown.splitlines() if name in line] == [
                ["active,", "BIG-IP", "17.1.1,", "AS3", "3.56.0"]
            ]
            assert "processors 1 %, connections 0" in shown
            site.run("bascule", "device", "drain", "large")
            status, answer = site.call("POST", "/v2/lbaas/loadbalancers", EXAMPLE)
            assert status == 409
            assert "of its 2 places, 1 have as many as they may have and 1 take no new ones" in answer["faultstring"]
            assert large.ask("POST", "/emulator/lose-configuration", {}).status < 300
            assert "2 in all" in site.run("bascule", "device", "resync", "large").stdout
            wait_for(lambda: len(virtuals(large)) == 2, lambda: running.log)
            wait_for(lambda: seen(site, "large")["to_resync"] == 0, lambda: running.log)
            assert running.stop() == 0, running.log
