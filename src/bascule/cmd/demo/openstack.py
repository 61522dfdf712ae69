"""The real `openstack` client, as anybody would use it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from bascule.cmd.demo import DemoFailed
from bascule.cmd.demo.terminal import Terminal

TIMEOUT = 120.0
"""Seconds that a command may take."""


class OpenStack:
    """Runs commands of the client against an API without authentication, and shows them."""

    def __init__(self, terminal: Terminal, endpoint: str) -> None:
        self._terminal = terminal
        self._program = _program()
        others = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        self._environment = {**others, **self.variables(endpoint), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}

    @staticmethod
    def variables(endpoint: str) -> dict[str, str]:
        """The environment in which the client finds the API."""
        return {"OS_AUTH_TYPE": "none", "OS_ENDPOINT": endpoint}

    def run(self, command: str, *, quiet: bool = False) -> None:
        """Run a command and show what it prints; `quiet`: only that it is run. Raises DemoFailed if it fails."""
        self._terminal.command(f"openstack {command}")
        try:
            done = subprocess.run(
                [str(self._program), *shlex.split(command)],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT,
                process_group=0,
            )
        except subprocess.TimeoutExpired as error:
            raise DemoFailed(f"the openstack client took more than {TIMEOUT:.0f} seconds") from error
        if done.returncode:
            raise DemoFailed(f"the openstack client ended with status {done.returncode}:\n{done.stdout}{done.stderr}")
        if not quiet:
            self._terminal.say(done.stdout.rstrip())


def _program() -> Path:
    """The client that is installed beside this Python, or else the one on the PATH. Raises DemoFailed."""
    beside = Path(sys.executable).parent / "openstack"
    found = beside if beside.exists() else shutil.which("openstack")
    if found is None:
        raise DemoFailed("there is no 'openstack' client; the extra 'demo' installs it: pip install 'bascule[demo]'")
    return Path(found)
