"""A load balancer under test, with a real HAProxy in front of real servers."""

from __future__ import annotations

import dataclasses
import hashlib
import http.client
import http.server
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from bascule.model.backend import Done, Fence, Outcome, Plan, Secrets
from bascule.model.definition import ServiceDefinition
from bascule.model.documents import Documents, diff, holding
from bascule.model.objects import (
    Algorithm,
    Child,
    HealthMonitor,
    Listener,
    ListenerProtocol,
    LoadBalancer,
    Member,
    MonitorType,
    Pool,
    PoolProtocol,
    SessionPersistence,
    Tree,
    Vip,
)
from bascule.model.secrets import Secret, SecretRef
from bascule.model.status import Report
from bascule.south.haproxy import Binary, HAProxyBackend
from tests.addresses import free_port, own_address
from tests.south.haproxy import proxy_protocol

PROJECT = "0f3f3f8a2c1d4b5e9a7c6d5e4f3a2b1c"


def new_id() -> str:
    return str(uuid.uuid4())


def until(true: Callable[[], bool], timeout: float = 20.0) -> bool:
    """Wait until something is true."""
    deadline = time.monotonic() + timeout
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class _Quiet(http.server.ThreadingHTTPServer):
    """Says nothing when a client, such as a probe, goes away in the middle."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Server:
    """A web server that answers with its name and what it was asked, on a port that it keeps when it is stopped and started.

    `tls` has it speak TLS, `proxied` has it insist on a PROXY header before anything else. `headers` are sent with every answer.
    """

    def __init__(self, name: str, tls: ssl.SSLContext | None = None, proxied: bool = False, address: str = "127.0.0.1") -> None:
        self.name = name
        self.address = address
        self.port = free_port(address)
        self.asked: list[str] = []
        self.hosts: list[str] = []
        self.heard: list[str] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.proxied: list[proxy_protocol.Header] | None = [] if proxied else None
        self._tls = tls
        if tls and tls.sni_callback is None:
            tls.sni_callback = _keep_name  # type: ignore[assignment]
        self._server: _Quiet | None = None
        self.start()

    def start(self) -> None:
        self._server = _Quiet((self.address, self.port), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _open(self, connection: socket.socket) -> tuple[socket.socket, dict[str, object]]:
        """What to read requests from, and what was said of the connection before. Raises OSError."""
        said: dict[str, object] = {}
        if self.proxied is not None:
            header = proxy_protocol.read(connection)
            self.proxied.append(header)
            said["proxy"] = dataclasses.asdict(header)
        if self._tls:
            connection = self._tls.wrap_socket(connection, server_side=True)
            said["tls"] = _of_tls(connection)
        return connection, said

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                self.request, self.said = server._open(self.request)
                super().setup()

            def finish(self) -> None:
                super().finish()
                self.connection.close()

            def answer(self) -> None:
                server.hosts.append(self.headers["Host"] or "")
                server.asked.append(self.path)
                server.heard.append(f"{self.requestline} {self.headers.get('Host')}")
                if self.path.startswith("/slow"):
                    time.sleep(float(self.path.rpartition("/")[2]))
                told = {"name": server.name, "path": self.path, "headers": self.headers.items(), **self.said}
                body = json.dumps(told).encode()
                self.send_response(server.status)
                for name, value in {"Content-Length": str(len(body)), **server.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def __getattr__(self, attribute: str) -> Callable[[], None]:
                if not attribute.startswith("do_"):
                    raise AttributeError(attribute)
                return self.answer

            def log_message(self, *args: object) -> None:
                pass

        return Handler


def _keep_name(connection: ssl.SSLSocket, name: str | None, context: ssl.SSLContext) -> None:
    connection.asked_for = name  # type: ignore[attr-defined]


def _of_tls(connection: ssl.SSLSocket) -> dict[str, object]:
    cipher, shown = connection.cipher(), connection.getpeercert()
    return {
        "name": getattr(connection, "asked_for", None),
        "version": connection.version(),
        "cipher": cipher[0] if cipher else None,
        "alpn": connection.selected_alpn_protocol(),
        "client": shown["subjectAltName"][0][1] if shown else None,
    }


class EchoServer:
    """A TCP server that says its name and then repeats what it hears."""

    def __init__(self, name: str, address: str = "127.0.0.1") -> None:
        self.name = name
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._server = socket.create_server((address, 0), family=family)
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection:
            try:
                connection.sendall(f"{self.name}\n".encode())
                while heard := connection.recv(4096):
                    connection.sendall(heard)
            except OSError:
                return


class Answer:
    """What came back from a request."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()

    @property
    def name(self) -> str:
        return str(json.loads(self.text)["name"])

    @property
    def asked(self) -> dict[str, str]:
        """The headers that the server saw, in lower case; those that came more than once joined by a comma."""
        found: dict[str, str] = {}
        for key, value in json.loads(self.text)["headers"]:
            found[key.lower()] = f"{found[key.lower()]}, {value}" if key.lower() in found else value
        return found

    def said(self, what: str) -> Any:
        """What the server was told before the request, by `proxy` or `tls`."""
        return json.loads(self.text)[what]


class Site:
    """One load balancer on an address of its own, driven through the backend as a worker does it."""

    def __init__(self, directory: Path, binary: Binary, address: str | None = None, secrets: Secrets | None = None) -> None:
        self.backend = HAProxyBackend(directory, binary)
        self.id = new_id()
        self.address = address or own_address()
        self.directory = directory / "haproxy" / self.id
        self.lane = self.backend.lanes()[0].id
        self.carrier = self.backend.carriers(self.backend.lanes()[0].id, None)[0]
        vip = Vip(address=self.address)
        self.tree = Tree(LoadBalancer(id=self.id, project_id=PROJECT, provider="haproxy", vip=vip))
        self.refs: dict[str, SecretRef] = {}
        self.contents: dict[str, bytes] = {}
        self.secrets: Secrets = secrets or self._secret
        self.replace = 0
        self.fence = Fence(1, 1)
        self.closing: list[Callable[[], None]] = []

    def __enter__(self) -> Site:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.fence = Fence(99, 99)
        outcome = self.delete()
        for close in self.closing:
            close()
        assert isinstance(outcome, Done), outcome

    def server(self, name: str, tls: ssl.SSLContext | None = None, proxied: bool = False) -> Server:
        server = Server(name, tls, proxied)
        self.closing.append(server.stop)
        return server

    def echo_server(self, name: str, address: str = "127.0.0.1") -> EchoServer:
        server = EchoServer(name, address)
        self.closing.append(server.stop)
        return server

    # What is wanted.

    def put(self, *objects: Child | LoadBalancer) -> None:
        self.tree = self.tree.put(*objects)

    def listener(self, protocol: ListenerProtocol = ListenerProtocol.HTTP, **fields: object) -> Listener:
        taken = {each.protocol_port for each in self.tree.listeners}
        port = next(port for port in iter(lambda: free_port(self.address), 0) if port not in taken)
        found = Listener(id=new_id(), protocol=protocol, protocol_port=port, **fields)  # type: ignore[arg-type]
        self.put(found)
        return found

    def pool(
        self,
        *servers: Server | EchoServer,
        protocol: PoolProtocol = PoolProtocol.HTTP,
        algorithm: Algorithm = Algorithm.ROUND_ROBIN,
        persistence: SessionPersistence | None = None,
        **fields: object,
    ) -> Pool:
        found = Pool(
            id=new_id(),
            protocol=protocol,
            lb_algorithm=algorithm,
            session_persistence=persistence,
            **fields,  # type: ignore[arg-type]
        )
        self.put(found)
        for server in servers:
            self.member(found, server.port)
        return found

    def store(self, ref: str, content: bytes) -> str:
        """Put something into the store of certificates. Gives the reference back."""
        self.contents[ref] = content
        self.refs[ref] = SecretRef(PROJECT, ref, hashlib.sha256(content).hexdigest())
        return ref

    def _secret(self, meant: SecretRef) -> Secret:
        return Secret(self.contents[meant.ref])

    def member(self, pool: Pool, port: int, **fields: object) -> Member:
        fields = {"address": "127.0.0.1", **fields}
        found = Member(id=new_id(), pool_id=pool.id, protocol_port=port, **fields)  # type: ignore[arg-type]
        self.put(found)
        return found

    def monitor(self, pool: Pool, kind: MonitorType = MonitorType.TCP, **fields: object) -> HealthMonitor:
        fields = {"delay": 1, "timeout": 4, "max_retries": 1, "max_retries_down": 1, **fields}
        found = HealthMonitor(id=new_id(), pool_id=pool.id, type=kind, **fields)  # type: ignore[arg-type]
        self.put(found)
        return found

    # What a worker does.

    def definition(self) -> ServiceDefinition:
        return ServiceDefinition(unit_id=self.id, generation=1, replace=self.replace, tree=self.tree, secrets=self.refs)

    def read(self) -> Documents:
        found = self.backend.read(self.lane, [(self.id, self.carrier)])[self.id, self.carrier]
        assert isinstance(found, dict), found
        return found

    def plan(self, definition: ServiceDefinition | None) -> Plan:
        target = self.backend.render(definition, self.carrier) if definition else {}
        return Plan(self.id, self.carrier, 1, diff(holding(self.read()), target), target)

    def apply(self) -> Outcome:
        """Bring the data plane to what is wanted. An empty plan is not applied."""
        plan = self.plan(self.definition())
        return self.carry_out(plan) if plan.steps else Done()

    def delete(self) -> Outcome:
        plan = self.plan(None)
        return self.carry_out(plan) if plan.steps else Done()

    def carry_out(self, plan: Plan) -> Outcome:
        return self.backend.apply(self.lane, self.fence, [plan], self.secrets)[self.id, self.carrier]

    def serve(self) -> None:
        """Apply, and be sure that it worked."""
        outcome = self.apply()
        assert isinstance(outcome, Done), outcome
        assert self.plan(self.definition()).steps == ()

    def report(self) -> Report:
        return self.backend.report(self.lane, [self.id])[0]

    def seen(self, member: Member) -> str | None:
        found = self.report().members.get(member.id)
        return found.value if found else None

    # What a client does.

    def get(
        self,
        listener: Listener,
        path: str = "/",
        *,
        host: str | None = None,
        source: str = "127.0.0.1",
        address: str | None = None,
        tls: ssl.SSLContext | None = None,
        **headers: str,
    ) -> Answer:
        """One request on a connection of its own, to the first address if no other is given."""
        address = address or self.address
        where, bound = (address, listener.protocol_port), None if ":" in address else (source, 0)
        connection = http.client.HTTPConnection(*where, timeout=10, source_address=bound)
        if tls:
            connection = http.client.HTTPSConnection(*where, timeout=10, source_address=bound, context=tls)
        try:
            connection.request("GET", path, headers={**({"Host": host} if host else {}), **headers})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def connect(self, listener: Listener, source: str = "127.0.0.1") -> socket.socket:
        return socket.create_connection((self.address, listener.protocol_port), timeout=10, source_address=(source, 0))

    # What is really there.

    def processes(self) -> list[int]:
        """Every process of the instance."""
        listed = subprocess.run(["ps", "-ewwo", "pid,args"], capture_output=True, text=True, check=True).stdout.splitlines()
        return [int(line.split()[0]) for line in listed if f"-C {self.directory}" in line]

    def master(self) -> int:
        return int((self.directory / "haproxy.pid").read_text())
