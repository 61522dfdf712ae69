"""Workers as processes: one that is stopped for longer than its lease, and ones that reach only some devices."""

from __future__ import annotations

import copy
import fcntl
import signal
import time
from typing import Any

import pytest
import sqlalchemy as sa

from bascule.store.engine import Database
from bascule.store.tables import lane
from tests.processes.running import Running, Site, state, wait_for
from tests.servers import Server

pytestmark = pytest.mark.slow

VIPS = "1d9f6c5e-6c1b-4c0e-9d0f-1f4f0c1a0001"


def lanes(database: Database) -> dict[str, Any]:
    with database.read() as conn:
        return {row.id: row for row in conn.execute(sa.select(lane))}


def create(site: Site) -> str:
    status, answer = site.call("POST", "/v2/lbaas/loadbalancers", {"loadbalancer": {"vip_subnet_id": VIPS}})
    assert status == 201, answer
    made: str = answer["loadbalancer"]["id"]
    return made


def rename(site: Site, load_balancer_id: str, name: str) -> None:
    assert site.call("PUT", f"/v2/lbaas/loadbalancers/{load_balancer_id}", {"loadbalancer": {"name": name}})[0] == 200


def wait_until_active(site: Site, load_balancer_id: str) -> None:
    wait_for(lambda: site.load_balancer(load_balancer_id)["provisioning_status"] == "ACTIVE")


def beside(site: Site, name: str) -> Site:
    """The same place, for one more process of a kind: its log lies elsewhere."""
    other = copy.copy(site)
    other.folder = site.folder / name
    other.folder.mkdir()
    return other


def is_stopped(worker: Running, site: Site) -> bool:
    """Stop a worker, unless it is just writing to HAProxys: whoever comes next waits until it goes on."""
    worker.process.send_signal(signal.SIGSTOP)
    wait_for(lambda: state(worker.process.pid) == "T")
    (site.state / "haproxy").mkdir(mode=0o700, exist_ok=True)
    with (site.state / "haproxy/fence.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            worker.process.send_signal(signal.SIGCONT)
            return False
    return True


def test_a_worker_that_was_stopped_for_longer_than_its_lease(real: Site, postgresql: Server) -> None:
    with postgresql.migrated() as url:
        real.write("haproxy", more=f"[database]\nconnection = {url}\n")
        database = Database(url)
        with real.running("bascule-api"), real.running("bascule-worker") as first:
            wait_for(real.answers)
            made = create(real)
            wait_for(lambda: any(row.owner for row in lanes(database).values()))
            wait_for(lambda: is_stopped(first, real))  # in the pass, if it can be, for that is when it holds the lane
            (before,) = lanes(database).values()
            rename(real, made, "newer")
            with beside(real, "second").running("bascule-worker") as second:
                wait_until_active(real, made)
                (after,) = lanes(database).values()
                assert before.owner is None or after.fence > before.fence
                first.process.send_signal(signal.SIGCONT)
                for number in range(3):
                    rename(real, made, f"name {number}")
                    wait_until_active(real, made)
                assert second.stop() == 0
            rename(real, made, "last")
            wait_until_active(real, made)
            if before.owner is not None:
                assert "was taken over by another worker" in first.log
            assert first.stop() == 0
        database.close()


def test_a_worker_leaves_what_it_cannot_reach_to_others(site: Site) -> None:
    (site.folder / "password").write_text("secret")
    group = f"[device_group:far]\nurls = https://127.0.0.1:{site.port + 1}\ntags = site-far\n"
    group += f"password_file = {site.folder / 'password'}\n"
    site.write("f5", more=f"device_groups = far\n{group}")
    there = beside(site, "there")
    there.file = there.folder / "bascule.conf"
    there.file.write_text(site.file.read_text().replace("[worker]\n", "[worker]\ntags = site-far\n"))
    site.upgrade()
    database = Database(f"sqlite:///{site.state}/bascule.sqlite")
    with site.running("bascule-api"), site.running("bascule-worker") as here:
        wait_for(site.answers)
        create(site)
        time.sleep(2.5)  # it looks every second
        assert [row.fence for row in lanes(database).values()] == [0]
        with there.running("bascule-worker") as other:
            wait_for(lambda: [row.fence for row in lanes(database).values()] != [0])
            assert other.stop() == 0
        assert here.stop() == 0
    database.close()
