"""A certificate that is replaced in its directory, seen from outside: from the file to the client's handshake."""

from __future__ import annotations

import socket
import ssl
import time
from datetime import UTC, datetime

import pytest

from bascule.cmd.demo.children import haproxys
from tests.addresses import free_port
from tests.certificates import AUTHORITY
from tests.processes.running import Site, wait_for

pytestmark = pytest.mark.slow

PROJECT = "00000000000000000000000000000000"
DAY = 86400.0


def put(site: Site, content: bytes) -> None:
    folder = site.state / "certificates" / PROJECT
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".new").write_bytes(content)
    (folder / ".new").replace(folder / "www.pem")


def ends_at(address: str, port: int) -> float:
    """When the certificate ends that a client is shown. 0 while nobody answers."""
    context = ssl.create_default_context(cadata=AUTHORITY.pem.decode())
    try:
        with (
            socket.create_connection((address, port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="www.example.com") as connection,
        ):
            return float(ssl.cert_time_to_seconds(str((connection.getpeercert() or {})["notAfter"])))
    except OSError:
        return 0.0


def test_a_renewed_certificate_is_served_and_told_of(real: Site) -> None:
    first, second = (float(int(time.time() + days * DAY)) for days in (10, 365))
    put(real, AUTHORITY.issue(ends_at=first))
    port = free_port()
    listener = {
        "name": "shop",
        "protocol": "TERMINATED_HTTPS",
        "protocol_port": port,
        "default_tls_container_ref": "www.pem",
    }
    with real.running("bascule", "serve") as running:
        running.wait_until_it_says("Ready; the API is at")
        subnet = "1d9f6c5e-6c1b-4c0e-9d0f-1f4f0c1a0001"
        made = real.create({"loadbalancer": {"vip_subnet_id": subnet, "listeners": [listener]}})
        address = str(real.load_balancer(made)["vip_address"])

        def told(text: str) -> bool:
            events = real.call("GET", f"/v2/lbaas/loadbalancers/{made}/events")[1]["events"]
            return any(event["text"].startswith(text) and event["object"]["type"] == "listener" for event in events)

        wait_for(lambda: ends_at(address, port) == first, lambda: running.log)
        name, (old, new) = "The certificate www.pem of the listener shop", (_day(first), _day(second))
        wait_for(lambda: told(f"{name} expires on {old}, in "), lambda: running.log)
        put(real, AUTHORITY.issue(ends_at=second))
        wait_for(lambda: ends_at(address, port) == second, lambda: running.log)
        wait_for(lambda: told(f"{name} has new content, which is used from now on. It expires on {new}."), lambda: running.log)
        assert real.load_balancer(made)["provisioning_status"] == "ACTIVE"
        assert real.call("DELETE", f"/v2/lbaas/loadbalancers/{made}?cascade=true")[0] == 204
        wait_for(lambda: not haproxys(real.state), lambda: running.log)


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
