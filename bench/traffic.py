"""Requests through a load balancer that Bascule made, beside the same through a HAProxy configuration written by hand."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import carried
from bench.carried import Load, Site, Wrk

PORT = 18070
_BY_HAND_PORT = 18080
_MEMBERS = 4

_BY_HAND = """\
defaults
    mode http
    timeout client 50s
    timeout connect 5s
    timeout server 50s
frontend web
    bind {address}:{port}
    default_backend servers
backend servers
    balance roundrobin
{servers}
"""


@dataclass(frozen=True, slots=True)
class Effort:
    """How often and how long both are measured, in turns. Seconds."""

    rounds: int = 7
    seconds: int = 3


@dataclass(frozen=True, slots=True)
class Traffic:
    """One load per round for each side, rounds in order."""

    haproxy: str
    bascule: tuple[Load, ...]
    by_hand: tuple[Load, ...]

    def ratio(self) -> float:
        """Requests per second, Bascule's to the other's: the median of the rounds' ratios, for both sides suffer what else runs."""
        pairs = zip(self.bascule, self.by_hand, strict=True)
        return statistics.median(ours.per_second / theirs.per_second for ours, theirs in pairs)


def measure(site: Site, effort: Effort, say: Callable[[str], None]) -> Traffic:
    """Send as many requests as go through, over connections that stay open."""
    address = site.create(PORT, _MEMBERS)["vip_address"]
    members = (site.member(number) for number in range(_MEMBERS))
    servers = "\n".join(
        f"    server s{number} {each['address']}:{each['protocol_port']} check inter 5s" for number, each in enumerate(members)
    )
    configuration = _BY_HAND.format(address=address, port=_BY_HAND_PORT, servers=servers)
    found: dict[int, list[Load]] = {PORT: [], _BY_HAND_PORT: []}
    with (
        tempfile.TemporaryDirectory(prefix="bascule-bench-") as folder,
        carried.haproxy(site.binary, Path(folder) / "by-hand.cfg", configuration),
    ):
        carried.wait_for_answer(address, _BY_HAND_PORT)
        for number in range(effort.rounds + 1):  # the first round warms both up
            say(f"HAProxy: requests through Bascule's load balancer and the one by hand, round {number} of {effort.rounds}")
            for port in sorted(found, reverse=bool(number % 2)):
                load = Wrk(address, port, effort.seconds).result()
                if load.failed:
                    raise RuntimeError(f"{load.failed} requests failed on port {port}")
                if number:
                    found[port].append(load)
    version = ".".join(map(str, site.binary.version))
    return Traffic(version, tuple(found[PORT]), tuple(found[_BY_HAND_PORT]))
