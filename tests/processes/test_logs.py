"""What the processes log: every line says which work it is about."""

from __future__ import annotations

import http.client
import json
import re
import sqlite3
import subprocess
import sys

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


SPEAKING = """
import logging, sys
from bascule.cmd import logs, settings
from bascule.model import trace
logs.set_up(settings.read(sys.argv[1:]), "bascule-api")
with trace.named("req-1"):
    logging.getLogger("x").warning("one\\ntwo")
    logging.getLogger("x").error("three", exc_info=ValueError("four"))
"""


def logged(site: Site, options: str) -> list[str]:
    """What a process logs in two messages of several lines, with these options."""
    site.write("memory", more=options)
    done = subprocess.run([sys.executable, "-c", SPEAKING, site.file], capture_output=True, text=True, timeout=60, check=True)
    return done.stderr.splitlines()


def test_lines_of_json_and_of_other_formats_name_their_work(site: Site) -> None:
    found = [json.loads(line) for line in logged(site, "use_json = true")]
    assert [(each["message"], each["extra"]["request_id"]) for each in found] == [("one\ntwo", "req-1"), ("three", "req-1")]
    assert "four" in found[1]["traceback"]
    lines = logged(site, "logging_context_format_string = <%(request_id)s> %(message)s")
    assert (lines[0], lines[2]) == ("<req-1> one", "<req-1> three: ValueError: four")
    assert all(LINE.fullmatch(each) for each in (lines[1], *lines[3:])), lines
