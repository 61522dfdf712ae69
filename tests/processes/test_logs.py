"""What the processes log: every line says which work it is about."""

from __future__ import annotations

import http.client
import re
import sqlite3

import pytest

from tests.processes.running import Site

pytestmark = pytest.mark.slow

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} (?P<process>[a-z -]+)\[\d+\] [A-Z]+ \[(?P<work>[^]]+)\] .*")
GLOBAL = "req-11111111-2222-3333-4444-555555555555"
EXAMPLE = {"loadbalancer": {"name": "lb", "vip_subnet_id": "1d9f6c5e-6c1b-4c0e-9d0f-1f4f0c1a0001"}}


def test_every_line_of_every_process_names_its_work(site: Site) -> None:
    site.write("memory", more="debug = true")
    with site.running("bascule", "serve") as running:
        running.wait_until_it_says("Ready; the API")
        site.create(EXAMPLE)
        # Rounds and requests that fail are told of.
        database = sqlite3.connect(site.state / "bascule.sqlite", timeout=30)
        for table in ("load_balancer", "lane"):
            database.execute(f"ALTER TABLE {table} RENAME TO {table}_gone")
        database.close()
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
        connection.request("GET", "/v2/lbaas/loadbalancers", headers={"X-OpenStack-Request-Id": GLOBAL})
        answer = connection.getresponse()
        request_id = answer.headers["x-openstack-request-id"]
        connection.close()
        assert answer.status == 500
        running.wait_until_it_says("This round failed")
    lines = [LINE.fullmatch(line) for line in running.log.splitlines() if line]
    assert all(lines), running.log
    found: dict[str, set[str]] = {}
    for line in filter(None, lines):
        found.setdefault(line["process"], set()).add(re.sub(r"-[0-9a-f]{16}$", "", line["work"]))
    assert f"{GLOBAL} {request_id}" in found["bascule-api"]
    assert "pass" in found["bascule-worker"]
    assert any("round" in each for each in found.values())
