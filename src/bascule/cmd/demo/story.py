"""What the demo shows, step by step. Every step checks that what it says has happened."""

from __future__ import annotations

import json
import shlex
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bascule.cmd.demo import DemoFailed
from bascule.cmd.demo.children import WebServers, wait_for
from bascule.cmd.demo.client import BALANCERS, Api, answers, count, fetch
from bascule.cmd.demo.devices import Devices
from bascule.cmd.demo.openstack import OpenStack
from bascule.cmd.demo.place import DEVICES, PORT, SERVERS, Place
from bascule.cmd.demo.stage import ACTIVE_TIME, NOTICE_TIME, Props
from bascule.cmd.demo.terminal import Terminal

REQUESTS = 60
"""How many requests show the spread."""

FEW = 10
"""How many requests show that somebody answers at all."""

VICTIM = "web-2"

OTHERS = [name for name in SERVERS if name != VICTIM]


@dataclass(frozen=True, slots=True)
class Balancer:
    """A load balancer of the demo: where it listens, and the pool that its requests go to."""

    id: str
    name: str
    address: str
    port: int
    pool_id: str
    pool_name: str

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

    def tell(self, props: Props) -> None:
        """Make the load balancers, use them, take a server away and bring it back, and take the active device away."""
        first = self._step_by_step()
        second = self._in_one_call()
        third = self._on_devices(props.devices)
        self._show_spread([first, second, third])
        self._show_redirects([second, third])
        self._show_failure(props.servers, [first, second, third])
        self._show_failover(props.devices, third)
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
        made = self._wait_until_serving("shop", port)
        self._terminal.good(f"shop is ACTIVE and ONLINE at {made.url}")
        openstack.run("loadbalancer list")
        return made

    def _in_one_call(self) -> Balancer:
        self._terminal.heading("A load balancer with everything in it, in a single call")
        return self._post(self._example(), self._place.second_port)

    def _on_devices(self, devices: Devices) -> Balancer:
        terminal, port = self._terminal, self._place.third_port
        terminal.heading("The same once more, on the BIG-IPs")
        file = self._place.directory / "on-big-ip.json"
        example = _with_ports(json.loads(self._example().read_text().replace('"blog', '"news')), {self._place.second_port: port})
        example["loadbalancer"]["provider"] = "f5"
        file.write_text(json.dumps(example, indent=2))
        terminal.say(f'{file.name} is the example of before with other names, another port and "provider": "f5"')
        made = self._post(file, port)
        # A device says that it is done when it is configured; its traffic follows a moment later.
        wait_for(f"{made.name} to answer", NOTICE_TIME, partial(answers, made.address, made.port))
        self._check_carrier(devices, made)
        OpenStack(terminal, self._place.endpoint).run("loadbalancer list -c name -c vip_address -c operating_status -c provider")
        return made

    def _check_carrier(self, devices: Devices, balancer: Balancer) -> None:
        """Raise DemoFailed unless the requests to a load balancer go through the device that is active."""
        active = devices.active
        if devices.addresses(active) != [balancer.address]:
            raise DemoFailed(f"{active} does not have the address {balancer.address}, or others, too")
        before = devices.connections(active)
        self._few(balancer)
        what = f"{active} to count {FEW} connections more than {before}"
        wait_for(what, NOTICE_TIME, lambda: devices.connections(active) >= before + FEW)
        self._terminal.good(f"{active} is active, and {FEW} requests to {balancer.address} went through it: it has counted them")

    def _few(self, balancer: Balancer) -> dict[str, int]:
        return count(balancer.address, balancer.port, FEW, list(SERVERS))

    def _post(self, file: Path, port: int) -> Balancer:
        self._terminal.command(f"curl -X POST {self._place.endpoint}{BALANCERS} -H 'Content-Type: application/json' -d @'{file}'")
        started = time.monotonic()
        name = self._api.call("POST", BALANCERS, 201, file.read_bytes())["loadbalancer"]["name"]
        made = self._wait_until_serving(name, port)
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
        pool = self._api.get(f"/v2/lbaas/pools/{listener['default_pool_id']}")["pool"]
        return Balancer(found["id"], name, found["vip_address"], port, pool["id"], pool["name"])

    def _show_spread(self, balancers: list[Balancer]) -> None:
        self._terminal.heading(f"How {REQUESTS} requests spread over the servers")
        for balancer in balancers:
            self._spread(balancer, list(SERVERS))
        self._terminal.good("every request was answered, and every server had its part")

    def _show_redirects(self, balancers: list[Balancer]) -> None:
        for balancer in balancers:
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
            self._spread(balancer, OTHERS)
        terminal.good(f"every request was answered, none by {VICTIM}")
        terminal.heading(f"Starting {VICTIM} again")
        servers.restart(VICTIM)
        self._wait_for_victim(balancers, "ONLINE")

    def _spread(self, balancer: Balancer, expected: list[str]) -> None:
        """Show how requests spread. Raises DemoFailed unless all of these servers, and no others, have their part."""
        counted = count(balancer.address, balancer.port, REQUESTS, list(SERVERS))
        self._terminal.say(f"{balancer.name} at {balancer.url}")
        self._terminal.spread(counted)
        if [name for name, answers in counted.items() if answers] != expected:
            raise DemoFailed(f"{balancer.name} does not spread its requests over {', '.join(expected)}, and only those")

    def _show_failover(self, devices: Devices, balancer: Balancer) -> None:
        terminal, gone = self._terminal, devices.active
        terminal.heading(f"Killing {gone}, the BIG-IP that is active")
        started = time.monotonic()
        devices.kill(gone)
        (left,) = (name for name in DEVICES if name != gone)
        wait_for(f"{left} to take over", NOTICE_TIME, lambda: devices.state(left) == "active")
        wait_for(f"{balancer.name} to answer again", NOTICE_TIME, partial(answers, balancer.address, balancer.port))
        terminal.good(f"{balancer.name} answers again after {time.monotonic() - started:.1f} s")
        self._check_carrier(devices, balancer)
        self._spread(balancer, list(SERVERS))
        terminal.heading(f"Editing {balancer.name} on the BIG-IP that is left")
        openstack = OpenStack(terminal, self._place.endpoint)
        openstack.run(f"loadbalancer member set --disable --wait {balancer.pool_name} {VICTIM}", quiet=True)
        wait_for(f"{VICTIM} to get no more requests", NOTICE_TIME, lambda: not self._few(balancer)[VICTIM])
        self._spread(balancer, OTHERS)
        terminal.good(f"every request was answered, none by {VICTIM}, which was disabled on the device that is left")

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
            f"curl {self._place.endpoint}{BALANCERS}/{balancer.id}/events",
            f"bascule plan --config-file {shlex.quote(str(self._place.configuration))} shop",
        ):
            terminal.say(line)

    def _named(self, name: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = self._api.get(f"{BALANCERS}?name={name}")["loadbalancers"]
        if len(found) != 1:
            raise DemoFailed(f"there are {len(found)} load balancers with the name {name}, not one")
        return found[0]

    def _state(self, load_balancer_id: str) -> tuple[str, str]:
        found = self._api.get(f"{BALANCERS}/{load_balancer_id}")["loadbalancer"]
        if found["provisioning_status"] == "ERROR":
            tree = self._api.get(f"{BALANCERS}/{load_balancer_id}/status")
            raise DemoFailed(f"{found['name']} is in ERROR: {json.dumps(tree, indent=2)}")
        return found["provisioning_status"], found["operating_status"]


def _with_ports(content: Any, ports: dict[int, int]) -> Any:
    """A decoded JSON text with other numbers wherever `protocol_port` is one of these."""
    if isinstance(content, list):
        return [_with_ports(each, ports) for each in content]
    if isinstance(content, dict):
        return {
            key: ports.get(value, value) if key == "protocol_port" else _with_ports(value, ports) for key, value in content.items()
        }
    return content
