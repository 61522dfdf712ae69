"""Runs a module that knows nothing of the demo, and ends when the demo does.

`python -m bascule.cmd.demo.tied MODULE [ARGUMENTS]`.
"""

from __future__ import annotations

import runpy
import sys

from bascule.cmd import process


def main() -> None:
    """Run it, until it ends or whoever started us is gone."""
    module = sys.argv.pop(1)
    process.live_no_longer_than_parent()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
