"""The demo, run as a newcomer runs it, on free ports."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bascule.cmd.demo.children import haproxys
from bascule.cmd.demo.place import Place
from tests.processes.running import free_ports, pids, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Demo:
    """A demo in a directory of its own, whose path is long and has in it what paths may have."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "a path that is $long, with spaces and more" / ("x" * 60) / "demo"
        self.port = free_ports(7)
        self.output = folder / "output"

    def command(self, *more: str) -> list[str]:
        where = ["--port", str(self.port), "--state-dir", str(self.state)]
        return [sys.executable, "-m", "bascule.cmd.demo", *where, *more]

    def once(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command("--once"),
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
            env={**os.environ, **environment},
        )

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        with self.output.open("wb") as output:
            process = subprocess.Popen(self.command(), stdout=output, stderr=output, process_group=0)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def wait_until_it_says(self, text: str, process: subprocess.Popen[bytes]) -> None:
        for _ in range(6):  # it may take several times as long as what tests wait for elsewhere
            try:
                wait_for(lambda: text in self.output.read_text() or process.poll() is not None)
                break
            except AssertionError:
                continue
        assert text in self.output.read_text(), self.output.read_text()

    def processes(self) -> list[int]:
        """Whatever runs on behalf of this demo."""
        found = []
        for number in pids():
            try:
                words = Path(f"/proc/{number}/environ").read_text() + Path(f"/proc/{number}/cmdline").read_text()
            except OSError:
                continue
            if str(self.state) in words:
                found.append(number)
        return found


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path)
    yield demo
    for process in demo.processes():
        os.kill(process, signal.SIGKILL)


def left(demo: Demo) -> list[int]:
    """What is left of a demo. Raises DemoFailed if anything listens on one of its ports."""
    place = Place(demo.state, demo.port)
    place.check_ports()
    assert not place.devices.exists()
    return demo.processes()


def test_names_the_ports_that_are_taken(demo: Demo) -> None:
    taken = ("127.20.0.12", demo.port + 1), ("127.0.0.1", demo.port), ("127.0.0.1", demo.port + 6)
    with contextlib.ExitStack() as stack:
        for address in taken:
            stack.enter_context(socket.create_server(address))
        done = demo.once()
    assert done.returncode == 1
    said = done.stdout.splitlines()[-1]
    assert f"127.0.0.1 port {demo.port} (for the API), 127.20.0.12 port {demo.port + 1} (for web server web-2)" in said
    assert f"127.0.0.1 port {demo.port + 6} (for the emulated BIG-IP bigip-2)" in said
    assert "--port N" in said
    assert left(demo) == []


def test_fails_and_says_why_when_bascule_does_not_start(demo: Demo) -> None:
    done = demo.once(OS_HAPROXY__BINARY="/nowhere/haproxy")
    assert done.returncode == 1
    assert "FAILED: Bascule did not start. The end of" in done.stdout
    assert "[haproxy] binary: /nowhere/haproxy cannot be run" in done.stdout
    assert left(demo) == []


def test_ctrl_c_in_the_middle_cleans_up(demo: Demo) -> None:
    with demo.running() as process:
        demo.wait_until_it_says("$ openstack loadbalancer listener create", process)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130, demo.output.read_text()
    assert "Traceback" not in demo.output.read_text()
    assert left(demo) == []


def test_cleans_up_when_nobody_reads_what_it_says(demo: Demo) -> None:
    with subprocess.Popen(demo.command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0) as process:
        assert process.stdout
        assert process.stderr
        while not process.stdout.readline().startswith(b"$ openstack loadbalancer listener create"):
            pass
        process.stdout.close()
        assert process.wait(60) == 130
        assert process.stderr.read() == b""
    assert left(demo) == []


def test_once_shows_everything_and_leaves_nothing_running_even_of_a_demo_that_was_killed(demo: Demo) -> None:
    with demo.running() as process:
        demo.wait_until_it_says("$ openstack loadbalancer pool create", process)
        wait_for(lambda: haproxys(demo.state))
        process.kill()
        process.wait()
        wait_for(lambda: sorted(demo.processes()) == sorted(haproxys(demo.state)) != [])
    done = demo.once()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    for line in (
        "ok  removed the load balancers that an earlier demo left behind",
        "$ openstack loadbalancer create --name shop --vip-subnet-id vips",
        "ok  every request was answered, and every server had its part",
        "ok  shop shows web-2 in ERROR after",
        "ok  blog shows web-2 in ERROR after",
        "ok  every request was answered, none by web-2",
        "ok  shop shows web-2 in ONLINE after",
        "ok  news shows web-2 in ERROR after",
        "== Killing bigip-",
        "ok  news answers again after",
        "is active, and 10 requests to 127.10.",
        "none by web-2, which was disabled on the device that is left",
        "ok  they have ended, and so have their HAProxys",
        "All of it happened, and nothing of it is left running.",
    ):
        assert line in done.stdout
    assert "\r" not in done.stdout
    assert "\033" not in done.stdout, "colours are for terminals"
    assert left(demo) == []


def test_what_it_says_to_try_works_and_ctrl_c_ends_it(demo: Demo) -> None:
    with demo.running() as process:
        demo.wait_until_it_says("Serving until Ctrl-C", process)
        text = demo.output.read_text()
        lines = text.partition("== Yours to try, in another terminal\n")[2].partition("\n\n")[0].splitlines()
        assert [line.split()[0] for line in lines[:3]] == ["source", "export", "export"]
        if not shutil.which("curl"):
            lines = [line for line in lines if "curl" not in line]
        if not Path(sys.prefix, "bin/activate").exists():
            lines = lines[1:]
        assert len(lines) > 4
        script = "set -eux\n" + "\n".join(line.replace("curl ", "curl -sSf ") for line in lines)
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, timeout=100)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "The next pass would change nothing." in done.stdout
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, demo.output.read_text()
    assert "Traceback" not in demo.output.read_text()
    assert left(demo) == []
