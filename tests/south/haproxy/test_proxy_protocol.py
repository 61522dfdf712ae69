"""Members that are told of the client before the client's first byte."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

import pytest

from bascule.model.objects import Listener, ListenerProtocol, MonitorType, PoolProtocol
from bascule.south.haproxy import Binary
from tests.south.haproxy.site import Server, Site, until

pytestmark = pytest.mark.slow

PROXIES = {PoolProtocol.PROXY: 1, PoolProtocol.PROXYV2: 2}


class Client:
    """A client with a connection and an address of its own."""

    def __init__(self, site: Site, listener: Listener, address: str) -> None:
        self._connection = http.client.HTTPConnection(site.address, listener.protocol_port, 20, (address, 0))
        self._connection.connect()
        self.address = list(self._connection.sock.getsockname()[:2])

    def told(self) -> dict[str, Any]:
        """What the member was told of this client."""
        self._connection.request("GET", "/")
        proxy: dict[str, Any] = json.loads(self._connection.getresponse().read())["proxy"]
        return proxy

    def close(self) -> None:
        self._connection.close()


@pytest.mark.parametrize("protocol", [ListenerProtocol.HTTP, ListenerProtocol.TCP])
def test_members_learn_who_the_client_is(site: Site, protocol: ListenerProtocol) -> None:
    listeners = {}
    for proxy in PROXIES:
        server = site.server("a", proxied=True)
        listeners[proxy] = site.listener(protocol, default_pool_id=site.pool(server, protocol=proxy).id)
    site.serve()
    for proxy, listener in listeners.items():
        clients = [Client(site, listener, "127.0.0.7"), Client(site, listener, "127.0.0.8")]
        for _ in range(2):  # where connections to members are used again, it is not for another client
            for client in clients:
                destination = [site.address, listener.protocol_port]
                assert client.told() == {"version": PROXIES[proxy], "source": client.address, "destination": destination}
        for client in clients:
            client.close()


def test_members_learn_of_clients_with_ipv6_addresses(tmp_path: Path, haproxy: Binary) -> None:
    with Site(tmp_path, haproxy, "::1") as site:
        pools = {proxy: site.pool(site.server("a", proxied=True), protocol=proxy) for proxy in PROXIES}
        listeners = {proxy: site.listener(default_pool_id=pool.id) for proxy, pool in pools.items()}
        site.serve()
        for proxy, listener in listeners.items():
            client = Client(site, listener, "::1")
            destination = ["::1", listener.protocol_port]
            assert client.told() == {"version": PROXIES[proxy], "source": client.address, "destination": destination}
            client.close()


@pytest.mark.parametrize("kind", [MonitorType.HTTP, MonitorType.TCP])
def test_probes_of_the_port_of_the_traffic_speak_as_the_traffic_does(site: Site, kind: MonitorType) -> None:
    members, servers = [], []
    for proxy in PROXIES:
        servers.append(site.server("a", proxied=True))
        pool = site.pool(protocol=proxy)
        members.append(site.member(pool, servers[-1].port, monitor_address="127.0.0.1", monitor_port=servers[-1].port))
        site.monitor(pool, kind)
        site.listener(default_pool_id=pool.id)
    site.serve()
    for member, server in zip(members, servers, strict=True):
        pool = site.tree.pool(member.pool_id)
        assert pool
        assert until(lambda server=server: bool(server.proxied), 20)
        assert server.proxied
        (header, *_) = server.proxied
        assert header.version == PROXIES[pool.protocol]
        assert header.source is None or header.source[0] == "127.0.0.1"
        assert until(lambda member=member: site.seen(member) == "UP", 20)


def test_probes_of_another_port_do_not(site: Site) -> None:
    health = Server("health")
    site.closing.append(health.stop)
    pool = site.pool(protocol=PoolProtocol.PROXY)
    members = [
        site.member(pool, site.server("a", proxied=True).port, monitor_port=health.port),
        site.member(pool, health.port, address="127.0.0.2", monitor_address="127.0.0.1"),
    ]
    site.monitor(pool, MonitorType.HTTP, url_path="/health", max_retries=2)
    site.listener(default_pool_id=pool.id)
    site.serve()
    assert until(lambda: health.asked.count("/health") >= 4, 20)
    assert until(lambda: [site.seen(member) for member in members] == ["UP", "UP"], 20)
