"""The processes that the demo starts, Bascule and the web servers among them. They die with the demo, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from bascule.cmd import process
from bascule.cmd.demo import DemoFailed
from bascule.cmd.demo.client import Api
from bascule.cmd.demo.place import SERVERS, Place

START_TIME = 60.0
"""Seconds that a process has to come up."""

STOP_TIME = 90.0
"""Seconds that Bascule has to stop."""


class Bascule:
    """`bascule serve`, in a directory of the demo's own."""

    def __init__(self, place: Place) -> None:
        self._place = place
        with place.log.open("ab") as log:
            self._process = start("bascule.cmd.main", "serve", "--config-file", str(place.configuration), log=log)

    def wait_until_up(self) -> None:
        """Wait until the API answers. Raises DemoFailed with what Bascule said last, if it does not."""
        api = Api(self._place.port)
        wait_for("Bascule to answer", START_TIME, lambda: self._process.poll() is not None or api.is_up())
        if self._process.poll() is not None:
            raise DemoFailed(f"Bascule did not start. The end of {self._place.log}:\n{tail(self._place.log)}")

    def stop(self) -> None:
        """Stop it and wait until it has stopped. Raises DemoFailed if it does not end well."""
        self._process.terminate()
        try:
            status = self._process.wait(STOP_TIME)
        except subprocess.TimeoutExpired as error:
            self._process.kill()
            raise DemoFailed(f"Bascule did not stop in {STOP_TIME:.0f} seconds") from error
        if status not in (0, -signal.SIGTERM):  # the latter when it was only just starting
            raise DemoFailed(f"Bascule ended with status {status}. The end of {self._place.log}:\n{tail(self._place.log)}")


class WebServers:
    """The three web servers."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._running = {name: self._start(name) for name in SERVERS}

    def kill(self, name: str) -> None:
        """Kill one of them on the spot."""
        self._running[name].kill()
        self._running[name].wait()

    def restart(self, name: str) -> None:
        """Start one again that was killed."""
        self._running[name] = self._start(name)

    def stop(self) -> None:
        """Stop all."""
        for each in self._running.values():
            each.kill()
            each.wait()

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        return start("bascule.cmd.demo.web_server", name, SERVERS[name], str(self._port))


def wait_for(what: str, seconds: float, happened: Callable[[], object], pause: float = 0.1) -> None:
    """Wait until something has happened. Raises DemoFailed, naming it, if that takes too long."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            raise DemoFailed(f"waited {seconds:.0f} seconds for {what}")
        time.sleep(pause)


def haproxys(directory: Path) -> list[int]:
    """The ids of the HAProxy processes that work below a directory, or whose configuration lies there."""
    found, above = [], os.fsencode(directory) + b"/"
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
                places = [*arguments, os.fsencode((entry / "cwd").readlink())]
            except OSError:
                continue  # it ended in between
            inside = any(place.startswith(above) for place in places)
            if inside and b"haproxy" in Path(os.fsdecode(arguments[0])).name.encode():
                found.append(int(entry.name))
    return found


def start(
    module: str, *arguments: str, log: IO[bytes] | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a module as a process that Ctrl-C does not reach and that does not outlive this one."""
    output = subprocess.DEVNULL if log is None else log
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *arguments],
        env={**os.environ, **(environment or {}), process.PARENT: str(os.getpid())},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        process_group=0,
    )


def tail(log: Path) -> str:
    """The last lines of a log."""
    with log.open(errors="replace") as lines:
        return "".join(deque(lines, maxlen=20))
