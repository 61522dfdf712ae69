"""The servers of a configuration: reads back the lines that members were rendered to."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

Server = tuple[str, str]
"""The names of a backend and of one of its servers."""

BACKEND = "backend "
"""How the section of a backend begins."""

_SERVER = "    server "
_COMMENT = "    # "
_DISABLED = " disabled"
"""The last word, where it is one. As part of a text of a user it stands between quotes."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a server line says after the name. `fixed` is what cannot be changed in a server that is there; the address is first."""

    fixed: tuple[str, ...]
    weight: str
    disabled: bool

    @property
    def probed(self) -> bool:
        return "check" in self.fixed


def split(configuration: str) -> tuple[list[str], dict[Server, str]]:
    """A configuration without its server lines and the comments above them; and what these lines say after the names."""
    rest: list[str] = []
    found: dict[Server, str] = {}
    backend = ""
    for line in configuration.splitlines():
        if line.startswith(_SERVER):
            name, _, words = line.removeprefix(_SERVER).partition(" ")
            found[backend, name] = words
            if rest[-1].startswith(_COMMENT):
                rest.pop()
            continue
        if line.startswith(BACKEND):
            backend = line.removeprefix(BACKEND)
        rest.append(line)
    return rest, found


def parse(words: str) -> Line:
    """What a server line says after the name. Raises ValueError for one that is not of our own making."""
    enabled = words.removesuffix(_DISABLED)
    found = shlex.split(enabled)
    weight = found.index("weight")
    return Line((*found[:weight], *found[weight + 2 :]), found[weight + 1], disabled=enabled != words)
