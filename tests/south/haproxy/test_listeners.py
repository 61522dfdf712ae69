"""Traffic through every protocol a listener can have."""

from __future__ import annotations

import dataclasses
import hashlib
import http.client
import socket
import ssl
from collections import Counter
from pathlib import Path

import pytest
import trustme

from bascule.model.objects import ListenerProtocol, PoolProtocol, Vip
from bascule.model.secrets import Secret, SecretRef
from bascule.model.status import ListenerSeen
from bascule.south.haproxy import Binary
from tests.addresses import own_address
from tests.south.haproxy.site import PROJECT, Answer, Site, until


class Certificates:
    """Certificates by name, as the library holds them, and what trusts them."""

    def __init__(self, *names: str) -> None:
        self.authority = trustme.CA()
        self.contents = {name: self._pem(name) for name in names}

    def _pem(self, name: str) -> bytes:
        issued = self.authority.issue_cert(name)
        return b"".join(blob.bytes() for blob in (*issued.cert_chain_pems, issued.private_key_pem))

    @property
    def refs(self) -> dict[str, SecretRef]:
        return {name: SecretRef(PROJECT, name, hashlib.sha256(pem).hexdigest()) for name, pem in self.contents.items()}

    def secret(self, meant: SecretRef) -> Secret:
        return Secret(self.contents[meant.ref])

    def client(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates("www.example.com", "shop.example.com")


def names(site: Site, certificates: Certificates, port: int, server_name: str) -> set[str]:
    """The host names in the certificate that a client is shown that asks for a name."""
    context = certificates.client()
    context.check_hostname = False
    with (
        socket.create_connection((site.address, port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=server_name) as connection,
    ):
        shown = connection.getpeercert()
        assert shown
        return {str(value) for _, value in shown["subjectAltName"]}


def test_http_goes_round_the_members(site: Site) -> None:
    pool = site.pool(site.server("a"), site.server("b"), site.server("c"))
    listener = site.listener(default_pool_id=pool.id)
    site.serve()
    assert Counter(site.get(listener).name for _ in range(9)) == {"a": 3, "b": 3, "c": 3}


def test_a_listener_without_pool_answers_503(site: Site) -> None:
    listener = site.listener()
    site.serve()
    assert site.get(listener).status == 503


def test_headers_are_inserted_where_asked_for(site: Site) -> None:
    pool = site.pool(site.server("a"))
    wanted = {"X-Forwarded-For": "true", "X-Forwarded-Port": "true", "X-Forwarded-Proto": "TRUE"}
    with_headers = site.listener(default_pool_id=pool.id, insert_headers=wanted)
    without = site.listener(default_pool_id=pool.id, insert_headers=dict.fromkeys(wanted, "false"))
    site.serve()
    asked = site.get(with_headers, source="127.0.0.7").asked
    assert asked["x-forwarded-for"] == "127.0.0.7"
    assert asked["x-forwarded-port"] == str(with_headers.protocol_port)
    assert asked["x-forwarded-proto"] == "http"
    assert not [header for header in site.get(without).asked if header.startswith("x-forwarded")]


def test_clients_outside_the_allowed_networks_are_turned_away(site: Site) -> None:
    pool = site.pool(site.server("a"))
    listener = site.listener(default_pool_id=pool.id, allowed_cidrs=("127.0.1.0/24", "127.0.3.3/32"))
    site.serve()
    assert site.get(listener, source="127.0.1.9").status == 200
    assert site.get(listener, source="127.0.3.3").status == 200
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        site.get(listener, source="127.0.2.9")


def test_a_listener_at_its_limit_is_full(site: Site) -> None:
    pool = site.pool(site.echo_server("a"), protocol=PoolProtocol.TCP)
    listener = site.listener(ListenerProtocol.TCP, default_pool_id=pool.id, connection_limit=2)
    site.serve()
    assert site.report().listeners == {listener.id: ListenerSeen.OPEN}
    with site.connect(listener), site.connect(listener):
        assert until(lambda: site.report().listeners[listener.id] is ListenerSeen.FULL)
        assert site.report().statistics[listener.id].active_connections == 2
    assert until(lambda: site.report().listeners[listener.id] is ListenerSeen.OPEN)


def test_tcp_passes_bytes_and_counts_them(site: Site) -> None:
    pool = site.pool(site.echo_server("a"), site.echo_server("b"), protocol=PoolProtocol.TCP)
    listener = site.listener(ListenerProtocol.TCP, default_pool_id=pool.id, timeout_tcp_inspect=100)
    site.serve()
    heard = Counter()
    for _ in range(4):
        with site.connect(listener) as connection, connection.makefile("rwb") as stream:
            heard[stream.readline().decode().strip()] += 1
            stream.write(b"\x00\xff anything \r\n")
            stream.flush()
            assert stream.readline() == b"\x00\xff anything \r\n"
    assert heard == {"a": 2, "b": 2}
    assert until(lambda: site.report().statistics[listener.id].total_connections == 4)
    assert until(lambda: site.report().statistics[listener.id].bytes_in == 4 * 14)
    assert site.report().statistics[listener.id].bytes_out == 4 * 16


def test_https_is_passed_through_unopened(site: Site, certificates: Certificates) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.authority.issue_cert("inside.example.com").configure_cert(context)
    pool = site.pool(site.server("a", tls=context), protocol=PoolProtocol.HTTPS)
    listener = site.listener(ListenerProtocol.HTTPS, default_pool_id=pool.id)
    site.serve()
    assert names(site, certificates, listener.protocol_port, "inside.example.com") == {"inside.example.com"}
    connection = http.client.HTTPSConnection(
        site.address, listener.protocol_port, timeout=10, context=_unnamed(certificates.client())
    )
    connection.request("GET", "/")
    assert Answer(connection.getresponse()).name == "a"
    connection.close()


def _unnamed(context: ssl.SSLContext) -> ssl.SSLContext:
    context.check_hostname = False
    return context


def test_tls_ends_here_with_the_certificate_that_the_client_asks_for(site: Site, certificates: Certificates) -> None:
    pool = site.pool(site.server("a"))
    listener = site.listener(
        ListenerProtocol.TERMINATED_HTTPS,
        default_pool_id=pool.id,
        default_tls_container_ref="www.example.com",
        sni_container_refs=("shop.example.com",),
        insert_headers={"X-Forwarded-Proto": "true"},
    )
    site.refs, site.secrets = certificates.refs, certificates.secret
    site.serve()
    port = listener.protocol_port
    assert names(site, certificates, port, "www.example.com") == {"www.example.com"}
    assert names(site, certificates, port, "shop.example.com") == {"shop.example.com"}
    assert names(site, certificates, port, "unknown.example.com") == {"www.example.com"}
    connection = http.client.HTTPSConnection(site.address, port, timeout=10, context=_unnamed(certificates.client()))
    connection.request("GET", "/")
    answer = Answer(connection.getresponse())
    connection.close()
    assert answer.asked["x-forwarded-proto"] == "https"
    for path in site.directory.glob("current/certificate/*"):
        assert path.stat().st_mode & 0o077 == 0


def test_a_certificate_with_new_content_is_taken_over(site: Site) -> None:
    held = Certificates("www.example.com")
    listener = site.listener(ListenerProtocol.TERMINATED_HTTPS, default_tls_container_ref="www.example.com")
    site.refs, site.secrets = held.refs, held.secret
    site.serve()
    other = Certificates("new.example.com")
    held.authority, held.contents = other.authority, {"www.example.com": other.contents["new.example.com"]}
    site.refs = held.refs
    site.serve()
    assert names(site, held, listener.protocol_port, "www.example.com") == {"new.example.com"}
    assert len(list(site.directory.glob("current/certificate/*.pem"))) == 1


def test_tls_versions_ciphers_and_alpn_are_as_asked(site: Site, certificates: Certificates) -> None:
    listener = site.listener(
        ListenerProtocol.TERMINATED_HTTPS,
        default_tls_container_ref="www.example.com",
        tls_versions=("TLSv1.2",),
        tls_ciphers="ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:TLS_AES_256_GCM_SHA384",
        alpn_protocols=("h2", "http/1.1"),
    )
    site.refs, site.secrets = certificates.refs, certificates.secret
    site.serve()
    context = certificates.client()
    context.set_alpn_protocols(["h2", "http/1.1"])
    where = (site.address, listener.protocol_port)
    with (
        socket.create_connection(where, timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="www.example.com") as connection,
    ):
        assert connection.version() == "TLSv1.2"
        assert connection.selected_alpn_protocol() == "h2"
        cipher = connection.cipher()
        assert cipher is not None
        assert cipher[0] in ("ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384")
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with socket.create_connection(where, timeout=10) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="www.example.com")


def test_every_address_is_served(site: Site) -> None:
    second = own_address()
    pool = site.pool(site.server("a"))
    listener = site.listener(default_pool_id=pool.id)
    site.put(dataclasses.replace(site.tree.load_balancer, additional_vips=(Vip(address=second),)))
    site.serve()
    assert site.get(listener).name == "a"
    connection = http.client.HTTPConnection(second, listener.protocol_port, timeout=10)
    connection.request("GET", "/")
    assert Answer(connection.getresponse()).name == "a"
    connection.close()


def test_an_ipv6_address_is_served(tmp_path: Path, haproxy: Binary) -> None:
    with Site(tmp_path, haproxy, "::1") as site:
        pool = site.pool(site.server("a"))
        listener = site.listener(default_pool_id=pool.id)
        site.serve()
        assert site.get(listener).name == "a"


def test_what_is_disabled_takes_no_traffic(site: Site) -> None:
    pool = site.pool(site.server("a"))
    listener = site.listener(default_pool_id=pool.id)
    site.put(dataclasses.replace(listener, admin_state_up=False))
    site.serve()
    with pytest.raises(ConnectionRefusedError):
        site.get(listener)
    assert site.report().alive
    assert site.report().listeners == {}
    site.put(listener)
    site.serve()
    assert site.get(listener).name == "a"
    site.put(dataclasses.replace(pool, admin_state_up=False))
    site.serve()
    assert site.get(listener).status == 503
    site.put(pool, dataclasses.replace(site.tree.load_balancer, admin_state_up=False))
    site.serve()
    with pytest.raises(ConnectionRefusedError):
        site.get(listener)
