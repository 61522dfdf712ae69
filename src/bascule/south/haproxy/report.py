"""What a running HAProxy sees, from its statistics."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from pathlib import Path

from bascule.model.status import ListenerSeen, MemberSeen, Report
from bascule.south.haproxy import counters, servers
from bascule.south.haproxy.configurations import CURRENT
from bascule.south.haproxy.render import CONFIGURATION
from bascule.south.haproxy.statistics import Row

_WORST_FIRST = (MemberSeen.DOWN, MemberSeen.MAINT, MemberSeen.DRAIN, MemberSeen.NO_CHECK, MemberSeen.UP)


def report(directory: Path, unit_id: str, carrier: str) -> Report:
    """What the instance in a directory sees. One that does not answer within seconds is not alive."""
    try:
        table, statistics = counters.total(directory)
        _, wanted = servers.split((directory / CURRENT / CONFIGURATION).read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return Report(unit_id, carrier, alive=False)
    return dataclasses.replace(parse(table, unit_id, carrier, wanted.keys()), statistics=statistics)


def parse(table: Sequence[Row], unit_id: str, carrier: str, wanted: Collection[servers.Server]) -> Report:
    """What the statistics say, but for what was counted.

    HAProxy may still have other servers than those wanted: gone, with connections left.
    """
    listeners: dict[str, ListenerSeen] = {}
    members: dict[str, MemberSeen] = {}
    for row in table:
        part = row["svname"]
        if part == "FRONTEND":
            listeners[row["pxname"]] = _listener(row)
        elif (row["pxname"], part) in wanted:
            found = _member(row)
            members[part] = min(found, members.get(part, found), key=_WORST_FIRST.index)
    return Report(unit_id, carrier, alive=True, listeners=listeners, members=members)


def _listener(row: Row) -> ListenerSeen:
    """A listener is full while it has as many connections as it may."""
    return ListenerSeen.FULL if int(row["scur"] or 0) >= int(row["slim"] or 0) > 0 else ListenerSeen.OPEN


def _member(row: Row) -> MemberSeen:
    """The first word of a status counts: 'UP 1/3' is up and failing, 'DOWN 1/2' is down and coming back."""
    state = row["status"].split(" ")[0]
    if state in ("MAINT", "DOWN"):
        return MemberSeen(state)
    if state in ("DRAIN", "NOLB") or row["weight"] == "0":
        return MemberSeen.DRAIN
    return MemberSeen.UP if state == "UP" else MemberSeen.NO_CHECK
