"""bascule-health-manager: writes down what data planes see."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from oslo_config import cfg

from bascule.cmd import monitoring, process, wiring
from bascule.cmd.process import Stop
from bascule.cmd.settings import Settings

LOG = logging.getLogger(__name__)

NAME = "bascule-health-manager"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the process until it is told to stop."""
    arguments = process.parser(NAME, "Write down what data planes see.").parse_args(argv)
    return process.run(NAME, arguments.config_file, _watch)


def _watch(_conf: cfg.ConfigOpts, settings: Settings) -> int:
    database = wiring.checked_database(settings)
    health_manager = wiring.health_manager(settings, database)
    watched = settings.monitoring
    beat = monitoring.watch(watched.bind_host, watched.health_manager_port, database, settings.health_manager.interval)
    search = _Aside(wiring.orphans(settings, database).tick)
    stop = Stop(reloads=True)

    def tick() -> bool:
        health_manager.begin()
        search.begin()
        return False  # news are no reason to ask again at once

    # Signs of life are due more often than looks where these are far apart.
    process.loop(tick, stop.wait, min(settings.health_manager.interval, settings.worker.lease / 3), stop, beat)
    health_manager.stop()
    search.end()
    database.close()
    return stop.status


class _Aside:
    """Does something beside the loop, which is not to wait for devices."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="aside")
        self._running: Future[None] | None = None

    def begin(self) -> None:
        """Begin once more, unless it is still at it."""
        if self._running is None or self._running.done():
            self._running = self._pool.submit(self._once)

    def end(self) -> None:
        """Wait for what runs."""
        self._pool.shutdown(wait=True)

    def _once(self) -> None:
        try:
            self._work()
        except Exception:
            LOG.exception("This search for orphans failed; the next one comes")


if __name__ == "__main__":
    sys.exit(main())
