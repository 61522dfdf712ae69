"""Instances outlive whoever made them, and come to what is wanted from whatever state they are found in."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bascule.core import codec
from bascule.model.backend import Done, Fence, Fenced, Plan, Rejected, Retry
from bascule.model.documents import Verb
from bascule.model.objects import Listener, ListenerProtocol
from bascule.model.secrets import Secret, SecretRef
from bascule.south.haproxy import Binary
from bascule.south.haproxy.configurations import Configurations
from bascule.south.haproxy.process import Process, ProcessError
from bascule.south.haproxy.runtime import reachable
from tests.cases import loader
from tests.south.haproxy.site import PROJECT, Site, until

pytestmark = pytest.mark.slow


@pytest.fixture
def listener(site: Site) -> Listener:
    found = site.listener(default_pool_id=site.pool(site.server("a")).id)
    site.serve()
    return found


def test_files_are_for_nobody_else(site: Site, listener: Listener) -> None:
    assert site.directory.stat().st_mode & 0o777 == 0o700
    for path in site.directory.rglob("*"):
        if path.is_file() and path.name != "haproxy.pid":
            assert path.stat().st_mode & 0o077 == 0, path


def test_a_new_process_finds_it_and_leaves_it_alone(site: Site, listener: Listener, tmp_path: Path, haproxy: Binary) -> None:
    before = site.processes()
    again = Site(tmp_path, haproxy, site.address)
    again.id, again.directory, again.tree = site.id, site.directory, site.tree
    assert again.plan(again.definition()).steps == ()
    assert isinstance(again.apply(), Done)
    assert again.processes() == before
    assert again.get(listener).name == "a"


_MAKER = """
import sys, time
from pathlib import Path
from bascule.core import codec
from bascule.model.backend import Fence, Plan
from bascule.model.documents import diff
from bascule.south.haproxy import HAProxyBackend, find_binary
directory, binary, text = sys.argv[1:]
definition = codec.decode(text)
backend = HAProxyBackend(Path(directory), find_binary(binary))
carrier = backend.carriers("", None)[0]
target = backend.render(definition, carrier)
plan = Plan(definition.unit_id, carrier, 1, diff({}, target), target)
print(backend.apply(backend.lanes()[0].id, Fence(1, 1), [plan], None), flush=True)
time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.parametrize("signals", [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGHUP, signal.SIGKILL)])
def test_it_survives_the_end_of_its_maker(site: Site, tmp_path: Path, haproxy: Binary, signals: tuple[signal.Signals, ...]) -> None:
    listener = site.listener(default_pool_id=site.pool(site.server("a")).id)
    maker = subprocess.Popen(
        [sys.executable, "-c", _MAKER, tmp_path, haproxy.path, codec.encode(site.definition())],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    with maker:
        assert maker.stdout is not None
        assert "Done" in maker.stdout.readline()
        before = site.processes()
        for each in signals:
            os.killpg(maker.pid, each)  # as Ctrl-C does it: the whole group
        maker.wait(10)
    assert len(before) == 2
    assert site.processes() == before
    assert site.get(listener).name == "a"
    assert site.plan(site.definition()).steps == ()


@pytest.mark.parametrize("victim", ["master", "worker"])
def test_a_dead_one_is_seen_and_brought_back(site: Site, listener: Listener, victim: str) -> None:
    master = site.master()
    worker = next(process for process in site.processes() if process != master)
    os.kill(master if victim == "master" else worker, signal.SIGKILL)
    assert until(lambda: site.read()["instance"] == "")
    assert not site.report().alive
    (step,) = site.plan(site.definition()).steps
    assert (step.verb, step.name) == (Verb.REPLACE, "instance")
    site.serve()
    assert site.get(listener).name == "a"


def test_deleting_ends_every_process_and_removes_every_file(site: Site, listener: Listener) -> None:
    with site.connect(listener):  # an open connection does not hold it up
        site.put(dataclasses.replace(listener, timeout_client_data=1234))
        site.serve()
        began = time.monotonic()
        assert isinstance(site.delete(), Done)
        assert time.monotonic() - began < 5
    assert site.processes() == []
    assert not site.directory.exists()
    assert isinstance(site.delete(), Done)
    assert site.read() == {}


@pytest.mark.slow
def test_a_stopped_process_is_ended_too(site: Site, listener: Listener) -> None:
    for process in site.processes():
        os.kill(process, signal.SIGSTOP)
    assert isinstance(site.carry_out(Plan(site.id, site.carrier, 1, (), {})), Done)
    assert site.processes() == []


def test_failover_makes_a_new_worker(site: Site, listener: Listener) -> None:
    before = set(site.processes())
    site.replace = 7
    assert [step.name for step in site.plan(site.definition()).steps] == ["instance"]
    site.serve()
    assert until(lambda: len(set(site.processes()) - before) == 1 and len(site.processes()) == 2)
    assert site.get(listener).name == "a"


def test_a_long_state_directory_is_no_obstacle(tmp_path: Path, haproxy: Binary) -> None:
    deep = tmp_path / ("with space " + "x" * 80) / ("y" * 80)
    with Site(deep, haproxy) as site:
        listener = site.listener(default_pool_id=site.pool(site.server("a")).id)
        site.serve()
        assert site.get(listener).name == "a"
        assert site.report().alive


# What is refused leaves the old one serving.


def test_a_port_in_use_is_blamed_on_its_listener_and_harms_nothing(site: Site, listener: Listener) -> None:
    before = site.processes()
    with socket.create_server((site.address, 0)) as other:
        port = other.getsockname()[1]
        new = site.listener(default_pool_id=listener.default_pool_id)
        new = dataclasses.replace(new, protocol_port=port)
        site.put(new)
        outcome = site.apply()
        assert isinstance(outcome, Rejected)
        assert outcome.objects == (new.id,)
        assert f"Port {port} of {site.address} cannot be bound: another program uses it" in outcome.reason
        assert site.processes() == before
        assert site.get(listener).name == "a"
        site.tree = site.tree.drop(new.id)
        assert site.plan(site.definition()).steps == ()
        site.put(new)
    site.serve()
    assert site.get(new).name == "a"


def _no_certificate(site: Site) -> None:
    pem = b"no certificate"
    meant = SecretRef(PROJECT, "bad", hashlib.sha256(pem).hexdigest())
    site.refs, site.secrets = {"bad": meant}, lambda _: Secret(pem)


def test_what_haproxy_does_not_accept_is_blamed_on_the_object(site: Site, listener: Listener) -> None:
    before = site.read()
    _no_certificate(site)
    tls = site.listener(ListenerProtocol.TERMINATED_HTTPS, default_tls_container_ref="bad")
    broken = site.listener(ListenerProtocol.TERMINATED_HTTPS, default_tls_container_ref="bad", tls_ciphers="NO-SUCH-CIPHER")
    outcome = site.apply()
    assert isinstance(outcome, Rejected)
    assert set(outcome.objects) == {tls.id, broken.id}
    assert "unable to load certificate" in outcome.operator_text
    assert site.get(listener).name == "a"
    site.tree = site.tree.drop(tls.id, broken.id)
    site.serve()
    assert site.read() == before
    assert list(site.directory.glob("current/certificate/*")) == []


def test_a_certificate_without_content_is_blamed_on_its_listener(site: Site, listener: Listener) -> None:
    site.refs = {"gone": SecretRef(PROJECT, "gone", "0" * 64)}
    tls = site.listener(ListenerProtocol.TERMINATED_HTTPS, default_tls_container_ref="gone")
    outcome = site.apply()
    assert isinstance(outcome, Rejected)
    assert outcome.objects == (tls.id,)
    assert site.get(listener).name == "a"


@pytest.mark.slow
def test_a_reload_that_fails_is_noticed(site: Site, listener: Listener) -> None:
    """A port that is free when asked and taken when HAProxy wants it: nothing before the reload can know."""
    with socket.create_server((site.address, 0)) as other:
        path = site.directory / "current/haproxy.cfg"
        served = path.read_text()
        path.write_text(served + f"\nfrontend x\n    bind {site.address}:{other.getsockname()[1]}\n")
        process = Process(site.directory, Path("/usr/sbin/haproxy"))
        with pytest.raises(ProcessError, match=r"did not take over|Success=0"):
            process.take("something else")
        assert site.get(listener).name == "a"
        path.write_text(served)
    site.replace = 1
    site.serve()
    assert site.get(listener).name == "a"


def test_what_is_refused_is_not_in_use_and_old_configurations_do_not_pile_up(site: Site, listener: Listener) -> None:
    def folders() -> set[str]:
        return {path.name for path in site.directory.glob("configuration.*")}

    first = os.readlink(site.directory / "current")
    assert folders() == {first}
    _no_certificate(site)
    bad = site.listener(ListenerProtocol.TERMINATED_HTTPS, default_tls_container_ref="bad")
    assert isinstance(site.apply(), Rejected)
    assert os.readlink(site.directory / "current") == first
    assert folders() == {first}
    site.tree = site.tree.drop(bad.id)
    for timeout in range(1, 4):
        before = os.readlink(site.directory / "current")
        site.put(dataclasses.replace(listener, timeout_client_data=timeout))
        site.serve()
        assert folders() == {before, os.readlink(site.directory / "current")}


# Wherever we died before, the next pass gets there.


def test_a_certificate_that_was_written_and_not_taken_over_is(site: Site) -> None:
    definition = loader.definition("tls_termination")
    site.refs, site.secrets = dict(definition.secrets), loader.secret
    listener = site.listener(ListenerProtocol.TERMINATED_HTTPS, default_tls_container_ref="www")
    site.serve()
    site.refs["www"] = dataclasses.replace(definition.secrets["shop"], ref="www")
    site.secrets = lambda meant: loader.secret(dataclasses.replace(meant, ref="shop"))
    configurations = Configurations(site.directory)
    configurations.use(configurations.add(site.plan(site.definition()).target, site.secrets))  # and now it dies
    assert [step.name for step in site.plan(site.definition()).steps] == ["instance"]
    assert _shown(site, listener) in loader.secret(definition.secrets["www"]).reveal()
    site.serve()
    assert _shown(site, listener) in loader.secret(definition.secrets["shop"]).reveal()


def _shown(site: Site, listener: Listener) -> bytes:
    """The certificate that a client is shown."""
    return ssl.get_server_certificate((site.address, listener.protocol_port), timeout=10).strip().encode()


def _no_pid(site: Site) -> None:
    (site.directory / "haproxy.pid").unlink()


def _wrong_pid(site: Site) -> None:
    (site.directory / "haproxy.pid").write_text(str(os.getpid()))


def _no_socket(site: Site) -> None:
    (site.directory / "stats.sock").unlink()


def _edited(site: Site) -> None:
    path = site.directory / "current/haproxy.cfg"
    path.write_text(path.read_text() + "# by hand\n")


def _written_but_not_loaded(site: Site) -> None:
    (site.directory / "current/instance.cfg").write_text("global\n    set-var proc.bascule str(other)\n")
    _edited(site)


def _half_written(site: Site) -> None:
    (site.directory / "configuration.half").mkdir()
    (site.directory / "configuration.half/haproxy.cfg").write_text("half")
    (site.directory / "current/haproxy.cfg").unlink()


def _all_files_gone(site: Site) -> None:
    for path in site.directory.iterdir():
        if path.name != "lock":
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def _only_a_directory(site: Site) -> None:
    site.delete()
    site.directory.mkdir()


@pytest.mark.parametrize(
    "accident",
    [_no_pid, _wrong_pid, _no_socket, _edited, _written_but_not_loaded, _half_written, _all_files_gone, _only_a_directory],
)
def test_it_converges_after(site: Site, listener: Listener, accident: Callable[[Site], None]) -> None:
    accident(site)
    site.put(dataclasses.replace(listener, timeout_client_data=4321))
    site.serve()
    assert site.get(listener).name == "a"
    assert until(lambda: len(site.processes()) == 2)


@pytest.mark.parametrize("accident", [_no_pid, _no_socket, _half_written, _all_files_gone, _only_a_directory])
def test_it_can_be_deleted_after(site: Site, listener: Listener, accident: Callable[[Site], None]) -> None:
    accident(site)
    plan = site.plan(None)
    assert plan.steps
    assert isinstance(site.carry_out(plan), Done)
    assert site.processes() == []
    assert not site.directory.exists()


def test_a_certificate_that_was_tampered_with_is_written_again(site: Site) -> None:
    definition = loader.definition("tls_termination")
    site.refs, site.secrets = dict(definition.secrets), loader.secret
    site.listener(ListenerProtocol.TERMINATED_HTTPS, default_tls_container_ref="www", sni_container_refs=("shop",))
    site.serve()
    before = site.processes()
    for path in site.directory.glob("current/certificate/*.pem"):
        path.write_bytes(b"tampered")
    assert [step.verb for step in site.plan(site.definition()).steps] == [Verb.REPLACE, Verb.REPLACE]
    site.serve()
    assert {path.read_bytes() for path in site.directory.glob("current/certificate/*.pem")} == {
        loader.secret(each).reveal() for each in definition.secrets.values()
    }
    assert site.processes() == before


# Only one writes.


def test_a_lower_fence_is_refused_and_writes_nothing(site: Site, listener: Listener) -> None:
    site.fence = Fence(2, 5)
    site.replace = 1
    site.serve()
    before = site.read()
    for lower in (Fence(2, 4), Fence(1, 9)):
        site.fence = lower
        site.replace += 1
        with pytest.raises(Fenced):
            site.apply()
    assert site.read() == before
    for same_or_higher in (Fence(2, 5), Fence(2, 6), Fence(3, 1)):
        site.fence = same_or_higher
        site.replace += 1
        site.serve()


def test_one_failing_unit_touches_no_other(site: Site, listener: Listener, tmp_path: Path, haproxy: Binary) -> None:
    with Site(tmp_path, haproxy) as other:
        good = other.listener(default_pool_id=other.pool(other.server("b")).id)
        (tmp_path / "haproxy" / "blocked").write_text("a file where a directory should be")
        blocked = Plan("blocked", site.carrier, 1, (), {"haproxy.cfg": "", "instance": ""})
        outcomes = site.backend.apply(site.lane, site.fence, [blocked, other.plan(other.definition())], site.secrets)
        assert isinstance(outcomes["blocked", site.carrier], Retry)
        assert isinstance(outcomes[other.id, other.carrier], Done)
        assert other.get(good).name == "b"
        found = site.backend.report(site.lane, [site.id, "absent", other.id])
        assert [(report.unit_id, report.alive) for report in found] == [(site.id, True), ("absent", False), (other.id, True)]


@pytest.mark.slow
def test_a_worker_that_hangs_is_replaced_without_ending_the_master(site: Site, listener: Listener) -> None:
    master = site.master()
    worker = next(process for process in site.processes() if process != master)
    os.kill(worker, signal.SIGSTOP)
    site.replace = 1
    try:
        began = time.monotonic()
        assert site.backend.refuse(site.tree.put(dataclasses.replace(listener, name="other")), site.tree) == []
        assert time.monotonic() - began < 2, "a request waited for it, in a transaction"
        assert all(reachable(site.directory) for _ in range(20)), "it has that many to answer already"
        site.serve()
    finally:
        os.kill(worker, signal.SIGCONT)  # told long ago to end; what it had not accepted yet is lost with it
    assert until(lambda: len(site.processes()) == 2)
    assert site.master() == master
    assert site.get(listener).name == "a"
