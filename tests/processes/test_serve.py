"""bascule serve: all processes on one machine, from the first start to the end, whatever dies in between."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bascule.cmd.demo import DemoFailed
from bascule.cmd.demo.children import haproxys
from bascule.cmd.demo.client import fetch
from tests.processes.running import Running, Site, children, is_alive, wait_for

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.json"))
MODULES = ["api", "worker", "health_manager", "housekeeping"]


def example(**ports: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "examples/fully-populated.json").read_text())
    for listener in found["loadbalancer"]["listeners"]:
        listener["protocol_port"] = ports.get("listener", listener["protocol_port"])
    return found


@contextmanager
def serving(site: Site) -> Iterator[Running]:
    with site.running("bascule", "serve") as running:
        running.wait_until_it_says("Ready; the API is at")
        yield running


@pytest.mark.parametrize("file", EXAMPLES, ids=[file.name for file in EXAMPLES])
def test_the_examples_become_active_and_go_again(site: Site, file: Path) -> None:
    with serving(site) as running:
        made = site.create(json.loads(file.read_text()))
        assert site.call("DELETE", f"/v2/lbaas/loadbalancers/{made}?cascade=true")[0] == 204
        wait_for(lambda: not site.load_balancer(made), lambda: running.log)
        assert running.stop() == 0, running.log
        assert "Traceback" not in running.log


def test_a_change_is_carried_out_at_once(site: Site) -> None:
    """Nobody waits for the next poll, which comes only after an hour here."""
    site.write("memory")
    site.file.write_text(site.file.read_text().replace("[worker]", "[worker]\npoll_interval = 3600"))
    with serving(site):
        made = site.create(example())
        status, answer = site.call("PUT", f"/v2/lbaas/loadbalancers/{made}", {"loadbalancer": {"name": "renamed"}})
        assert (status, answer["loadbalancer"]["name"]) == (200, "renamed")
        wait_for(lambda: site.load_balancer(made)["provisioning_status"] == "ACTIVE")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_stops_everything_when_told_to(site: Site, number: signal.Signals) -> None:
    with serving(site) as running:
        started = children(running.process.pid)
        assert sorted(started) == sorted(MODULES)
        assert running.stop(number) == 0
        assert not [name for name, process in started.items() if is_alive(process)]
        assert "Traceback" not in running.log


def test_starts_again_what_dies(site: Site) -> None:
    with serving(site) as running:
        made = site.create(example())
        before = children(running.process.pid)
        for process in before.values():
            os.kill(process, signal.SIGKILL)
        wait_for(lambda: len(children(running.process.pid).keys() & set(MODULES)) == len(MODULES) and site.answers())
        after = children(running.process.pid)
        assert not set(after.values()) & set(before.values())
        for name in ("bascule-api", "bascule-worker", "bascule-health-manager", "bascule-housekeeping"):
            assert f"{name}, process " in running.log
        assert "was killed by SIGKILL; it is started again in 1 s" in running.log
        site.call("PUT", f"/v2/lbaas/loadbalancers/{made}", {"loadbalancer": {"name": "renamed"}})
        wait_for(lambda: site.load_balancer(made)["provisioning_status"] == "ACTIVE", lambda: running.log)
        assert running.stop() == 0


def test_its_processes_do_not_outlive_it(site: Site) -> None:
    with serving(site) as running:
        started = children(running.process.pid)
        running.stop(signal.SIGKILL)
        wait_for(lambda: not any(is_alive(process) for process in started.values()))
        wait_for(lambda: not site.answers())
    with serving(site) as running:
        assert running.stop() == 0


def test_only_one_runs_in_a_directory(site: Site) -> None:
    with serving(site) as running:
        done = site.run("bascule", "serve")
        assert done.returncode == 2
        assert "another 'bascule serve' runs here" in done.stderr
        assert running.stop() == 0


def test_ends_with_an_error_when_a_process_cannot_start(site: Site) -> None:
    with socket.create_server(("127.0.0.1", site.port)):
        done = site.run("bascule", "serve")
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {site.port}: another program does" in done.stderr
    assert "bascule: bascule-api could not start; it says why above" in done.stderr


def test_plan_says_what_would_change_and_changes_nothing(site: Site) -> None:
    with serving(site) as running:
        made = site.create(example())
        by_id, by_name = site.run("bascule", "plan", made), site.run("bascule", "plan", "blog")
        assert by_id.stdout == by_name.stdout
        assert by_id.stdout.endswith("The next pass would change nothing.\n")
        os.kill(children(running.process.pid)["worker"], signal.SIGSTOP)
        site.call("PUT", f"/v2/lbaas/loadbalancers/{made}", {"loadbalancer": {"name": "renamed"}})
        for _ in range(2):
            planned = site.run("bascule", "plan", made)
            assert "  replace load_balancer/" in planned.stdout
        assert site.load_balancer(made)["provisioning_status"] == "PENDING_UPDATE"
        unknown = site.run("bascule", "plan", "nobody")
        assert unknown.returncode == 2
        assert "nobody not found" in unknown.stderr


def answers(address: str, port: int) -> bool:
    """Whether the load balancer itself answers: with an error, since there are no servers here."""
    try:
        return fetch(address, port)[0] == 503
    except DemoFailed:
        return False


def test_haproxy_keeps_running_whatever_is_killed(real: Site) -> None:
    port = real.port + 1
    with serving(real) as running:
        made = real.create(example(listener=port))
        before = haproxys(real.state)
        assert before
        address = real.load_balancer(made)["vip_address"]
        for process in children(running.process.pid).values():
            os.kill(process, signal.SIGKILL)
            wait_for(lambda: len(children(running.process.pid)) == len(MODULES) and real.answers())
        assert haproxys(real.state) == before
        running.stop(signal.SIGKILL)
        wait_for(lambda: not real.answers())
        assert answers(address, port), "it serves while nothing of Bascule runs"
    with serving(real) as running:
        assert running.stop(signal.SIGINT) == 0
        assert haproxys(real.state) == before
    with serving(real) as running:
        status = real.call("PUT", f"/v2/lbaas/loadbalancers/{made}", {"loadbalancer": {"description": "adopted"}})[0]
        assert status == 200
        wait_for(lambda: real.load_balancer(made)["provisioning_status"] == "ACTIVE", lambda: running.log)
        assert set(haproxys(real.state)) & set(before), "adopted, not started anew"
        planned = real.run("bascule", "plan", made)
        assert "The next pass would change nothing." in planned.stdout
        real.call("DELETE", f"/v2/lbaas/loadbalancers/{made}?cascade=true")
        wait_for(lambda: not haproxys(real.state), lambda: running.log)
        assert running.stop() == 0


def test_a_haproxy_that_dies_is_brought_back(real: Site) -> None:
    port = real.port + 1
    with serving(real) as running:
        made = real.create(example(listener=port))
        wait_for(lambda: real.load_balancer(made)["operating_status"] == "ERROR", lambda: running.log)
        address = real.load_balancer(made)["vip_address"]
        assert answers(address, port)
        for process in haproxys(real.state):
            os.kill(process, signal.SIGKILL)
        wait_for(lambda: not answers(address, port))
        wait_for(lambda: answers(address, port), lambda: running.log)
        wait_for(lambda: real.load_balancer(made)["operating_status"] == "ERROR", lambda: running.log)
        assert real.load_balancer(made)["provisioning_status"] == "ACTIVE"
        assert running.stop() == 0
