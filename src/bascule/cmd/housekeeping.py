"""bascule-housekeeping: forgets what is long gone, and has everything compared with what carries it from time to time."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from oslo_config import cfg
from prometheus_client import REGISTRY

from bascule.cmd import monitoring, process, wiring
from bascule.cmd.process import Stop
from bascule.cmd.settings import Settings
from bascule.core.metrics import Backlog

NAME = "bascule-housekeeping"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the process until it is told to stop."""
    arguments = process.parser(NAME, "Forget what is long gone, and check the rest from time to time.").parse_args(argv)
    return process.run(NAME, arguments.config_file, _keep_house)


def _keep_house(_conf: cfg.ConfigOpts, settings: Settings) -> int:
    database = wiring.checked_database(settings)
    housekeeping = wiring.housekeeping(settings, database)
    watched = settings.monitoring
    beat = monitoring.watch(watched.bind_host, watched.housekeeping_port, database, settings.housekeeping.interval)
    REGISTRY.register(Backlog(database))
    stop = Stop(reloads=True)
    process.loop(housekeeping.tick, stop.wait, settings.housekeeping.interval, stop, beat)
    database.close()
    return stop.status


if __name__ == "__main__":
    sys.exit(main())
