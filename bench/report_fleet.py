"""What many workers, and a fleet that is left alone, cost: as tables for people and as plain values for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.claim import Times
from bench.idle import Idle
from bench.report import table, target
from bench.scale import Rate, Scale

IDLE_TARGET = 0.02
"""Of one processor."""


def scale(found: Scale) -> dict[str, Any]:
    """The figures of many workers."""
    return {
        "device_latency_s": found.latency,
        "in_memory": _rates(found.in_memory),
        "on_devices": _rates(found.on_devices),
    }


def _rates(found: Sequence[Rate]) -> dict[str, Any]:
    return {str(each.workers): {"per_second": each.per_second, "processors": each.cpu} for each in found}


def scale_table(found: Mapping[str, Any]) -> str:
    """Load balancers carried out in a second, by workers."""
    head = (
        "workers",
        "in memory, per second",
        "processors",
        f"devices that take {found['device_latency_s']:g} s, per second",
        "processors",
    )
    rows = [
        (
            workers,
            f"{in_memory['per_second']:.0f}",
            f"{in_memory['processors']:.2f}",
            f"{found['on_devices'][workers]['per_second']:.0f}",
            f"{found['on_devices'][workers]['processors']:.2f}",
        )
        for workers, in_memory in found["in_memory"].items()
    ]
    return table(head, rows)


def claim(found: Mapping[int, Times]) -> dict[str, Any]:
    """The figures of choosing what is next, by the number of units that are due."""
    return {str(count): {"find_ms": each.find, "choose_ms": each.choose} for count, each in found.items()}


def claim_table(found: Mapping[str, Any]) -> str:
    """How long it takes to choose among so many."""
    rows = [
        (f"{int(count):,} units due", f"{each['find_ms']:.2f} ms", f"{each['choose_ms']:.2f} ms") for count, each in found.items()
    ]
    return table(("", "find lanes", "choose 50"), rows)


def idle(found: Idle) -> dict[str, Any]:
    """The figures of a fleet that is left alone."""
    return {
        "load_balancers": found.load_balancers,
        "statements_per_minute": found.statements,
        "cpu_s_per_minute": found.cpu,
        "members": found.members,
        "look_cpu_s": found.look,
        "look_statements": {"reads": found.look_statements.reads, "writes": found.look_statements.writes},
    }


def idle_table(found: Mapping[str, Any]) -> str:
    """What it costs, beside what was aimed at."""
    share = found["cpu_s_per_minute"] / 60
    statements = found["statements_per_minute"]
    rows = [
        (
            f"{found['load_balancers']} load balancers: CPU, share of a processor",
            f"{share:.2%}",
            target(share < IDLE_TARGET, "2 %"),
        ),
        ("statements per minute", "not counted" if statements is None else f"{statements:.0f}", ""),
        (f"a look at {found['members']} members that finds nothing new: CPU", f"{found['look_cpu_s'] * 1000:.0f} ms", ""),
    ]
    return table(("left alone", "measured", "target"), rows)
