"""Processes: starting them, and what they and their children take of processor and memory, from /proc."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bascule.cmd import process
from bench.load import HOST, Connection

START_SECONDS = 60.0
STOP_SECONDS = 60.0
_ROOT = Path(__file__).parents[1]
_TICK = os.sysconf("SC_CLK_TCK")


@contextmanager
def running(log: Path, module: str, *arguments: str) -> Iterator[int]:
    """A Python module as a process that does not outlive this one; gives its id. It writes to the log."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, process.PARENT: str(os.getpid())},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,
            cwd=_ROOT,
        )
    try:
        yield child.pid
    finally:
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(STOP_SECONDS)
        child.kill()
        child.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_answering(port: int, pid: int) -> None:
    """Wait until a server takes connections. Raises RuntimeError if it ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        with suppress(OSError):
            Connection(port).__exit__()
            return
        if _ended(pid) or time.monotonic() > deadline:
            raise RuntimeError(f"no server answers on port {port}")
        time.sleep(0.05)


def tree(pid: int) -> list[int]:
    """A process and everything below it."""
    children: dict[int, list[int]] = {}
    for each in Path("/proc").iterdir():
        if each.name.isdigit() and (fields := _stat(int(each.name))):
            children.setdefault(int(fields[1]), []).append(int(each.name))
    found = [pid]
    for parent in found:
        found += children.get(parent, ())
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time that a process and everything below it has used so far, the ended ones included."""
    return sum(sum(map(int, fields[11:15])) for each in tree(pid) if (fields := _stat(each))) / _TICK


def pss_mib(pid: int) -> float:
    """Resident memory of a process and everything below it, with shared pages split among those who share them (PSS)."""
    total = 0
    for each in tree(pid):
        with suppress(OSError):
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def running_module(pid: int, *modules: str) -> int:
    """Which process below one runs one of these Python modules. Waits until any does. Raises RuntimeError if none does in time."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for each in tree(pid):
            with suppress(OSError):
                line = Path(f"/proc/{each}/cmdline").read_text()
                if any(module in line for module in modules):
                    return each
        time.sleep(0.05)
    raise RuntimeError(f"{modules[0]} does not run")


def _ended(pid: int) -> bool:
    fields = _stat(pid)
    return not fields or fields[0] == "Z"


def _stat(pid: int) -> list[str]:
    """The fields of a process after its name, which may hold anything: state, parent and so on. Empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
