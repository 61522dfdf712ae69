"""PING monitors: the program that HAProxy runs for each probe, and whether the system at hand lets it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from bascule.model.objects import HealthMonitor, Member
from bascule.south.haproxy import ping
from bascule.south.haproxy.quoting import address, name

PROGRAMS = "ping"
"""The folder of the programs, one for each monitor."""

FOLDER = "CONFIGURATION_FOLDER"
"""The variable in HAProxy's environment that names the folder of its configuration. A path from where HAProxy stands would not do:
it may stand in a folder that has been replaced since, and removed."""

SEARCHED = "/usr/local/bin:/usr/bin:/bin"
"""Where the interpreter is looked for at every probe, so that a probe outlives an upgrade of the system's Python."""

GLOBAL = ("external-check", "insecure-fork-wanted")
"""What HAProxy has to be told once before it starts a program."""

_INTERPRETER = "python3"
_FIRST_LINE = f"#!/usr/bin/env -S {_INTERPRETER} -I -S\n"
_PING = resources.files("bascule.south.haproxy").joinpath("ping.py").read_text(encoding="utf-8")


def render(monitor: HealthMonitor) -> list[str]:
    """The lines of a backend that have the program of a monitor run."""
    command = f'"${{{FOLDER}}}/{document(monitor)}"'
    return ["option external-check", f"external-check path {SEARCHED}", f"external-check command {command}"]


def document(monitor: HealthMonitor) -> str:
    """The document with the program of a monitor, and its path in the folder of a configuration."""
    return f"{PROGRAMS}/{name(monitor.id)}"


def program(monitor: HealthMonitor, members: Sequence[Member]) -> str:
    """The program of a monitor. HAProxy tells it the address of a member, but not where else that may be probed.

    It gives up in time by itself. Without a timeout it is HAProxy that ends it, when the next probe is due.
    """
    elsewhere = {name(each.id): _bare(each.monitor_address) for each in members if each.monitor_address is not None}
    return f"""{_FIRST_LINE}{_PING}

if __name__ == "__main__":
    elsewhere = {json.dumps(elsewhere, sort_keys=True)}
    address = elsewhere.get(os.environ["HAPROXY_SERVER_NAME"], os.environ["HAPROXY_SERVER_ADDR"])
    raise SystemExit(not answers(address, {monitor.timeout or monitor.delay:d}))
"""


def _flags(directory: Path) -> int:
    """How the file system of a directory, or of the nearest one above it that is there to see, is mounted."""
    for each in (directory, *directory.parents):
        with contextlib.suppress(OSError):
            return os.statvfs(each).f_flag
    return 0


def _bare(text: str) -> str:
    """An address as programs take it, without the family that HAProxy wants to be told."""
    return address(text).partition("@")[2]


def trouble(directory: Path) -> str | None:
    """Why programs in a directory could not probe. It is tried here and now, as HAProxy will have the rights that we have."""
    if shutil.which(_INTERPRETER, path=SEARCHED) is None:
        return f"there is no {_INTERPRETER} in {SEARCHED}."
    if _flags(directory) & os.ST_NOEXEC:
        return "the state directory is mounted so that no program runs from there (noexec)."
    try:
        connection, _ = ping.opened(socket.AF_INET)
    except OSError:
        return "it may open neither ping sockets (net.ipv4.ping_group_range) nor raw ones (CAP_NET_RAW)."
    connection.close()
    return None
