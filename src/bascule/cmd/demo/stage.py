"""What the demo needs around it: everything running at the beginning, and nothing left at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from bascule.cmd.demo.children import Bascule, WebServers, haproxys, wait_for
from bascule.cmd.demo.client import BALANCERS, Api, answers
from bascule.cmd.demo.devices import Devices
from bascule.cmd.demo.place import DEVICES, SERVERS, Place
from bascule.cmd.demo.terminal import Terminal

ACTIVE_TIME = 60.0
"""Seconds that a load balancer has to become ACTIVE and ONLINE, and to be gone after it was deleted."""

NOTICE_TIME = 30.0
"""Seconds that the health monitor has to notice that a server is gone or back."""


@dataclass(frozen=True, slots=True)
class Props:
    """What a story takes away from its load balancers: web servers and devices."""

    servers: WebServers
    devices: Devices


@contextmanager
def stage(place: Place, terminal: Terminal) -> Iterator[Props]:
    """Everything that the demo needs, running; and everything removed again at the end, whatever happens."""
    terminal.heading("Starting a pair of emulated BIG-IPs")
    place.check_ports()
    place.prepare()
    devices = Devices(place)
    try:
        devices.wait_until_up()
        for name in DEVICES:
            terminal.good(f"{name} at {place.device_url(name)} is {devices.state(name)}")
        yield from _with_bascule(place, terminal, devices)
    finally:
        terminal.heading("Stopping the emulated BIG-IPs")
        devices.stop()
        terminal.good("they have ended, and so have their HAProxys, which carried their traffic")


def _with_bascule(place: Place, terminal: Terminal, devices: Devices) -> Iterator[Props]:
    terminal.heading("Starting Bascule: its API, a worker, a health manager and housekeeping, on SQLite")
    bascule = Bascule(place)
    try:
        bascule.wait_until_up()
        terminal.good(f"the API answers at {place.endpoint}; what the processes say is in {place.log}")
        if _delete_all(place):
            terminal.good("removed the load balancers that an earlier demo left behind")
        yield from _with_servers(place, terminal, devices)
    finally:
        terminal.heading("Stopping Bascule")
        bascule.stop()
        terminal.good("all processes have ended")


def _with_servers(place: Place, terminal: Terminal, devices: Devices) -> Iterator[Props]:
    port = place.server_port
    terminal.heading("Starting three tiny web servers")
    servers = WebServers(port)
    try:
        for name, address in SERVERS.items():
            wait_for(f"web server {name}", NOTICE_TIME, partial(answers, address, port))
            terminal.good(f"{name} answers at http://{address}:{port}/")
        yield Props(servers, devices)
    finally:
        terminal.heading("Cleaning up: deleting the load balancers")
        try:
            _delete_all(place)
            terminal.good("the load balancers are gone, and so are their HAProxys")
        finally:
            servers.stop()


def _delete_all(place: Place) -> bool:
    """Delete every load balancer and wait until they and their HAProxys are gone. Says whether there were any."""
    api = Api(place.port)
    found = api.get(BALANCERS)["loadbalancers"]
    for each in found:
        if each["provisioning_status"] != "PENDING_DELETE":
            api.call("DELETE", f"{BALANCERS}/{each['id']}?cascade=true", 204)
    wait_for("the load balancers to be gone", ACTIVE_TIME, lambda: not api.get(BALANCERS)["loadbalancers"])
    wait_for("the HAProxys to end", ACTIVE_TIME, lambda: not haproxys(place.haproxys))
    return bool(found)
