"""An emulated BIG-IP as a process of its own, to be measured with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bascule.clients.bigip import Credentials
from bascule.model.secrets import Secret
from bench import processes
from bench.load import HOST

PASSWORD = "measured"
CREDENTIALS = Credentials("admin", Secret(PASSWORD.encode()))


@contextmanager
def running(folder: Path) -> Iterator[tuple[str, Path]]:
    """One that runs: its address, and the file of its certificate. Several may share the folder."""
    port, password = processes.free_port(), folder / "password"
    certificate = folder / f"{port}.pem"
    password.write_text(PASSWORD)
    options = ("--port", str(port), "--password-file", str(password), "--write-certificate", str(certificate))
    with processes.running(folder / "log", "bigip_emulator.main", *options) as pid:
        processes.wait_until_answering(port, pid)
        yield f"https://{HOST}:{port}", certificate
