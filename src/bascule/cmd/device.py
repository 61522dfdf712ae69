"""bascule device: what carries load balancers, and what operators want of it."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bascule.cmd import process, wiring
from bascule.cmd.process import StartError
from bascule.cmd.settings import Settings
from bascule.core.lanes import RESYNC_PER_SECOND, InError, Lanes, LaneView
from bascule.model.errors import Refused


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may stand after `bascule device`."""
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    for name, text in (
        ("list", "list what carries load balancers: device groups, and hosts with HAProxy"),
        ("show", "show all that is known of a group, with the load balancers that are in ERROR there"),
        ("drain", "give a group no new load balancers; it keeps what it has"),
        ("resync", "forget what a group is known to hold, and bring all of it about anew"),
        ("forget", "remove a group that has no load balancers and is not in the configuration any more"),
    ):
        action = actions.add_parser(name, help=text, description=text)
        if name != "list":
            action.add_argument("name", metavar="NAME", help="as the list shows it; what follows the provider is enough")
        if name == "drain":
            action.add_argument("--off", action="store_true", help="give it new load balancers again")
        if name in ("list", "show"):
            action.add_argument("--json", action="store_true", help="print JSON")
        process.add_config_file(action)


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Do what the arguments say. Gives the exit status. Raises StartError."""
    database = wiring.checked_database(settings)
    try:
        lanes = Lanes(database, wiring.backends(settings), clock=database.clock)
        found = None if arguments.action == "list" else lanes.named(arguments.name)
        said = _list(lanes, arguments) if found is None else _ACTIONS[arguments.action](lanes, found, arguments)
    except Refused as error:
        raise StartError(str(error)) from error
    finally:
        database.close()
    if arguments.action == "resync":
        wiring.waker(settings)()
    print(said)
    return 0


def _list(lanes: Lanes, arguments: argparse.Namespace) -> str:
    found = lanes.all()
    if arguments.json:
        return _json([dataclasses.asdict(each) for each in found])
    rows = [tuple(column(each) for _, column in _COLUMNS) for each in found]
    return _table([tuple(title for title, _ in _COLUMNS), *rows])


def _show(lanes: Lanes, found: LaneView, arguments: argparse.Namespace) -> str:
    failed = lanes.in_error(found.id)
    if arguments.json:
        return _json(dataclasses.asdict(found) | {"in_error": [dataclasses.asdict(each) for each in failed]})
    return "\n".join(_lines(found, failed))


def _drain(lanes: Lanes, found: LaneView, arguments: argparse.Namespace) -> str:
    lanes.drain(found.id, not arguments.off)
    if arguments.off:
        return f"{found.id} gets new load balancers again."
    return f"{found.id} gets no new load balancers. It keeps the {found.load_balancers} that it has."


def _resync(lanes: Lanes, found: LaneView, _arguments: argparse.Namespace) -> str:
    count = lanes.resync(found.id)
    return f"{found.id}: all that it holds is brought about anew, {count} in all, {RESYNC_PER_SECOND} in a second."


def _forget(lanes: Lanes, found: LaneView, _arguments: argparse.Namespace) -> str:
    lanes.forget(found.id)
    return f"{found.id} is forgotten."


_ACTIONS: dict[str, Callable[[Lanes, LaneView, argparse.Namespace], str]] = {
    "show": _show,
    "drain": _drain,
    "resync": _resync,
    "forget": _forget,
}


def _capacity(each: LaneView) -> str:
    if not each.configured:
        return "unknown"
    return "-" if each.max_load_balancers is None else str(each.max_load_balancers)


def _active(each: LaneView) -> str:
    return next((device.name for device in each.devices if device.state == "active"), "-")


def _state(each: LaneView) -> str:
    if each.in_state is None or each.looked is None:
        return "unknown: no health manager has looked yet"
    return f"{each.state} for {each.in_state:.0f} s, as seen {each.looked:.0f} s ago"


def _load(each: LaneView) -> str:
    return "-" if each.load is None else f"processors {each.load.cpu:.0f} %, connections {each.load.connections}"


def _devices(each: LaneView) -> Iterator[tuple[str, str]]:
    """A device in a line."""
    for device in each.devices:
        yield f"Device {device.name}", ", ".join(filter(None, (device.state, *device.versions, _printable(device.problem))))


def _waiting(each: LaneView) -> str:
    return "-" if each.waiting is None else f"{each.waiting:.0f} s"


_COLUMNS: Sequence[tuple[str, Callable[[LaneView], str]]] = (
    ("NAME", lambda each: each.id),
    ("PROVIDER", lambda each: each.provider),
    ("LOAD BALANCERS", lambda each: str(each.load_balancers)),
    ("CAPACITY", _capacity),
    ("ZONE", lambda each: each.availability_zone or "-"),
    ("DRAINED", lambda each: _yes(each.drained)),
    ("STATE", lambda each: each.state if each.looked is not None else "unknown"),
    ("ACTIVE", _active),
    ("LEASE OWNER", lambda each: each.owner or "-"),
    ("OLDEST DUE", _waiting),
)


def _lines(each: LaneView, failed: Sequence[InError]) -> Iterator[str]:
    """One lane in words."""
    facts = (
        ("Name", each.id),
        ("Provider", each.provider),
        ("In the configuration here", _yes(each.configured)),
        ("Load balancers", str(each.load_balancers)),
        ("Listeners", str(each.listeners)),
        ("Capacity", f"{_capacity(each)} (nearly full)" if each.nearly_full else _capacity(each)),
        ("Availability zone", each.availability_zone or "-"),
        ("Drained", _yes(each.drained)),
        ("State", _state(each)),
        *_devices(each),
        ("Load", _load(each)),
        ("Watched by", each.watcher or "-"),
        ("Tags", ", ".join(each.tags) or "-"),
        ("Lease owner", each.owner or "-"),
        ("Fencing number", str(each.fence)),
        ("Due", str(each.due)),
        ("Oldest due", _waiting(each)),
        ("Still to resync", str(each.to_resync)),
        ("Load balancers in ERROR", str(len(failed))),
    )
    width = max(len(title) for title, _ in facts) + 2
    for title, value in facts:
        yield f"{title + ':':{width}}{value}"
    for one in failed:
        yield f"  {one.id}  {_printable(one.name)}"
        for text in (one.reason, one.details):
            for line in text.splitlines():
                yield f"    {_printable(line)}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines)


def _printable(text: str) -> str:
    """A text of users or devices, which could otherwise have a terminal do what they like."""
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _json(value: Any) -> str:
    return json.dumps(value, indent=2)
