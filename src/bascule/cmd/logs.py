"""Logging: one line per event, the same from every process, readable on a terminal and in a journal."""

from __future__ import annotations

import logging
from typing import Any

from oslo_config import cfg
from oslo_log import formatters, log

from bascule.model import trace
from bascule.model.errors import Away

_QUIET = ("alembic=WARN", "falcon=WARN", "_granian=WARN")
"""Libraries whose messages are of no use to an operator until something goes wrong."""


class _Record(logging.LogRecord):
    """What is logged, with the name of the work that it is about: oslo.log's format for it says where it stands in a line."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request_id = trace.current() or "-"


class _EveryLine(logging.Formatter):
    """Begins every line of a text in the same way, so that none can be taken for another process's, or for another request's."""

    def __init__(self, whole: logging.Formatter, start: str) -> None:
        super().__init__()
        self._whole = whole
        self._start = start

    def format(self, record: logging.LogRecord) -> str:
        first, *more = self._whole.format(record).splitlines() or [""]
        if not more:
            return first
        if not hasattr(record, "asctime"):  # the format that the operator chose has no time in it
            record.asctime = self._whole.formatTime(record, self._whole.datefmt)
        start = self._start % record.__dict__
        return "\n".join([first, *(line if line.startswith(start) else start + line for line in more)])


class _Json(logging.Formatter):
    """Has oslo.log's JSON tell of the work, too. It puts out attributes that it does not know only where they are named."""

    def __init__(self, whole: logging.Formatter) -> None:
        super().__init__()
        self._whole = whole

    def format(self, record: logging.LogRecord) -> str:
        record.extra_keys = [*getattr(record, "extra_keys", ()), "request_id"]
        return self._whole.format(record)


def _briefly(record: logging.LogRecord) -> bool:
    """Have a database that is away cost one line, in which oslo.log says what is wrong: where that was noticed says nothing."""
    if record.exc_info and isinstance(record.exc_info[1], Away):
        record.exc_info = None
    return True


def set_up(conf: cfg.ConfigOpts, name: str) -> None:
    """Send what this process logs where the settings say, or else to standard error, under the process's name."""
    start = f"%(asctime)s.%(msecs)03d {name}[%(process)d] %(levelname)s [%(request_id)s] "
    defaults = {
        "use_stderr": not conf.log_file,
        "logging_default_format_string": start + "%(message)s",
        "logging_context_format_string": start + "%(message)s",
        "logging_exception_prefix": start,
        "logging_debug_format_suffix": "(%(name)s:%(lineno)d)",
        "default_log_levels": [*log.get_default_log_levels(), *_QUIET],
    }
    for option, value in defaults.items():
        conf.set_default(option, value)
    logging.setLogRecordFactory(_Record)
    log.setup(conf, name)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_briefly)
        whole = handler.formatter
        if isinstance(whole, formatters.JSONFormatter):
            handler.setFormatter(_Json(whole))
        elif whole is not None:
            handler.setFormatter(_EveryLine(whole, conf.logging_exception_prefix))
