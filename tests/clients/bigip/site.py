"""What the tests ask the emulated device itself, beside the session that they test."""

from __future__ import annotations

from typing import Any

from tests.emulator.site import Box

TOKENS = "/mgmt/shared/authz/tokens"
VERSION = "/mgmt/tm/sys/version"
VLANS = "/mgmt/tm/net/vlan"
VLAN = {"name": "vlan-7", "tag": 7}


def tokens(bigip: Box) -> list[dict[str, Any]]:
    """The tokens that there are."""
    found: list[dict[str, Any]] = bigip.get(TOKENS).body["items"]
    return found


def vlans(bigip: Box) -> list[str]:
    return [one["name"] for one in bigip.get(VLANS).body.get("items", [])]


class Counted:
    """Counts the requests whose method and path fit, from now on."""

    def __init__(self, bigip: Box, method: str = "", path: str = "") -> None:
        self._bigip = bigip
        # A fault that does nothing counts how often it is met.
        body = {"kind": "latency", "seconds": 0, "times": None, "method": method, "path": path}
        self._id = bigip.ask("POST", "/emulator/faults", body).body["id"]

    def so_far(self) -> int:
        faults = self._bigip.get("/emulator/faults").body["faults"]
        return next(int(fault["hits"]) for fault in faults if fault["id"] == self._id)
