"""The network driver `neutron`: hierarchical port binding.

Every device has a port of its own in every subnet for VIPs, for its self IP. Ports are bound to a host that stands for the device
group, whereupon Neutron gives the network a VLAN on the physical network that the devices are connected to.

An address is first held in our own database, which keeps VIPs off it; then the port is made, under a name that follows from the
unit. So whoever comes after a crash knows what to look for, and finds every port by the unit that it was made for.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence

import sqlalchemy as sa

from bascule.clients.neutron import AddressInUse, CloudNetwork, NetworkGone, Neutron, NeutronError, NeutronRefused, NewPort, Port
from bascule.core.networks import NetworkTrouble
from bascule.core.subnets import Subnets
from bascule.model.definition import Network, SelfIP, Subnet
from bascule.model.errors import Conflict
from bascule.store import claims
from bascule.store.engine import Database

OWNER = "network:bascule"
"""The `device_owner` of our ports. Their `device_id` is the id of the network unit."""

_NAMESPACE = uuid.UUID("0a1b3f0e-1f0f-5c53-9f6b-52f5a0b6d1c4")
_FRESH = 1.0
"""For how long the tag of a network is believed, in seconds: one batch has many load balancers in it."""
_TRIES = 20
"""How many addresses are tried for one port in one pass."""


class FromNeutron:
    """The driver of one device group. `devices` are its devices' names, `interface` is where they meet `physical_network`."""

    def __init__(
        self,
        database: Database,
        neutron: Neutron,
        subnets: Subnets,
        *,
        devices: Sequence[str],
        host: str,
        physical_network: str,
        interface: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._neutron = neutron
        self._subnets = subnets
        self._devices = tuple(devices)
        self._host = host
        self._physical_network = physical_network
        self._interface = interface
        self._clock = clock
        self._tags: dict[str, tuple[float, int]] = {}

    def route_domain(self, network_id: str) -> int:
        """The tag of the network. It may be another one by now, if another worker let the network go and made it again.

        While Neutron gives no answer, the last one counts.
        """
        at, tag = self._tags.get(network_id, (float("-inf"), None))
        if tag is not None and self._clock() - at <= _FRESH:
            return tag
        with _told():
            try:
                return self._tag(self._neutron.network(network_id))
            except NeutronRefused:
                raise
            except NeutronError:
                if tag is None:
                    raise
        self._tags[network_id] = self._clock(), tag
        return tag

    def find(self, unit_id: str, network_id: str) -> Network:
        with _told():
            ports = self._ports(unit_id)
            wanted = [_port_name(unit_id, device, subnet) for subnet in self._served(network_id) for device in self._devices]
            if not ports.keys() >= set(wanted):
                raise NetworkTrouble("The network has no ports for self IPs yet.")
            return self._network(unit_id, network_id, ports)

    def hold(self, unit_id: str, network_id: str) -> Network:
        with _told():
            ports = self._ports(unit_id)
            for subnet in self._served(network_id):
                for device in self._devices:
                    name = _port_name(unit_id, device, subnet)
                    if name not in ports:
                        ports[name] = self._made(unit_id, device, subnet)
            return self._network(unit_id, network_id, ports)

    def release(self, unit_id: str, network_id: str) -> None:
        with _told():
            for port in self._neutron.ports(unit_id, OWNER):
                self._neutron.delete_port(port.id)
        self._tags.pop(network_id, None)

    def _served(self, network_id: str) -> list[Subnet]:
        """The subnets that get self IPs."""
        return [subnet for subnet in self._of(network_id) if subnet.vips]

    def _of(self, network_id: str) -> list[Subnet]:
        return [subnet for subnet in self._subnets.all() if subnet.network_id == network_id]

    def _ports(self, unit_id: str) -> dict[str, Port]:
        return {port.wanted.name: port for port in self._neutron.ports(unit_id, OWNER)}

    def _made(self, unit_id: str, device: str, subnet: Subnet) -> Port:
        """A port with an address that is free, for Neutron as well."""
        for _ in range(_TRIES):
            address = self._database.write(lambda conn: self._held(conn, unit_id, device, subnet))
            wanted = NewPort(
                name=_port_name(unit_id, device, subnet),
                network_id=subnet.network_id,
                subnet_id=subnet.id,
                address=address,
                device_id=unit_id,
                device_owner=OWNER,
                host=self._host,
            )
            try:
                return self._neutron.create_port(wanted)
            except AddressInUse:
                if (late := self._ports(unit_id).get(wanted.name)) is not None:
                    return late  # asked for earlier, by us, without an answer
                # It stays held: no VIP is to have it either.
                self._database.write(lambda conn: claims.set_aside(conn, _claim_id(unit_id, device, subnet)))
        raise NetworkTrouble("No address for a self IP could be had.", f"{_TRIES} addresses of subnet {subnet.id} are in use.")

    def _held(self, conn: sa.Connection, unit_id: str, device: str, subnet: Subnet) -> str:
        """The address that is held for a self IP, or a free one that is from now on."""
        claim_id = _claim_id(unit_id, device, subnet)
        held = claims.address(conn, claim_id)
        return held or self._subnets.allocate(conn, unit_id, subnet, "", claim_id)[0]

    def _network(self, unit_id: str, network_id: str, ports: Mapping[str, Port]) -> Network:
        found = self._neutron.network(network_id)
        tag = self._tag(found)
        own = [(device, subnet.id, ports[_port_name(unit_id, device, subnet)]) for subnet in self._served(network_id)
               for device in self._devices]  # fmt: skip
        return Network(
            id=network_id,
            devices=self._devices,
            vlan=tag,
            interface=self._interface,
            mtu=found.mtu,
            route_domain=tag,
            subnets=tuple(self._of(network_id)),
            self_ips=tuple(SelfIP(device, subnet_id, port.wanted.address) for device, subnet_id, port in own),
        )

    def _tag(self, found: CloudNetwork) -> int:
        for segment in found.segments:
            if segment.physical_network == self._physical_network and segment.type == "vlan" and segment.tag is not None:
                self._tags[found.id] = self._clock(), segment.tag
                return segment.tag
        raise NetworkTrouble(
            "The network has no VLAN where the devices are yet.",
            f"Network {found.id} has no segment of type vlan on physical network {self._physical_network}. "
            f"Is host {self._host} known to Neutron as connected to it?",
        )


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Tell what Neutron, or a subnet, does not give as a trouble."""
    try:
        yield
    except NetworkGone as error:
        raise NetworkTrouble("The network does not exist any more.", str(error)) from error
    except NeutronRefused as error:
        raise NetworkTrouble("The network service refuses what the network needs.", str(error)) from error
    except NeutronError as error:
        raise NetworkTrouble("The network service gives no answer.", str(error)) from error
    except Conflict as error:
        raise NetworkTrouble("The subnet has no address left for a self IP.", str(error)) from error


def _claim_id(unit_id: str, device: str, subnet: Subnet) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{unit_id} {device} {subnet.id}"))


def _port_name(unit_id: str, device: str, subnet: Subnet) -> str:
    return f"bascule-{_claim_id(unit_id, device, subnet)}"
