"""Real traffic through the emulated device."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import trustme

from bascule.south.haproxy import Binary
from bigip_emulator.cluster import Group
from bigip_emulator.dataplane import monitors
from bigip_emulator.dataplane.plane import DataPlane
from tests.addresses import free_port, own_address
from tests.emulator.site import Box, box, tenant
from tests.emulator.test_cluster import state

pytestmark = pytest.mark.slow

PORT = 18080
POOL = "/T1/app/pl_1"


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Monitors hang up as soon as they have seen enough."""


class Member:
    """A server that says its name, and is well until told otherwise."""

    def __init__(self, name: str) -> None:
        self.healthy = True
        self.headers: dict[str, str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path != "/health":
                    outer.headers = {name.lower(): value for name, value in self.headers.items()}
                good = self.path != "/health" or outer.healthy
                body = name.encode()
                self.send_response(200 if good else 500)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = _Quiet(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def members() -> Iterator[list[Member]]:
    made = [Member(name) for name in ("one", "two")]
    yield made
    for member in made:
        member.stop()


@contextlib.contextmanager
def carried(haproxy: Binary, group: Group | None = None, port: int = 0, **settings: Any) -> Iterator[Box]:
    with box(group, port, speed=20, **settings) as bigip:
        plane = DataPlane(bigip.emulator.device, bigip.emulator.cluster, haproxy.path)
        plane.start()
        try:
            yield bigip
        finally:
            plane.stop()


@pytest.fixture
def bigip(haproxy: Binary) -> Iterator[Box]:
    with carried(haproxy) as made:
        yield made


def service(address: str, members: list[Member], **changes: Any) -> dict[str, Any]:
    return {
        "class": "Application",
        "template": "generic",
        "vip": {"class": "Service_Address", "virtualAddress": address},
        "vs": {
            "class": "Service_HTTP", "virtualAddresses": [{"use": "vip"}], "virtualPort": PORT, "persistenceMethods": [],
            "pool": "pl_1", **changes,
        },
        "pl_1": {
            "class": "Pool",
            "monitors": [{"use": "hm_1"}],
            "members": [{"servicePort": member.port, "serverAddresses": ["127.0.0.1"], "shareNodes": True} for member in members],
        },
        "hm_1": {
            "class": "Monitor", "monitorType": "http", "interval": 1, "timeout": 2, "send": "GET /health HTTP/1.0\\r\\n\\r\\n",
            "receive": "^HTTP/1\\.[01] 200",
        },
    }  # fmt: skip


def get(address: str, path: str = "/", tls: ssl.SSLContext | None = None, **headers: str) -> tuple[int, str, dict[str, str]]:
    """Status, body and headers; status 0 when nobody answers."""
    if tls is not None:
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(address, PORT, timeout=5, context=tls)
    else:
        connection = http.client.HTTPConnection(address, PORT, timeout=5)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())
    except (OSError, http.client.HTTPException):
        return 0, "", {}
    finally:
        connection.close()


def answering(address: str, **how: Any) -> set[str]:
    return {get(address, **how)[1] for _ in range(4)}


def states(bigip: Box) -> list[str]:
    found = bigip.get(f"/mgmt/tm/ltm/pool/{POOL.replace('/', '~')}/members").body["items"]
    return [member["state"] for member in found]


def test_traffic_reaches_the_members_and_is_counted(bigip: Box, members: list[Member]) -> None:
    address = own_address()
    bigip.declare(tenant("T1", service(address, members)))
    bigip.until(lambda: answering(address) == {"one", "two"})
    bigip.until(lambda: states(bigip) == ["up", "up"])

    def counted() -> int:
        (entry,) = bigip.get("/mgmt/tm/ltm/virtual/stats").body["entries"].values()
        return int(entry["nestedStats"]["entries"]["clientside.totConns"]["value"])

    bigip.until(lambda: counted() >= 4)
    before = counted()
    changed = service(address, members[:1])
    bigip.declare(tenant("T1", changed))
    bigip.until(lambda: answering(address) == {"one"})
    bigip.until(lambda: counted() > before)
    bigip.declare(tenant("T1"))
    bigip.until(lambda: get(address)[0] == 0)


def test_members_are_monitored_for_real(bigip: Box, members: list[Member]) -> None:
    address = own_address()
    members[0].healthy = False
    bigip.declare(tenant("T1", service(address, members)))
    bigip.until(lambda: states(bigip) == ["down", "up"])
    bigip.until(lambda: answering(address) == {"two"})
    members[0].healthy = True
    bigip.until(lambda: states(bigip) == ["up", "up"])
    members[1].stop()
    bigip.until(lambda: states(bigip) == ["up", "down"])


def test_members_may_be_probed_elsewhere(bigip: Box, members: list[Member]) -> None:
    address = own_address()
    application = service(address, members)
    application["hm_2"] = {**application["hm_1"], "targetAddress": "127.0.0.1", "targetPort": members[1].port}
    application["pl_1"]["members"][0]["monitors"] = [{"use": "hm_2"}]
    bigip.declare(tenant("T1", application))
    bigip.until(lambda: states(bigip) == ["up", "up"])
    members[1].healthy = False
    bigip.until(lambda: states(bigip) == ["down", "down"])


@pytest.mark.parametrize(
    ("target", "expected"),
    [({}, ""), ({"targetPort": 81}, " port 81"), ({"targetAddress": "fd00::5"}, " addr fd00::5"),
     ({"targetAddress": "FD00::5", "targetPort": 81}, " port 81 addr fd00::5"),
     ({"targetAddress": "10.0.0.5"}, " addr 10.0.0.5")],
)  # fmt: skip
def test_where_a_monitor_looks(target: dict[str, Any], expected: str) -> None:
    with box() as bigip:
        bigip.declare(tenant("T1", {"class": "Application", "hm_1": {"class": "Monitor", "monitorType": "tcp", **target}}))
        found = bigip.emulator.device.store.get("ltm/monitor/tcp", "/T1/app/hm_1")
    assert found is not None
    assert monitors.options(found, None, 1) == f"check inter 5000ms fall 3 rise 1{expected}"


def test_a_drained_member_and_a_policy(bigip: Box, members: list[Member]) -> None:
    address = own_address()
    application = service(address, members, policyEndpoint="po1")
    application["pl_1"]["members"][0]["adminState"] = "disable"
    application["pl_2"] = {"class": "Pool", "members": [dict(application["pl_1"]["members"][0], adminState="enable")]}
    uri = {"operand": "starts-with", "values": ["/one"]}
    old = {"operand": "equals", "values": ["old.example.com"]}
    application["po1"] = {
        "class": "Endpoint_Policy", "strategy": "first-match",
        "rules": [
            {"name": "r1", "conditions": [{"type": "httpUri", "path": uri}],
             "actions": [{"type": "forward", "select": {"pool": {"use": "pl_2"}}}]},
            {"name": "r2", "conditions": [{"type": "httpHeader", "name": "Host", "all": old}],
             "actions": [{"type": "httpRedirect", "location": "tcl:https://new.example.com[HTTP::uri]", "code": 301}]},
            {"name": "r3", "conditions": [{"type": "httpUri", "path": {"operand": "equals", "values": ["/no"]}}],
             "actions": [{"type": "drop"}]},
        ],
    }  # fmt: skip
    assert bigip.declare(tenant("T1", application)).results == [("T1", 200, "success")]
    bigip.until(lambda: answering(address) == {"two"})
    assert answering(address, path="/one/a") == {"one"}
    status, _, headers = get(address, "/a?b", Host="old.example.com")
    assert (status, headers["location"]) == (301, "https://new.example.com/a?b")
    assert get(address, "/no")[0] == 0


def test_tls_and_headers(bigip: Box, members: list[Member]) -> None:
    address = own_address()
    authority = trustme.CA()
    issued = authority.issue_cert(address)
    application = service(
        address, members, **{"class": "Service_HTTPS"}, redirect80=False, serverTLS="tls1", profileHTTP={"use": "hp1"}
    )
    application |= {
        "tls1": {"class": "TLS_Server", "certificates": [{"certificate": "cert1"}]},
        "cert1": {
            "class": "Certificate", "certificate": issued.cert_chain_pems[0].bytes().decode(),
            "privateKey": issued.private_key_pem.bytes().decode(),
        },
        "hp1": {"class": "HTTP_Profile", "hstsInsert": True, "hstsPeriod": 600, "insertHeader": {"name": "X-Who", "value": "50%"}},
    }  # fmt: skip
    assert bigip.declare(tenant("T1", application)).results == [("T1", 200, "success")]
    context = ssl.create_default_context()
    authority.configure_trust(context)
    bigip.until(lambda: get(address, tls=context)[0] == 200)
    assert get(address, tls=context)[2]["strict-transport-security"] == "max-age=600; includeSubDomains"
    seen = next(member.headers for member in members if member.headers)
    assert seen["x-who"] == "50%"
    assert seen["x-forwarded-for"].startswith("127.")


def test_persistence_by_cookie_and_by_address(bigip: Box, members: list[Member]) -> None:
    address = own_address()
    bigip.declare(tenant("T1", service(address, members, persistenceMethods=["cookie"])))
    bigip.until(lambda: answering(address) == {"one", "two"})
    _, name, headers = get(address)
    cookie = headers["set-cookie"].partition(";")[0]
    assert answering(address, Cookie=cookie) == {name}
    bigip.declare(tenant("T1", service(address, members, persistenceMethods=["source-address"])))
    bigip.until(lambda: len(answering(address)) == 1)


def test_what_cannot_be_carried_is_said_and_the_rest_goes_on(
    bigip: Box, members: list[Member], caplog: pytest.LogCaptureFixture
) -> None:
    address = own_address()
    application = service(address, members)
    application["udp1"] = {"class": "Service_UDP", "virtualAddresses": [{"use": "vip"}], "virtualPort": 18090}
    bigip.declare(tenant("T1", application), tenant("T2", {
        "class": "Application", "vs1": {"class": "Service_TCP", "virtualAddresses": ["203.0.113.77"], "virtualPort": 80},
    }))  # fmt: skip
    bigip.until(lambda: answering(address) == {"one", "two"})
    assert "does not carry /T1/app/udp1: the protocol udp" in caplog.text
    assert "does not carry /T2/app/vs1: it does not listen on a port of a loopback address" in caplog.text


def test_the_active_device_carries_the_traffic(haproxy: Binary, members: list[Member]) -> None:
    address, ports = own_address(), [free_port(), free_port()]
    with contextlib.ExitStack() as stack:
        one, two = (
            stack.enter_context(
                carried(
                    haproxy, Group("dg", f"https://127.0.0.1:{ports[1 - number]}"), ports[number], hostname=f"bigip-{number + 1}"
                )
            )
            for number in (0, 1)
        )
        for made in (one, two):
            stack.callback(made.emulator.cluster.stop)
        one.until(lambda: (state(one), state(two)) == ("active", "standby"))
        one.declare(tenant("T1", service(address, members)), persist=True)
        one.until(lambda: answering(address) == {"one", "two"})
        one.ask("POST", "/emulator/reboot", {"seconds": 600})
        two.until(lambda: state(two) == "active")
        two.until(lambda: answering(address) == {"one", "two"})
        two.until(lambda: states(two) == ["up", "up"])
