"""Logging: one line per event, the same from every process, readable on a terminal and in a journal."""

from __future__ import annotations

from oslo_config import cfg
from oslo_log import log

_QUIET = ("alembic=WARN", "falcon=WARN", "_granian=WARN")
"""Libraries whose messages are of no use to an operator until something goes wrong."""


def set_up(conf: cfg.ConfigOpts, name: str) -> None:
    """Send what this process logs where the settings say, or else to standard error, under the process's name."""
    start = f"%(asctime)s.%(msecs)03d {name}[%(process)d] %(levelname)s "
    defaults = {
        "use_stderr": not conf.log_file,
        "logging_default_format_string": start + "%(message)s",
        "logging_exception_prefix": start,
        "logging_debug_format_suffix": "(%(name)s:%(lineno)d)",
        "default_log_levels": [*log.get_default_log_levels(), *_QUIET],
    }
    for option, value in defaults.items():
        conf.set_default(option, value)
    log.setup(conf, name)
