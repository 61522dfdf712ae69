"""The stamp of who wrote a tenant: it stands in the tenant's remark, is put there on sending, and is no part of what differs."""

from __future__ import annotations

import re

from bascule.model.backend import Fence

_STAMP = re.compile(r"e(\d+) f(\d+) g\d+")


def stamp(fence: Fence, generation: int) -> str:
    """The remark of a tenant."""
    return f"e{fence.epoch} f{fence.number} g{generation}"


def writer_of(remark: str) -> Fence | None:
    """Who wrote a tenant; None where the remark is not a stamp of ours."""
    found = _STAMP.fullmatch(remark)
    return Fence(int(found[1]), int(found[2])) if found else None
