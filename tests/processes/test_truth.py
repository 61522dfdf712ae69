"""What the API says of members is what HAProxy sees of them: servers of every monitor type die and come back."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Iterator
from typing import Any

import pytest
import trustme

from tests.hosts import NETWORK, Host, host
from tests.processes.running import Site, free_ports, wait_for
from tests.south.haproxy.site import Server

__all__ = ["host"]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.geteuid() != 0, reason="changes addresses of this machine")]

VIPS = "1d9f6c5e-6c1b-4c0e-9d0f-1f4f0c1a0001"
MEMBERS = "127.20.0.31"


@pytest.fixture
def servers() -> Iterator[dict[str, Server]]:
    """A server for each type of monitor that asks servers, and one that stays."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("member.example.com").configure_cert(context)
    kinds = {"HTTP": None, "HTTPS": context, "TCP": None, "TLS-HELLO": context, "STAYS": None}
    found = {kind: Server(kind, tls, address=MEMBERS) for kind, tls in kinds.items()}
    yield found
    for server in found.values():
        server.stop()


def _pool(kind: str, protocol: str, *members: dict[str, Any]) -> dict[str, Any]:
    monitor = {"type": kind, "delay": 1, "timeout": 1, "max_retries": 1, "max_retries_down": 1}
    pool = {"name": kind, "protocol": protocol, "lb_algorithm": "ROUND_ROBIN", "members": list(members)}
    return pool if kind == "NONE" else pool | {"healthmonitor": monitor}


def _wanted(servers: dict[str, Server], host: Host) -> dict[str, Any]:
    """A load balancer with a pool of each kind. The HTTP pool is used in two modes, and has members of every sort."""
    stays = servers["STAYS"].port
    members = {
        kind: {"name": kind, "address": MEMBERS, "protocol_port": server.port}
        for kind, server in servers.items()
        if kind != "STAYS"
    }
    others = [
        {"name": "backup", "address": MEMBERS, "protocol_port": stays, "backup": True},
        {
            "name": "drained",
            "address": "127.20.0.32",
            "protocol_port": 9,
            "monitor_address": MEMBERS,
            "monitor_port": stays,
            "weight": 0,
        },
        {"name": "disabled", "address": "127.20.0.33", "protocol_port": 9, "admin_state_up": False},
    ]
    protocols = {"HTTP": "HTTP", "HTTPS": "HTTPS", "TCP": "TCP", "TLS-HELLO": "HTTPS"}
    pools = [_pool(kind, protocol, members[kind], *(others if kind == "HTTP" else ())) for kind, protocol in protocols.items()]
    pools.append(_pool("PING", "TCP", {"name": "PING", "address": host.address, "protocol_port": 80}))
    pools.append(_pool("NONE", "TCP", {"name": "NONE", "address": MEMBERS, "protocol_port": 9}))
    first = free_ports(len(pools) + 1)
    uses = [("HTTP", "HTTP"), *(("TCP", pool["name"]) for pool in pools)]
    listeners = [
        {"protocol": protocol, "protocol_port": first + at, "default_pool": {"name": name}}
        for at, (protocol, name) in enumerate(uses)
    ]
    return {"loadbalancer": {"vip_subnet_id": VIPS, "listeners": listeners, "pools": pools}}


def _statuses(site: Site, made: str) -> dict[str, str]:
    """The operating status of the load balancer, its pools and its members, by name."""
    tree = site.call("GET", f"/v2/lbaas/loadbalancers/{made}/status")[1]["statuses"]["loadbalancer"]
    found = {"load balancer": tree["operating_status"]}
    for listener in tree["listeners"]:
        for pool in listener["pools"]:
            found[f"pool {pool['name']}"] = pool["operating_status"]
            found |= {member["name"]: member["operating_status"] for member in pool["members"]}
    return found


def test_members_are_shown_as_they_are(real: Site, servers: dict[str, Server], host: Host) -> None:
    with_hosts = real.file.read_text().replace("subnets = vips, members", "subnets = vips, members, hosts")
    real.file.write_text(f"{with_hosts}[subnet:hosts]\ncidr = {NETWORK}\nmembers = true\n")
    host.up()
    mortal = {"HTTP", "HTTPS", "TCP", "TLS-HELLO", "PING"}
    well = dict.fromkeys((*mortal, *(f"pool {kind}" for kind in mortal), "backup", "load balancer", "pool NONE"), "ONLINE")
    well |= {"drained": "DRAINING", "disabled": "OFFLINE", "NONE": "NO_MONITOR"}
    dead = well | dict.fromkeys((*mortal, *(f"pool {kind}" for kind in mortal), "load balancer"), "ERROR")
    dead["pool HTTP"] = "DEGRADED"  # its backup stays

    with real.running("bascule", "serve") as running:
        running.wait_until_it_says("Ready; the API is at")
        made = real.create(_wanted(servers, host))

        def become(expected: dict[str, str]) -> float:
            """Wait until everything has its status; tells how many seconds it took."""
            began = time.monotonic()
            wait_for(
                lambda: _statuses(real, made) == expected,
                lambda: f"{set(_statuses(real, made).items()) ^ set(expected.items())} {running.log}",
            )
            return time.monotonic() - began

        become(well)
        host.down()
        for kind in mortal - {"PING"}:
            servers[kind].stop()
        took = become(dead)
        host.up()
        for kind in mortal - {"PING"}:
            servers[kind].start()
        back = become(well)
        servers["HTTP"].stop()
        servers["STAYS"].stop()
        become(well | {"HTTP": "ERROR", "backup": "ERROR", "drained": "ERROR", "pool HTTP": "ERROR", "load balancer": "ERROR"})
        print(f"all dead after {took:.1f} s, all back after {back:.1f} s")
        assert real.call("DELETE", f"/v2/lbaas/loadbalancers/{made}?cascade=true")[0] == 204
        wait_for(lambda: not real.load_balancer(made), lambda: running.log)
