"""What the demo does, step by step. Every step checks that what it says has happened."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bascule.cmd.demo import DemoFailed
from bascule.cmd.demo.children import Bascule, WebServers, haproxys, wait_for
from bascule.cmd.demo.client import Api, count, fetch
from bascule.cmd.demo.openstack import OpenStack
from bascule.cmd.demo.place import PORT, SERVERS, Place
from bascule.cmd.demo.terminal import Terminal

REQUESTS = 60
"""How many requests show the spread."""

ACTIVE_TIME = 60.0
"""Seconds that a load balancer has to become ACTIVE and ONLINE, and to be gone after it was deleted."""

NOTICE_TIME = 30.0
"""Seconds that the health monitor has to notice that a server is gone or back."""

VICTIM = "web-2"

_BALANCERS = "/v2/lbaas/loadbalancers"


@dataclass(frozen=True, slots=True)
class Balancer:
    """A load balancer of the demo: where it listens, and the pool that its requests go to."""

    id: str
    name: str
    address: str
    port: int
    pool_id: str

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self.address}:{self.port}/"


class Story:
    """The demo in one place. `examples` is the directory of the example files."""

    def __init__(self, place: Place, examples: Path, terminal: Terminal) -> None:
        self._place = place
        self._examples = examples
        self._terminal = terminal
        self._api = Api(place.port)

    @contextmanager
    def stage(self) -> Iterator[WebServers]:
        """Everything that the demo needs, running; and everything removed again at the end, whatever happens."""
        terminal = self._terminal
        terminal.heading("Starting Bascule: its API, a worker, a health manager and housekeeping, on SQLite")
        self._place.check_ports()
        self._place.prepare()
        bascule = Bascule(self._place)
        try:
            bascule.wait_until_up()
            terminal.good(f"the API answers at {self._place.endpoint}; what the processes say is in {self._place.log}")
            if self._delete_all():
                terminal.good("removed the load balancers that an earlier demo left behind")
            yield from self._with_servers()
        finally:
            terminal.heading("Stopping Bascule")
            bascule.stop()
            terminal.good("all processes have ended")

    def _with_servers(self) -> Iterator[WebServers]:
        terminal, port = self._terminal, self._place.server_port
        terminal.heading("Starting three tiny web servers")
        servers = WebServers(port)
        try:
            for name, address in SERVERS.items():
                wait_for(f"web server {name}", NOTICE_TIME, partial(_answers, address, port))
                terminal.good(f"{name} answers at http://{address}:{port}/")
            yield servers
        finally:
            terminal.heading("Cleaning up: deleting the load balancers")
            try:
                self._delete_all()
                terminal.good("the load balancers are gone, and so are their HAProxys")
            finally:
                servers.stop()

    def tell(self, servers: WebServers) -> None:
        """Make both load balancers, use them, and take a server away and bring it back."""
        first = self._step_by_step()
        second = self._in_one_call()
        self._show_spread([first, second])
        self._show_redirect(second)
        self._show_failure(servers, [first, second])
        self._show_lines(first)

    def _step_by_step(self) -> Balancer:
        self._terminal.heading("A load balancer, step by step, with the openstack client")
        openstack = OpenStack(self._terminal, self._place.endpoint)
        port, server_port = self._place.first_port, self._place.server_port
        openstack.run("loadbalancer create --name shop --vip-subnet-id vips")
        for command in (
            f"listener create --name shop-http --protocol HTTP --protocol-port {port} shop",
            "pool create --name shop-web --listener shop-http --protocol HTTP --lb-algorithm ROUND_ROBIN",
            *(
                f"member create --name {name} --address {address} --protocol-port {server_port} shop-web"
                for name, address in SERVERS.items()
            ),
            "healthmonitor create --name shop-check --type HTTP --url-path / --delay 1 --timeout 1"
            " --max-retries 2 --max-retries-down 2 --wait shop-web",
        ):
            openstack.run(f"loadbalancer {command}", quiet=True)
        made = self._wait_until_serving("shop", self._place.first_port)
        self._terminal.good(f"shop is ACTIVE and ONLINE at {made.url}")
        openstack.run("loadbalancer list")
        return made

    def _in_one_call(self) -> Balancer:
        self._terminal.heading("A load balancer with everything in it, in a single call")
        file = self._example()
        self._terminal.command(f"curl -X POST {self._place.endpoint}{_BALANCERS} -H 'Content-Type: application/json' -d @'{file}'")
        started = time.monotonic()
        name = self._api.call("POST", _BALANCERS, 201, file.read_bytes())["loadbalancer"]["name"]
        made = self._wait_until_serving(name, self._place.second_port)
        self._terminal.good(f"{name} is ACTIVE and ONLINE at {made.url} after {time.monotonic() - started:.1f} s")
        return made

    def _example(self) -> Path:
        """The example file; with other ports than the usual ones, a copy that has those."""
        file = self._examples / "fully-populated.json"
        if self._place.port == PORT:
            return file
        usual = Place(self._place.directory, PORT)
        ports = {usual.server_port: self._place.server_port, usual.second_port: self._place.second_port}
        copy = self._place.directory / file.name
        copy.write_text(json.dumps(_with_ports(json.loads(file.read_text()), ports), indent=2))
        return copy

    def _wait_until_serving(self, name: str, port: int) -> Balancer:
        """Wait until a load balancer and everything in it is ACTIVE and ONLINE."""
        found = self._named(name)
        wait_for(f"{name} to be ACTIVE and ONLINE", ACTIVE_TIME, lambda: self._state(found["id"]) == ("ACTIVE", "ONLINE"))
        listener = self._api.get(f"/v2/lbaas/listeners/{found['listeners'][0]['id']}")["listener"]
        return Balancer(found["id"], name, found["vip_address"], port, listener["default_pool_id"])

    def _show_spread(self, balancers: list[Balancer]) -> None:
        self._terminal.heading(f"How {REQUESTS} requests spread over the servers")
        for balancer in balancers:
            counted = count(balancer.address, balancer.port, REQUESTS, list(SERVERS))
            self._terminal.say(f"{balancer.name} at {balancer.url}")
            self._terminal.spread(counted)
            idle = [name for name, answers in counted.items() if not answers]
            if idle:
                raise DemoFailed(f"{balancer.name} sent no request to {', '.join(idle)}")
        self._terminal.good("every request was answered, and every server had its part")

    def _show_redirect(self, balancer: Balancer) -> None:
        status, _, location = fetch(balancer.address, balancer.port, "/old/page")
        if status != 302 or location != "http://www.example.com/new":
            raise DemoFailed(f"{balancer.url}old/page was answered with {status} {location}, not with a redirect")
        self._terminal.good(f"an L7 policy redirects {balancer.url}old/page to {location}")

    def _show_failure(self, servers: WebServers, balancers: list[Balancer]) -> None:
        terminal = self._terminal
        terminal.heading(f"Killing {VICTIM}")
        servers.kill(VICTIM)
        self._wait_for_victim(balancers, "ERROR")
        listing = "loadbalancer member list shop-web -c name -c address -c operating_status"
        OpenStack(terminal, self._place.endpoint).run(listing)
        for balancer in balancers:
            counted = count(balancer.address, balancer.port, REQUESTS, list(SERVERS))
            terminal.say(f"{balancer.name} at {balancer.url}")
            terminal.spread(counted)
            if counted[VICTIM] or not all(counted[name] for name in SERVERS if name != VICTIM):
                raise DemoFailed(f"{balancer.name} does not spread its requests over the servers that are left")
        terminal.good(f"every request was answered, none by {VICTIM}")
        terminal.heading(f"Starting {VICTIM} again")
        servers.restart(VICTIM)
        self._wait_for_victim(balancers, "ONLINE")

    def _wait_for_victim(self, balancers: list[Balancer], status: str) -> None:
        """Wait until the health monitors see the victim so."""
        started = time.monotonic()
        for balancer in balancers:
            what = f"the health monitor of {balancer.name} to see {VICTIM} in {status}"
            wait_for(what, NOTICE_TIME, partial(self._victim_is, balancer, status))
            self._terminal.good(f"{balancer.name} shows {VICTIM} in {status} after {time.monotonic() - started:.1f} s")

    def _victim_is(self, balancer: Balancer, status: str) -> bool:
        members = self._api.get(f"/v2/lbaas/pools/{balancer.pool_id}/members?name={VICTIM}")["members"]
        return [member["operating_status"] for member in members] == [status]

    def _show_lines(self, balancer: Balancer) -> None:
        terminal = self._terminal
        terminal.heading("Yours to try, in another terminal")
        terminal.say(f"source {shlex.quote(f'{sys.prefix}/bin/activate')}")
        for name, value in OpenStack.variables(self._place.endpoint).items():
            terminal.say(f"export {name}={value}")
        for line in (
            "openstack loadbalancer list",
            "openstack loadbalancer status show shop",
            "openstack loadbalancer member set --weight 5 shop-web web-1",
            f"for i in 1 2 3 4 5 6; do curl {balancer.url}; done",
            f"curl {self._place.endpoint}{_BALANCERS}/{balancer.id}/events",
            f"bascule plan --config-file {shlex.quote(str(self._place.configuration))} shop",
        ):
            terminal.say(line)

    def _delete_all(self) -> bool:
        """Delete every load balancer and wait until they and their HAProxys are gone. Says whether there were any."""
        found = self._api.get(_BALANCERS)["loadbalancers"]
        for each in found:
            if each["provisioning_status"] != "PENDING_DELETE":
                self._api.call("DELETE", f"{_BALANCERS}/{each['id']}?cascade=true", 204)
        wait_for("the load balancers to be gone", ACTIVE_TIME, lambda: not self._api.get(_BALANCERS)["loadbalancers"])
        wait_for("the HAProxys to end", ACTIVE_TIME, lambda: not haproxys(self._place.directory))
        return bool(found)

    def _named(self, name: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = self._api.get(f"{_BALANCERS}?name={name}")["loadbalancers"]
        if len(found) != 1:
            raise DemoFailed(f"there are {len(found)} load balancers with the name {name}, not one")
        return found[0]

    def _state(self, load_balancer_id: str) -> tuple[str, str]:
        found = self._api.get(f"{_BALANCERS}/{load_balancer_id}")["loadbalancer"]
        if found["provisioning_status"] == "ERROR":
            tree = self._api.get(f"{_BALANCERS}/{load_balancer_id}/status")
            raise DemoFailed(f"{found['name']} is in ERROR: {json.dumps(tree, indent=2)}")
        return found["provisioning_status"], found["operating_status"]


def _answers(address: str, port: int) -> bool:
    try:
        return fetch(address, port)[0] == 200
    except DemoFailed:
        return False


def _with_ports(content: Any, ports: dict[int, int]) -> Any:
    """A decoded JSON text with other numbers wherever `protocol_port` is one of these."""
    if isinstance(content, list):
        return [_with_ports(each, ports) for each in content]
    if isinstance(content, dict):
        return {
            key: ports.get(value, value) if key == "protocol_port" else _with_ports(value, ports) for key, value in content.items()
        }
    return content
