"""An emulated BIG-IP of a test's own, on a socket, and a client that knows nothing but HTTP."""

from __future__ import annotations

import contextlib
import copy
import json
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import urllib3

from bigip_emulator import tls
from bigip_emulator.cluster import Group
from bigip_emulator.device import Settings
from bigip_emulator.emulator import Emulator
from tests.addresses import free_port

DECLARE = "/mgmt/shared/appsvcs/declare"
TASK = "/mgmt/shared/appsvcs/task"
PASSWORD = "s3cret-of-the-device"


@cache
def identity() -> tuple[Any, str]:
    with TemporaryDirectory() as folder:
        written = Path(folder) / "certificate.pem"
        context = tls.context(None, None, "bigip.test", "127.0.0.1", written)
        return context, written.read_text()


class Answer:
    """An answer: its status, and its body as JSON where it is that."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.text = body.decode()
        try:
            self.body: Any = json.loads(body) if body else None
        except ValueError:
            self.body = None

    @property
    def results(self) -> list[tuple[str, int, str]]:
        """Tenant, code and message of each result."""
        return [(result.get("tenant", ""), result["code"], result["message"]) for result in self.body["results"]]


class Box:
    """One emulated device."""

    def __init__(self, settings: Settings, group: Group, port: int = 0) -> None:
        context, certificate = identity()
        self.emulator = Emulator(settings, group, ("127.0.0.1", port), context)
        self.url = f"https://127.0.0.1:{self.emulator.server.port}"
        self.http = urllib3.PoolManager(ca_cert_data=certificate, retries=False, timeout=30)
        self.basic = urllib3.make_headers(basic_auth=f"admin:{PASSWORD}")

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        answer = self.http.request(method, self.url + path, body=data, headers=self.basic if headers is None else headers)
        return Answer(answer.status, answer.data)

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def declare(self, *tenants: dict[str, Any], path: str = "", **options: Any) -> Answer:
        """Post a declaration of these tenants."""
        return self.ask("POST", DECLARE + path, {"class": "AS3", "persist": False, "declaration": adc(*tenants), **options})

    def fault(self, kind: str, **how: Any) -> None:
        assert self.ask("POST", "/emulator/faults", {"kind": kind, **how}).status == 201

    def release(self) -> None:
        """Let go on what is held, or slow, once it is."""
        self.until(lambda: self.get("/emulator/faults").body["faults"] == [])
        assert self.ask("POST", "/emulator/release").status == 204

    def until(self, true: Callable[[], Any], seconds: float = 20) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := true()):
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.02)
        return found

    def stop(self) -> None:
        self.http.clear()
        self.emulator.stop()


@contextlib.contextmanager
def box(group: Group | None = None, port: int = 0, **settings: Any) -> Iterator[Box]:
    """A device for a while."""
    made = Box(Settings(users={"admin": PASSWORD}, **settings), group or Group(), port)
    made.emulator.start()
    try:
        yield made
    finally:
        made.stop()


@contextlib.contextmanager
def pair(automatic: bool = True) -> Iterator[tuple[Box, Box]]:
    """An active device and one that stands by."""
    ports = [free_port(), free_port()]
    with contextlib.ExitStack() as stack:
        one, two = (
            stack.enter_context(
                box(
                    Group("dg", f"https://127.0.0.1:{ports[1 - number]}", automatic),
                    ports[number],
                    hostname=f"bigip-{number + 1}",
                    speed=5,
                )
            )
            for number in (0, 1)
        )
        # Both end their talk before the first of them is gone.
        for made in (one, two):
            stack.callback(made.emulator.cluster.stop)
        one.until(lambda: states(one) == states(two) == {"bigip-1": "active", "bigip-2": "standby"})
        one.until(lambda: sync(one) == sync(two) == "In Sync")
        yield one, two


def state(box: Box) -> str:
    own = next(device for device in box.get("/mgmt/tm/cm/device").body["items"] if device["selfDevice"] == "true")
    return str(own["failoverState"])


def states(box: Box) -> dict[str, str]:
    """The state of both devices, as one of them knows it."""
    return {device["name"]: device["failoverState"] for device in box.get("/mgmt/tm/cm/device").body["items"]}


def sync(box: Box) -> str:
    (entry,) = box.get("/mgmt/tm/cm/sync-status").body["entries"].values()
    return str(entry["nestedStats"]["entries"]["status"]["description"])


# Declarations

_LB: dict[str, Any] = {
    "class": "Application",
    "template": "generic",
    "vip_e07a": {"class": "Service_Address", "virtualAddress": "203.0.113.10"},
    "ls_2b91": {
        "class": "Service_HTTP",
        "remark": "shop-front",
        "virtualAddresses": [{"use": "vip_e07a"}],
        "virtualPort": 80,
        "persistenceMethods": [],
        "pool": "pl_c4e8",
    },
    "pl_c4e8": {
        "class": "Pool",
        "loadBalancingMode": "round-robin",
        "monitors": [{"use": "hm_91d0"}],
        "members": [
            {"servicePort": 8080, "serverAddresses": ["10.20.0.11"], "shareNodes": True},
            {"servicePort": 8080, "serverAddresses": ["10.20.0.12"], "shareNodes": True},
        ],
    },
    "hm_91d0": {
        "class": "Monitor",
        "monitorType": "http",
        "interval": 5,
        "timeout": 16,
        "send": "GET /health HTTP/1.0\\r\\n\\r\\n",
        "receive": "^HTTP/1\\.[01] 200",
    },
}


def lb(vip: str = "203.0.113.10") -> dict[str, Any]:
    """An application: address, HTTP listener, pool with two members, monitor."""
    made = copy.deepcopy(_LB)
    made["vip_e07a"]["virtualAddress"] = vip
    return made


def small(vip: str = "203.0.113.20", port: int = 80, *members: str) -> dict[str, Any]:
    """An application: a TCP service and a pool."""
    return {
        "class": "Application",
        "template": "generic",
        "vs": {
            "class": "Service_TCP", "virtualAddresses": [vip], "virtualPort": port, "pool": "pool", "persistenceMethods": [],
        },
        "pool": {
            "class": "Pool",
            "members": [
                {"servicePort": 80, "serverAddresses": [member], "shareNodes": True} for member in members or ("10.9.0.1",)
            ],
        },
    }  # fmt: skip


def tenant(name: str, application: dict[str, Any] | None = None, **others: Any) -> dict[str, Any]:
    """A tenant by its name; without an application an empty one, which is a deletion."""
    return {name: {"class": "Tenant", **({"app": application} if application else {}), **others}}


def adc(*tenants: dict[str, Any], **properties: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"class": "ADC", "schemaVersion": "3.50.0", "id": "d1", **properties}
    for one in tenants:
        made |= one
    return made
