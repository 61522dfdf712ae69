"""`bascule device`: what operators see of what carries load balancers, and what they want of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bascule.store import tables
from bascule.store.engine import Database
from tests.processes.running import Site, wait_for
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


def test_device_list_show_drain_and_resync(site: Site) -> None:
    with serving(site) as running:
        made = site.create(example())
        listed = site.run("bascule", "device", "list").stdout.splitlines()
        titles = ["NAME", "PROVIDER", "LOAD BALANCERS", "CAPACITY", "ZONE", "DRAINED", "LEASE OWNER", "OLDEST DUE"]
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
        for one in (made, other):
            wait_for(lambda one=one: site.load_balancer(one)["provisioning_status"] == "ACTIVE")  # type: ignore[misc]


def test_device_show_tells_what_is_in_error(site: Site) -> None:
    with serving(site):
        made = site.create(example())
    database = Database(f"sqlite:///{site.state}/bascule.sqlite")
    failed = tables.load_balancer.update().values(provisioning_status="ERROR", name="www\x1b[2J")
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
    with serving(site):
        made = site.create(example())
        assert "memory:0 is in the configuration and would come back: take it out first" in refused(site, "forget", "memory:0")
        assert "there is no memory:1. Known: memory:0" in refused(site, "show", "memory:1")
    site.write("haproxy")
    assert "memory:0 is not empty: load balancers 1" in refused(site, "forget", "memory:0")
    site.write("memory")
    with serving(site):
        site.call("DELETE", f"/v2/lbaas/loadbalancers/{made}?cascade=true")
        wait_for(lambda: seen(site, "0")["load_balancers"] == 0)
    site.write("haproxy")
    assert seen(site, "memory:0")["configured"] is False
    assert site.run("bascule", "device", "forget", "memory:0").stdout == "memory:0 is forgotten.\n"
    assert "there is no memory:0" in refused(site, "drain", "memory:0")
