"""One instance on disk and at work: the files of its configuration are its documents, all but one, which is what runs.

The directory of a load balancer holds, readable for nobody else: its configurations, its sockets, and what its processes leave for
each other. The `instance` document is not read from a file but asked of the running HAProxy; it is empty while none runs. So a step
that was written down but never took effect shows as a difference, whenever and wherever we died.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path

from bascule.model.backend import Done, Outcome, Plan, Rejected, Retry, Secrets
from bascule.model.documents import Documents, digest
from bascule.south.haproxy import certificate, check, content, counters, live, state
from bascule.south.haproxy.configurations import Configurations, ContentGone
from bascule.south.haproxy.process import Process, ProcessError
from bascule.south.haproxy.render import CONFIGURATION, INSTANCE, STATE_FILE, instance, replaced
from bascule.south.haproxy.runtime import ask, conversation, running, say

_CHANGE_TIMEOUT = 10.0
"""Seconds that HAProxy may take to answer one command that changes it."""


class Instance:
    """The instance of one load balancer."""

    def __init__(self, directory: Path, binary: Path) -> None:
        self._directory = directory
        self._binary = binary
        self._configurations = Configurations(directory)
        self._process = Process(directory, binary)

    def read(self) -> Documents:
        """What is there. Nothing only when there is no directory."""
        if not self._directory.is_dir():
            return {}
        return {**self._configurations.read(), INSTANCE: running(self._directory) or ""}

    def ports(self, timeout: float = 3.0) -> Collection[tuple[str, int]] | None:
        """The addresses and ports that HAProxy holds; None if it runs, and what it runs is not there to look at.

        `timeout` is how many seconds it may take to answer.
        """
        if not self._process.alive():
            return ()
        configuration = self._configurations.read().get(CONFIGURATION, "")
        said = running(self._directory, timeout) or ""
        return check.bound(configuration).keys() if f'"configuration": "{digest(configuration)}"' in said else None

    def apply(self, plan: Plan, secrets: Secrets) -> Outcome:
        """Bring the instance to the target of a plan. What is refused, or fails, leaves in use what was in use."""
        try:
            if not plan.target:
                self._remove()
                return Done()
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._write(plan.target, secrets)
        except ContentGone as gone:
            return Rejected(str(gone), (gone.owner_id,))
        except (OSError, ProcessError, subprocess.TimeoutExpired) as error:
            return Retry("HAProxy could not be set up; this is tried again.", str(error))

    def _write(self, target: Documents, secrets: Secrets) -> Outcome:
        before = self._configurations.current()
        new = self._configurations.add(target, secrets)
        try:
            contents = self._changed_contents(target)
            # Servers that are added are checked by the HAProxy that runs, and whoever waits for them waits for less.
            if contents == [] and self._change(new, target, contents):
                return Done()
            rejected = check.syntax(self._binary, new, target[CONFIGURATION])
            rejected = rejected or check.binds(target[CONFIGURATION], self.ports())
            if rejected:
                return rejected
            if not (contents and self._change(new, target, contents)):
                self._take(new, before, target)
            return Done()
        finally:
            self._configurations.keep((self._configurations.current(), before))

    def _changed_contents(self, target: Documents) -> list[str] | None:
        """The documents whose content would be new in the HAProxy that runs. None if it takes a reload to be as in the target.

        That the documents in use are those that HAProxy runs, it says itself.
        """
        actual = self._configurations.read()
        if {*actual, INSTANCE} != {*target} or running(self._directory) != instance(actual, replaced(target[INSTANCE])):
            return None
        changed = [name for name, body in actual.items() if name != CONFIGURATION and target[name] != body]
        return changed if all(content.replaceable(name, target) for name in changed) else None

    def _change(self, new: Path, target: Documents, contents: Sequence[str]) -> bool:
        """Take a configuration over without a reload. False if that is not possible.

        All of it is said to one worker: for moments after a reload there may be two.
        """
        before, actual = self._configurations.current(), self._configurations.read()[CONFIGURATION]
        try:
            with conversation(self._directory, _CHANGE_TIMEOUT) as ask_it:
                if not live.change(ask_it, actual, target[CONFIGURATION]):
                    return False
                if not all(content.put(ask_it, name, (new / certificate.path(name)).read_bytes()) for name in contents):
                    return False
                self._configurations.use(new)
                say(ask_it, target[INSTANCE])
        except OSError:
            self._configurations.use(before)
            return False
        return True

    def _take(self, new: Path, before: Path | None, target: Documents) -> None:
        """Have a configuration taken over. What was in use before is in use again if it is not."""
        self._configurations.use(new)
        if running(self._directory) == target[INSTANCE]:  # only the files were not as they should be
            return
        try:
            self._keep_states(target[CONFIGURATION])
            with counters.handed_over(self._directory):
                self._process.take(target[INSTANCE])
        except BaseException:
            self._configurations.use(before)
            raise

    def _keep_states(self, configuration: str) -> None:
        """Leave word for the next worker of which members are down. Without it they would count as up until probed.

        What was left for an earlier worker goes first: by now others may be down.
        """
        path = self._directory / STATE_FILE
        path.unlink(missing_ok=True)
        try:
            states = ask(self._directory, "show servers state")
        except OSError:
            return
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(opened, "w", encoding="utf-8") as file:
            file.write(state.kept(states, configuration))

    def _remove(self) -> None:
        if self._directory.is_dir():
            self._process.stop()
            shutil.rmtree(self._directory)
