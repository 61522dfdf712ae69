"""PING monitors: what HAProxy runs for them, and what it makes of hosts that come and go."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from bascule.model.objects import HealthMonitor, Member, MonitorType
from bascule.south.haproxy import Binary, HAProxyBackend, prober
from tests.hosts import Host, host
from tests.south.haproxy.site import Site, until

pytestmark = pytest.mark.slow

__all__ = ["host"]

MONITOR = HealthMonitor(id="monitor", pool_id="pool", type=MonitorType.PING, delay=60, timeout=1, max_retries=1)
UNUSED = Binary(Path("unused"), (2, 6))
MEMBER = Member(id="member", pool_id="pool", address="127.0.0.1", protocol_port=80)

root = pytest.mark.skipif(os.geteuid() != 0, reason="changes addresses of this machine, or gives up the rights of root")


def _probe(folder: Path, address: str, *through: str) -> tuple[bool, float]:
    """One probe of a member by the program of its monitor, as HAProxy runs it, and how many seconds it took."""
    path = folder / "program"
    path.write_text(prober.program(MONITOR, [MEMBER]), encoding="utf-8")
    path.chmod(0o755)
    environment = {"PATH": prober.SEARCHED, "HAPROXY_SERVER_NAME": MEMBER.id, "HAPROXY_SERVER_ADDR": address}
    began = time.monotonic()
    done = subprocess.run([*through, path], env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == ""
    return done.returncode == 0, time.monotonic() - began


@root
@pytest.mark.slow
def test_a_host_that_falls_silent_is_taken_out_and_comes_back(site: Site, host: Host) -> None:
    pool = site.pool()
    member = site.member(pool, 80, address=host.address)
    site.monitor(pool, MonitorType.PING)
    site.listener(default_pool_id=pool.id)
    assert site.backend.refuse(site.tree, None) == []
    site.serve()
    assert until(lambda: site.seen(member) == "DOWN", 30)
    host.up()
    assert until(lambda: site.seen(member) == "UP", 30)
    host.down()
    assert until(lambda: site.seen(member) == "DOWN", 30)


@root
def test_a_host_may_be_pinged_at_another_address(site: Site, host: Host) -> None:
    pool = site.pool()
    silent = site.member(pool, 80, address=host.address)
    elsewhere = [
        site.member(pool, 81 + at, address=host.address, monitor_address=each) for at, each in enumerate(("127.0.0.3", "::1"))
    ]
    site.monitor(pool, MonitorType.PING)
    site.listener(default_pool_id=pool.id)
    site.serve()
    assert until(lambda: site.seen(silent) == "DOWN", 30)
    assert [site.seen(each) for each in elsewhere] == ["UP", "UP"]


@pytest.mark.slow
def test_probing_goes_on_where_folders_come_and_go(site: Site) -> None:
    pool = site.pool()
    member = site.member(pool, 80)
    monitor = site.monitor(pool, MonitorType.PING)
    site.listener(default_pool_id=pool.id)
    site.serve()
    ran_in = Path(os.readlink(f"/proc/{max(site.processes())}/cwd"))
    program = site.directory / "current" / prober.document(monitor)
    for _ in range(3):  # files that were tampered with are written anew, without a reload
        os.chmod(program, 0o700)
        program.write_text("#!/bin/sh\nexit 1\n")
        site.serve()
    assert not ran_in.exists()
    assert until(lambda: site.seen(member) == "UP", 30)
    assert not until(lambda: site.seen(member) == "DOWN", 2.5)


@root
def test_the_program_keeps_the_time(tmp_path: Path, host: Host) -> None:
    answered, took = _probe(tmp_path, host.address)
    assert not answered
    assert 1 <= took < 20


def test_the_program_asks_either_family(tmp_path: Path) -> None:
    if prober.trouble(tmp_path):
        pytest.skip("this system does not permit probes")
    assert [_probe(tmp_path, address)[0] for address in ("127.0.0.1", "::1", "no address")] == [True, True, False]


@root
def test_no_rights_of_root_are_needed_where_the_system_says_so() -> None:
    told = 'echo "0 65534" >/proc/sys/net/ipv4/ping_group_range && PATH=/usr/sbin:/sbin:/usr/bin:/bin ip link set lo up'
    humble = "setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs"
    through = ("unshare", "--net", "sh", "-c", f'{told} && exec {humble} "$0"')
    if subprocess.run([*through, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no network of its own can be had here")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        assert _probe(Path(folder), "127.0.0.1", *through)[0]
        assert _probe(Path(folder), "::1", *through)[0]


@root
def test_it_is_said_in_the_request_where_programs_cannot_run(tmp_path: Path) -> None:
    mounted = ("unshare", "--mount", "sh", "-c", f'mount -t tmpfs -o noexec none {tmp_path} && exec "$0" "$@"')
    if subprocess.run([*mounted, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("nothing can be mounted here")
    asked = (
        f"from pathlib import Path; from bascule.south.haproxy import prober; print(prober.trouble(Path({str(tmp_path)!r}, 'x')))"
    )
    done = subprocess.run([*mounted, sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "the state directory is mounted so that no program runs from there (noexec).\n"


@root
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_it_is_said_in_the_request_where_sockets_are_not_permitted(tmp_path: Path) -> None:
    first, last = Path("/proc/sys/net/ipv4/ping_group_range").read_text().split()
    if int(first) <= 65534 <= int(last):
        pytest.skip("here everybody may ping")
    site = Site(tmp_path, UNUSED)
    site.monitor(site.pool(), MonitorType.PING)
    backend: HAProxyBackend = site.backend
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            os.write(writing, "".join(each.text for each in backend.refuse(site.tree, None)).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        assert answer.read().decode() == (
            "Health monitor type PING is not possible on this system: it may open neither ping sockets (net.ipv4.ping_group_range) "
            "nor raw ones (CAP_NET_RAW)."
        )
    assert backend.refuse(site.tree, site.tree) == []
