"""Waking up the loops of other machines, by way of RabbitMQ.

A wake-up is an empty message to everybody who listens. It says that there may be something to do and nothing else, as the
datagrams between the processes of one machine do: what there is to do stands in the database, where every loop also looks by
itself. So nobody ever waits for the broker, a broker that is away is worth a line in the log, and messages that are lost cost
a moment.
"""

from __future__ import annotations

import logging
import socket
import threading
import warnings
from collections.abc import Callable
from typing import Any

with warnings.catch_warnings():
    # What is there only for eventlet says so when it is imported, which cannot be prevented.
    warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
    from oslo_service import backend

    # Before anything of oslo.messaging is imported, which would have eventlet chosen.
    backend.init_backend(backend.BackendType.THREADING)
    import oslo_messaging

from bascule.core import metrics

LOG = logging.getLogger(__name__)

TOPIC = "bascule-work"
"""The exchange that wake-ups go to."""

PAUSE = 0.02
"""Seconds between two messages of one sender: what is asked for in between goes with the second one."""

_PORT = 5672
"""Where brokers listen whose URL does not say."""

_CONNECT = 2.0
"""Seconds that a broker may take to accept a connection when it is asked whether it is there."""

LONGEST_PAUSE = 10.0
"""Seconds: the longest pause before the broker is tried again."""

# Quorum queues from the first day on: the kind of a queue that is there cannot be changed. Queues of workers that are gone, and
# what is in them, do not stay for half an hour. A broker that comes back is noticed within seconds.
_WAYS = {
    "rabbit_quorum_queue": "true",
    "rabbit_transient_quorum_queue": "true",
    "rabbit_transient_queues_ttl": "300",
    "rabbit_interval_max": "5",
}


class BrokerError(ValueError):
    """The URL of the broker cannot be used. The text says why."""


class Broker:
    """How to reach the broker. `conf` is what oslo.messaging takes its own options from: the global object of oslo.config.

    Nothing is connected here. Raises BrokerError.
    """

    def __init__(self, conf: Any, url: str) -> None:
        try:
            parsed = oslo_messaging.TransportURL.parse(conf, url)
            parsed.query = {**_WAYS, **parsed.query}
            self.transport = oslo_messaging.get_rpc_transport(conf, url=parsed)
        except (oslo_messaging.InvalidTransportURL, oslo_messaging.DriverLoadFailure, ValueError) as error:
            raise BrokerError(str(error)) from error
        self._places = [(host.hostname, host.port or _PORT) for host in parsed.hosts if host.hostname]

    def trouble(self) -> str | None:
        """Why none of the broker's nodes takes connections; None where one does."""
        found = None
        for place in self._places:
            try:
                socket.create_connection(place, _CONNECT).close()
            except OSError as error:
                found = f"{place[0]} port {place[1]}: {error.strerror or error}"
            else:
                return None
        return found


class Sender:
    """Wakes everybody who listens. May be called by several threads; threads of its own are started by the first call.

    The caller never waits and nothing is raised: a thread of its own talks to the broker, and what was asked for while it was at
    that is one message.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._asked = threading.Event()
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def __call__(self) -> None:
        """Have a message sent."""
        self._asked.set()
        # Only now, because servers fork after they have loaded the application, and a thread would stay behind.
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._send, name="broker sender", daemon=True)
                    self._thread.start()

    def close(self) -> None:
        """Send no more. What is under way is given up."""
        self._closed.set()
        self._asked.set()

    def _send(self) -> None:
        client = oslo_messaging.get_rpc_client(self._broker.transport, oslo_messaging.Target(topic=TOPIC, fanout=True), retry=0)
        failures = 0
        while self._asked.wait() and not self._closed.is_set():
            self._asked.clear()
            try:
                client.cast({}, "wake")
            except Exception as error:  # noqa: BLE001 - whatever it is, workers look by themselves
                if not failures:
                    LOG.warning("other machines cannot be woken up; they find edits when they look by themselves: %s", error)
                failures += 1
                metrics.WAKEUPS.labels("failed").inc()
                self._asked.set()
                self._closed.wait(min(0.1 * 2 ** min(failures, 10), LONGEST_PAUSE))
            else:
                if failures:
                    LOG.info("other machines are woken up again")
                failures = 0
                metrics.WAKEUPS.labels("sent").inc()
                self._closed.wait(PAUSE)


class _Ears:
    """What the messages call."""

    target = oslo_messaging.Target()

    def __init__(self, heard: Callable[[], None]) -> None:
        self._heard = heard

    def wake(self, _context: object) -> None:
        """Somebody has work."""
        metrics.WAKEUPS.labels("heard").inc()
        self._heard()


class Listener:
    """Calls `heard` for every wake-up, from a thread of its own. A broker that is away is waited for in that thread.

    `name` should be that of the machine: a queue stays behind for each.
    """

    def __init__(self, broker: Broker, name: str, heard: Callable[[], None]) -> None:
        target = oslo_messaging.Target(topic=TOPIC, server=name)
        self._server = oslo_messaging.get_rpc_server(broker.transport, target, [_Ears(heard)])
        threading.Thread(target=self._listen, args=(heard,), name="broker listener", daemon=True).start()

    def _listen(self, heard: Callable[[], None]) -> None:
        self._server.start(override_pool_size=1)
        heard()  # for what was sent before
