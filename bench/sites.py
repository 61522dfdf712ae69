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


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs: the port it answers on, the process that was started."""

    port: int
    pid: int


@contextmanager
def api(url: str) -> Iterator[Server]:
    """Only bascule-api."""
    with _started(url, "bascule.cmd.api") as server:
        yield server


@contextmanager
def everything(url: str) -> Iterator[Server]:
    """`bascule serve`: one of each process."""
    with _started(url, "bascule.cmd.main", "serve") as server:
        yield server


@contextmanager
def floor(url: str) -> Iterator[Server]:
    """The floor."""
    port = processes.free_port()
    with tempfile.TemporaryDirectory(prefix="bascule-bench-") as folder:
        log = Path(folder) / "log"
        with serving(port, log, "bench.floor", "--database", url, "--port", str(port)) as server:
            yield server


@contextmanager
def _started(url: str, module: str, *arguments: str) -> Iterator[Server]:
    port = processes.free_port()
    with tempfile.TemporaryDirectory(prefix="bascule-bench-") as folder:
        file, log = Path(folder) / "bascule.conf", Path(folder) / "log"
        file.write_text(_CONFIGURATION.format(folder=folder, url=url, port=port))
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
