"""Keeps out a worker that has lost its lane without knowing it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

from bascule.model.backend import Fence, Fenced


@contextlib.contextmanager
def fenced(directory: Path, lane: str, fence: Fence) -> Iterator[None]:
    """Alone in a lane while the block runs. Raises Fenced if somebody with a higher fence has been here.

    An older owner that is still writing is waited for; when it comes again, it is refused.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(directory / "fence.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        seen = _seen(directory / "fence.json")
        if fence < seen:
            raise Fenced(lane)
        if fence > seen:
            _write(directory / "fence.json", fence)
        yield
    finally:
        os.close(lock)


def _seen(path: Path) -> Fence:
    """The highest fence so far."""
    try:
        epoch, number = json.loads(path.read_text())
    except FileNotFoundError:
        return Fence(0, 0)
    return Fence(epoch, number)


def _write(path: Path, fence: Fence) -> None:
    """Keep a fence, also over a loss of power: it protects what outlives the machine's restart."""
    staged = path.with_suffix(".new")
    with open(staged, "w", encoding="utf-8") as file:
        json.dump([fence.epoch, fence.number], file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(staged, path)
