"""Wake-ups between machines, through a real RabbitMQ. The machines are folders: no datagram gets from one into the other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import brokers
from tests.brokers import RabbitMQ
from tests.conftest import or_skip
from tests.processes.running import TIME, Site, wait_for

pytestmark = pytest.mark.slow

EXAMPLE = {"loadbalancer": {"vip_subnet_id": "1d9f6c5e-6c1b-4c0e-9d0f-1f4f0c1a0001"}}


@pytest.fixture(scope="module")
def rabbitmq() -> Iterator[RabbitMQ]:
    yield from or_skip(brokers.rabbitmq())


class Machine(Site):
    """One of several machines with one database and one broker."""

    def __init__(self, folder: Path, database: Path, broker: str, poll_interval: float) -> None:
        folder.mkdir()
        self._more = f"transport_url = {broker}\n[database]\nconnection = sqlite:///{database}\n"
        super().__init__(folder)
        text = self.file.read_text().replace("[worker]\n", f"[worker]\npoll_interval = {poll_interval}\n")
        self.file.write_text(text)

    def write(self, provider: str, host: str = "127.0.0.1", more: str = "") -> None:
        super().write(provider, host, self._more + more)


def machine(tmp_path: Path, name: str, broker: RabbitMQ, poll_interval: float) -> Machine:
    return Machine(tmp_path / name, tmp_path / "shared.sqlite", broker.url, poll_interval)


def create(site: Site) -> str:
    """A load balancer, asked for. The answer must not have waited for anybody."""
    before = time.monotonic()
    status, answer = site.call("POST", "/v2/lbaas/loadbalancers", EXAMPLE)
    assert status == 201, answer
    assert time.monotonic() - before < TIME / 3
    made: str = answer["loadbalancer"]["id"]
    return made


def wait_until_active(site: Site, load_balancer_id: str) -> None:
    wait_for(lambda: site.load_balancer(load_balancer_id)["provisioning_status"] == "ACTIVE")


def test_an_edit_reaches_the_worker_of_another_machine(tmp_path: Path, rabbitmq: RabbitMQ) -> None:
    here = machine(tmp_path, "here", rabbitmq, poll_interval=1)
    there = machine(tmp_path, "there", rabbitmq, poll_interval=3600)
    here.upgrade()
    with here.running("bascule-api"):
        wait_for(here.answers)
        with there.running("bascule-worker") as worker:
            for _ in range(3):
                wait_until_active(here, create(here))
            rabbitmq.stop()
            first = create(here)  # the API does not mind
            without = machine(tmp_path, "without", rabbitmq, poll_interval=0.3)
            with without.running("bascule-worker") as other:
                wait_until_active(here, first)  # it looks by itself
                assert other.stop() == 0
                assert "Traceback" not in other.log
            second = create(here)
            rabbitmq.start()
            wait_until_active(here, second)  # both find the broker again by themselves
            wait_until_active(here, create(here))
            queues = dict(line.split("\t") for line in rabbitmq.control("list_queues", "name", "type").splitlines()[1:])
            assert set(queues.values()) == {"quorum"}
            assert worker.stop() == 0


def test_a_url_that_cannot_be_used_is_refused(site: Site) -> None:
    site.write("memory", more="transport_url = amqp://somewhere/\n")
    done = site.run("bascule-worker")
    assert done.returncode == 2
    assert "[DEFAULT] transport_url" in done.stderr
    site.write("memory", more="transport_url = rabbit://user:password@host:port/\n")
    site.upgrade()
    for program in ("bascule-worker", "bascule-api"):
        done = site.run(program)
        assert done.returncode == 2
        assert "[DEFAULT] transport_url" in done.stderr
        assert "password" not in done.stderr
