"""bascule serve: one of each process on this machine, watched, and stopped together."""

from __future__ import annotations

import fcntl
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from bascule.cmd import process, wiring
from bascule.cmd.process import StartError, Stop
from bascule.cmd.settings import Settings

LOG = logging.getLogger(__name__)

MODULES = ("api", "worker", "health_manager", "housekeeping")
"""The modules of the processes. The API is stopped before the others, so that nothing new comes in while they end."""

START_TIME = 60.0
"""Seconds that the processes have to become ready."""

STEADY = 60.0
"""Seconds after which a process that dies counts as one that has never died before."""

LONGEST_PAUSE = 30.0
"""Seconds: the longest pause before a process that keeps dying is started again."""

STOP_TIME = process.GRACE + 5
"""Seconds that processes have to end in when they are told to; then they are killed."""


def run(plain: Settings) -> int:
    """Bring the database up to date, start the processes, keep them running until told to stop."""
    wiring.make_directories(plain)
    with ExitStack() as stack:
        _lock(stack, plain.runtime_dir / "serve.lock")
        wiring.upgraded_database(plain).close()
        crew = stack.enter_context(Crew(plain.runtime_dir))
        if crew.start():
            host = f"[{plain.api.bind_host}]" if ":" in plain.api.bind_host else plain.api.bind_host
            scheme = "https" if plain.api.tls_certificate_file else "http"
            LOG.info("Ready; the API is at %s://%s:%d", scheme, host, plain.api.bind_port)
            process.ready()
            crew.watch()
        LOG.info("Stopping")
    LOG.info("Stopped")
    return 0


def _lock(stack: ExitStack, path: Path) -> None:
    """See to it that only one of us runs in a directory. The kernel lets go of the lock when this process ends."""
    file = stack.enter_context(path.open("w"))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StartError(f"another 'bascule serve' runs here: it holds {path}") from error


@dataclass(slots=True)
class Member:
    """One process of the crew. Times are on the monotonic clock; `due` is when to start it, if it does not run."""

    module: str
    listener: socket.socket
    running: subprocess.Popen[bytes] | None = None
    pidfd: int = -1
    ready: bool = False
    started: float = 0.0
    due: float = 0.0
    deaths: int = 0

    @property
    def name(self) -> str:
        """The name of the program."""
        return f"bascule-{self.module.replace('_', '-')}"


class Crew:
    """The processes. `directory` is for the sockets on which they say that they are ready."""

    def __init__(self, directory: Path) -> None:
        folder = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._members = [Member(module, _listener(folder, f"{module}.ready")) for module in MODULES]
        self._selector = selectors.DefaultSelector()
        for member in self._members:
            self._selector.register(member.listener, selectors.EVENT_READ, member)
        self._stop = Stop(grace=2 * STOP_TIME + 5)
        self._selector.register(self._stop, selectors.EVENT_READ)
        signal.signal(signal.SIGHUP, self._reload)

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the processes that run: the API, then the rest."""
        _end([member for member in self._members if member.module == "api"])
        _end(self._members)
        self._selector.close()

    def start(self) -> bool:
        """Start all processes. Says whether they are ready; if not, we were told to stop. Raises StartError."""
        deadline = time.monotonic() + START_TIME
        while not self._stop:
            self._start_due()
            self._look(until=deadline)
            for member in self._members:
                if member.deaths:
                    raise StartError(f"{member.name} could not start; it says why above")
                if not member.ready and time.monotonic() >= deadline:
                    raise StartError(f"{member.name} was not ready after {START_TIME:.0f} seconds")
            if all(member.ready for member in self._members):
                return True
        return False

    def watch(self) -> None:
        """Start again whatever dies, until told to stop."""
        while not self._stop:
            self._look(until=min((member.due for member in self._members if not member.running), default=None))
            self._start_due()

    def _reload(self, number: int, frame: FrameType | None) -> None:
        """Have the processes read everything again. Those that are just starting do so anyway."""
        for member in self._members:
            if member.running is not None and member.ready:
                member.running.send_signal(number)

    def _start_due(self) -> None:
        for member in self._members:
            if member.running is None and member.due <= time.monotonic():
                member.running = _start(member)
                member.started = time.monotonic()
                member.pidfd = os.pidfd_open(member.running.pid)
                self._selector.register(member.pidfd, selectors.EVENT_READ, member)
                LOG.info("Started %s, process %d", member.name, member.running.pid)

    def _look(self, until: float | None) -> None:
        """Wait for something to happen to a process, or for a moment on the monotonic clock, or to be told to stop."""
        timeout = None if until is None else max(until - time.monotonic(), 0)
        for key, _ in self._selector.select(timeout):
            member: Member | None = key.data
            if member is None:
                self._stop.pass_over_others()
                continue
            if key.fd != member.pidfd:
                member.ready = member.listener.recv(64) == b"READY=1"
                continue
            self._selector.unregister(member.pidfd)
            _died(member)


def _listener(folder: int, name: str) -> socket.socket:
    """A socket in an open folder, which stays open: by way of it, the path is short enough for a socket."""
    path = f"/proc/{os.getpid()}/fd/{folder}/{name}"
    Path(path).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    listener.bind(path)
    return listener


def _start(member: Member) -> subprocess.Popen[bytes]:
    """Start a process in a process group of its own, so that Ctrl-C reaches only us and we stop it in its turn."""
    command = [sys.executable, "-P", "-m", f"bascule.cmd.{member.module}"]
    told = {"NOTIFY_SOCKET": member.listener.getsockname(), process.PARENT: str(os.getpid())}
    return subprocess.Popen(command, env={**os.environ, **told}, stdin=subprocess.DEVNULL, process_group=0)


def _died(member: Member) -> None:
    """Note that a process ended without being told to, and when to start it again."""
    if member.running is None:
        return
    os.close(member.pidfd)
    status, now = member.running.wait(), time.monotonic()
    member.deaths = 1 if now - member.started > STEADY else member.deaths + 1
    pause = min(2.0 ** (member.deaths - 1), LONGEST_PAUSE)
    how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
    if member.ready:
        LOG.error("%s, process %d, %s; it is started again in %.0f s", member.name, member.running.pid, how, pause)
    else:
        LOG.error("%s, process %d, %s", member.name, member.running.pid, how)
    member.running, member.pidfd, member.ready, member.due = None, -1, False, now + pause


def _end(members: Sequence[Member]) -> None:
    """Tell processes to stop and wait until they have; kill those that take too long."""
    running = [(member.name, member.running) for member in members if member.running and member.running.poll() is None]
    for _, each in running:
        each.terminate()
    deadline = time.monotonic() + STOP_TIME
    for name, each in running:
        try:
            each.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            LOG.warning("%s, process %d, did not stop in %d s and is killed", name, each.pid, STOP_TIME)
            each.kill()
            each.wait()
