"""The processes of one instance: a master and its workers, which belong to nobody but themselves.

They are in a session of their own, so neither the end of Bascule nor a signal to its group reaches them. Every one of them has
inherited the lock on the file `lock`: the kernel lets go of it when the last is gone. So there is never a doubt about whether any
is left, even when whoever started them died in between.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bascule.south.haproxy import prober
from bascule.south.haproxy.configurations import CURRENT, IDENTITY
from bascule.south.haproxy.render import CONFIGURATION, STATE_FILE
from bascule.south.haproxy.runtime import MASTER_SOCKET, ask, reachable, running

_LOCK = "lock"
_PID = "haproxy.pid"
_LOG = "start.log"
START_TIMEOUT = 20.0
TAKEN_TIMEOUT = 10.0
STOP_TIMEOUT = 5.0


class ProcessError(Exception):
    """HAProxy did not do what it was told. The text is HAProxy's or the system's, for operators."""


class Process:
    """The processes of the instance in a directory. `binary` is what new ones are started from."""

    def __init__(self, directory: Path, binary: Path) -> None:
        self._directory = directory
        self._binary = binary

    def alive(self) -> bool:
        """Whether any process of the instance is left."""
        try:
            lock = os.open(self._directory / _LOCK, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def take(self, instance: str) -> None:
        """Have the files that are there served, by a reload where one can work. Raises ProcessError.

        Returns when the HAProxy that answers says that it is `instance`.
        """
        if not self.alive():
            self._start()
        elif not reachable(self._directory) or not self._reload():
            # A reload would change nothing for the better: nobody listens where the new worker would be asked.
            self.stop()
            self._start()
        if not _until(lambda: running(self._directory) == instance, TAKEN_TIMEOUT):
            raise ProcessError(f"HAProxy did not take over the new configuration within {TAKEN_TIMEOUT:g} seconds")

    def _reload(self) -> bool:
        """Tell the master to start a new worker. False if there is no master to tell. Raises ProcessError if it says no.

        A signal would do the same, but HAProxy overlooks one that comes just before it goes to sleep. A master that is busy with
        another reload refuses connections for some seconds.
        """
        answers: list[str] = []

        def told() -> bool:
            try:
                answers.append(ask(self._directory, "reload", TAKEN_TIMEOUT, name=MASTER_SOCKET))
            except ConnectionRefusedError:
                return False
            except ConnectionResetError:  # HAProxy before 2.7 has no answer: it is gone when it begins anew
                pass
            return True

        try:
            if not _until(told, TAKEN_TIMEOUT):
                return False
        except OSError:
            return False
        if answers and answers[0].startswith("Success=0"):
            raise ProcessError(answers[0])
        return True

    def stop(self) -> None:
        """End every process, at once and with its connections. Raises ProcessError if one is left after that."""
        master = self._master()
        if master is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(master, signal.SIGTERM)
        if _until(lambda: not self.alive(), STOP_TIMEOUT if master is not None else 0):
            return
        for process in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if not _until(lambda: not self.alive(), STOP_TIMEOUT):
            raise ProcessError("a HAProxy process does not end")

    def _start(self) -> None:
        (self._directory / STATE_FILE).unlink(missing_ok=True)
        with self._lock() as lock, open(self._directory / _LOG, "w+", encoding="utf-8", errors="replace") as log:
            os.chmod(log.fileno(), 0o600)
            command: list[str | Path] = [self._binary, "-W", "-D", "-C", self._directory / CURRENT, "-p", f"../{_PID}"]
            command += ["-S", f"unix@../{MASTER_SOCKET},mode,600", "-f", CONFIGURATION, "-f", IDENTITY]
            started = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": os.defpath, prober.FOLDER: str(self._directory / CURRENT)},
                pass_fds=(lock,),
                start_new_session=True,
            )
            try:
                status = started.wait(START_TIMEOUT)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()
                raise ProcessError(f"HAProxy did not start within {START_TIMEOUT:g} seconds") from None
            if status != 0:
                log.seek(0)
                raise ProcessError(log.read())

    @contextlib.contextmanager
    def _lock(self) -> Iterator[int]:
        """The lock that says that the instance lives. Raises ProcessError if something else holds it."""
        lock = os.open(self._directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _until(lambda: _locked(lock), 1.0):  # whoever only looks holds it for a moment
                raise ProcessError("a process of this instance is still there")
            yield lock
        finally:
            os.close(lock)

    def _master(self) -> int | None:
        """The process id of the master, if it is there and ours."""
        try:
            process = int((self._directory / _PID).read_text())
        except (FileNotFoundError, ValueError):
            return None
        return process if self._ours(process) else None

    def _processes(self) -> list[int]:
        """Every process of the instance, looked for in the list of all processes."""
        return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and self._ours(int(entry))]

    def _ours(self, process: int) -> bool:
        try:
            arguments = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return b"-W" in arguments and os.fsencode(self._directory / CURRENT) in arguments


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _until(true: Callable[[], bool], timeout: float) -> bool:
    """Wait until something is true; tells whether it became so within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    pause = 0.002
    while not true():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
    return True
