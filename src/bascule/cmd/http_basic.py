"""Callers with names and passwords, for sites without Keystone: HTTP basic authentication, and one file with all users."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import logging
import os
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from oslo_context.context import RequestContext

from bascule.cmd.policy import CALLER
from bascule.cmd.process import StartError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOG = logging.getLogger(__name__)

_HASH = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22,64})\$([A-Za-z0-9+/]{43})")
_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_PROJECT = re.compile(r"[A-Za-z0-9_-]{1,36}")
_ROLE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_LINE = "NAME:HASH:PROJECT=ROLE,ROLE with more projects after semicolons; 'bascule hash-password' makes the hash"

_COST, _BLOCK, _LANES = 14, 8, 1
_MOST_MEMORY = 256 * 1024 * 1024
"""Bytes that one check of a password may need."""

_NOBODY = f"$scrypt$ln={_COST},r={_BLOCK},p={_LANES}${'A' * 22}${'A' * 43}"
"""The hash of no password."""


class UsersError(Exception):
    """A file of users that cannot be used. The text names the line, and holds no hash."""


@dataclass(frozen=True, slots=True)
class User:
    """One line: `projects` gives the roles in each project, the first one being that of requests that name none."""

    name: str
    hash: str
    projects: Mapping[str, tuple[str, ...]]


def hashed(password: str, cost: int = _COST) -> str:
    """What a file of users has in place of a password. `cost` is the binary logarithm of the work it takes to check one."""
    salt = os.urandom(16)
    digest = _scrypt(password, salt, cost, _BLOCK, _LANES)
    return f"$scrypt$ln={cost},r={_BLOCK},p={_LANES}${_text(salt)}${_text(digest)}"


def matches(password: str, hash_: str) -> bool:
    """Whether a hash is that of a password."""
    found = _HASH.fullmatch(hash_)
    if found is None:
        return False
    cost, block, lanes = (int(part) for part in found.groups()[:3])
    salt, digest = (base64.b64decode(part + "=" * (-len(part) % 4)) for part in found.groups()[3:])
    return hmac.compare_digest(_scrypt(password, salt, cost, block, lanes), digest)


def _scrypt(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    secret = password.encode("utf-8", "surrogateescape")
    return hashlib.scrypt(secret, salt=salt, n=2**cost, r=block, p=lanes, dklen=32, maxmem=2 * _MOST_MEMORY)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode().rstrip("=")


def parse(text: str) -> dict[str, User]:
    """The users of a file. Raises UsersError."""
    found: dict[str, User] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        user = _user(line.strip(), number)
        if user.name in found:
            raise UsersError(f"line {number}: {user.name} has a line already")
        found[user.name] = user
    return found


def _user(line: str, number: int) -> User:
    parts = line.split(":")
    if len(parts) != 3 or not _NAME.fullmatch(parts[0]):
        raise UsersError(f"line {number}: a line is {_LINE}")
    name, hash_, given = parts
    strength = _HASH.fullmatch(hash_)
    if strength is None or not _bearable(*(int(part) for part in strength.groups()[:3])):
        raise UsersError(f"line {number}: the hash of {name} is not one that 'bascule hash-password' makes")
    projects = {}
    for each in given.split(";"):
        project, _, roles = each.strip().partition("=")
        some = tuple(role.strip() for role in roles.split(","))
        if not _PROJECT.fullmatch(project) or project in projects or not all(map(_ROLE.fullmatch, some)):
            raise UsersError(f"line {number}: {each!r} of {name} is not PROJECT=ROLE,ROLE for another project")
        projects[project] = some
    return User(name, hash_, projects)


def _bearable(cost: int, block: int, lanes: int) -> bool:
    return 10 <= cost <= 20 and block >= 1 and 1 <= lanes <= 16 and 128 * block * 2**cost <= _MOST_MEMORY


class Users:
    """The users of a file, which is read again whenever it has changed. Raises StartError where it cannot be used at first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._key = os.urandom(32)
        self._proven: dict[str, bytes] = {}
        self._lock = threading.Lock()
        try:
            self._version: object = self._look()
            self._users = parse(path.read_text())
        except (OSError, ValueError, UsersError) as error:
            raise StartError(f"[api] http_basic_auth_user_file: {path}: {error}") from error

    def authenticated(self, name: str, password: str) -> User | None:
        """The user with this name and password."""
        user = self._current().get(name)
        if user is None:
            matches(password, _NOBODY)  # so that nobody learns from the time it takes which names there are
            return None
        # Hashes are slow to check on purpose, so what was checked once is remembered, in a form that is of no use elsewhere.
        proof = hmac.digest(self._key, f"{user.hash}:{password}".encode("utf-8", "surrogateescape"), "sha256")
        if hmac.compare_digest(self._proven.get(name, b""), proof):
            return user
        if not matches(password, user.hash):
            return None
        self._proven[name] = proof
        return user

    def _look(self) -> object:
        found = self._path.stat()
        return (found.st_mtime_ns, found.st_size, found.st_ino)

    def _current(self) -> dict[str, User]:
        """The users as the file has them now; while it cannot be used, as it had them when it could."""
        try:
            version = self._look()
            if version != self._version:
                with self._lock:
                    if version != self._version:
                        self._version = version
                        self._users = parse(self._path.read_text())
        except (OSError, ValueError, UsersError) as error:
            LOG.error("%s cannot be used and is passed over: %s", self._path, error)
        return self._users


class Passwords:
    """Passes on requests with a name and a password that are in the file, and answers all others with 401."""

    def __init__(self, application: WSGIApplication, users: Users) -> None:
        self._application = application
        self._users = users

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request."""
        user = self._user(environ.get("HTTP_AUTHORIZATION", ""))
        if user is None:
            return _refuse(start_response, 401, "The request you have made requires authentication.")
        project = environ.get("HTTP_X_PROJECT_ID") or next(iter(user.projects))
        if project not in user.projects:
            return _refuse(start_response, 403, "X-Project-Id names a project that you have no role in.")
        environ[CALLER] = RequestContext(
            user_id=user.name, project_id=project, roles=list(user.projects[project]), is_admin=False, overwrite=False
        )
        return self._application(environ, start_response)

    def _user(self, header: str) -> User | None:
        scheme, _, given = header.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, colon, password = base64.b64decode(given.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        return self._users.authenticated(name, password) if colon else None


def _refuse(start_response: StartResponse, status: int, text: str) -> Iterable[bytes]:
    """Answer in the form in which Keystone's clients expect it."""
    title = {401: "Unauthorized", 403: "Forbidden"}[status]
    body = json.dumps({"error": {"code": status, "title": title, "message": text}}).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    if status == 401:
        headers.append(("WWW-Authenticate", 'Basic realm="Bascule", charset="UTF-8"'))
    start_response(f"{status} {title}", headers)
    return [body]
