"""What changes do to traffic: requests that fail meanwhile, and how long it takes until a new member gets requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.carried import MEMBERS, PATIENCE, Site, Wrk
from bench.load import Connection

PORT = 18090
_FIXED = 4
"""Members that are there all the time; the others come and go."""

_API = "/v2/lbaas"
_LONG = 3600


@dataclass(frozen=True, slots=True)
class Effort:
    """How many changes are made."""

    member_changes: int = 100
    reloads: int = 20
    rotations: int = 50


@dataclass(frozen=True, slots=True)
class Harm:
    """`failed` of `requests` during the changes. `rotation`: seconds from sending the request for a member until the first answer
    that comes from it, sorted."""

    member_changes: int
    reloads: int
    requests: int
    failed: int
    rotation: Sequence[float]


def measure(site: Site, effort: Effort, say: Callable[[str], None]) -> Harm:
    """Change members, then listeners, under load; then add members with nothing else going on."""
    made = site.create(PORT, _FIXED)
    changes = _Changes(site, made)
    address = made["vip_address"]
    loads = [Wrk(address, PORT, _LONG, keep_alive=keep, connections=4) for keep in (True, False)]
    try:
        say(f"HAProxy: {effort.member_changes} changes of members under load")
        for number in range(effort.member_changes):
            changes.member(number)
        say(f"HAProxy: {effort.reloads} changes under load that need a reload")
        for number in range(effort.reloads):
            changes.listener(number)
        if not all(load.runs() for load in loads):
            raise RuntimeError("the load ended before the changes")
    finally:
        ends = [load.stop() for load in loads]
    say(f"HAProxy: {effort.rotations} times a new member")
    rotation = sorted(changes.rotation(number) for number in range(effort.rotations))
    failed, requests = sum(end.failed for end in ends), sum(end.requests for end in ends)
    return Harm(effort.member_changes, effort.reloads, requests, failed, rotation)


class _Changes:
    """Changes of one load balancer, each carried out before the next."""

    def __init__(self, site: Site, made: Any) -> None:
        self._site = site
        self._id = made["id"]
        self._address = made["vip_address"]
        self._listener = made["listeners"][0]["id"]
        self._members = f"{_API}/pools/{made['pools'][0]['id']}/members"
        self._extra = ""

    def member(self, number: int) -> None:
        """Add a member, give it another weight, drain it, remove it, and so on."""
        match number % 4:
            case 0:
                self._add(number // 4)
            case 1:
                self._site.ask("PUT", f"{self._members}/{self._extra}", {"member": {"weight": 7}})
            case 2:
                self._site.ask("PUT", f"{self._members}/{self._extra}", {"member": {"weight": 0}})
            case 3:
                self._site.ask("DELETE", f"{self._members}/{self._extra}")
        self._site.settle(self._id)

    def listener(self, number: int) -> None:
        """A change that HAProxy only takes over with a new process."""
        path = f"{_API}/listeners/{self._listener}"
        self._site.ask("PUT", path, {"listener": {"timeout_client_data": 50_000 + number % 2}})
        self._site.settle(self._id)

    def rotation(self, number: int) -> float:
        """Seconds from the request for a member until it answers. Removes the member again."""
        address = self._site.member(_FIXED + number % (MEMBERS - _FIXED))["address"].encode()
        began = time.perf_counter()
        self._add(number)
        while self._answers() != address:
            if time.perf_counter() - began > PATIENCE:
                raise RuntimeError("a new member gets no requests")
        taken = time.perf_counter() - began
        self._site.settle(self._id)
        self._site.ask("DELETE", f"{self._members}/{self._extra}")
        self._site.settle(self._id)
        return taken

    def _answers(self) -> bytes:
        """Which member answers a request on a new connection."""
        with Connection(PORT, self._address) as connection:
            return connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")[1]

    def _add(self, number: int) -> None:
        body = {"member": self._site.member(_FIXED + number % (MEMBERS - _FIXED))}
        self._extra = self._site.ask("POST", self._members, body)["member"]["id"]
