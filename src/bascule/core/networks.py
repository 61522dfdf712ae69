"""Networks: where a network lies on a device group, and what has to be made outside the devices for it.

Each lane whose networks are taken care of has one driver. What a driver tells is put into definitions before anything is rendered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from bascule.model.definition import Network


class NetworkTrouble(Exception):
    """It is not known how a network lies on a device group. `lasting`: only somebody else can help.

    `text` is for users and says nothing of addresses or names that are not theirs; `operator_text` is for operators.
    """

    def __init__(self, text: str, operator_text: str = "", *, lasting: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.operator_text = operator_text
        self.lasting = lasting


class NetworkDriver(Protocol):
    """What knows the networks of one lane. Every method raises NetworkTrouble, and may be called again at any time."""

    def route_domain(self, network_id: str) -> int:
        """The route domain of a network on the devices; 0 where it has none of its own."""

    def find(self, unit_id: str, network_id: str) -> Network:
        """How a network lies on the devices, if everything outside them that it takes is there. Changes nothing."""

    def hold(self, unit_id: str, network_id: str) -> Network:
        """The same. Makes what is missing outside the devices, such as ports for self IPs, and holds it for the unit."""

    def release(self, unit_id: str, network_id: str) -> None:
        """Let go of what was made for the unit outside the devices, which hold nothing of it any more."""


class Routed:
    """The driver `none`: traffic is routed to the devices, or somebody else configures them. Nothing is made."""

    def __init__(self, devices: Sequence[str]) -> None:
        self._devices = tuple(devices)

    def route_domain(self, network_id: str) -> int:
        return 0

    def find(self, unit_id: str, network_id: str) -> Network:
        return Network(id=network_id, devices=self._devices)

    def hold(self, unit_id: str, network_id: str) -> Network:
        return self.find(unit_id, network_id)

    def release(self, unit_id: str, network_id: str) -> None:
        pass


class Declared:
    """The driver `static`: the operator declared the networks of a device group, by their ids."""

    def __init__(self, declared: Mapping[str, Network]) -> None:
        self._declared = declared

    def route_domain(self, network_id: str) -> int:
        return self._network(network_id).route_domain

    def find(self, unit_id: str, network_id: str) -> Network:
        return self._network(network_id)

    def hold(self, unit_id: str, network_id: str) -> Network:
        return self._network(network_id)

    def release(self, unit_id: str, network_id: str) -> None:
        pass

    def _network(self, network_id: str) -> Network:
        if network_id not in self._declared:
            text = f"Network {network_id} is not declared for these devices."
            raise NetworkTrouble(text, "No section [network:...] of this device group has this network_id.", lasting=True)
        return self._declared[network_id]
