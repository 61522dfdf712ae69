"""Wake-ups between processes, on real sockets."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bascule.core.wakeup import Sleeper, Waker


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "wake"


@pytest.fixture
def waker(folder: Path) -> Iterator[Waker]:
    waker = Waker(folder)
    yield waker
    waker.close()


@pytest.fixture
def sleeper(folder: Path) -> Iterator[Sleeper]:
    sleeper = Sleeper(folder)
    yield sleeper
    sleeper.close()


def test_sleeps_for_as_long_as_it_should(sleeper: Sleeper) -> None:
    before = time.monotonic()
    assert not sleeper.wait(0.05)
    assert time.monotonic() - before >= 0.05


def test_a_wake_up_ends_the_sleep_and_many_are_one(sleeper: Sleeper, waker: Waker) -> None:
    for _ in range(1000):
        waker()
    assert sleeper.wait(10)
    assert not sleeper.wait(0)


def test_wakes_everybody(folder: Path, waker: Waker) -> None:
    sleepers = [Sleeper(folder) for _ in range(3)]
    waker()
    assert all(sleeper.wait(10) for sleeper in sleepers)
    for sleeper in sleepers:
        sleeper.close()
    assert list(folder.iterdir()) == []


def test_nobody_there_is_no_error(waker: Waker) -> None:
    waker()


def test_another_process_is_woken_at_once_and_a_dead_one_is_cleared_away(folder: Path, waker: Waker) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom bascule.core.wakeup import Sleeper\n"
        "sleeper = Sleeper(Path(sys.argv[1]))\nprint('ready', flush=True)\n"
        "while sleeper.wait(60):\n    print(time.monotonic(), flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        before = time.monotonic()
        waker()
        assert float(process.stdout.readline()) - before < 1
        process.send_signal(signal.SIGKILL)
    assert len(list(folder.iterdir())) == 1
    waker()
    assert list(folder.iterdir()) == []


def test_others_cannot_look_in(sleeper: Sleeper, folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
