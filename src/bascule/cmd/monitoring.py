"""What a process tells of itself over HTTP, on a port of its own: /metrics for Prometheus, /healthcheck for whoever restarts it.

Nobody is asked who they are, and nothing that is told is secret. It is off unless the operator names a port.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import sqlalchemy as sa
from prometheus_client import REGISTRY, make_wsgi_app

from bascule.cmd.process import StartError
from bascule.model.errors import Away
from bascule.store import meta
from bascule.store.engine import Database

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from bascule.core.broker import Broker

PATIENCE = 5.0
"""Seconds that a check may take."""

LONGEST_ROUND = 120.0
"""Seconds after which a round counts as one that will never end."""

Check = Callable[[], str | None]
"""Says what is wrong; None where nothing is."""


class Pulse:
    """Whether a loop still goes round. `longest`: seconds that may lie between two rounds, or in one."""

    def __init__(self, longest: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._longest = longest
        self._clock = clock
        self._last = clock()

    def beat(self) -> None:
        """A round has ended."""
        self._last = self._clock()

    def __call__(self) -> str | None:
        """What is wrong."""
        silent = self._clock() - self._last
        return f"no round has ended for {silent:.0f} s" if silent > self._longest else None


def database_answers(database: Database) -> Check:
    """A check of the database."""

    def check() -> str | None:
        try:
            with database.read() as conn:
                meta.epoch(conn)
        except Away as error:
            return str(error)
        except sa.exc.SQLAlchemyError as error:
            return f"it cannot be used: {getattr(error, 'orig', None) or error}"
        return None

    return check


def broker_answers(broker: Broker | None) -> dict[str, Check]:
    """A check of the broker, where there is one."""
    return {} if broker is None else {"broker": broker.trouble}


def watch(
    host: str,
    port: int | None,
    database: Database,
    interval: float,
    broker: Broker | None = None,
    told: Mapping[str, Callable[[], object]] | None = None,
) -> Callable[[], None]:
    """Tell of a process that does a round every `interval` seconds, if a port is set for it, and what else is `told` of it.

    Gives what wants to hear of every round.
    Raises StartError.
    """
    pulse = Pulse(interval + LONGEST_ROUND)
    if port is not None:
        checks: dict[str, Check] = {"database": database_answers(database), "rounds": pulse}
        Monitor(checks, broker_answers(broker), told).start(host, port)
    return pulse.beat


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _SharedServer(_Server):
    allow_reuse_port = True


class _Handler(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: whoever looks, looks every few seconds."""


class Monitor:
    """Serves what a process tells, in threads of its own, from `start` on until the process ends.

    Where a check of `checks` finds something wrong, the process is not healthy. What `helpful` ones find only makes it slower.
    """

    def __init__(
        self,
        checks: Mapping[str, Check],
        helpful: Mapping[str, Check] | None = None,
        told: Mapping[str, Callable[[], object]] | None = None,
    ) -> None:
        self._needed = frozenset(checks)
        self._checks = {**checks, **(helpful or {})}
        self._told = dict(told or {})
        self._metrics: WSGIApplication = make_wsgi_app(REGISTRY)
        self._looking = ThreadPoolExecutor(thread_name_prefix="healthcheck")

    def start(self, host: str, port: int, *, shared: bool = False) -> None:
        """Listen; with `shared`, where another process may do so already. Raises StartError."""
        try:
            server = (_SharedServer if shared else _Server)((host, port), _Handler)
        except OSError as error:
            raise StartError(f"[monitoring]: cannot listen on {host} port {port}: {error.strerror}") from error
        server.set_app(self)
        threading.Thread(target=server.serve_forever, name="monitoring", daemon=True).start()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            return self._metrics(environ, start_response)
        if path != "/healthcheck":
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"There are /metrics and /healthcheck.\n"]
        wrong = self.wrong()
        healthy = self._needed.isdisjoint(wrong)
        start_response("200 OK" if healthy else "503 Service Unavailable", [("Content-Type", "application/json")])
        found = {name: wrong.get(name, "ok") for name in self._checks}
        told = {name: tell() for name, tell in self._told.items()}
        return [json.dumps({"healthy": healthy, "checks": found, **told}).encode() + b"\n"]

    def wrong(self) -> dict[str, str]:
        """What is wrong, by check."""
        looking = {name: self._looking.submit(check) for name, check in self._checks.items()}
        deadline = time.monotonic() + PATIENCE
        found: dict[str, str] = {}
        for name, look in looking.items():
            try:
                text = look.result(max(deadline - time.monotonic(), 0))
            except TimeoutError:
                text = f"no answer within {PATIENCE:.0f} s"
            if text is not None:
                found[name] = text
        return found
