"""Changes of members in a HAProxy that runs, without a reload.

Two configurations that differ only in the lines of servers become a few commands on HAProxy's socket: new servers are added, then
weights and admin states are set, then servers that are gone are put into maintenance, so that no pool is empty in between. What
commands cannot do takes a reload, and so does whatever HAProxy answers otherwise than expected: a new server with a cookie before
2.8, a balance algorithm without room for new servers, a file for the TLS of a new server that the running HAProxy has not loaded.

A server that is gone stays in maintenance until the next reload: its connections go on, and it gets no new ones. It is never
deleted, though HAProxy has a command for that: 2.6 frees servers to which sessions of clients still point (seen with connections
that belong to one client, as after NTLM), and so did the first releases of 2.8.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from bascule.south.haproxy import state
from bascule.south.haproxy.quoting import escaped
from bascule.south.haproxy.runtime import Ask, say
from bascule.south.haproxy.servers import BACKEND, Line, Server, parse, split

MOST_CHANGES = 200
"""Servers that may differ: beyond that a reload is quicker."""
MOST_GONE = 64
"""Servers in maintenance that are no longer wanted. With more of them, the next change is a reload, which forgets them."""

_CHANGING = "changing"


@dataclass(frozen=True, slots=True)
class Command:
    """One line for HAProxy's socket, and all that it answers when it has done it."""

    line: str
    answer: str = ""


def commands(actual: str, target: str, known: Collection[Server]) -> tuple[Command, ...] | None:
    """What makes one configuration, which runs, into another; None if it takes a reload.

    `known` are the servers that HAProxy has: those of the actual configuration, and those that are gone from it.
    """
    actual_rest, actual_lines = split(actual)
    target_rest, target_lines = split(target)
    added = [server for server in target_lines if server not in actual_lines]
    gone = [server for server in actual_lines if server not in target_lines]
    changed = [server for server, line in target_lines.items() if actual_lines.get(server, line) != line]
    if actual_rest != target_rest or len(added) + len(gone) + len(changed) > MOST_CHANGES:
        return None
    # HAProxy dies of a new server that is probed by a program, whenever another of its threads is told than the first.
    if any(backend in _probed_by_programs(target_rest) for backend, _ in added):
        return None
    left = set(known) - target_lines.keys()
    if not actual_lines.keys() <= set(known) or set(added) & set(known) or len(left) > MOST_GONE:
        return None
    try:
        found = [command for server in added for command in _add(server, target_lines[server])]
        found += [command for server in changed for command in _change(server, actual_lines[server], target_lines[server])]
    except ValueError:
        return None
    return (*found, *(Command(f"disable server {_name(server)}") for server in gone))


def change(ask: Ask, actual: str, target: str) -> bool:
    """Change the HAProxy that is asked, which runs one configuration, into another. False if it takes a reload. Raises OSError.

    From the first command on it says that it runs something else than either. So a change that ended in between is a reload later.
    """
    found = commands(actual, target, state.servers(ask("show servers state")))
    if found is None:
        return False
    say(ask, _CHANGING)
    return all(ask(command.line).strip() == command.answer for command in found)


def _probed_by_programs(rest: Iterable[str]) -> Collection[str]:
    """The backends whose servers are probed by a program."""
    found: set[str] = set()
    backend = ""
    for line in rest:
        if line.startswith(BACKEND):
            backend = line.removeprefix(BACKEND)
        elif line.split()[:2] == ["option", "external-check"]:
            found.add(backend)
    return found


def _add(server: Server, text: str) -> Iterator[Command]:
    """A new server is in maintenance and is not probed, until it is told otherwise. Raises ValueError."""
    line = parse(text)
    address, *options = line.fixed
    words = " ".join(escaped(word) for word in (address, "weight", line.weight, *options))
    yield Command(f"add server {_name(server)} {words}", "New server registered.")
    if not line.disabled:
        yield from _enable(server, line)


def _enable(server: Server, line: Line) -> Iterator[Command]:
    """Probing comes first: it is off in a server that was added, and may stay off while the server is in maintenance."""
    if line.probed:
        yield Command(f"enable health {_name(server)}")
    yield Command(f"enable server {_name(server)}")


def _change(server: Server, actual_text: str, target_text: str) -> Iterator[Command]:
    """Raises ValueError for what cannot be changed in a server that is there."""
    actual, target = parse(actual_text), parse(target_text)
    if actual.fixed != target.fixed:
        raise ValueError("only the weight of a server and whether it is disabled can be changed")
    if actual.weight != target.weight:
        yield Command(f"set server {_name(server)} weight {target.weight}")
    if target.disabled and not actual.disabled:
        yield Command(f"disable server {_name(server)}")
    if actual.disabled and not target.disabled:
        yield from _enable(server, target)


def _name(server: Server) -> str:
    return "/".join(server)
