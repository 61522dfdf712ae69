"""The configurations of an instance on disk, each in a folder of its own, and the link that says which is in use.

A folder is written once and never changed. HAProxy runs in the folder that the link names and looks there again whenever it begins
anew, so what it finds is whole, and was checked, wherever we died. What was refused leaves the link where it was.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path

from bascule.model.backend import Secrets
from bascule.model.documents import Documents
from bascule.model.secrets import SecretKind, SecretRef
from bascule.south.haproxy import certificate, prober
from bascule.south.haproxy.render import CONFIGURATION, INSTANCE
from bascule.south.haproxy.runtime import identity

CURRENT = "current"
"""The link to the folder in use."""

IDENTITY = "instance.cfg"
"""The file with the instance document in it, read after the configuration."""

_FOLDER = "configuration."


class ContentGone(Exception):
    """The content that a document means cannot be had (any more)."""

    def __init__(self, document: str, meant: SecretRef) -> None:
        super().__init__(f"The content of certificate {meant.ref} has changed or is gone.")
        self.owner_id = certificate.owner(document)


class Configurations:
    """The configurations in the directory of an instance."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._link = directory / CURRENT

    def current(self) -> Path | None:
        """The folder in use; None before the first."""
        try:
            return self._directory / os.readlink(self._link)
        except FileNotFoundError:
            return None

    def read(self) -> dict[str, str]:
        """The documents of the folder in use, without the instance."""
        documents: dict[str, str] = {}
        for path in sorted(each for kind in SecretKind for each in self._link.glob(f"{kind}/*.json")):
            documents[f"{path.parent.name}/{path.stem}"] = _sound(path)
        for path in sorted(self._link.glob(f"{certificate.LISTS}/*")):
            documents[f"{certificate.LISTS}/{path.name}"] = _text(path)
        for path in sorted(self._link.glob(f"{prober.PROGRAMS}/*")):
            documents[f"{prober.PROGRAMS}/{path.name}"] = _text(path)
        if (path := self._link / CONFIGURATION).exists():
            documents[CONFIGURATION] = _text(path)
        return documents

    def add(self, target: Documents, secrets: Secrets) -> Path:
        """A new folder with these documents. Content that the folder in use has already is not asked for. Raises ContentGone."""
        folder = Path(tempfile.mkdtemp(prefix=_FOLDER, dir=self._directory))
        try:
            for name, body in target.items():
                if certificate.kind(name):
                    self._add_content(folder, name, body, secrets)
                elif name == INSTANCE:
                    _write(folder / IDENTITY, identity(body).encode())
                else:
                    _write(folder / name, body.encode(), program=name.startswith(f"{prober.PROGRAMS}/"))
        except BaseException:
            shutil.rmtree(folder)
            raise
        return folder

    def use(self, folder: Path | None) -> None:
        """Make a folder the one in use."""
        if folder is None:
            self._link.unlink()
            return
        new = self._directory / f"{CURRENT}.new"
        new.unlink(missing_ok=True)
        new.symlink_to(folder.name)
        os.replace(new, self._link)

    def keep(self, folders: Collection[Path | None]) -> None:
        """Remove all but some folders."""
        for folder in self._directory.glob(f"{_FOLDER}*"):
            if folder not in folders:
                shutil.rmtree(folder)

    def _add_content(self, folder: Path, name: str, body: str, secrets: Secrets) -> None:
        """Add a document and its content. What is sound in the folder in use is never changed, so it may be shared."""
        files = (f"{name}.json", certificate.path(name))
        if _sound(self._link / files[0]) == body:
            (folder / name).parent.mkdir(mode=0o700, exist_ok=True)
            for each in files:
                os.link(self._link / each, folder / each)
            return
        meant = certificate.meant_by(body)
        try:
            content = secrets(meant).reveal()
        except KeyError:
            raise ContentGone(name, meant) from None
        for path, data in zip(files, (body.encode(), content), strict=True):
            _write(folder / path, data)


def _sound(path: Path) -> str:
    """A document with content; empty if the content is not the one it means."""
    try:
        text = _text(path)
        content = path.with_suffix(".pem").read_bytes()
        sound = hashlib.sha256(content).hexdigest() == certificate.meant_by(text).sha256
    except (OSError, ValueError, TypeError):
        return ""
    return text if sound else ""


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _write(path: Path, content: bytes, *, program: bool = False) -> None:
    """Write a new file that only we may read, and run if it is a program."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o700 if program else 0o600)
    with os.fdopen(opened, "wb") as file:
        file.write(content)
