"""Run the measurements and print what was found: ./run bench [--json FILE] [PART ...]"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bascule.south.haproxy import BinaryNotFound
from bench import (
    active,
    carried,
    claim,
    cost,
    databases,
    f5,
    harm,
    idle,
    memory,
    report,
    report_f5,
    report_fleet,
    scale,
    statements,
    traffic,
)
from bench.databases import Databases
from tests.identity import keystone
from tests.servers import NotInstalled

_DATABASE_PARTS = ("cost", "filters", "keystone", "statements", "active", "memory", "f5", "claim", "idle", "scale")
PARTS = (*_DATABASE_PARTS, "traffic", "harm")
_LINE = "*" * 100


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured. The default takes a few minutes on two processors."""

    cost: cost.Effort = field(default_factory=cost.Effort)
    active: active.Effort = field(default_factory=active.Effort)
    memory: Sequence[int] = (0, 10_000)
    f5: f5.Effort = field(default_factory=f5.Effort)
    claim: claim.Effort = field(default_factory=claim.Effort)
    idle: idle.Effort = field(default_factory=idle.Effort)
    scale: scale.Effort = field(default_factory=scale.Effort)
    traffic: traffic.Effort = field(default_factory=traffic.Effort)
    harm: harm.Effort = field(default_factory=harm.Effort)


def main(arguments: list[str]) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="./run bench", description="Measure Bascule on this machine.")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write all figures to FILE")
    parser.add_argument("part", nargs="*", metavar="PART", help=f"only these parts; there are: {', '.join(PARTS)}")
    given = parser.parse_args(arguments)
    if unknown := [part for part in given.part if part not in PARTS]:
        parser.error(f"there is no part {unknown[0]}; the parts are: {', '.join(PARTS)}")
    if given.json and not given.json.absolute().parent.is_dir():
        parser.error(f"--json: the directory of {given.json} does not exist")
    found = run(given.part or PARTS, Effort(), _say())
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def run(parts: Sequence[str], effort: Effort, say: Callable[[str], None]) -> dict[str, Any]:
    """Run some parts on every kind of database that can be had. Gives all figures, as they are written to a file."""
    found: dict[str, Any] = {"machine": report.machine()}
    print(report.machine_text(found["machine"]), flush=True)
    with ExitStack() as stack:
        kinds = list(_kinds(stack)) if set(parts) & set(_DATABASE_PARTS) else []
        for kind in kinds:
            figures = found.setdefault(kind.name, {})
            _of_requests(kind, parts, effort, say, figures)
            _of_fleets(kind, parts, effort, say, figures)
    if {"traffic", "harm"} & set(parts):
        found["HAProxy"] = _carried(parts, effort, say)
    return found


def _of_requests(
    kind: Databases, parts: Sequence[str], effort: Effort, say: Callable[[str], None], figures: dict[str, Any]
) -> None:
    """The parts about what a request costs, and how long it takes until it is carried out."""
    if "cost" in parts:
        figures["cost"] = report.costs(cost.measure(kind, effort.cost, say))
        _show(f"{kind.name}, {effort.cost.load_balancers} load balancers: a request", report.cost_table(figures["cost"]))
    if "filters" in parts:
        figures["filters"] = report.costs(cost.measure_filters(kind, effort.cost, say))
        _show(f"{kind.name}, {effort.cost.many} load balancers: a filtered list", report.cost_table(figures["filters"]))
    if "keystone" in parts and not _missing_keystone():
        figures["keystone"] = report.costs(cost.measure_keystone(kind, effort.cost, say))
        _show(f"{kind.name}: a request with a token of Keystone", report.cost_table(figures["keystone"]))
    if "statements" in parts:
        counts = statements.measure(kind, effort.cost.load_balancers, say)
        figures["statements"] = report.statements(counts)
        _show(f"{kind.name}: SQL statements of a request", report.statement_table(figures["statements"]))
    if "active" in parts:
        figures["active"] = report.active(active.measure(kind, effort.active, say))
        _show(f"{kind.name}, in-memory backend", report.active_table(figures["active"]))


def _missing_keystone() -> bool:
    missing = not (keystone.HOME / "installed").exists()
    if missing:
        print(f"{_LINE}\n*** TOKENS ARE NOT MEASURED: there is no Keystone; './run test' installs one.\n{_LINE}", flush=True)
    return missing


def _of_fleets(kind: Databases, parts: Sequence[str], effort: Effort, say: Callable[[str], None], figures: dict[str, Any]) -> None:
    """The parts about many load balancers."""
    if "memory" in parts and not kind.is_server:
        figures["memory_pss_mib"] = {str(count): memory.measure(kind, count, say) for count in effort.memory}
        _show(f"{kind.name}: resident memory of each process", report.memory_table(figures["memory_pss_mib"]))
    if "f5" in parts:
        figures["f5"] = report_f5.figures(f5.measure(kind, effort.f5, say))
        _show(f"{kind.name}, an emulated BIG-IP", report_f5.tables(figures["f5"]))
    if "claim" in parts:
        figures["claim"] = report_fleet.claim(claim.measure(kind, effort.claim, say))
        _show(f"{kind.name}: choosing what is worked on next", report_fleet.claim_table(figures["claim"]))
    if "idle" in parts:
        figures["idle"] = report_fleet.idle(idle.measure(kind, effort.idle, say))
        _show(f"{kind.name}, in-memory backend", report_fleet.idle_table(figures["idle"]))
    if "scale" in parts and kind.is_server:  # SQLite takes one write at a time, whoever writes
        figures["scale"] = report_fleet.scale(scale.measure(kind, effort.scale, say))
        _show(f"{kind.name}: load balancers carried out in a second", report_fleet.scale_table(figures["scale"]))


def _carried(parts: Sequence[str], effort: Effort, say: Callable[[str], None]) -> dict[str, Any]:
    """The parts that need something that carries traffic."""
    figures: dict[str, Any] = {}
    if shutil.which("wrk") is None:
        print(f"{_LINE}\n*** TRAFFIC IS NOT MEASURED: wrk is not installed here (Debian package wrk).\n{_LINE}", flush=True)
        return figures
    try:
        with carried.running() as site:
            if "traffic" in parts:
                figures["traffic"] = report.traffic(traffic.measure(site, effort.traffic, say))
                _show(f"HAProxy {figures['traffic']['haproxy']}: traffic", report.traffic_table(figures["traffic"]))
            if "harm" in parts:
                figures["harm"] = report.harm(harm.measure(site, effort.harm, say))
                _show("HAProxy: changes while traffic flows", report.harm_table(figures["harm"]))
    except BinaryNotFound as error:
        print(f"{_LINE}\n*** TRAFFIC IS NOT MEASURED: {error}\n{_LINE}", flush=True)
    return figures


def _kinds(stack: ExitStack) -> Iterator[Databases]:
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bascule-bench-"))
    yield databases.sqlite(Path(folder))
    try:
        yield stack.enter_context(databases.postgresql())
    except NotInstalled:
        print(
            f"{_LINE}\n*** POSTGRESQL IS NOT MEASURED: it is not installed here (Debian package postgresql).\n{_LINE}", flush=True
        )


def _say() -> Callable[[str], None]:
    began = time.monotonic()
    return lambda text: print(f"{time.monotonic() - began:4.0f} s  {text}", flush=True)


def _show(title: str, table: str) -> None:
    print(f"\n{title}\n{table}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
