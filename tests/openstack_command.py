"""`openstack loadbalancer` as it is, with the plug-in: all commands in one process, since it takes a second to start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple

import pytest

_SHELL = """
import contextlib, io, json, logging, sys
from openstackclient.shell import OpenStackShell
for line in sys.stdin:
    printed, told = io.StringIO(), io.StringIO()
    logging.getLogger().handlers.clear()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(told):
        try:
            code = OpenStackShell().run(json.loads(line))
        except SystemExit as error:
            code = error.code
    print(json.dumps([code, printed.getvalue(), told.getvalue()]), flush=True)
"""
"""What the installed command does, once for each line."""


def names() -> set[str]:
    """All commands that the plug-in brings, such as `loadbalancer_member_set`."""
    return {each.name for each in entry_points(group="openstack.load_balancer.v2")}


class Done(NamedTuple):
    """What came of a command: the code with which it ends, and what it wrote."""

    code: int
    printed: str
    told: str


class Command:
    """Runs `openstack loadbalancer`. `succeeded` are the names of the commands that did so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.succeeded: set[str] = set()

    def run(self, *arguments: str) -> Done:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(['loadbalancer', *arguments])}\n")
        self._process.stdin.flush()
        done = Done(*json.loads(self._process.stdout.readline()))
        if done.code == 0:
            known = names()
            said = ("_".join(["loadbalancer", *arguments[:words]]) for words in (3, 2, 1))
            self.succeeded |= {next(name for name in said if name in known)}
        return done

    def do(self, *arguments: str, **attributes: str) -> str:
        """Run a command that succeeds; give what it prints."""
        options = [part for name, value in attributes.items() for part in (f"--{name.replace('_', '-')}", value)]
        done = self.run(*arguments, *options)
        assert done.code == 0, done.told
        return done.printed

    def shown(self, *arguments: str, **attributes: str) -> Any:
        """Run a command that shows something; give that."""
        return json.loads(self.do(*arguments, "-f", "json", **attributes))

    def refused(self, *arguments: str) -> str:
        """Run a command that fails; give what it tells."""
        done = self.run(*arguments)
        assert done.code != 0
        return done.told


@contextmanager
def running(environment: Mapping[str, str], home: Path) -> Iterator[Command]:
    """The command with these `OS_` variables, until the end of the block."""
    pytest.importorskip("openstackclient", reason="the openstack command is not installed beside this Python")
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _SHELL],
        env={"HOME": str(home), "PATH": os.environ["PATH"], **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Command(process)
    finally:
        process.kill()
        process.communicate()
