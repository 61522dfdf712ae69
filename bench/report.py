"""Results as tables for people and as plain values for JSON."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.active import Active
from bench.cost import Compared
from bench.harm import Harm
from bench.load import percentile
from bench.statements import Count
from bench.traffic import Traffic

ALONE_TARGET_MS = 50.0
TOGETHER_TARGET_SECONDS = 60.0
TRAFFIC_TARGET = 0.97
ROTATION_TARGET_MS = 100.0


def machine() -> dict[str, Any]:
    """What was measured on. Other load makes everything slower; ratios to the floor suffer least."""
    models = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "processors": os.cpu_count(),
        "processor": models[0] if models else platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("bascule", "falcon", "granian", "msgspec", "psycopg", "sqlalchemy")},
        "load_before": os.getloadavg()[0],
    }


def machine_text(found: Mapping[str, Any]) -> str:
    text = f"Python {found['python']} on {found['processors']} processors ({found['processor']}), load {found['load_before']:.1f}"
    if found["load_before"] > 0.5:
        text += "\nOTHER PROGRAMS ARE BUSY HERE: times are too long and rates too low. The ratios to the floor suffer least."
    return text


def costs(found: Iterable[Compared]) -> dict[str, Any]:
    return {
        each.workload.name: {
            "cpu_ms": each.bascule.cpu_ms,
            "floor_cpu_ms": each.floor.cpu_ms,
            "times_floor": each.times_floor,
            "target_times_floor": each.workload.target.times_floor,
            "octavia_19_cpu_ms": each.workload.target.octavia_ms,
            "per_second": each.bascule.per_second,
            "floor_per_second": each.floor.per_second,
            "p50_ms": each.bascule.p50_ms,
            "p99_ms": each.bascule.p99_ms,
            "floor_p50_ms": each.floor.p50_ms,
            "floor_p99_ms": each.floor.p99_ms,
        }
        for each in found
    }


def cost_table(found: Mapping[str, Any]) -> str:
    head = ("", "CPU ms", "floor ms", "times floor", "target", "Octavia 19 ms", "per second", "floor", "p50, p99 ms", "floor")
    rows = [
        (
            name,
            f"{each['cpu_ms']:.2f}",
            f"{each['floor_cpu_ms']:.2f}",
            f"{each['times_floor']:.1f}",
            target(each["times_floor"] <= each["target_times_floor"], f"{each['target_times_floor']:g}"),
            f"{each['octavia_19_cpu_ms']:g}" if each["octavia_19_cpu_ms"] else "",
            f"{each['per_second']:.0f}",
            f"{each['floor_per_second']:.0f}",
            f"{each['p50_ms']:.1f}, {each['p99_ms']:.1f}",
            f"{each['floor_p50_ms']:.1f}, {each['floor_p99_ms']:.1f}",
        )
        for name, each in found.items()
    ]
    return table(head, rows)


def statements(found: Mapping[str, Count]) -> dict[str, Any]:
    return {name: {"reads": each.reads, "writes": each.writes, "others": each.others} for name, each in found.items()}


def statement_table(found: Mapping[str, Any]) -> str:
    head = ("", "SELECT", "INSERT, UPDATE, DELETE", "BEGIN, SAVEPOINT, ...")
    return table(head, [(name, *map(str, each.values())) for name, each in found.items()])


def active(found: Active) -> dict[str, Any]:
    return {
        "alone": len(found.alone),
        "alone_p50_ms": percentile(found.alone, 50) * 1000,
        "alone_p99_ms": percentile(found.alone, 99) * 1000,
        "together": found.count,
        "together_posted_s": found.posted,
        "together_active_s": found.together,
        "together_cpu_s": found.cpu,
    }


def active_table(found: Mapping[str, Any]) -> str:
    head = ("from 201 to ACTIVE", "measured", "target")
    together = found["together_active_s"]
    at_once = f"{found['together']} at once, from the first POST"
    rows = [
        (
            f"one at a time, {found['alone']} times, p50",
            f"{found['alone_p50_ms']:.0f} ms",
            target(found["alone_p50_ms"] < ALONE_TARGET_MS, f"{ALONE_TARGET_MS:.0f} ms"),
        ),
        ("one at a time, p99", f"{found['alone_p99_ms']:.0f} ms", ""),
        (f"{at_once} to the last 201", f"{found['together_posted_s']:.1f} s", ""),
        (
            f"{at_once} to all ACTIVE",
            f"{together:.1f} s",
            target(together < TOGETHER_TARGET_SECONDS, f"{TOGETHER_TARGET_SECONDS:.0f} s"),
        ),
        ("CPU time of all processes meanwhile", f"{found['together_cpu_s']:.1f} s", ""),
    ]
    return table(head, rows)


def memory_table(found: Mapping[str, Mapping[str, float]]) -> str:
    """`found` is by number of load balancers, then by process; MiB."""
    head = ("PSS in MiB, by load balancers", *found)
    names = next(iter(found.values()))
    return table(head, [(name, *(f"{each[name]:.0f}" for each in found.values())) for name in names])


def traffic(found: Traffic) -> dict[str, Any]:
    sides = {"bascule": found.bascule, "by_hand": found.by_hand}
    figures: dict[str, Any] = {"haproxy": found.haproxy, "ratio": found.ratio()}
    for name, loads in sides.items():
        figures[name] = {
            "per_second": statistics.median(load.per_second for load in loads),
            "p99_ms": statistics.median(load.p99 for load in loads),
        }
    return figures


def traffic_table(found: Mapping[str, Any]) -> str:
    ours, theirs = found["bascule"], found["by_hand"]
    rows = [
        (
            "requests per second",
            f"{ours['per_second']:.0f}",
            f"{theirs['per_second']:.0f}",
            f"{found['ratio']:.3f}",
            target(found["ratio"] >= TRAFFIC_TARGET, f"{TRAFFIC_TARGET}"),
        ),
        ("p99, ms", f"{ours['p99_ms']:.2f}", f"{theirs['p99_ms']:.2f}", f"{ours['p99_ms'] / theirs['p99_ms']:.3f}", ""),
    ]
    return table(("", "Bascule", "by hand", "ratio", "target"), rows)


def harm(found: Harm) -> dict[str, Any]:
    return {
        "member_changes": found.member_changes,
        "reloads": found.reloads,
        "requests": found.requests,
        "failed": found.failed,
        "rotations": len(found.rotation),
        "rotation_p50_ms": percentile(found.rotation, 50) * 1000,
        "rotation_p99_ms": percentile(found.rotation, 99) * 1000,
    }


def harm_table(found: Mapping[str, Any]) -> str:
    p50 = found["rotation_p50_ms"]
    what = f"failed of {found['requests']} requests, in {found['member_changes']} changes of members and {found['reloads']} reloads"
    rows = [
        (what, f"{found['failed']}", target(not found["failed"], "0")),
        (
            f"from the request for a member to its first answer, {found['rotations']} times, p50",
            f"{p50:.0f} ms",
            target(p50 < ROTATION_TARGET_MS, f"{ROTATION_TARGET_MS:.0f} ms"),
        ),
        ("p99", f"{found['rotation_p99_ms']:.0f} ms", ""),
    ]
    return table(("", "measured", "target"), rows)


def target(met: bool, wanted: str) -> str:
    """What was aimed at, and whether it is so."""
    return f"{wanted} {'met' if met else 'MISSED'}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column to the left, all others to the right."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
