"""What the work at hand is called, so that all that is logged about it can be found by one name.

A request has the id that its client is told; a pass and a round of a process have one of their own. Each thread has its own work.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_current: ContextVar[str] = ContextVar("work", default="")

current = _current.get
"""The name of what this thread is at; empty where it is at nothing in particular."""


@contextmanager
def named(name: str) -> Iterator[None]:
    """Have everything that is done within known by this name."""
    before = _current.set(name)
    try:
        yield
    finally:
        _current.reset(before)


def new(kind: str) -> str:
    """A name that nothing else has, such as `pass-3f2a...`."""
    return f"{kind}-{uuid.uuid4().hex[:16]}"


def carried(function: Callable[P, R]) -> Callable[P, R]:
    """The same function, for other threads, which are then at what this thread is at now."""
    name = current()

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with named(name):
            return function(*args, **kwargs)

    return run
