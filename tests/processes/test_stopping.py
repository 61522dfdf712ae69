"""Processes that are told to stop while they are at something that takes long."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from contextlib import closing
from typing import Any

import pytest

from bascule.store.turns import Turns
from tests.emulator.site import Box
from tests.processes.running import Running, Site, wait_for
from tests.processes.test_f5 import EXAMPLE, bigip, site

__all__ = ["bigip", "site"]

pytestmark = pytest.mark.slow

WAITS_A_SECOND = "import bascule.cmd.worker as worker; worker.LONGEST_WRITE = 1; worker.main()"
"""A worker that does not wait half a minute for its devices."""


def owner(site: Site) -> str | None:
    with closing(sqlite3.connect(site.state / "bascule.sqlite")) as file:
        found: str | None = file.execute("SELECT owner FROM lane").fetchone()[0]
        return found


def post_until_held(site: Site, bigip: Box, name: str) -> str:
    """Create a load balancer whose declaration the device takes and does not answer. Gives its id."""
    bigip.fault("hold", method="POST", path="declare")
    example = {"loadbalancer": EXAMPLE["loadbalancer"] | {"name": name}}
    status, answer = site.call("POST", "/v2/lbaas/loadbalancers", example)
    assert status == 201, answer
    bigip.until(lambda: bigip.get("/emulator/faults").body == {"faults": []}, 30)
    made: str = answer["loadbalancer"]["id"]
    return made


def becomes_active(site: Site, load_balancer_id: str, running: Running) -> None:
    wait_for(lambda: site.load_balancer(load_balancer_id)["provisioning_status"] == "ACTIVE", lambda: running.log)


def test_a_worker_finishes_what_its_device_has_not_answered_yet_or_leaves_it_to_another(site: Site, bigip: Box) -> None:
    site.upgrade()
    with site.running("bascule-api"):
        wait_for(site.answers)
        with site.running("bascule-worker") as patient:
            first = post_until_held(site, bigip, "first")
            patient.process.terminate()
            time.sleep(0.5)
            assert patient.process.poll() is None
            assert owner(site) is not None, "it is still writing"
            bigip.ask("POST", "/emulator/release")
            assert patient.process.wait(30) == 0, patient.log
            assert owner(site) is None
            becomes_active(site, first, patient)

        with site.running("python", "-c", WAITS_A_SECOND) as hasty:
            second = post_until_held(site, bigip, "second")
            hasty.process.terminate()
            assert hasty.process.wait(30) == 0, hasty.log
            assert "Stopped without an answer in lanes f5:pair: another worker looks after a lease" in hasty.log
            assert owner(site) is not None
        with site.running("bascule-worker") as successor:
            time.sleep(0.5)  # the held declaration comes later than the successor
            bigip.ask("POST", "/emulator/release")
            becomes_active(site, second, successor)
            assert site.load_balancer(first)["provisioning_status"] == "ACTIVE"
            assert successor.stop() == 0
        assert owner(site) is None


def test_the_api_answers_what_it_was_asked_before(site: Site) -> None:
    site.upgrade()
    answers: list[tuple[int, Any]] = []

    def create(number: int) -> None:
        example = {"loadbalancer": EXAMPLE["loadbalancer"] | {"name": f"{number}"}}
        answers.append(site.call("POST", "/v2/lbaas/loadbalancers", example))

    with site.running("bascule-api") as running:
        wait_for(site.answers)
        asking = [threading.Thread(target=create, args=(number,)) for number in range(3)]
        with Turns(str(site.state / "bascule.sqlite")).turn():  # as if somebody else took long to write
            for thread in asking:
                thread.start()
            time.sleep(0.5)
            os.killpg(running.process.pid, signal.SIGINT)  # as Ctrl-C in a terminal does it
            time.sleep(0.5)
            assert answers == []
            assert running.process.poll() is None
        for thread in asking:
            thread.join(30)
        assert [status for status, _ in answers] == [201] * 3, running.log
        assert running.process.wait(30) == 0, running.log
    with closing(sqlite3.connect(site.state / "bascule.sqlite")) as file:
        assert file.execute("SELECT count(*) FROM load_balancer").fetchone() == (3,)
