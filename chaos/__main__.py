"""Put Bascule to the test: ./run chaos --kills N --seed S [--database KIND] [--json FILE]"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from chaos.databases import OPENED
from chaos.run import Result, run
from tests.servers import NotInstalled

_SHOWN = 20


def main(arguments: list[str]) -> int:
    """Run what the command line asks for. Gives the exit status: 1 if anything was lost, stuck, drifted or moved backwards."""
    parser = argparse.ArgumentParser(prog="./run chaos", description="Put Bascule to the test on this machine.")
    parser.add_argument("--kills", metavar="N", type=int, default=20, help="how many processes are killed (20)")
    parser.add_argument("--seed", metavar="S", type=int, default=1, help="what edits and faults follow from (1)")
    parser.add_argument("--database", choices=list(OPENED), default="sqlite", help="where Bascule keeps its data (sqlite)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write all figures to FILE")
    given = parser.parse_args(arguments)
    if given.kills < 1:
        parser.error("--kills: at least 1")
    if given.json and not given.json.absolute().parent.is_dir():
        parser.error(f"--json: the directory of {given.json} does not exist")
    try:
        result = run(given.database, given.seed, given.kills, _say())
    except NotInstalled as error:
        print(error, file=sys.stderr)
        return 2
    if given.json:
        given.json.write_text(json.dumps(result.figures(), indent=2) + "\n")
    print(report(result))
    if result.good:
        shutil.rmtree(result.folder, ignore_errors=True)
    return 0 if result.good else 1


def report(result: Result) -> str:
    """What came of a run, as a table, and what was found."""
    figures = result.figures()
    rows = [("database", result.database), ("seed", result.seed), ("kills", result.kills)]
    rows += [("other faults", sum(result.faults.values()) - result.kills), ("edits acknowledged", result.acknowledged)]
    rows += [("answers lost", result.unknown), ("refused", result.refused), ("load balancers made", result.load_balancers)]
    rows += [(name, figures[name]) for name in ("lost", "stuck", "drifted")]
    rows += [("moved backwards", figures["backwards"]), ("stepped back a while", result.stepped_back)]
    rows += [("time to converge", "never" if result.converged is None else f"{result.converged:.0f} s")]
    rows += [("in all", f"{result.seconds:.0f} s")]
    lines = ["", *(f"{name:<20} {value}" for name, value in rows)]
    for name, found in result.findings.items():
        lines += [f"\n{name}:", *(f"  {each[:600]}" for each in found[:_SHOWN])] if found else []
        lines += [f"  ... and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    if result.refusals:
        lines += ["\nrefused:", *(f"  {count} times: {text}" for text, count in sorted(result.refusals.items()))]
    if not result.good:
        again = f"./run chaos --kills {result.kills} --seed {result.seed} --database {result.database}"
        lines += [f"\nThe logs are in {result.folder}. To do it again: {again}"]
    return "\n".join(lines)


def _say() -> Callable[[str], None]:
    began = time.monotonic()
    return lambda text: print(f"{time.monotonic() - began:5.1f} s  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
