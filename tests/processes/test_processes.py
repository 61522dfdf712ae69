"""Each process by itself: how it starts, how it refuses to, how it stops."""

from __future__ import annotations

import base64
import signal
import socket
import sqlite3
import time

import pytest

from bascule.cmd.http_basic import hashed
from bascule.store import migrate
from tests.processes.running import Site, is_alive, wait_for

pytestmark = pytest.mark.slow

ALL = ["bascule-api", "bascule-worker", "bascule-health-manager", "bascule-housekeeping"]
BACKGROUND = ALL[1:]


@pytest.mark.parametrize("name", [*ALL, "bascule serve"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_stops_cleanly_when_told_to(site: Site, name: str, number: signal.Signals) -> None:
    site.upgrade()
    with site.ready(*name.split()) as running:
        started = time.monotonic()
        assert running.stop(number) == 0, running.log
        assert time.monotonic() - started < 10
        assert "Traceback" not in running.log
    assert list(site.state.glob("run/wake/*")) == []


@pytest.mark.parametrize("name", ALL)
def test_does_not_start_without_an_up_to_date_database(site: Site, name: str) -> None:
    done = site.run(name)
    assert done.returncode == 2
    assert done.stderr == f"{name}: the database is empty; this version needs {migrate.NEEDED}: run bascule-db-manage upgrade\n"


@pytest.mark.parametrize("name", ALL)
def test_names_a_setting_that_is_wrong(site: Site, name: str) -> None:
    site.write("memory", more="error_aftr = 3")
    done = site.run(name)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{name}: [DEFAULT] error_aftr: {site.file} sets it, but the options of this section")


def test_says_that_a_directory_is_open_to_others(site: Site) -> None:
    (site.state / "run").mkdir(parents=True, mode=0o755)
    done = site.run("bascule-worker")
    assert done.returncode == 2
    assert "must belong to user" in done.stderr
    assert "0700" in done.stderr


def test_says_that_there_is_no_haproxy(site: Site) -> None:
    site.upgrade()
    site.write("haproxy", more="[haproxy]\nbinary = /nowhere/haproxy\n[DEFAULT]")
    done = site.run("bascule-worker")
    assert done.returncode == 2
    assert "[haproxy] binary: /nowhere/haproxy cannot be run" in done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_the_api_refuses_to_listen_where_others_could_reach_it(site: Site, host: str) -> None:
    site.upgrade()
    site.write("memory", host=host)
    done = site.run("bascule-api")
    assert done.returncode == 2
    assert done.stderr.startswith(f"bascule-api: [api] bind_host: {host} can be reached from other machines")


def test_the_api_listens_anywhere_for_callers_who_say_who_they_are(site: Site) -> None:
    users = site.folder / "htpasswd"
    users.write_text(f"ann:{hashed('secret', cost=10)}:web=member\n")
    site.upgrade()
    site.write("memory", "0.0.0.0", f"[api]\nauth_strategy = http_basic\nhttp_basic_auth_user_file = {users}\n")
    with site.running("bascule-api"):
        wait_for(lambda: _connects("127.0.0.1", site.port))
        assert site.call("GET", "/")[0] == 200
        assert site.call("GET", "/v2/lbaas/loadbalancers")[0] == 401
        site.headers = {"Authorization": f"Basic {base64.b64encode(b'ann:secret').decode()}"}
        assert site.call("GET", "/v2/lbaas/loadbalancers")[0] == 200


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("auth_strategy = http_basic\nhttp_basic_auth_user_file = /nowhere", "[api] http_basic_auth_user_file: /nowhere"),
        ("auth_strategy = keystone\n[keystone_authtoken]\nauth_type = nonsense", "[keystone_authtoken]: The plugin nonsense"),
    ],
)
def test_the_api_does_not_start_where_nobody_could_say_who_one_is(site: Site, more: str, words: str) -> None:
    site.upgrade()
    site.write("memory", more=f"[api]\n{more}\n")
    done = site.run("bascule-api")
    assert done.returncode == 2
    assert words in done.stderr.splitlines()[-1]


def test_the_api_names_a_port_that_is_taken(site: Site) -> None:
    site.upgrade()
    with socket.create_server(("127.0.0.1", site.port), reuse_port=True):
        done = site.run("bascule-api")
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {site.port}: another program does" in done.stderr


def test_the_api_names_an_address_that_this_machine_does_not_have(site: Site) -> None:
    site.upgrade()
    site.write("memory", host="::1")
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            done = site.run("bascule-api")
            assert done.returncode == 2
            assert f"cannot listen on ::1 port {site.port}: " in done.stderr
            return
    with site.running("bascule-api") as running:
        wait_for(lambda: _connects("::1", site.port))
        assert running.stop() == 0


def _connects(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def test_the_api_leaves_nothing_behind_when_it_is_killed(site: Site) -> None:
    """Its worker process must not go on serving, or the next one could not have the port."""
    site.upgrade()
    for _ in range(2):
        with site.running("bascule-api") as running:
            wait_for(site.answers, lambda: running.log)
            running.process.kill()
            running.process.wait()
            wait_for(lambda: not site.answers())


@pytest.mark.parametrize("name", BACKGROUND)
def test_goes_on_when_the_database_comes_back(site: Site, name: str) -> None:
    """Here it is away in that tables are not to be found."""
    site.upgrade()
    with site.ready(name) as running:
        table = sqlite3.connect(site.state / "bascule.sqlite", isolation_level=None)
        table.execute("ALTER TABLE unit RENAME TO away")
        table.execute("ALTER TABLE lane RENAME TO away_as_well")
        running.wait_until_it_says("This round failed")
        table.execute("ALTER TABLE away RENAME TO unit")
        table.execute("ALTER TABLE away_as_well RENAME TO lane")
        table.close()
        assert is_alive(running.process.pid)
        assert running.stop() == 0
