"""bascule-worker: makes data planes what they should be."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Sequence

from oslo_config import cfg

from bascule.cmd import monitoring, process, wiring
from bascule.cmd.process import Stop
from bascule.cmd.settings import Settings

LOG = logging.getLogger(__name__)

NAME = "bascule-worker"

LONGEST_WRITE = process.GRACE - 5
"""Seconds that a data plane has to answer when the worker is told to stop."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the process until it is told to stop."""
    arguments = process.parser(NAME, "Make data planes what they should be.").parse_args(argv)
    return process.run(NAME, arguments.config_file, _work)


def _work(_conf: cfg.ConfigOpts, settings: Settings) -> int:
    database = wiring.checked_database(settings)
    worker = wiring.worker(settings, database)
    sleeper = wiring.sleeper(settings)
    watched = settings.monitoring
    interval, told = settings.worker.poll_interval, {"lanes": worker.working}
    beat = monitoring.watch(watched.bind_host, watched.worker_port, database, interval, wiring.broker(settings), told)
    wiring.listen(settings, sleeper)
    stop = Stop(reloads=True)
    left: list[str] = []

    def finish() -> None:
        while not stop:
            stop.wait()
        sleeper.wake()
        left.extend(worker.stop(LONGEST_WRITE))

    worker.start()
    # Passes go on in threads of their own for as long as there is something to do, so they have to hear of it.
    finishing = threading.Thread(target=finish, daemon=True)
    finishing.start()
    process.loop(worker.begin, sleeper.wait, interval, stop, beat)
    finishing.join()
    sleeper.close()
    database.close()
    if left:
        LOG.warning("Stopped without an answer in lanes %s: another worker looks after a lease what was written", ", ".join(left))
    if left and not stop.status:
        logging.shutdown()
        os._exit(0)  # Python would wait for the threads that wait for the answers
    return stop.status


if __name__ == "__main__":
    sys.exit(main())
