"""How every process loops and stops, in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

LOOP = """
import time
from bascule.cmd.process import Stop, loop
stop, rounds = Stop(grace={grace}, reloads=True), 0
def tick():
    global rounds
    rounds += 1
    print(rounds, flush=True)
    {body}
loop(tick, stop.wait, 60, stop)
print("ended", flush=True)
"""


AWAY = """
import logging, sys
from bascule.cmd import process
from bascule.model.errors import Away
def body(_conf, _settings):
    try:
        raise Away("the database cannot be reached: nobody there")
    except Away:
        logging.exception("This round failed")
    raise Away("the database cannot be reached: still nobody")
sys.exit(process.run("bascule-worker", sys.argv[1:], body))
"""


def test_a_database_that_is_away_costs_a_line_and_ends_what_begins(tmp_path: Path) -> None:
    file = tmp_path / "bascule.conf"
    file.write_text(f"[DEFAULT]\nstate_dir = {tmp_path}\n")
    done = subprocess.run([sys.executable, "-c", AWAY, file], capture_output=True, text=True, check=False, timeout=60)
    logged, said = done.stderr.splitlines()
    assert logged.endswith(" ERROR [-] This round failed: bascule.model.errors.Away: the database cannot be reached: nobody there")
    assert said == "bascule-worker: the database cannot be reached: still nobody"
    assert done.returncode == 2


@contextmanager
def running(body: str, grace: int = 20) -> Iterator[subprocess.Popen[str]]:
    """A process that loops, in its first round."""
    program = LOOP.format(body=body, grace=grace)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "1\n"
        yield process
        process.kill()


def test_a_pause_ends_at_once_when_told_to_stop() -> None:
    with running("return False") as process:
        time.sleep(0.1)
        before = time.monotonic()
        process.terminate()
        assert process.communicate(timeout=10)[0] == "ended\n"
        assert time.monotonic() - before < 5
        assert process.returncode == 0


def test_a_round_is_finished_first() -> None:
    with running("time.sleep(0.5); print('round done'); return True") as process:
        process.terminate()
        assert process.communicate(timeout=10)[0] == "round done\nended\n"


def test_a_round_that_takes_too_long_is_cut_short_to_begin_anew_and_to_end() -> None:
    with running("time.sleep(60); return True", grace=1) as process:
        process.send_signal(signal.SIGHUP)
        assert process.stdout
        assert process.stdout.readline() == "1\n"
        process.terminate()
        assert process.wait(30) == -signal.SIGALRM


def test_a_second_signal_ends_it_at_once() -> None:
    with running("time.sleep(60); return True") as process:
        process.terminate()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        process.wait(10)
        assert process.returncode == -signal.SIGINT


def test_a_round_that_did_something_is_followed_by_the_next() -> None:
    with running("return rounds < 5") as process:
        assert process.stdout
        assert [process.stdout.readline() for _ in range(4)] == ["2\n", "3\n", "4\n", "5\n"]
        process.terminate()
        assert process.communicate(timeout=10)[0] == "ended\n"


@pytest.mark.slow
def test_a_round_that_fails_is_tried_again() -> None:
    with running("assert rounds > 1; return False") as process:
        assert process.stdout
        assert process.stdout.readline() == "2\n"
        process.terminate()
        assert process.communicate(timeout=10)[0] == "ended\n"


@pytest.mark.parametrize("parent", [1, 4_000_000], ids=["somebody else", "nobody"])
def test_does_not_start_for_a_parent_that_is_gone(parent: int) -> None:
    program = "from bascule.cmd.process import live_no_longer_than_parent as start; start()"
    environment = {**os.environ, "BASCULE_PARENT": str(parent)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert f"StartError: the process that started this one, {parent}, is gone" in done.stderr
