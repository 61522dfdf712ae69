"""Results of the provider `f5` as tables and as plain values for JSON."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bench.f5 import F5, Cost, OnDevice
from bench.report import table, target

CHANGE_TARGET_BYTES = 10_000
GROWTH_TARGET = 1.1
RESYNC_TARGET_SECONDS = 2.0
"""For 1,000 load balancers loaded and rendered."""

_SAP = """\
For orientation, SAP's driver for Octavia: 64 statements and 21 to 43 ms to load one load balancer, twice for each synchronization;
2.9 MB posted for any change in a network of 1,000 load balancers; its rendering takes more than twice as long for twice as many."""


def figures(found: F5) -> dict[str, Any]:
    """What was measured, in bytes, seconds and MiB."""
    return {
        "devices": {str(each.count): _on_device(each) for each in found.devices},
        "resync": {str(each.count): asdict(each) for each in found.resyncs},
    }


def _on_device(found: OnDevice) -> dict[str, Any]:
    costs = [_cost(each) for each in found.changes]
    change = {name: statistics.median(cost[name] for cost in costs) for name in costs[0]}
    return {"change": change, "filled": _cost(found.filled), "report": _cost(found.reported)}


def _cost(cost: Cost) -> dict[str, float]:
    return {
        "requests": cost.requests,
        "bytes_sent": cost.sent,
        "bytes_received": cost.received,
        "reads": cost.statements.reads,
        "writes": cost.statements.writes,
        "other_statements": cost.statements.others,
        "cpu_s": cost.cpu,
        "seconds": cost.seconds,
    }


def tables(found: Mapping[str, Any]) -> str:
    """Everything for people."""
    return "\n\n".join((change_table(found["devices"]), device_table(found["devices"]), resync_table(found["resync"]), _SAP))


def change_table(devices: Mapping[str, Any]) -> str:
    """A change of one member, beside the same on devices of other sizes."""
    changes = [each["change"] for each in devices.values()]
    sent = [each["bytes_sent"] for each in changes]
    head = ("a change of one member, by load balancers on the device", *devices, "last to first", "target")
    rows = [
        _row(
            "bytes sent to the device", changes, "bytes_sent", 0, target(max(sent) < CHANGE_TARGET_BYTES, f"{CHANGE_TARGET_BYTES}")
        ),
        ("", *("" for _ in changes), "", target(sent[-1] < sent[0] * GROWTH_TARGET, f"x {GROWTH_TARGET}")),
        _row("bytes received", changes, "bytes_received", 0),
        _row("requests", changes, "requests", 0),
        _row("SELECT", changes, "reads", 0),
        _row("INSERT, UPDATE, DELETE", changes, "writes", 0),
        _row("BEGIN, SAVEPOINT, ...", changes, "other_statements", 0),
        _row("CPU of Bascule, s", changes, "cpu_s", 4),
        _row("until it is recorded as carried, s", changes, "seconds", 4),
    ]
    return table(head, rows)


def device_table(devices: Mapping[str, Any]) -> str:
    """What is done with all load balancers of a device."""
    head = ("by load balancers on the device", *devices, "last to first")
    rows: list[Sequence[str]] = []
    for name, text in (("filled", "all brought onto an empty device"), ("report", "report of all")):
        costs = [each[name] for each in devices.values()]
        for key, unit, digits in (
            ("seconds", "s", 2),
            ("cpu_s", "CPU of Bascule, s", 3),
            ("requests", "requests", 0),
            ("bytes_sent", "bytes sent", 0),
            ("bytes_received", "bytes received", 0),
        ):
            rows.append(_row(f"{text}: {unit}", costs, key, digits)[:-1])
    return table(head, rows)


def resync_table(resyncs: Mapping[str, Any]) -> str:
    """Loading and rendering everything."""
    found = list(resyncs.values())
    together = [{"seconds": each["load"] + each["render"]} for each in found]
    single = [{"cpu_ms": each["cpu"] * 1000 / each["count"]} for each in found]
    met = all(each["seconds"] < RESYNC_TARGET_SECONDS * one["count"] / 1000 for each, one in zip(together, found, strict=True))
    head = ("loading and rendering all, by load balancers", *resyncs, "last to first", "target")
    rows = [
        _row("load, s", found, "load", 3),
        _row("render and compare, s", found, "render", 3),
        _row("together, s", together, "seconds", 3, target(met, f"{RESYNC_TARGET_SECONDS:g} for 1,000")),
        _row("CPU, s", found, "cpu", 3),
        _row("CPU for each load balancer, ms", single, "cpu_ms", 3),
        _row("memory grows by, MiB", found, "memory", 1),
        _row("SELECT for a batch of 50", found, "statements", 0),
    ]
    return table(head, rows)


def _row(text: str, values: Sequence[Mapping[str, float]], key: str, digits: int, aim: str = "") -> tuple[str, ...]:
    """Values, and the ratio of the last to the first."""
    each = [value[key] for value in values]
    ratio = f"x {each[-1] / each[0]:.2f}" if each[0] else ""
    return (text, *(f"{value:.{digits}f}" for value in each), ratio, aim)
