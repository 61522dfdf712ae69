"""Where the demo lives: its directory, its ports, its configuration file."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from pathlib import Path

from bascule.cmd.demo import DemoFailed

PORT = 9876

SERVERS = {"web-1": "127.20.0.11", "web-2": "127.20.0.12", "web-3": "127.20.0.13"}
"""The names and addresses of the web servers. Linux has all of 127.0.0.0/8 without any set-up."""

DEVICES = ("bigip-1", "bigip-2")
"""The names of the emulated BIG-IPs."""

_CONFIGURATION = """\
# Written by the demo at every start.
[DEFAULT]
state_dir = {state_dir}
subnets = vips, members
enabled_providers = haproxy, f5
device_groups = pair

[api]
bind_port = {port}

[health_manager]
interval = 0.5

[device_group:pair]
urls = {urls}
password_file = {password}
ca_file = {certificates}

[subnet:vips]
id = 1d9f6c5e-6c1b-4c0e-9d0f-1f4f0c1a0001
cidr = 127.10.0.0/16
vips = true

[subnet:members]
id = 1d9f6c5e-6c1b-4c0e-9d0f-1f4f0c1a0002
cidr = 127.20.0.0/24
members = true
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A directory, and ports in a row: of the API, of the web servers, of three load balancers, of both devices."""

    directory: Path
    port: int

    @property
    def server_port(self) -> int:
        """The port of the web servers."""
        return self.port + 1

    @property
    def first_port(self) -> int:
        """The port of the load balancer that is made step by step."""
        return self.port + 2

    @property
    def second_port(self) -> int:
        """The port of the load balancer that is made in one call."""
        return self.port + 3

    @property
    def third_port(self) -> int:
        """The port of the load balancer on the devices."""
        return self.port + 4

    def device_port(self, name: str) -> int:
        """The port at which a device is managed."""
        return self.port + 5 + DEVICES.index(name)

    def device_url(self, name: str) -> str:
        """Where a device is managed."""
        return f"https://127.0.0.1:{self.device_port(name)}"

    @property
    def endpoint(self) -> str:
        """The URL of the API."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def configuration(self) -> Path:
        """The configuration file."""
        return self.directory / "bascule.conf"

    @property
    def devices(self) -> Path:
        """The directory of everything that belongs to the devices. It is gone when they are."""
        return self.directory / "devices"

    @property
    def password(self) -> Path:
        """The file with the devices' password."""
        return self.devices / "password"

    @property
    def certificates(self) -> Path:
        """The file with the certificates of both devices."""
        return self.devices / "certificates.pem"

    @property
    def haproxys(self) -> Path:
        """The directory in which Bascule keeps what belongs to its HAProxys."""
        return self.directory / "haproxy"

    @property
    def log(self) -> Path:
        """Where Bascule's processes write what they do."""
        return self.directory / "bascule.log"

    def check_ports(self) -> None:
        """Raise DemoFailed if somebody else uses a port that the demo needs."""
        wanted = [("the API", "127.0.0.1", self.port)]
        wanted += [(f"web server {name}", address, self.server_port) for name, address in SERVERS.items()]
        balancers = (self.first_port, self.second_port, self.third_port)
        wanted += [("a load balancer", "127.10.255.254", port) for port in balancers]
        wanted += [(f"the emulated BIG-IP {name}", "127.0.0.1", self.device_port(name)) for name in DEVICES]
        taken = [f"{address} port {port} (for {what})" for what, address, port in wanted if not _is_free(address, port)]
        if taken:
            raise DemoFailed(
                f"already taken by another program: {', '.join(taken)}. Is another demo running? "
                "Choose other ports with --port N: the demo takes N and the six after it."
            )

    def prepare(self) -> None:
        """Make the directory and write the configuration file."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        urls = ", ".join(map(self.device_url, DEVICES))
        # In the configuration file, $ would refer to another option.
        paths = {"state_dir": self.directory, "password": self.password, "certificates": self.certificates}
        escaped = {name: str(path).replace("$", "$$") for name, path in paths.items()}
        self.configuration.write_text(_CONFIGURATION.format(port=self.port, urls=urls, **escaped))


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise DemoFailed(f"cannot use {address} port {port}: {error.strerror}") from error
            return False
    return True
