"""What listeners counted, over all the workers that an instance has had.

A worker counts from zero, and what it counted goes with it. So what each was last seen to have counted is written down: at every
look, and at a reload as soon as the old worker takes no more connections. What those that are gone counted is kept for good; those
that still have connections, as the old ones may for some time, are asked.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import functools
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bascule.model.status import Statistics
from bascule.south.haproxy.runtime import MASTER_SOCKET, ask, conversation
from bascule.south.haproxy.statistics import COMMAND, Row, frontends, rows

_FILE = "counters.json"
_PID = re.compile(r"^Pid: (\d+)$", re.MULTILINE)
_TIMEOUT = 3.0
_STOP_TIMEOUT = 2.0
"""Seconds within which a worker notices that it is to end."""
_THROUGH_TIMEOUT = 0.05
"""Seconds that the short requests of a worker that is to end may take."""

_Counted = dict[str, Statistics]


def total(directory: Path) -> tuple[Sequence[Row], Mapping[str, Statistics]]:
    """The statistics of the worker that runs; and what each of its listeners counted, with those before it.

    Raises OSError if it does not answer.
    """
    with _book(directory) as book:
        answer = ask(directory, f"show info; {COMMAND}", _TIMEOUT)
        process, table = _process(answer), rows(answer)
        for other in book.others(process):
            with contextlib.suppress(OSError):  # then it stands as it was seen last
                book.note(other, _old(directory, other))
        book.note(process, _counted(table))
        return table, {row["pxname"]: book.sum(row["pxname"]) for row in frontends(table)}


@contextlib.contextmanager
def handed_over(directory: Path) -> Iterator[None]:
    """Around a reload: what the worker that runs counts until it takes no more connections is written down.

    A worker does not end while somebody talks to it.
    """
    with contextlib.ExitStack() as stack:
        note: Callable[[], Sequence[Row]] | None = None
        with contextlib.suppress(OSError):
            say = stack.enter_context(conversation(directory, _TIMEOUT))
            note = functools.partial(_note, directory, _process(say("show info")), say)
            note()
        yield
        if note is not None:
            with contextlib.suppress(OSError):
                _settle(note)


def _settle(note: Callable[[], Sequence[Row]]) -> None:
    """Write down what a worker that is to end counted, once it takes no more connections and has none, or none that end soon."""
    began = time.monotonic()
    while True:
        listeners = frontends(note())
        waited = time.monotonic() - began
        if any(row["status"] != "STOP" for row in listeners):
            enough = waited > _STOP_TIMEOUT
        else:
            enough = waited > _THROUGH_TIMEOUT or all(row["scur"] == "0" for row in listeners)
        if enough:
            return
        time.sleep(0.005)


def _note(directory: Path, process: int, say: Callable[[str], str]) -> Sequence[Row]:
    """Write down what a worker counted until now. Returns its statistics."""
    with _book(directory) as book:
        table = rows(say(COMMAND))
        book.note(process, _counted(table))
        return table


def _process(answer: str) -> int:
    """The process id in the answer to `show info`."""
    found = _PID.search(answer)
    if not found:
        raise OSError("HAProxy does not tell its process id")
    return int(found[1])


def _old(directory: Path, process: int) -> _Counted | None:
    """What an old worker counted until now; None if it is gone."""
    answer = ask(directory, f"@!{process} {COMMAND}", _TIMEOUT, name=MASTER_SOCKET)
    return None if answer.startswith("Can't find the target") else _counted(rows(answer))


def _counted(table: Sequence[Row]) -> _Counted:
    return {row["pxname"]: _row(row) for row in frontends(table)}


def _row(row: Row) -> Statistics:
    return Statistics(
        bytes_in=int(row["bin"] or 0),
        bytes_out=int(row["bout"] or 0),
        active_connections=int(row["scur"] or 0),
        total_connections=int(row["stot"] or 0),
        request_errors=int(row["ereq"] or 0),
    )


class _Book:
    """What is written down of one instance: what workers that are gone counted, and each of the others by its process id."""

    def __init__(self, text: str) -> None:
        written = json.loads(text or "{}")
        self._gone: _Counted = _decode(written.get("gone", {}))
        self._workers = {int(process): _decode(each) for process, each in written.get("workers", {}).items()}

    def text(self) -> str:
        workers = {str(process): _encode(each) for process, each in self._workers.items()}
        return json.dumps({"gone": _encode(self._gone), "workers": workers})

    def others(self, process: int) -> list[int]:
        return [each for each in self._workers if each != process]

    def note(self, process: int, counted: _Counted | None) -> None:
        """What a worker counted until now; None if it is gone. One that counted less than before is another of the same number."""
        before = self._workers.pop(process, {})
        if counted is None or any(_less(counted.get(listener_id), each) for listener_id, each in before.items()):
            for listener_id, each in before.items():
                gone = dataclasses.replace(each, active_connections=0)
                self._gone[listener_id] = self._gone.get(listener_id, Statistics()) + gone
        if counted is not None:
            self._workers[process] = counted

    def sum(self, listener_id: str) -> Statistics:
        counted = (each.get(listener_id, Statistics()) for each in self._workers.values())
        return sum(counted, self._gone.get(listener_id, Statistics()))


@contextlib.contextmanager
def _book(directory: Path) -> Iterator[_Book]:
    """The book of an instance, for one process at a time: whoever asks and writes later has seen more."""
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        path = directory / _FILE
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        try:
            book = _Book(before)
        except (ValueError, TypeError, AttributeError):  # not written by us
            book = _Book("")
        yield book
        if (text := book.text()) != before:
            with contextlib.suppress(OSError):  # what it says now is right all the same
                _write(path, text)
    finally:
        os.close(opened)


def _write(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        stream.write(text)
    os.replace(new, path)


def _less(now: Statistics | None, before: Statistics) -> bool:
    counters = ("bytes_in", "bytes_out", "total_connections", "request_errors")
    return now is None or any(getattr(now, name) < getattr(before, name) for name in counters)


def _encode(counted: _Counted) -> dict[str, tuple[int, ...]]:
    return {listener_id: dataclasses.astuple(each) for listener_id, each in counted.items()}


def _decode(written: Mapping[str, list[int]]) -> _Counted:
    return {listener_id: Statistics(*each) for listener_id, each in written.items()}
