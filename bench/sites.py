"""Servers to be measured: Bascule, started as an operator starts it, with the in-memory backend; and the floor."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import processes
from bench.load import CONNECTIONS
from bench.standard import MEMBERS, VIPS
from tests.identity.keystone import Keystone
from tests.identity.users import PASSWORD

_CONFIGURATION = f"""\
[DEFAULT]
state_dir = {{folder}}
enabled_providers = memory
default_provider = memory
subnets = {VIPS.name}, {MEMBERS.name}

[database]
connection = {{url}}

[api]
bind_port = {{port}}
threads = {CONNECTIONS}
{{how}}

[subnet:{VIPS.name}]
id = {VIPS.id}
network_id = {VIPS.network_id}
cidr = {VIPS.cidr}
vips = true

[subnet:{MEMBERS.name}]
id = {MEMBERS.id}
network_id = {MEMBERS.network_id}
cidr = {MEMBERS.cidr}
members = true
"""


_TOKENS = f"""\
[keystone_authtoken]
www_authenticate_uri = {{url}}
auth_url = {{url}}
auth_type = password
username = admin
password = {PASSWORD}
project_name = admin
user_domain_id = default
project_domain_id = default
service_type = load-balancer
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs: the port it answers on, the process that was started."""

    port: int
    pid: int


@contextmanager
def api(url: str, cloud: Keystone | None = None) -> Iterator[Server]:
    """Only bascule-api. With a Keystone, callers say by its tokens who they are."""
    with _started(url, "bascule.cmd.api", cloud=cloud) as server:
        yield server


@contextmanager
def everything(url: str) -> Iterator[Server]:
    """`bascule serve`: one of each process."""
    with _started(url, "bascule.cmd.main", "serve") as server:
        yield server


@contextmanager
def floor(url: str, cloud: Keystone | None = None) -> Iterator[Server]:
    """The floor. With a Keystone, callers say by its tokens who they are."""
    port = processes.free_port()
    with tempfile.TemporaryDirectory(prefix="bascule-bench-") as folder:
        log, arguments = Path(folder) / "log", ["--database", url, "--port", str(port)]
        if cloud is not None:
            file = Path(folder) / "tokens.conf"
            file.write_text(_TOKENS.format(url=cloud.url))
            arguments += ["--tokens", str(file)]
        with serving(port, log, "bench.floor", *arguments) as server:
            yield server


@contextmanager
def _started(url: str, module: str, *arguments: str, cloud: Keystone | None = None) -> Iterator[Server]:
    port = processes.free_port()
    with tempfile.TemporaryDirectory(prefix="bascule-bench-") as folder:
        file, log = Path(folder) / "bascule.conf", Path(folder) / "log"
        how = f"auth_strategy = keystone\n\n{_TOKENS.format(url=cloud.url)}" if cloud else ""
        file.write_text(_CONFIGURATION.format(folder=folder, url=url, port=port, how=how))
        with serving(port, log, module, *arguments, "--config-file", str(file)) as server:
            yield server


@contextmanager
def serving(port: int, log: Path, module: str, *arguments: str) -> Iterator[Server]:
    """A server that answers, from a Python module. What goes wrong meanwhile is told together with what the server said last."""
    try:
        with processes.running(log, module, *arguments) as pid:
            processes.wait_until_answering(port, pid)
            yield Server(port, pid)
    except Exception as error:
        error.add_note(f"{module} said:\n{log.read_text(errors='replace')[-4000:]}")
        raise
