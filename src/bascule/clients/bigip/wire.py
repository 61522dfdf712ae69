"""HTTPS to one device: one request, one answer, or the reason why there is none. Who asks is not its business."""

from __future__ import annotations

import json
import logging
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
from prometheus_client import Counter
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError, InsecureRequestWarning, NewConnectionError, SSLError

from bascule.clients.bigip.clean import clean, keep_tokens_out_of_logs
from bascule.clients.bigip.errors import OutcomeUnknown, Unreachable, Untrusted

CONNECT = 5.0
"""How long to wait for a connection, TLS included, in seconds."""
CONNECTIONS = 8
"""How many connections to one device at once. More requests wait for their turn."""

_CHUNK = 65536
_STARTING = "Public URI path not registered"
_LOG = logging.getLogger(__name__)
_REQUESTS = Counter("bascule_device_requests", "Requests to devices. code: `none` without answer.", ["device", "method", "code"])


@dataclass(frozen=True, slots=True)
class Trust:
    """How a device shows that it is the one meant. Without `ca_file`, the authorities of this machine count."""

    ca_file: Path | None = None
    verify: bool = True

    def context(self) -> ssl.SSLContext:
        """Raises OSError when the file cannot be read, or holds no certificate."""
        context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. `body` is the parsed JSON; None where there is none. Neither is printed: both may hold keys."""

    status: int
    body: Any = field(repr=False)
    text: str = field(repr=False)

    @property
    def busy(self) -> bool:
        """The device, or the part of it that was asked, is starting or has too much to do. It did nothing."""
        return self.status == 503 or (self.status == 404 and _STARTING in self.text)

    def words(self) -> str:
        """What the device says, fit to be shown."""
        message = self.body.get("message") if isinstance(self.body, dict) else None
        return clean(str(message or self.text or "no text"))


class _Sent(threading.local):
    """Whether the request of this thread has begun to be sent."""

    begun = False


_SENT = _Sent()


class _Connection(HTTPSConnection):
    """Remembers that it has begun to send, which urllib3's exceptions do not tell."""

    def request(self, *given: Any, **named: Any) -> None:
        _SENT.begun = True
        super().request(*given, **named)


class _Pool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Connection


class Wire:
    """The connections to one device. Threads may share it."""

    def __init__(self, url: str, trust: Trust) -> None:
        """Raises ValueError when `url` is not the address of a device, OSError when the CA file cannot be used."""
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc or parts.path not in ("", "/") or parts.query:
            raise ValueError("the address of a device is written https://HOST or https://HOST:PORT")
        self.name = parts.netloc
        keep_tokens_out_of_logs()
        if not trust.verify:
            urllib3.disable_warnings(InsecureRequestWarning)
            _LOG.warning(
                "%s: the certificate of this device is not verified; anybody between us and it can read and change all", url
            )
        self._pool = _Pool(
            parts.hostname, parts.port or 443, maxsize=CONNECTIONS, block=True, retries=False, ssl_context=trust.context()
        )

    def send(self, method: str, path: str, body: Any, headers: Mapping[str, str], seconds: float) -> Answer:
        """Send one request and wait at most `seconds` for the whole answer. Raises Unreachable, OutcomeUnknown."""
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        kind = {} if data is None else {"Content-Type": "application/json"}
        deadline = time.monotonic() + seconds
        timeout = urllib3.Timeout(connect=min(CONNECT, seconds), read=seconds)
        _SENT.begun = False
        try:
            response = self._pool.urlopen(
                method, path, body=data, headers={**headers, **kind}, timeout=timeout, pool_timeout=int(seconds) + 1,
                redirect=False, preload_content=False,
            )  # fmt: skip
            text = self._read(response, deadline).decode(errors="replace")
        except (HTTPError, OSError) as problem:
            _REQUESTS.labels(self.name, method, "none").inc()
            raise self._without_answer(method, problem) from None
        _REQUESTS.labels(self.name, method, response.status).inc()
        return self._understood(method, response.status, text)

    def close(self) -> None:
        self._pool.close()

    def _read(self, response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
        content = bytearray()
        try:
            for chunk in response.stream(_CHUNK):
                content += chunk
                if time.monotonic() > deadline:
                    response.close()
                    raise TimeoutError("the answer did not come to its end in time")
        finally:
            response.release_conn()
        return bytes(content)

    def _without_answer(self, method: str, problem: Exception) -> Unreachable | OutcomeUnknown:
        if not _SENT.begun:
            return (Untrusted if _is_about_trust(problem) else Unreachable)(self.name, _why(problem))
        return self._broken(method, f"no answer: {_why(problem)}")

    def _broken(self, method: str, text: str) -> Unreachable | OutcomeUnknown:
        return Unreachable(self.name, text) if method == "GET" else OutcomeUnknown(self.name, text)

    def _understood(self, method: str, status: int, text: str) -> Answer:
        try:
            return Answer(status, json.loads(text) if text.strip() else None, text)
        except ValueError:
            # Something in front of the REST framework speaks. That the framework itself did nothing cannot be told from it.
            if status >= 500 or status < 400:
                raise self._broken(method, f"the answer is not JSON (HTTP {status})") from None
            return Answer(status, None, text)


def _is_about_trust(problem: Exception) -> bool:
    return isinstance(problem, SSLError) and any(isinstance(one, ssl.CertificateError) for one in problem.args)


def _why(problem: Exception) -> str:
    """The reason in words, without the name of the pool that urllib3 puts in front."""
    if isinstance(problem, SSLError):
        return f"TLS failed: {problem}"
    if isinstance(problem, NewConnectionError):
        return str(problem).rpartition("connection: ")[2]
    return str(problem).partition("): ")[2] or str(problem) or type(problem).__name__
