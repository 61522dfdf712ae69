"""A Keystone of its own: the real one, in the virtual environment `keystone` beside this Python, on SQLite."""

from __future__ import annotations

import grp
import json
import os
import pwd
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from tests.addresses import free_port
from tests.identity.users import PASSWORD

HOME = Path(sys.prefix) / "keystone"
PYTHON = HOME / "bin/python"

_TIME = 60.0
"""Seconds that anything may take."""

_SERVER = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from keystone.cmd import cli
from keystone.server.wsgi import initialize_public_application
folder, port, commands = json.loads(sys.argv.pop())
for command in commands:
    if child := os.fork():
        if os.waitpid(child, 0)[1]:
            sys.exit(f"keystone-manage {command[0]} failed")
    else:
        sys.exit(cli.main(["keystone-manage", "--config-dir", folder, *command]))
class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
class Silent(WSGIRequestHandler):
    def log_message(self, *_):
        pass
make_server("127.0.0.1", port, initialize_public_application(), server_class=Server, handler_class=Silent).serve_forever()
"""
"""What runs in Keystone's environment: the commands that set one up, then the server. They share what takes long: the imports."""


@dataclass(frozen=True)
class Keystone:
    """One that runs. `projects` gives the ids of projects by name."""

    url: str
    token: str
    projects: dict[str, str]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Do something as its administrator."""
        return _ask(method, f"{self.url}{path}", body, self._headers).json()

    def add_project(self, name: str) -> None:
        made = self.call("POST", "/projects", {"project": {"name": name, "domain_id": "default"}})
        self.projects[name] = made["project"]["id"]

    def add_user(self, name: str, role: str | None, project: str) -> None:
        """Make a user with the usual password, and a role in a project. Without a role, the user has none anywhere."""
        given = {"name": name, "password": PASSWORD, "domain_id": "default"}
        user = self.call("POST", "/users", {"user": given})["user"]["id"]
        if role is not None:
            (found,) = self.call("GET", f"/roles?name={role}")["roles"]
            _ask("PUT", f"{self.url}/projects/{self.projects[project]}/users/{user}/roles/{found['id']}", None, self._headers)

    @property
    def _headers(self) -> dict[str, str]:
        return {"X-Auth-Token": self.token}

    def add_service(self, kind: str, url: str) -> str:
        """Put a service into the catalogue. Gives its id."""
        service = self.call("POST", "/services", {"service": {"type": kind, "name": kind}})["service"]["id"]
        endpoint = {"service_id": service, "interface": "public", "url": url, "region": "RegionOne"}
        self.call("POST", "/endpoints", {"endpoint": endpoint})
        return str(service)

    def remove_service(self, service: str) -> None:
        """Take a service out of the catalogue."""
        _ask("DELETE", f"{self.url}/services/{service}", None, self._headers)

    def environment(self, user: str, project: str) -> dict[str, str]:
        """What a client needs to know of a user."""
        return {
            "OS_AUTH_URL": self.url,
            "OS_IDENTITY_API_VERSION": "3",
            "OS_USERNAME": user,
            "OS_PASSWORD": PASSWORD,
            "OS_PROJECT_NAME": project,
            "OS_USER_DOMAIN_ID": "default",
            "OS_PROJECT_DOMAIN_ID": "default",
            "OS_REGION_NAME": "RegionOne",
        }


def _ask(method: str, url: str, body: Any, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
    content = None if body is None else json.dumps(body)
    answer = urllib3.request(method, url, body=content, headers=headers | {"Content-Type": "application/json"}, timeout=_TIME)
    assert answer.status < 300, (method, url, answer.status, answer.data)
    return answer


def token(url: str, user: str, project: str | None) -> str:
    """A token of a user, for a project or for none."""
    password = {"user": {"name": user, "password": PASSWORD, "domain": {"id": "default"}}}
    auth: dict[str, Any] = {"identity": {"methods": ["password"], "password": password}}
    if project is not None:
        auth["scope"] = {"project": {"name": project, "domain": {"id": "default"}}}
    return _ask("POST", f"{url}/auth/tokens", {"auth": auth}, {}).headers["X-Subject-Token"]


@contextmanager
def running(folder: Path) -> Iterator[Keystone]:
    """A Keystone with its administrator, until the end of the block."""
    url = f"http://127.0.0.1:{(port := free_port())}/v3"
    (folder / "keystone.conf").write_text(
        f"[DEFAULT]\nlog_file = {folder}/keystone.log\n[database]\nconnection = sqlite:///{folder}/keystone.sqlite\n"
        f"[fernet_tokens]\nkey_repository = {folder}/fernet\n[credential]\nkey_repository = {folder}/credential\n"
        "[identity]\npassword_hash_rounds = 4\n"
    )
    for name in ("fernet", "credential"):
        (folder / name).mkdir(mode=0o700)
    bootstrap = ["--bootstrap-password", PASSWORD, "--bootstrap-region-id", "RegionOne"]
    bootstrap += ["--bootstrap-public-url", url, "--bootstrap-internal-url", url]
    user, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    who = ["--keystone-user", user, "--keystone-group", group]
    commands = (["db_sync"], ["fernet_setup", *who], ["credential_setup", *who], ["bootstrap", *bootstrap])
    program = [PYTHON, "-c", _SERVER, json.dumps([str(folder), port, commands])]
    environment = {"OS_KEYSTONE_CONFIG_DIR": str(folder), "OS_KEYSTONE_CONFIG_FILES": "keystone.conf"}
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(program, stdout=log, stderr=log, env=environment)
    try:
        _wait(process, url, folder)
        yield Keystone(url, token(url, "admin", "admin"), {})
    finally:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, folder: Path) -> None:
    deadline = time.monotonic() + _TIME
    while True:
        try:
            urllib3.request("GET", url, retries=False, timeout=_TIME)
        except urllib3.exceptions.HTTPError:
            running = process.poll() is None and time.monotonic() < deadline
            assert running, (folder / "server.log").read_text()
            time.sleep(0.1)
        else:
            return
