"""What running processes tell of themselves: metrics for Prometheus, and whether they are healthy."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bascule.cmd.monitoring import Monitor, Pulse, database_answers
from bascule.store.engine import Database
from tests.processes.running import Running, Site, free_ports, wait_for

PROCESSES = ("api", "worker", "health_manager", "housekeeping")
DASHBOARD = Path(__file__).parents[2] / "etc/grafana/bascule.json"

pytestmark = pytest.mark.slow


class Watched:
    """Processes that tell of themselves, each on a port of its own."""

    def __init__(self, site: Site) -> None:
        first = free_ports(len(PROCESSES))
        self.ports = {process: first + number for number, process in enumerate(PROCESSES)}
        lines = "".join(f"{process}_port = {port}\n" for process, port in self.ports.items())
        site.write("memory", more=f"[monitoring]\n{lines}")
        self.running: dict[str, Running] = {}

    def get(self, process: str, path: str) -> tuple[int, str]:
        """What a process answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[process]}{path}", timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def samples(self, process: str) -> dict[str, float]:
        """The metrics of a process: the sum over all labels, by name; labelled values by name and labels too."""
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(self.get(process, "/metrics")[1]):
            for sample in family.samples:
                found[sample.name] = found.get(sample.name, 0) + sample.value
                found[f"{sample.name} {sorted(sample.labels.values())}"] = sample.value
        return found

    def health(self, process: str) -> tuple[int, Any]:
        """Whether a process is healthy, and what of it is not."""
        status, text = self.get(process, "/healthcheck")
        return status, json.loads(text)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Where the processes of all tests here run."""
    return Site(tmp_path_factory.mktemp("watched"))


@pytest.fixture(scope="module")
def watched(site: Site) -> Iterator[Watched]:
    """One of each process."""
    made = Watched(site)
    site.upgrade()
    with ExitStack() as stack:
        for process in PROCESSES:
            made.running[process] = stack.enter_context(site.running(f"bascule-{process.replace('_', '-')}"))
        wait_for(site.answers)
        yield made


def test_every_process_counts_its_work(site: Site, watched: Watched) -> None:
    site.create({"loadbalancer": {"name": "www", "vip_subnet_id": "1d9f6c5e-6c1b-4c0e-9d0f-1f4f0c1a0001"}})
    assert site.call("GET", "/v2/lbaas/loadbalancers/00000000-0000-0000-0000-000000000000")[0] == 404
    assert site.call("GET", "/nobody/knows")[0] == 404

    api = watched.samples("api")
    assert api["bascule_api_requests_total ['/v2/lbaas/loadbalancers', '201', 'POST']"] == 1
    assert api["bascule_api_requests_total ['404', 'GET', 'none']"] == 1
    assert api["bascule_api_request_seconds_count ['POST']"] == 1

    worker = watched.samples("worker")
    assert worker["bascule_passes_total ['done', 'memory']"] >= 1
    for phase in ("load", "resolve", "render", "apply", "record"):
        assert worker[f"bascule_pass_phase_seconds_count ['{phase}']"] >= 1
    assert worker["bascule_leases_lost_total"] == 0
    assert worker["bascule_drift_repaired_total"] == 0
    assert worker["bascule_database_retries_total"] >= 0
    assert "process_resident_memory_bytes" in watched.samples("health_manager")


def test_every_process_says_whether_it_is_healthy(site: Site, watched: Watched) -> None:
    for process in PROCESSES:
        wait_for(lambda process=process: watched.health(process)[0] == 200)  # type: ignore[misc]
    assert watched.health("api")[1] == {"healthy": True, "checks": {"database": "ok"}}
    checks = {"database": "ok", "rounds": "ok"}
    wait_for(lambda: watched.health("worker")[1] == {"healthy": True, "checks": checks, "lanes": {}})
    assert watched.health("housekeeping")[1] == {"healthy": True, "checks": {"database": "ok", "rounds": "ok"}}
    assert watched.get("worker", "/elsewhere")[0] == 404


def test_a_database_that_does_not_answer_is_told() -> None:
    database = Database(f"postgresql+psycopg://nobody@127.0.0.1:{free_ports(1)}/none")
    (said,) = Monitor({"database": database_answers(database)}).wrong().values()
    assert said.startswith("the database cannot be reached: connection failed")
    assert "Connection refused" in said
    database.close()


def test_a_broker_that_is_away_is_told_and_is_no_reason_to_start_anew(tmp_path: Path) -> None:
    site, port, nobody = Site(tmp_path), free_ports(1), free_ports(1)
    broker = f"transport_url = rabbit://bascule:secret@127.0.0.1:{nobody}/"
    site.write("memory", more=f"{broker}\n[monitoring]\nworker_port = {port}\n")
    site.upgrade()
    told: list[Any] = []

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthcheck", timeout=20) as answer:
                told.append(json.loads(answer.read()))
        except OSError:
            return False
        return True

    with site.running("bascule-worker") as running:
        wait_for(answers, lambda: running.log)
    checks = {"database": "ok", "rounds": "ok", "broker": f"127.0.0.1 port {nobody}: Connection refused"}
    assert told == [{"healthy": True, "checks": checks, "lanes": {}}]


def test_a_port_that_is_taken_is_said_at_the_start(site: Site, watched: Watched) -> None:
    done = site.run("bascule-worker")
    assert done.returncode == 2
    port = watched.ports["worker"]
    assert f"[monitoring]: cannot listen on 127.0.0.1 port {port}: Address already in use" in done.stderr


def test_rounds_that_do_not_end_are_told() -> None:
    now = [0.0]
    pulse = Pulse(10, lambda: now[0])
    monitor = Monitor({"rounds": pulse})
    now[0] = 10.0
    assert monitor.wrong() == {}
    now[0] = 11.0
    assert monitor.wrong() == {"rounds": "no round has ended for 11 s"}
    pulse.beat()
    assert monitor.wrong() == {}


def test_the_dashboard_shows_only_what_there_is(site: Site, watched: Watched) -> None:
    """Every name that a query of the dashboard asks for is told by one of the processes."""
    site.create({"loadbalancer": {"name": "www", "vip_subnet_id": "1d9f6c5e-6c1b-4c0e-9d0f-1f4f0c1a0001"}})
    told = {name.partition(" ")[0] for process in PROCESSES for name in watched.samples(process)}
    told |= {"bascule_device_requests_total"}  # no device here, so that it has no labels yet
    dashboard = json.loads(DASHBOARD.read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    names = {name for query in queries for name in re.findall(r"\b(?:bascule|process)_\w+", query)}
    assert names
    assert names <= told


def test_what_is_left_to_do_is_told(site: Site, watched: Watched) -> None:
    wait_for(lambda: watched.health("housekeeping")[0] == 200)
    told = watched.samples("housekeeping")
    assert (told["bascule_due_units ['memory:0']"], told["bascule_oldest_change_seconds ['memory:0']"]) == (0, 0)
    worker = watched.running["worker"].process
    worker.kill()  # so it is the last test here
    worker.wait()
    body = {"loadbalancer": {"name": "www", "vip_subnet_id": "1d9f6c5e-6c1b-4c0e-9d0f-1f4f0c1a0001"}}
    assert site.call("POST", "/v2/lbaas/loadbalancers", body)[0] == 201
    first = watched.samples("housekeeping")
    assert first["bascule_due_units ['memory:0']"] == 1
    wait_for(lambda: watched.samples("housekeeping")["bascule_oldest_change_seconds ['memory:0']"] > 0.5)
