"""What can be said against a configuration before it is used, and which object is to blame."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path

from bascule.model.backend import Rejected
from bascule.south.haproxy import ports
from bascule.south.haproxy.configurations import IDENTITY
from bascule.south.haproxy.render import CONFIGURATION

_TIMEOUT = 60.0
_OBJECT = re.compile(r"^    # \w+ ([A-Za-z0-9_-]+)$")
_SECTION = re.compile(r"^(\w+)(?: (\S+))?$")
_BIND = re.compile(r"^    bind ipv[46]@(\S+):(\d+)(?: |$)")
_PLACE = re.compile(rf"\[{re.escape(CONFIGURATION)}[^:\]]*:(\d+)\]")
_ID = re.compile(r"[A-Za-z0-9_-]+")


def syntax(binary: Path, folder: Path, configuration: str) -> Rejected | None:
    """What HAProxy itself says to the configuration in a folder. Raises subprocess.TimeoutExpired."""
    command: list[str | Path] = [binary, "-c", "-C", folder, "-f", CONFIGURATION, "-f", IDENTITY]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT, check=False)
    if done.returncode == 0:
        return None
    alerts = [line for line in done.stderr.splitlines() if "[ALERT]" in line]
    guilty = blamed(configuration, alerts)
    return Rejected("HAProxy does not accept the configuration of this object.", guilty, "\n".join(alerts) or done.stderr)


def blamed(configuration: str, alerts: list[str]) -> tuple[str, ...]:
    """The objects that alerts are about: those on the lines they name, else the last one named in an alert. May be empty."""
    owners = list(_owners(configuration))
    placed: dict[str, None] = {}
    for alert in alerts:
        place = _PLACE.search(alert)
        owner = owners[int(place[1]) - 1] if place and int(place[1]) <= len(owners) else None
        if owner and placed.keys().isdisjoint(_ID.findall(alert)):  # else it follows from what is wrong with an earlier line
            placed[owner] = None
    if placed:
        return tuple(placed)
    known = set(owners)
    named = (word for alert in alerts for word in reversed(_ID.findall(alert)) if word in known)
    return tuple(islice(named, 1))


def _owners(configuration: str) -> Iterator[str | None]:
    """The id of the object that each line is of: sections and comments say so."""
    owner = None
    for line in configuration.splitlines():
        if found := _OBJECT.match(line):
            owner = found[1]
        elif found := _SECTION.match(line):
            owner = found[2].partition(":")[0] if found[1] in ("frontend", "backend") else None
        yield owner


def binds(configuration: str, ours: Collection[tuple[str, int]] | None) -> Rejected | None:
    """The first port of a configuration that could not be bound.

    `ours` are those that this very instance holds already; None if that is not known.
    """
    for (address, port), listener_id in bound(configuration).items():
        if found := ports.trouble(address, port, shared=ours is None or (address, port) in ours):
            return Rejected(found.text[0].upper() + found.text[1:], (listener_id,), found.text)
    return None


def bound(configuration: str) -> Mapping[tuple[str, int], str]:
    """The addresses and ports of a configuration, each with its listener."""
    found: dict[tuple[str, int], str] = {}
    for line, owner in zip(configuration.splitlines(), _owners(configuration), strict=True):
        if (bind := _BIND.match(line)) and owner:
            found[(bind[1], int(bind[2]))] = owner
    return found
