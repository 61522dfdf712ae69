"""What is asked of Neutron, and its answers as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class NeutronError(Exception):
    """Neutron gave no usable answer. A write may have been carried out. The text is for operators."""


class NeutronRefused(NeutronError):
    """Neutron will not do it, for want of quota or permission for instance. Nothing was changed."""


class NetworkGone(NeutronRefused):
    """There is no such network."""


class AddressInUse(NeutronRefused):
    """Another port has the address."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What carries a network on one physical network. `tag` is None where its type has none."""

    physical_network: str
    type: str
    tag: int | None


@dataclass(frozen=True, slots=True)
class CloudNetwork:
    """A network with all its segments."""

    id: str
    mtu: int
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPort:
    """A port as it is asked for: `device_id` and `device_owner` say whose it is, `host` where it is bound."""

    name: str
    network_id: str
    subnet_id: str
    address: str
    device_id: str
    device_owner: str
    host: str


@dataclass(frozen=True, slots=True)
class Port:
    """A port that is there."""

    id: str
    wanted: NewPort


class Neutron(Protocol):
    """Every method raises NeutronError."""

    def network(self, network_id: str) -> CloudNetwork:
        """Raises NetworkGone."""

    def ports(self, device_id: str, device_owner: str) -> tuple[Port, ...]:
        """The ports of a device of one owner."""

    def create_port(self, wanted: NewPort) -> Port:
        """Make a port and bind it. Raises AddressInUse, NetworkGone, NeutronRefused."""

    def delete_port(self, port_id: str) -> None:
        """One that is not there is no error."""
