"""Clients reach members through a BIG-IP as Bascule declared it: what a load balancer is for."""

from __future__ import annotations

import dataclasses
import http.client
import socket
import ssl
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from bascule.model.objects import (
    Algorithm,
    CompareType,
    HealthMonitor,
    L7Policy,
    L7Rule,
    Listener,
    ListenerProtocol,
    Member,
    MonitorType,
    PersistenceType,
    PolicyAction,
    Pool,
    PoolProtocol,
    RuleType,
    SessionPersistence,
    Tree,
    Vip,
)
from tests.addresses import own_address
from tests.certificates import AUTHORITY
from tests.emulator.site import Box
from tests.emulator.test_data_plane import Member as Server
from tests.emulator.test_data_plane import carried
from tests.haproxies import binary
from tests.scenarios.f5.conftest import Make
from tests.scenarios.f5.site import F5World
from tests.scenarios.world import LOOPBACK, bare, new_id

pytestmark = pytest.mark.slow

HTTP, HTTPS, TCP = 18080, 18443, 18070
FAST = {"delay": 1, "timeout": 1, "max_retries": 1, "max_retries_down": 1}


@pytest.fixture
def device() -> Iterator[Box]:
    with carried(binary("wheel")) as made:
        yield made


@pytest.fixture
def world(make: Make, device: Box) -> F5World:
    return make(device)


@pytest.fixture
def servers() -> Iterator[dict[str, Server]]:
    made = {name: Server(name) for name in ("one", "two", "three")}
    yield made
    for each in made.values():
        each.stop()


def a_pool(**fields: Any) -> Pool:
    return Pool(**{"id": new_id(), "protocol": PoolProtocol.HTTP, "lb_algorithm": Algorithm.ROUND_ROBIN, **fields})


def a_listener(port: int, pool: Pool, **fields: Any) -> Listener:
    return Listener(
        **{"id": new_id(), "protocol": ListenerProtocol.HTTP, "protocol_port": port, "default_pool_id": pool.id, **fields}
    )


def a_member(pool: Pool, server: Server, **fields: Any) -> Member:
    return Member(id=new_id(), pool_id=pool.id, address="127.0.0.1", protocol_port=server.port, **fields)


def load_balancer() -> Tree:
    tree = bare()
    vip = Vip(address=own_address(), subnet_id=LOOPBACK.id)
    return tree.put(dataclasses.replace(tree.load_balancer, vip=vip))


class Client:
    """Asks at one address. `cookies` are sent again as they were told."""

    def __init__(self, device: Box, address: str, trusted: bytes = b"") -> None:
        self._device = device
        self._address = address
        self._tls = ssl.create_default_context(cadata=trusted.decode()) if trusted else None
        self.cookies = ""

    def get(self, path: str = "/", *, port: int = HTTP, name: str = "") -> http.client.HTTPResponse:
        """The answer; its body, which is the name of who answered, as the attribute `by`."""
        connection = http.client.HTTPConnection(name or self._address, port, timeout=5)
        connection.sock = socket.create_connection((self._address, port), 5)
        if name and self._tls:
            connection.sock = self._tls.wrap_socket(connection.sock, server_hostname=name)
        with closing(connection):
            connection.request("GET", path, headers={"Cookie": self.cookies} if self.cookies else {})
            answer = connection.getresponse()
            answer.by = answer.read().decode()  # type: ignore[attr-defined]
            if told := answer.headers["Set-Cookie"]:
                self.cookies = told.partition(";")[0]
            return answer

    def answering(self, count: int = 16, **how: Any) -> Counter[str]:
        """Who answers how often; nobody where there is no connection."""
        try:
            return Counter(self.get(**how).by for _ in range(count))  # type: ignore[attr-defined]
        except OSError:
            return Counter()

    def until(self, expected: dict[str, int], **how: Any) -> None:
        self._device.until(lambda: self.answering(sum(expected.values()), **how) == expected, 30)


def test_requests_go_to_members_by_weight_and_by_policy(world: F5World, device: Box, servers: dict[str, Server]) -> None:
    web, api = a_pool(), a_pool()
    front = a_listener(HTTP, web)
    one, two, three = a_member(web, servers["one"], weight=3), a_member(web, servers["two"]), a_member(api, servers["three"])
    monitor = HealthMonitor(id=new_id(), pool_id=web.id, type=MonitorType.HTTP, url_path="/health", **FAST)
    policy = L7Policy(id=new_id(), listener_id=front.id, action=PolicyAction.REDIRECT_TO_POOL, redirect_pool_id=api.id, position=1)
    rule = L7Rule(id=new_id(), l7policy_id=policy.id, type=RuleType.PATH, compare_type=CompareType.STARTS_WITH, value="/api")
    made = world.create(load_balancer().put(web, api, front, one, two, three, monitor, policy, rule))
    world.settle()
    assert set(world.statuses(made.id).values()) == {"ACTIVE"}
    client = Client(device, world.stored(made.id).tree.load_balancer.vip.address)
    client.until({"one": 12, "two": 4})
    assert client.answering(4, path="/api/v1") == {"three": 4}

    servers["two"].healthy = False
    client.until({"one": 8})

    def seen() -> bool:
        world.clock.now += 2
        world.health.tick()
        return (world.operating(made.id, one.id), world.operating(made.id, two.id)) == ("ONLINE", "ERROR")

    device.until(seen, 30)
    servers["two"].healthy = True
    world.put(made.id, dataclasses.replace(one, weight=0))
    world.settle()
    client.until({"two": 8})
    world.put(made.id, dataclasses.replace(one, weight=1), dataclasses.replace(rule, value="/other"))
    world.settle()
    client.until({"one": 4, "two": 4})
    assert client.answering(4, path="/api/v1") == {"one": 2, "two": 2}
    world.put(made.id, dataclasses.replace(front, admin_state_up=False))
    world.settle()
    device.until(lambda: not client.answering(1))
    world.delete(made.id)
    world.settle()
    assert world.is_on(device)


def test_clients_stay_with_a_member(world: F5World, device: Box, servers: dict[str, Server]) -> None:
    by_cookie = a_pool(session_persistence=SessionPersistence(type=PersistenceType.HTTP_COOKIE))
    by_address = a_pool(protocol=PoolProtocol.TCP, session_persistence=SessionPersistence(type=PersistenceType.SOURCE_IP))
    fronts = a_listener(HTTP, by_cookie), a_listener(TCP, by_address, protocol=ListenerProtocol.TCP)
    members = [a_member(pool, servers[name]) for pool in (by_cookie, by_address) for name in ("one", "two")]
    made = world.create(load_balancer().put(by_cookie, by_address, *fronts, *members))
    world.settle()
    assert set(world.statuses(made.id).values()) == {"ACTIVE"}
    address = world.stored(made.id).tree.load_balancer.vip.address
    device.until(lambda: Client(device, address).answering(1))
    clients = [Client(device, address) for _ in range(4)]
    stay = [client.answering(5) for client in clients]
    assert [len(each) for each in stay] == [1] * 4
    assert sum(stay, Counter()) == {"one": 10, "two": 10}, "each new client goes to the next member"
    assert len(clients[0].answering(8, port=TCP)) == 1


def test_tls_ends_at_the_device(world: F5World, device: Box, servers: dict[str, Server]) -> None:
    for name in ("www.example.com", "shop.example.com"):
        world.certificate(name, AUTHORITY.issue(name))
    web = a_pool()
    front = a_listener(
        HTTPS,
        web,
        protocol=ListenerProtocol.TERMINATED_HTTPS,
        default_tls_container_ref="www.example.com",
        sni_container_refs=("shop.example.com",),
        hsts_max_age=3600,
    )
    made = world.create(load_balancer().put(web, front, a_member(web, servers["one"])))
    world.settle()
    assert set(world.statuses(made.id).values()) == {"ACTIVE"}
    client = Client(device, world.stored(made.id).tree.load_balancer.vip.address, AUTHORITY.pem)
    for name in ("www.example.com", "shop.example.com"):
        client.until({"one": 2}, port=HTTPS, name=name)
    assert client.get(port=HTTPS, name="www.example.com").headers["Strict-Transport-Security"] == "max-age=3600"
    with pytest.raises(ssl.SSLCertVerificationError):
        client.get(port=HTTPS, name="other.example.com")
