"""SIGHUP: a running process reads everything again, and goes on as it was where it could not work with that."""

from __future__ import annotations

import signal
import urllib.request

import pytest

from tests.processes.running import Site, free_ports, wait_for

pytestmark = pytest.mark.slow

EXAMPLE = {"loadbalancer": {"name": "www", "vip_subnet_id": "1d9f6c5e-6c1b-4c0e-9d0f-1f4f0c1a0001"}}


def watched(port: int) -> bool:
    """Whether a process tells of itself."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthcheck", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.parametrize("process", ["worker", "health_manager", "housekeeping"])
def test_a_process_begins_anew_with_new_settings(site: Site, process: str) -> None:
    site.upgrade()
    port = free_ports(1)
    with site.running(f"bascule-{process.replace('_', '-')}") as running:
        wait_for(lambda: handles_sighup(running.process.pid))
        site.write("memory", more=f"[monitoring]\n{process}_port = nowhere\n")
        running.process.send_signal(signal.SIGHUP)
        running.wait_until_it_says(f"[monitoring] {process}_port")
        running.wait_until_it_says("so all stays as it was")
        site.write("memory", more=f"[monitoring]\n{process}_port = {port}\n")
        running.process.send_signal(signal.SIGHUP)
        wait_for(lambda: watched(port), lambda: running.log)
        assert running.process.poll() is None
        assert running.stop() == 0


def handles_sighup(pid: int) -> bool:
    """Whether a process has come so far that SIGHUP does not end it."""
    with open(f"/proc/{pid}/status") as status:
        (caught,) = (int(line.split()[1], 16) for line in status if line.startswith("SigCgt"))
    return bool(caught >> (signal.SIGHUP - 1) & 1)


def test_serve_passes_it_on_and_work_goes_on(site: Site) -> None:
    first = free_ports(4)
    with site.running("bascule", "serve") as running:
        running.wait_until_it_says("Ready; the API is at")
        site.create(EXAMPLE)
        names = ("api", "worker", "health_manager", "housekeeping")
        ports = "".join(f"{name}_port = {first + number}\n" for number, name in enumerate(names))
        site.write("memory", more=f"[monitoring]\n{ports}")
        running.process.send_signal(signal.SIGHUP)
        for number in range(len(names)):
            wait_for(lambda port=first + number: watched(port), lambda: running.log)  # type: ignore[misc]
        site.create(EXAMPLE)
        assert "was killed" not in running.log
        assert running.stop() == 0
