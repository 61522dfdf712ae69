"""bascule-health-manager: writes down what data planes see."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from oslo_config import cfg

from bascule.cmd import monitoring, process, wiring
from bascule.cmd.process import Stop
from bascule.cmd.settings import Settings

NAME = "bascule-health-manager"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the process until it is told to stop."""
    arguments = process.parser(NAME, "Write down what data planes see.").parse_args(argv)
    return process.run(NAME, arguments.config_file, _watch)


def _watch(_conf: cfg.ConfigOpts, settings: Settings) -> None:
    database = wiring.checked_database(settings)
    health_manager = wiring.health_manager(settings, database)
    orphans = wiring.orphans(settings, database)
    watched = settings.monitoring
    beat = monitoring.watch(watched.bind_host, watched.health_manager_port, database, settings.health_manager.interval)
    stop = Stop()

    def tick() -> bool:
        health_manager.tick()
        orphans.tick()
        return False  # news are no reason to ask again at once

    process.loop(tick, stop.wait, settings.health_manager.interval, stop, beat)
    database.close()


if __name__ == "__main__":
    sys.exit(main())
