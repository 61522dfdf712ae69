"""Neutron in memory, with hierarchical port binding: a network has a segment where ports of it are bound, and nowhere else."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Mapping

from bascule.clients.neutron.client import AddressInUse, CloudNetwork, NetworkGone, NeutronError, NewPort, Port, Segment


class MemoryNeutron:
    """`hosts` says which physical network ports bound to a host come to. The first tag that is given out is `first_tag`."""

    def __init__(self, networks: Mapping[str, int], hosts: Mapping[str, str], first_tag: int = 1000) -> None:
        """`networks`: the MTU of each network, by its id."""
        self.networks = dict(networks)
        self.port_by_id: dict[str, Port] = {}
        self.broken: str | None = None
        """`before` or `after`: the next write breaks off then. `late`: the next list of ports is empty, as if what is there were
        still being made. `always`: nothing is answered."""
        self._hosts = hosts
        self._tags = itertools.count(first_tag)
        self._segments: dict[tuple[str, str], Segment] = {}
        self._lock = threading.RLock()

    def network(self, network_id: str) -> CloudNetwork:
        with self._lock:
            self._answer()
            if network_id not in self.networks:
                raise NetworkGone(f"Network {network_id} could not be found.")
            found = tuple(segment for (owner, _), segment in self._segments.items() if owner == network_id)
            return CloudNetwork(network_id, self.networks[network_id], (Segment("", "vxlan", 70000), *found))

    def ports(self, device_id: str, device_owner: str) -> tuple[Port, ...]:
        with self._lock:
            self._answer()
            if self.broken == "late":
                self.broken = None
                return ()
            whose = (device_id, device_owner)
            return tuple(port for port in self.port_by_id.values() if (port.wanted.device_id, port.wanted.device_owner) == whose)

    def create_port(self, wanted: NewPort) -> Port:
        with self._lock:
            self._write("before")
            if wanted.network_id not in self.networks:
                raise NetworkGone(f"Network {wanted.network_id} could not be found.")
            place = (wanted.subnet_id, wanted.address)
            if any((port.wanted.subnet_id, port.wanted.address) == place for port in self.port_by_id.values()):
                raise AddressInUse(f"IP address {wanted.address} already allocated in subnet {wanted.subnet_id}")
            port = Port(str(uuid.uuid4()), wanted)
            self.port_by_id[port.id] = port
            self._bind()
            self._write("after")
            return port

    def delete_port(self, port_id: str) -> None:
        with self._lock:
            self._write("before")
            self.port_by_id.pop(port_id, None)
            self._bind()
            self._write("after")

    def _bind(self) -> None:
        """Give networks the segments that their ports need, and no others."""
        needed = {
            (port.wanted.network_id, self._hosts[port.wanted.host])
            for port in self.port_by_id.values()
            if port.wanted.host in self._hosts
        }
        for key in self._segments.keys() - needed:
            del self._segments[key]
        for key in sorted(needed - self._segments.keys()):
            self._segments[key] = Segment(key[1], "vlan", next(self._tags))

    def _answer(self) -> None:
        if self.broken == "always":
            raise NeutronError("connection refused")

    def _write(self, when: str) -> None:
        self._answer()
        if self.broken == when:
            self.broken = None
            raise NeutronError("connection reset")
