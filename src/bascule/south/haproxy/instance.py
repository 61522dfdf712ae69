"""One instance on disk and at work: the files of its directory are its documents, all but one, which is what runs.

The directory of a load balancer holds, readable for nobody else: the configuration, the certificates and their lists, the file that
tells HAProxy who it is, its sockets. The `instance` document is not read from a file but asked of the running HAProxy; it is empty
while none runs. So a step that was written down but never took effect shows as a difference, whenever and wherever we died.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path

from bascule.model.backend import Done, Outcome, Plan, Rejected, Retry, Secrets
from bascule.model.documents import Documents, Step, digest
from bascule.south.haproxy import certificate, check, state
from bascule.south.haproxy.process import IDENTITY, Process, ProcessError
from bascule.south.haproxy.quoting import word
from bascule.south.haproxy.render import CONFIGURATION, INSTANCE, STATE_FILE
from bascule.south.haproxy.runtime import ask, running

_STAGED = ".new"


class Instance:
    """The instance of one load balancer."""

    def __init__(self, directory: Path, binary: Path) -> None:
        self._directory = directory
        self._binary = binary
        self._process = Process(directory, binary)

    def read(self) -> Documents:
        """What is there. Nothing only when there is no directory."""
        if not self._directory.is_dir():
            return {}
        documents: dict[str, str] = {}
        for path in sorted(each for kind in certificate.FileKind for each in self._directory.glob(f"{kind}/*.json")):
            documents[f"{path.parent.name}/{path.stem}"] = _certificate(path)
        for path in sorted(self._directory.glob(f"{certificate.LISTS}/*")):
            if path.suffix != _STAGED:
                documents[f"{certificate.LISTS}/{path.name}"] = _text(path)
        if (configuration := self._directory / CONFIGURATION).exists():
            documents[CONFIGURATION] = _text(configuration)
        documents[INSTANCE] = running(self._directory) or ""
        return documents

    def ports(self) -> Collection[tuple[str, int]] | None:
        """The addresses and ports that HAProxy holds; None if it runs, and what it runs is not there to look at."""
        if not self._process.alive():
            return ()
        configuration = _read(self._directory / CONFIGURATION) or ""
        said = running(self._directory) or ""
        return check.bound(configuration).keys() if f'"configuration": "{digest(configuration)}"' in said else None

    def apply(self, plan: Plan, secrets: Secrets) -> Outcome:
        """Carry out a plan. Until HAProxy has taken the new configuration over, nothing that the old one needs is touched."""
        try:
            if not plan.target:
                self._remove()
                return Done()
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._write(plan, secrets)
        except (OSError, ProcessError, subprocess.TimeoutExpired) as error:
            return Retry("HAProxy could not be set up; this is tried again.", str(error))

    def _write(self, plan: Plan, secrets: Secrets) -> Outcome:
        changed = [step for step in plan.steps if step.body is not None]
        for step in changed:
            if certificate.kind(step.name) and (rejected := self._put_certificate(step, secrets)):
                return rejected
            if step.name.startswith(certificate.LISTS):
                self._put(step.name, step.body or "")
        if any(step.name in (CONFIGURATION, INSTANCE) for step in changed):
            rejected = self._load(plan.target[CONFIGURATION], plan.target[INSTANCE])
            if rejected:
                return rejected
        for step in plan.steps:
            if step.body is None:
                self._drop(step.name)
        return Done()

    def _load(self, configuration: str, instance: str) -> Rejected | None:
        """Have a configuration checked and taken over. What was there before stands again if it is not."""
        identity = f"global\n    description {word(instance)}\n"
        self._put(CONFIGURATION + _STAGED, configuration)
        self._put(IDENTITY + _STAGED, identity)
        staged = (CONFIGURATION + _STAGED, IDENTITY + _STAGED)
        rejected = check.syntax(self._binary, self._directory, staged, configuration)
        rejected = rejected or check.binds(configuration, self.ports())
        if rejected:
            return rejected
        before = {name: _read(self._directory / name) for name in (CONFIGURATION, IDENTITY)}
        for name in (CONFIGURATION, IDENTITY):
            os.replace(self._directory / (name + _STAGED), self._directory / name)
        if running(self._directory) == instance:  # only the file was not as it should be
            return None
        self._keep_states(configuration)
        try:
            self._process.take(instance)
        except ProcessError:
            for name, text in before.items():
                if text is not None:
                    self._put(name, text)
            raise
        return None

    def _keep_states(self, configuration: str) -> None:
        """Leave word for the next worker of which members are down. Without it they would count as up until probed."""
        try:
            states = ask(self._directory, "show servers state")
        except OSError:
            return
        self._put(STATE_FILE, state.kept(states, configuration))

    def _remove(self) -> None:
        if self._directory.is_dir():
            self._process.stop()
            shutil.rmtree(self._directory)

    def _put_certificate(self, step: Step, secrets: Secrets) -> Rejected | None:
        """Write the document, then the content: a document without content shows as one that differs."""
        meant = certificate.meant_by(step.body or "")
        try:
            content = secrets(meant).reveal()
        except KeyError:
            return Rejected(f"The content of certificate {meant.ref} has changed or is gone.", (certificate.owner(step.name),))
        self._put(f"{step.name}.json", step.body or "")
        _write(self._directory / certificate.path(step.name), content)
        return None

    def _put(self, name: str, text: str) -> None:
        _write(self._directory / name, text.encode())

    def _drop(self, name: str) -> None:
        """Remove a document. The content of a certificate goes before what tells that it is there."""
        for path in (certificate.path(name), f"{name}.json") if certificate.kind(name) else (name,):
            (self._directory / path).unlink(missing_ok=True)


def _certificate(path: Path) -> str:
    """A certificate's document; empty if its content is not the one it means."""
    text = _text(path)
    try:
        content = path.with_suffix(".pem").read_bytes()
        sound = hashlib.sha256(content).hexdigest() == certificate.meant_by(text).sha256
    except (OSError, ValueError, TypeError):
        return ""
    return text if sound else ""


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _read(path: Path) -> str | None:
    return _text(path) if path.exists() else None


def _write(path: Path, content: bytes) -> None:
    """Write a file that only we may read, whole or not at all."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    staged = path.with_name(path.name + _STAGED)
    opened = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(opened, "wb") as file:
        file.write(content)
    os.replace(staged, path)
