"""What says on a BIG-IP that something is ours: the installation of Bascule that it belongs to, and what it is for.

Several installations may share devices. Each looks after what bears its own mark alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MARK = re.compile(r"bascule ([0-9a-z]*) (\S+)")


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark. `of` is the id of a load balancer, or of a unit. That of a load balancer fits into a label of AS3: 64 characters."""

    installation: str
    of: str

    def __str__(self) -> str:
        return f"bascule {self.installation} {self.of}"


def read(text: str) -> Mark | None:
    """The mark that a text is; None for any other text."""
    found = _MARK.fullmatch(text)
    return Mark(found[1], found[2]) if found else None
