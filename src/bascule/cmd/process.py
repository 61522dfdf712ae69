"""What all processes have in common: their arguments, how they start, how they loop, how they stop."""

from __future__ import annotations

import argparse
import ctypes
import gc
import logging
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from oslo_config import cfg

from bascule.cmd import logs, settings
from bascule.cmd.settings import Settings
from bascule.cmd.values import SettingsError
from bascule.model import trace
from bascule.model.errors import Away

LOG = logging.getLogger(__name__)

GRACE = 30
"""Seconds that a process has to finish what it is at when it is told to stop. Then it ends where it stands."""

LONGEST_PAUSE = 5.0
"""Seconds: the longest pause after rounds that failed one after the other. So long may things wait once the database is back."""

PARENT = "BASCULE_PARENT"
"""Holds the id of the process without which this one must not live."""

AGAIN = -1
"""What a process that is to begin anew ends with instead of a status."""

_PR_SET_PDEATHSIG = 1


class StartError(Exception):
    """The process cannot do its work here. The text is for the operator."""


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """A parser of the arguments that every process takes."""
    made = argparse.ArgumentParser(prog=name, description=description)
    add_config_file(made)
    return made


def add_config_file(parser: argparse.ArgumentParser) -> None:
    """The argument that names files with settings."""
    parser.add_argument(
        "--config-file",
        action="append",
        metavar="FILE",
        help=f"read settings from FILE; may be repeated. Default: ${settings.ENVIRONMENT}, then {settings.SYSTEM_FILE}",
    )


def run(name: str, config_files: Sequence[str] | None, body: Callable[[cfg.ConfigOpts, Settings], int | None]) -> int:
    """Read the settings, set up logging and do what the process is for. Gives the exit status.

    Processes that it starts read the same files. A body that ends with AGAIN is begun anew, in the same process with everything
    read again.
    """
    try:
        conf = settings.read(config_files)
        plain = settings.plain(conf)
        os.environ[settings.ENVIRONMENT] = os.pathsep.join(settings.files(config_files))
        logs.set_up(conf, name)
        live_no_longer_than_parent()
        status = body(conf, plain) or 0
    except (SettingsError, StartError, Away) as error:
        print(f"{name}: {error}", file=sys.stderr, flush=True)
        return 2
    if status == AGAIN:
        begin_anew()
    return status


def begin_anew(*_: object) -> NoReturn:
    """Have this process begin anew, with the same id, whatever it is at."""
    signal.alarm(0)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


class Stop:
    """Whether this process was told to stop, by SIGTERM or SIGINT.

    The first signal lets it finish what it is at, for `grace` seconds at most; a second one ends it at once. With `reloads`, SIGHUP
    has it stop to begin anew, after as long at most, if the settings as they are then can be used.
    """

    def __init__(self, grace: int = GRACE, *, reloads: bool = False) -> None:
        self._grace = grace
        self._told = False
        self._again = False
        self._heard = signal_pipe()
        os.set_blocking(self._heard, False)
        if reloads:
            signal.signal(signal.SIGHUP, self._reload)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._tell)

    def __bool__(self) -> bool:
        return self._told

    @property
    def status(self) -> int:
        """What the process ends with."""
        return AGAIN if self._again else 0

    def fileno(self) -> int:
        """Becomes readable, and stays so, when the process is told to stop."""
        return self._heard

    def pass_over_others(self) -> None:
        """Where it is another signal that has made this readable, make it so no more."""
        if not self._told:
            with suppress(BlockingIOError):
                os.read(self._heard, 64)

    def wait(self, seconds: float | None = None) -> None:
        """Pause until the process is told to stop, or something else, but not longer than this."""
        watch = select.poll()
        watch.register(self._heard, select.POLLIN)
        watch.poll(None if seconds is None else seconds * 1000)

    def _tell(self, number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_DFL)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(self._grace)
        self._told = True
        self._again = False

    def _reload(self, number: int, frame: FrameType | None) -> None:
        try:
            settings.load()
        except SettingsError as error:
            LOG.error("SIGHUP: what the settings are now cannot be used, so all stays as it was: %s", error)
            self.pass_over_others()
            return
        LOG.info("SIGHUP: everything is read again")
        signal.signal(signal.SIGALRM, begin_anew)
        signal.alarm(self._grace)
        self._told = self._again = True


def collect_garbage_less_often() -> None:
    """Have Python look for garbage less often, and never again in what is loaded by now.

    A request makes many objects that are freed without the collector, and hardly one that needs it. With Python's own settings
    it would run in nearly every request.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


def signal_pipe() -> int:
    """A file descriptor from which the numbers of signals can be read, a byte for each that has a handler.

    A handler in Python runs between two instructions of the main thread. A signal that comes when that thread is about to
    sleep is not seen before it wakes up, if it ever does. This pipe is written at once, so whoever sleeps should watch it.
    """
    receiver, sender = os.pipe()
    os.set_blocking(sender, False)
    signal.set_wakeup_fd(sender, warn_on_full_buffer=False)
    return receiver


def loop(
    tick: Callable[[], bool],
    wait: Callable[[float], object],
    interval: float,
    stop: Stop,
    beat: Callable[[], None] = lambda: None,
) -> None:
    """Do one round after the other until told to stop. A round that did something is followed by the next at once.

    A round that fails is logged and tried again after a growing pause: the database may be away for a while. `beat` is told of the
    end of every other round.
    """
    ready()
    failures = 0
    while not stop:
        with trace.named(trace.new("round")):
            try:
                busy = tick()
            except Exception as error:
                if stop:
                    LOG.info("The last round was cut short: %s", error)
                    break
                pause = min(2.0**failures, LONGEST_PAUSE)
                failures += 1
                LOG.exception("This round failed; the next begins in %.0f s", pause)
                stop.wait(pause)
                continue
        failures = 0
        beat()
        if not busy:
            wait(interval)
    LOG.info("Stopped")


def ready() -> None:
    """Tell who started us (systemd, or `bascule serve`) that we are up, in the way of sd_notify. Once; then nothing."""
    path = os.environ.pop("NOTIFY_SOCKET", "")
    if not path:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        try:
            sender.sendto(b"READY=1", f"\0{path[1:]}" if path.startswith("@") else path)
        except OSError as error:
            LOG.warning("Cannot tell %s that we are ready: %s", path, error.strerror)


def live_no_longer_than_parent(parent: int | None = None) -> None:
    """Have the kernel stop this process when its parent dies: the given one, or the one that started it for itself.

    Without this, a killed parent would leave processes behind that hold its port and do its work a second time.
    Raises StartError where the parent is gone already.
    """
    parent = parent or int(os.environ.pop(PARENT, "0"))
    if not parent:
        return
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0):
        raise StartError(f"the kernel does not watch the parent process: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        raise StartError(f"the process that started this one, {parent}, is gone")
