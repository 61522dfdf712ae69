"""TLS from HAProxy to members: whom it trusts, what it shows, and what the two agree on."""

from __future__ import annotations

import dataclasses
import http.client
import json
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bascule.model.backend import Rejected
from bascule.model.objects import Listener, ListenerProtocol, MonitorType, Pool, PoolProtocol
from bascule.south.haproxy import Binary
from tests.addresses import free_port
from tests.certificates import AUTHORITY, Authority
from tests.south.haproxy.site import Server, Site, until

pytestmark = pytest.mark.slow

STRANGER = Authority("Somebody else")
MEMBER = AUTHORITY.issue("member.example.com")
ALL = ("h2", "http/1.1", "http/1.0")

Trust = Callable[..., ssl.SSLContext]


@pytest.fixture
def speaking(tmp_path: Path) -> Trust:
    """Makes what a server needs to speak TLS with a certificate; one that insists on a certificate of ours from a `client`."""

    def make(pem: bytes = MEMBER, *, client: bool = False, **attributes: object) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        path = tmp_path / "server.pem"
        path.write_bytes(pem)
        context.load_cert_chain(path)
        if client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=AUTHORITY.pem.decode())
        for name, value in attributes.items():
            setattr(context, name, value)
        return context

    return make


def through(site: Site, *servers: Server, protocol: ListenerProtocol = ListenerProtocol.HTTP, **fields: object) -> Listener:
    """A listener, and behind it servers that are spoken to over TLS."""
    return site.listener(protocol, default_pool_id=site.pool(*servers, tls_enabled=True, **fields).id)  # type: ignore[arg-type]


class TlsClient:
    """A client with one connection, on which it asks by TLS for a name."""

    def __init__(self, site: Site, listener: Listener, name: str | None) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection((site.address, listener.protocol_port), timeout=20)
        self._connection = http.client.HTTPConnection("ignored.example.com")
        self._connection.sock = context.wrap_socket(plain, server_hostname=name)
        site.closing.append(self._connection.close)

    def get(self) -> tuple[int, Any]:
        """The status, and what the member was told by TLS."""
        self._connection.request("GET", "/")
        response = self._connection.getresponse()
        body = response.read()
        return response.status, json.loads(body)["tls"] if response.status == 200 else None


def terminating(site: Site, pool: Pool | None) -> Listener:
    """A listener whose clients speak TLS."""
    ref = site.store("www", AUTHORITY.issue("www.example.com"))
    return site.listener(ListenerProtocol.TERMINATED_HTTPS, default_pool_id=pool and pool.id, default_tls_container_ref=ref)


def test_without_an_authority_every_member_is_trusted_and_told_the_name_that_the_client_asked_for(
    site: Site, speaking: Trust
) -> None:
    server = site.server("a", speaking(STRANGER.issue("stranger")))
    plain = through(site, server)
    encrypted = terminating(site, site.tree.pool(plain.default_pool_id))
    passing = through(site, server, protocol=ListenerProtocol.TCP)
    site.serve()
    assert site.get(plain).said("tls")["name"] is None
    assert site.get(passing).said("tls")["name"] is None
    clients = {name: TlsClient(site, encrypted, name) for name in ("one.example.com", "two.example.com", None)}
    for _ in range(3):  # connections are used again, but not for another name
        for name, client in clients.items():
            status, said = client.get()
            assert (status, said["name"]) == (200, name)


@pytest.mark.parametrize("kind", [MonitorType.HTTP, MonitorType.HTTPS])
def test_an_authority_says_which_members_are_trusted(site: Site, speaking: Trust, kind: MonitorType) -> None:
    servers = [site.server("good", speaking()), site.server("stranger", speaking(STRANGER.issue("member.example.com")))]
    ca = site.store("ca", AUTHORITY.pem)
    good, strange = (through(site, server, ca_tls_container_ref=ca) for server in servers)
    passing = through(site, *servers[:1], ca_tls_container_ref=ca, protocol=ListenerProtocol.TCP)
    encrypted = terminating(site, site.tree.pool(good.default_pool_id))
    for each in (good, strange):
        site.monitor(site.tree.pools_of(each.id)[0], kind, url_path="/health")
    site.serve()
    assert site.get(good).name == "good"
    assert site.get(passing).name == "good"
    assert site.get(strange).status == 503
    # Where the client asked for a name, the member's certificate has to be for that name.
    assert TlsClient(site, encrypted, "member.example.com").get()[0] == 200
    assert TlsClient(site, encrypted, None).get()[0] == 200
    assert TlsClient(site, encrypted, "www.example.com").get()[0] == 503
    # Probes speak as the traffic does.
    seen = {listener.id: site.tree.members_of(listener.default_pool_id or "")[0] for listener in (good, strange)}
    assert until(lambda: [site.seen(member) for member in seen.values()] == ["UP", "DOWN"], 20)
    assert "/health" in servers[0].asked
    assert servers[1].asked == []


@pytest.mark.slow
def test_a_revoked_member_is_not_trusted(site: Site, speaking: Trust) -> None:
    revoked = AUTHORITY.issue("revoked.example.com")
    refs = {
        "ca_tls_container_ref": site.store("ca", AUTHORITY.pem),
        "crl_container_ref": site.store("crl", AUTHORITY.crl(revoked=[revoked])),
    }
    good, bad = (through(site, site.server(pem[-9:].hex(), speaking(pem)), **refs) for pem in (MEMBER, revoked))
    site.serve()
    assert (site.get(good).status, site.get(bad).status) == (200, 503)


def test_members_are_shown_a_certificate(site: Site, speaking: Trust) -> None:
    server = site.server("a", speaking(client=True))
    ref = site.store("own", AUTHORITY.issue("balancer.example.com"))
    showing, silent = through(site, server, tls_container_ref=ref), through(site, server)
    passing = through(site, server, tls_container_ref=ref, protocol=ListenerProtocol.TCP)
    site.serve()
    assert site.get(showing).said("tls")["client"] == "balancer.example.com"
    assert site.get(passing).said("tls")["client"] == "balancer.example.com"
    assert site.get(silent).status in (502, 503)


def test_versions_ciphers_and_protocols_are_those_of_the_pool(site: Site, speaking: Trust) -> None:
    context = speaking()
    context.set_alpn_protocols(list(ALL))
    server = site.server("a", context)
    classic, modern = "ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_CHACHA20_POLY1305_SHA256"
    both = f"{classic}:{modern}"
    reading: list[tuple[dict[str, object], tuple[str, str, str | None]]] = [
        ({"tls_versions": ("TLSv1.2",), "tls_ciphers": both}, ("TLSv1.2", classic, None)),
        ({"tls_versions": ("TLSv1.3",), "tls_ciphers": both}, ("TLSv1.3", modern, None)),
        ({"tls_versions": ("TLSv1.2", "TLSv1.3"), "tls_ciphers": modern}, ("TLSv1.3", modern, None)),
        ({"tls_ciphers": modern, "alpn_protocols": ("http/1.0", "http/1.1")}, ("TLSv1.3", modern, "http/1.1")),
    ]
    expected = [(through(site, server, **fields), agreed) for fields, agreed in reading]
    # The client's bytes are passed on as they are, so the member must not take them for HTTP/2.
    passing = through(site, server, protocol=ListenerProtocol.TCP, tls_ciphers=modern, alpn_protocols=ALL)
    site.serve()
    for listener, agreed in (*expected, (passing, ("TLSv1.3", modern, "http/1.1"))):
        said = site.get(listener).said("tls")
        assert (said["version"], said["cipher"], said["alpn"]) == agreed


@pytest.fixture
def modern(haproxy: Binary, tmp_path: Path) -> Iterator[int]:
    """The port of a member that prefers HTTP/2, and tells which version it was asked in."""
    port = free_port()
    (tmp_path / "member.pem").write_bytes(MEMBER)
    (tmp_path / "member.cfg").write_text(
        "defaults\n  mode http\n  timeout client 9s\n"
        f"frontend member\n  bind 127.0.0.1:{port} ssl crt member.pem alpn h2,http/1.1\n"
        "  http-request return status 200 content-type text/plain lf-string %[ssl_fc_alpn],%[req.ver]\n"
    )
    started = subprocess.Popen([haproxy.path, "-db", "-C", tmp_path, "-f", "member.cfg"], stderr=subprocess.DEVNULL)
    yield port
    started.kill()
    started.wait()


@pytest.mark.slow
def test_members_may_be_spoken_to_in_http_2(site: Site, modern: int) -> None:
    listeners = [through(site, alpn_protocols=protocols) for protocols in (ALL, ALL[1:])]
    for listener in listeners:
        pool = site.tree.pools_of(listener.id)[0]
        site.member(pool, modern)
        site.monitor(pool, MonitorType.HTTP)
    site.serve()
    assert not until(lambda: {site.seen(member) for member in site.tree.members} != {"UP"}, 2.5)
    assert [site.get(listener).text for listener in listeners] == ["h2,2.0", "http/1.1,1.1"]


@pytest.mark.parametrize("proxy", [PoolProtocol.PROXY, PoolProtocol.PROXYV2])
def test_the_proxy_header_comes_before_tls(site: Site, speaking: Trust, proxy: PoolProtocol) -> None:
    server = site.server("a", speaking(), proxied=True)
    listener = through(site, server, protocol=ListenerProtocol.HTTP)
    pool = site.tree.pools_of(listener.id)[0]
    site.put(dataclasses.replace(pool, protocol=proxy))
    site.monitor(pool, MonitorType.HTTP)
    site.serve()
    answer = site.get(listener, source="127.0.0.9")
    assert answer.said("proxy")["source"][0] == "127.0.0.9"
    assert answer.said("tls")["version"]
    assert until(lambda: site.seen(site.tree.members[0]) == "UP", 20)


def test_a_member_that_joins_a_running_haproxy_is_spoken_to_like_the_others(site: Site, speaking: Trust) -> None:
    context = speaking(client=True)
    context.set_alpn_protocols(["http/1.1"])
    refs = {
        "ca_tls_container_ref": site.store("ca", AUTHORITY.pem),
        "crl_container_ref": site.store("crl", AUTHORITY.crl()),
        "tls_container_ref": site.store("own", AUTHORITY.issue("balancer.example.com")),
    }
    servers = [site.server(name, context, proxied=True) for name in "ab"]
    fields = {"tls_versions": ("TLSv1.2",), "alpn_protocols": ALL, "protocol": PoolProtocol.PROXYV2, "tls_enabled": True, **refs}
    pool = site.pool(servers[0], **fields)  # type: ignore[arg-type]
    site.monitor(pool, MonitorType.HTTP)
    plain, encrypted = site.listener(default_pool_id=pool.id), terminating(site, pool)
    site.serve()
    processes = site.processes()
    site.member(pool, servers[1].port)
    site.serve()
    assert site.processes() == processes
    assert until(lambda: {site.seen(member) for member in site.tree.members} == {"UP"}, 20)
    told: dict[str, Any] = {answer.name: answer.said("tls") for answer in (site.get(plain) for _ in range(4))}
    assert set(told) == {"a", "b"}
    assert told["a"] == told["b"]
    assert (told["b"]["version"], told["b"]["alpn"], told["b"]["client"]) == ("TLSv1.2", "http/1.1", "balancer.example.com")
    assert [TlsClient(site, encrypted, "member.example.com").get()[1]["name"] for _ in "ab"] == ["member.example.com"] * 2


def test_what_haproxy_does_not_accept_is_the_fault_of_the_pool(site: Site, speaking: Trust) -> None:
    listener = through(site, site.server("a", speaking()))
    pool = site.tree.pools_of(listener.id)[0]
    site.serve()
    junk = site.store("junk", b"no certificate")
    for changes in ({"tls_ciphers": "NOTHING-LIKE-IT"}, {"ca_tls_container_ref": junk}, {"tls_container_ref": junk}):
        site.put(dataclasses.replace(pool, **changes))  # type: ignore[arg-type]
        outcome = site.apply()
        assert isinstance(outcome, Rejected)
        assert outcome.objects == (pool.id,)
        assert site.get(listener).status == 200


@pytest.mark.slow
def test_new_content_counts_without_a_reload(site: Site, speaking: Trust) -> None:
    """Of the authority, the list of what it revoked, and the certificate that members are shown."""
    member = AUTHORITY.issue("member.example.com")
    refs = {
        "ca_tls_container_ref": site.store("ca", AUTHORITY.pem),
        "crl_container_ref": site.store("crl", AUTHORITY.crl()),
        "tls_container_ref": site.store("own", AUTHORITY.issue("one.example.com")),
    }
    listener = through(site, site.server("a", speaking(member, client=True)), **refs)
    site.serve()
    processes = site.processes()
    site.store("own", AUTHORITY.issue("two.example.com"))
    site.serve()
    assert site.get(listener).said("tls")["client"] == "two.example.com"
    site.store("crl", AUTHORITY.crl(revoked=[member]))
    site.serve()
    assert site.get(listener).status == 503
    site.store("crl", AUTHORITY.crl())
    site.store("ca", STRANGER.pem)
    site.serve()
    assert site.get(listener).status == 503
    site.store("ca", AUTHORITY.pem)
    site.serve()
    assert site.get(listener).said("tls")["client"] == "two.example.com"
    assert site.processes() == processes
