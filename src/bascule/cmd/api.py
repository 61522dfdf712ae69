"""bascule-api: serves the HTTP API.

The application is plain WSGI at `bascule.cmd.wsgi:application`, so any WSGI server can run it. This program runs it under
granian: one worker process with a few threads, started and watched by this one.
"""

from __future__ import annotations

import errno
import http.client
import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.mp import MPServer
from oslo_config import cfg

from bascule.cmd import logs, monitoring, process, settings, tls, wiring
from bascule.cmd.process import StartError
from bascule.cmd.settings import ApiSettings, Settings
from bascule.cmd.values import SettingsError
from bascule.store.engine import Database

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

LOG = logging.getLogger(__name__)

NAME = "bascule-api"

BACKPRESSURE = 256
"""Connections that are open at a time. Idle ones count, so with a small number a few clients lock everybody out."""

GRACE = 20
"""Seconds that requests have to end in when the server stops."""

OVERLAP = 5
"""Seconds for which, after SIGHUP, the old process goes on beside the new one, which must be able to answer by then."""

_NO_HANDLERS: dict[str, Any] = {"formatters": {}, "handlers": {}, "loggers": {"_granian": {}, "granian.access": {}}}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the process until it is told to stop."""
    arguments = process.parser(NAME, "Serve the load balancer API.").parse_args(argv)

    def body(conf: cfg.ConfigOpts, plain: Settings) -> None:
        check_address(plain.api)
        check(conf, plain)
        _serve(conf, plain.api)

    return process.run(NAME, arguments.config_file, body)


def check(conf: cfg.ConfigOpts, plain: Settings) -> None:
    """Whether the server's process could work with these settings: it could say only in a traceback that it cannot.

    Raises SettingsError or StartError.
    """
    tls.check(plain.api)
    wiring.checked_database(plain).close()
    wiring.backends(plain)
    wiring.check_identity(conf, plain.api)
    wiring.broker(plain)


def check_address(api: ApiSettings) -> None:
    """Refuse to listen where others could reach an API that authenticates nobody, or where somebody else listens."""
    if api.auth_strategy == "none" and not ipaddress.ip_address(api.bind_host).is_loopback:
        raise StartError(
            f"[api] bind_host: {api.bind_host} can be reached from other machines, and the API does not authenticate "
            "anybody; allowed are loopback addresses, such as 127.0.0.1 and ::1, unless auth_strategy is http_basic or keystone"
        )
    family = socket.AF_INET6 if ":" in api.bind_host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((api.bind_host, api.bind_port))
        except OSError as error:
            where = f"[api] bind_host, bind_port: cannot listen on {api.bind_host} port {api.bind_port}"
            if error.errno == errno.EADDRINUSE:
                raise StartError(f"{where}: another program does; choose another port or stop that program") from error
            raise StartError(f"{where}: {error.strerror}") from error


class _Server(MPServer):
    """The server. SIGHUP has it begin a new worker process, which reads everything again, and end the old one a little later."""

    def signal_handler_reload(self, *args: Any, **kwargs: Any) -> None:
        # A worker process that cannot start would end the server.
        try:
            conf = settings.read()
            check(conf, settings.plain(conf))
        except (SettingsError, StartError) as error:
            LOG.error("SIGHUP: what is there now cannot be used, so all stays as it was: %s", error)
            return
        LOG.info("SIGHUP: everything is read again")
        super().signal_handler_reload(*args, **kwargs)  # type: ignore[no-untyped-call]


def _serve(conf: cfg.ConfigOpts, api: ApiSettings) -> None:
    server = _Server(
        "bascule.cmd.wsgi:application",
        address=api.bind_host,
        port=api.bind_port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=api.threads,
        backpressure=BACKPRESSURE,
        workers_kill_timeout=GRACE,
        respawn_interval=OVERLAP,
        log_level=LogLevels.warning,
        log_dictconfig=_NO_HANDLERS,
        **tls.options(api),
    )
    logs.set_up(conf, NAME)  # anew, since the server has set up logging in its own way
    server.serve(target_loader=partial(_load, os.getpid(), api))


def _load(parent: int, api: ApiSettings, _target: str) -> WSGIApplication:
    """The application, in the server's worker process."""
    # Until the server has its own handlers in place, that of its parent would swallow the signal to stop.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Ctrl-C in a terminal reaches both processes, and the parent passes it on: this one hangs when it is told twice.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    signal.signal(signal.SIGUSR1, lambda *_: None)
    threading.Thread(target=_insist, args=(process.signal_pipe(),), daemon=True).start()
    process.live_no_longer_than_parent(parent)
    from bascule.cmd import wsgi

    _monitor(wsgi.plain, wsgi.database)
    threading.Thread(target=_tell_when_ready, args=(api,), daemon=True).start()
    return wsgi.application


def _monitor(plain: Settings, database: Database) -> None:
    """Tell of this process, if a port is set for it. Here, because it is the one that answers requests."""
    if plain.monitoring.api_port is not None:
        checks = {"database": monitoring.database_answers(database)}
        helpful = monitoring.broker_answers(wiring.broker(plain))
        # After SIGHUP, an old and a new process are there side by side for a while.
        monitoring.Monitor(checks, helpful).start(plain.monitoring.bind_host, plain.monitoring.api_port, shared=True)


def _insist(signals: int) -> None:
    """Wake the server until this process ends, once it is told to stop: it hears nothing if that came just before it slept.

    By another signal, since the server hangs when it is told a second time while it finishes requests.
    """
    while ord(os.read(signals, 1)) != signal.SIGTERM:
        pass
    while True:
        time.sleep(0.1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)


def _tell_when_ready(api: ApiSettings) -> None:
    """Tell whoever started us as soon as the server, which starts right after this, answers.

    That it takes connections says nothing: the system does that for it.
    """
    while True:
        try:
            if api.tls_certificate_file:
                tls.greet(api.bind_host, api.bind_port)
            else:
                _ask(api)
        except (OSError, http.client.HTTPException):
            time.sleep(0.02)
        else:
            process.ready()
            return


def _ask(api: ApiSettings) -> None:
    connection = http.client.HTTPConnection(api.bind_host, api.bind_port, timeout=1)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
