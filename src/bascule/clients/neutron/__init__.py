"""Neutron: what load balancers need to know and have of a cloud's networks. So far an interface and a twin in memory."""

from bascule.clients.neutron.client import (
    AddressInUse,
    CloudNetwork,
    NetworkGone,
    Neutron,
    NeutronError,
    NeutronRefused,
    NewPort,
    Port,
    Segment,
)
from bascule.clients.neutron.memory import MemoryNeutron

__all__ = [
    "AddressInUse",
    "CloudNetwork",
    "MemoryNeutron",
    "NetworkGone",
    "Neutron",
    "NeutronError",
    "NeutronRefused",
    "NewPort",
    "Port",
    "Segment",
]
