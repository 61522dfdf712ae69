"""Which objects the words of a device are about. An item is that of one object, but an iRule may be that of several L7 policies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from bascule.south.as3.names import APPLICATION, owner_of, owners_in

_PROGRAM = re.compile(r"(?<![0-9A-Za-z_])(ir_[0-9a-f_]+_l7)(?![0-9A-Za-z_])(?::(\d+))?")
"""The program, and the line in it that the device does not like, where it tells."""

_BEGINS = "# "
"""How a line begins that says which policy the next ones are."""


def note(item: str) -> str:
    """A line of a program that says of which item the next ones are."""
    return f"{_BEGINS}{item}"


def blamed(words: str, declared: str) -> Sequence[str]:
    """The ids of the objects that a text of a device names, where this was declared.

    For a program these are the policies in it: the one in whose lines the fault is, or all of them.
    """
    programs = dict(_PROGRAM.findall(words))
    lines = {name: int(line) for name, line in _PROGRAM.findall(words) if line}
    policies = [each for name in programs for each in _policies(name, lines.get(name), declared)]
    return list(dict.fromkeys([*policies, *owners_in(_PROGRAM.sub("", words))])) if policies else owners_in(words)


def _policies(name: str, line: int | None, declared: str) -> Sequence[str]:
    program = json.loads(declared)[APPLICATION].get(name, {}).get("iRule", "").splitlines()
    return list(_noted(program)) if line is None else list(_noted(program[:line]))[-1:]


def _noted(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        if line.strip().startswith(_BEGINS) and (owner := owner_of(line.strip().removeprefix(_BEGINS))):
            yield owner
