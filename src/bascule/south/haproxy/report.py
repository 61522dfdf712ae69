"""What a running HAProxy sees, from its statistics."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping
from pathlib import Path

from bascule.model.status import ListenerSeen, MemberSeen, Report, Statistics
from bascule.south.haproxy import servers
from bascule.south.haproxy.configurations import CURRENT
from bascule.south.haproxy.render import CONFIGURATION
from bascule.south.haproxy.runtime import ask

_TIMEOUT = 3.0
_WORST_FIRST = (MemberSeen.DOWN, MemberSeen.MAINT, MemberSeen.DRAIN, MemberSeen.NO_CHECK, MemberSeen.UP)


def report(directory: Path, unit_id: str, carrier: str) -> Report:
    """What the instance in a directory sees. One that does not answer within seconds is not alive."""
    try:
        answer = ask(directory, "show stat", _TIMEOUT)
        _, wanted = servers.split((directory / CURRENT / CONFIGURATION).read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return Report(unit_id, carrier, alive=False)
    return parse(answer, unit_id, carrier, wanted.keys())


def parse(answer: str, unit_id: str, carrier: str, wanted: Collection[servers.Server]) -> Report:
    """Read the answer to `show stat`. HAProxy may still have other servers than those wanted: gone, with connections left."""
    listeners: dict[str, ListenerSeen] = {}
    members: dict[str, MemberSeen] = {}
    statistics: dict[str, Statistics] = {}
    for row in csv.DictReader(answer.removeprefix("# ").splitlines()):
        part = row["svname"]
        if part == "FRONTEND":
            listeners[row["pxname"]] = _listener(row)
            statistics[row["pxname"]] = _statistics(row)
        elif (row["pxname"], part) in wanted:
            found = _member(row)
            members[part] = min(found, members.get(part, found), key=_WORST_FIRST.index)
    return Report(unit_id, carrier, alive=True, listeners=listeners, members=members, statistics=statistics)


def _listener(row: Mapping[str, str]) -> ListenerSeen:
    """A listener is full while it has as many connections as it may."""
    return ListenerSeen.FULL if int(row["scur"] or 0) >= int(row["slim"] or 0) > 0 else ListenerSeen.OPEN


def _member(row: Mapping[str, str]) -> MemberSeen:
    """The first word of a status counts: 'UP 1/3' is up and failing, 'DOWN 1/2' is down and coming back."""
    state = row["status"].split(" ")[0]
    if state in ("MAINT", "DOWN"):
        return MemberSeen(state)
    if state in ("DRAIN", "NOLB") or row["weight"] == "0":
        return MemberSeen.DRAIN
    return MemberSeen.UP if state == "UP" else MemberSeen.NO_CHECK


def _statistics(row: Mapping[str, str]) -> Statistics:
    return Statistics(
        bytes_in=int(row["bin"] or 0),
        bytes_out=int(row["bout"] or 0),
        active_connections=int(row["scur"] or 0),
        total_connections=int(row["stot"] or 0),
        request_errors=int(row["ereq"] or 0),
    )
