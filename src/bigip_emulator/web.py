"""HTTPS: requests, answers, the table of routes, and the server. What the device does with a request is not its business."""

from __future__ import annotations

import json
import logging
import re
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

Json = Any
"""What a body holds once it is parsed."""

_LOG = logging.getLogger(__name__)


@dataclass
class Request:
    """One request. `path` has no query and is as the client wrote it, `user` is set once the client has shown who it is."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    client: str
    user: str = ""

    def json(self) -> Json:
        """The body. Raises Refused when it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Refused(400, framework("Error parsing JSON body: it is not valid JSON", 400)) from None

    def fields(self) -> dict[str, Json]:
        """The body, which has to be an object."""
        body = self.json()
        if not isinstance(body, dict):
            raise Refused(400, framework("the body has to be a JSON object", 400))
        return body


@dataclass(frozen=True)
class Response:
    """An answer: JSON, or text where `kind` says so. None is an empty body."""

    status: int
    body: Json = None
    kind: str = "application/json; charset=UTF-8"
    headers: dict[str, str] = field(default_factory=dict)

    def payload(self) -> bytes:
        if self.body is None:
            return b""
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body, separators=(",", ":")).encode()


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(str(body))
        self.response = Response(status, body)


class HangUp(Exception):
    """The connection is to be reset, without an answer."""


def framework(message: str, code: int) -> dict[str, Json]:
    """An error in the form that the device's REST framework gives it."""
    return {"code": code, "message": message, "referer": "127.0.0.1", "restOperationId": 1, "kind": ":resterrorresponse"}


Handler = Callable[..., Response]


class Router:
    """Which function answers which method and path. Parts in braces become arguments; `{name:path}` may hold slashes."""

    def __init__(self) -> None:
        self._routes: list[tuple[re.Pattern[str], dict[str, Handler]]] = []

    def add(self, path: str, **methods: Handler) -> None:
        pattern = re.sub(r"\{(\w+):path\}", r"(?P<\1>.+)", path)
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
        self._routes.append((re.compile(pattern), methods))

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]]:
        """The function and its arguments. Raises Refused when there is none."""
        for pattern, methods in self._routes:
            if match := pattern.fullmatch(path.rstrip("/")):
                if method not in methods:
                    raise Refused(405, framework(f"The requested method {method} is not allowed", 405))
                return methods[method], {name: unquote(value) for name, value in match.groupdict().items()}
        raise Refused(404, framework("Public URI path not registered", 404))


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    timeout = 60
    disable_nagle_algorithm = True
    wbufsize = -1

    def _request(self) -> Request:
        parts = urlsplit(self.path)
        return Request(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self._body(),
            client=str(self.client_address[0]),
        )

    def _body(self) -> bytes:
        """The body. Raises ValueError when it does not come as HTTP says, which ends the connection."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(1024).partition(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline(1024)
        while self.rfile.readline(65536).strip():
            pass
        return b"".join(parts)

    def _answer(self) -> None:
        try:
            response = self.server.answer(self._request())
        except HangUp:
            # A connection that is closed with a linger time of zero is reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        payload = response.payload()
        self.send_response(response.status)
        self.send_header("Server", "bigip-emulator")
        if payload or response.status != 204:
            self.send_header("Content-Type", response.kind)
        self.send_header("Content-Length", str(len(payload)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the base class looks for these

    def send_header(self, keyword: str, value: str) -> None:
        if keyword != "Date":
            super().send_header(keyword, value)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        # Neither headers nor bodies nor queries: they may hold passwords, tokens and keys. Some paths hold tokens.
        path = re.sub(r"(/authz/tokens/).+", r"\1...", urlsplit(self.path).path)
        # The devices of a group talk all the time.
        level = logging.DEBUG if path.startswith("/emulator/cluster") else logging.INFO
        _LOG.log(level, "%s %s %s", self.command, path, code)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        _LOG.debug("a connection ended early")


class Server(ThreadingHTTPServer):
    """Answers every connection in a thread of its own."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], tls: ssl.SSLContext, answer: Callable[[Request], Response]) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Connection)
        self._tls = tls
        self.answer = answer

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, name="server", daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, client = super().get_request()
        # The handshake is left to the connection's own thread, so that a slow client keeps nobody waiting.
        return self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), client

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(_Connection.timeout)
        request.do_handshake()
        super().finish_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        # The base class says goodbye first, which would turn a reset into an orderly end.
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError | ValueError):
            _LOG.error("a request failed", exc_info=True)
