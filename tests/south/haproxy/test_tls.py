"""TLS that ends at a listener: certificates by name, versions, ciphers, and the protocols spoken inside."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from bascule.model.backend import Rejected
from bascule.model.objects import Listener, ListenerProtocol, PoolProtocol
from tests.south.haproxy.certificates import Certificates
from tests.south.haproxy.site import Site

pytestmark = pytest.mark.slow

V = ssl.TLSVersion
VERSIONS = {"TLSv1": V.TLSv1, "TLSv1.1": V.TLSv1_1, "TLSv1.2": V.TLSv1_2, "TLSv1.3": V.TLSv1_3}
OLD_CIPHERS = "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-GCM-SHA384"


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates("www.example.com", "shop.example.com")


def listening(site: Site, certificates: Certificates, **fields: object) -> Listener:
    certificates.give(site)
    fields = {"default_tls_container_ref": "www.example.com", **fields}
    return site.listener(ListenerProtocol.TERMINATED_HTTPS, **fields)


@dataclass(frozen=True)
class Agreed:
    """What client and listener agreed on."""

    version: str | None
    cipher: str
    protocol: str | None


def handshake(site: Site, listener: Listener, client: ssl.SSLContext) -> Agreed:
    with (
        socket.create_connection((site.address, listener.protocol_port), timeout=10) as plain,
        client.wrap_socket(plain) as connection,
    ):
        cipher = connection.cipher()
        assert cipher
        return Agreed(connection.version(), cipher[0], connection.selected_alpn_protocol())


def names(site: Site, certificates: Certificates, listener: Listener, name: str) -> set[str]:
    """The host names in the certificate that a client is shown that asks for a name."""
    with (
        socket.create_connection((site.address, listener.protocol_port), timeout=10) as plain,
        certificates.client().wrap_socket(plain, server_hostname=name) as connection,
    ):
        shown = connection.getpeercert()
        assert shown
        return {str(value) for _, value in shown["subjectAltName"]}


def test_https_is_passed_through_unopened(site: Site, certificates: Certificates) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.authority.issue_cert("inside.example.com").configure_cert(context)
    pool = site.pool(site.server("a", tls=context), protocol=PoolProtocol.HTTPS)
    listener = site.listener(ListenerProtocol.HTTPS, default_pool_id=pool.id)
    site.serve()
    assert names(site, certificates, listener, "inside.example.com") == {"inside.example.com"}
    assert site.get(listener, tls=certificates.client()).name == "a"


def test_tls_ends_here_with_the_certificate_that_the_client_asks_for(site: Site, certificates: Certificates) -> None:
    pool = site.pool(site.server("a"))
    listener = listening(
        site,
        certificates,
        default_pool_id=pool.id,
        sni_container_refs=("shop.example.com",),
        insert_headers={"X-Forwarded-Proto": "true"},
    )
    site.serve()
    assert names(site, certificates, listener, "www.example.com") == {"www.example.com"}
    assert names(site, certificates, listener, "shop.example.com") == {"shop.example.com"}
    assert names(site, certificates, listener, "unknown.example.com") == {"www.example.com"}
    assert site.get(listener, tls=certificates.client()).asked["x-forwarded-proto"] == "https"
    for path in site.directory.glob("current/certificate/*"):
        assert path.stat().st_mode & 0o077 == 0


def test_a_certificate_with_new_content_is_taken_over(site: Site) -> None:
    held = Certificates("www.example.com")
    listener = listening(site, held)
    site.serve()
    other = Certificates("new.example.com")
    held.authority, held.contents = other.authority, {"www.example.com": other.contents["new.example.com"]}
    held.give(site)
    site.serve()
    assert names(site, held, listener, "www.example.com") == {"new.example.com"}
    assert len(list(site.directory.glob("current/certificate/*.pem"))) == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_only_the_versions_that_are_wanted_are_spoken(site: Site, certificates: Certificates) -> None:
    wanted = [tuple(VERSIONS)[first:last] for first in range(4) for last in range(first + 1, 5)]
    listeners = {versions: listening(site, certificates, tls_versions=versions, tls_ciphers=OLD_CIPHERS) for versions in wanted}
    site.serve()
    for versions, listener in listeners.items():
        for name, version in VERSIONS.items():
            client = certificates.client(version=version)
            if name in versions:
                assert handshake(site, listener, client).version == name
            else:
                with pytest.raises(ssl.SSLError):
                    handshake(site, listener, client)


def test_only_the_ciphers_that_are_wanted_are_used(site: Site, certificates: Certificates) -> None:
    wanted = {
        ("ECDHE-ECDSA-AES256-GCM-SHA384", V.TLSv1_2): "ECDHE-ECDSA-AES256-GCM-SHA384",
        ("TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-CHACHA20-POLY1305", V.TLSv1_2): "ECDHE-ECDSA-CHACHA20-POLY1305",
        ("ECDHE+AESGCM:!AES128", V.TLSv1_2): "ECDHE-ECDSA-AES256-GCM-SHA384",
        ("TLS_CHACHA20_POLY1305_SHA256", V.TLSv1_3): "TLS_CHACHA20_POLY1305_SHA256",
        ("ECDHE-ECDSA-AES256-GCM-SHA384:TLS_AES_128_GCM_SHA256", V.TLSv1_3): "TLS_AES_128_GCM_SHA256",
    }
    listeners = {(given, version): listening(site, certificates, tls_ciphers=given) for given, version in wanted}
    site.serve()
    weaker = certificates.client(version=V.TLSv1_2)
    weaker.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    for (given, version), cipher in wanted.items():
        listener = listeners[given, version]
        assert handshake(site, listener, certificates.client(version=version)).cipher == cipher
        if version is V.TLSv1_2:
            with pytest.raises(ssl.SSLError):
                handshake(site, listener, weaker)


@pytest.mark.parametrize("wanted", ["NO-SUCH-CIPHER", "TLS_NO_SUCH_SUITE"])
def test_ciphers_that_nobody_knows_are_the_fault_of_their_listener(site: Site, certificates: Certificates, wanted: str) -> None:
    other = site.listener()
    listener = listening(site, certificates, tls_ciphers=wanted)
    outcome = site.apply()
    assert isinstance(outcome, Rejected), outcome
    assert outcome.objects == (listener.id,)
    assert other.id not in outcome.objects


def test_the_protocol_inside_is_agreed_on(site: Site, certificates: Certificates) -> None:
    all_three = listening(site, certificates, alpn_protocols=("h2", "http/1.1", "http/1.0"))
    rather_old = listening(site, certificates, alpn_protocols=("http/1.1", "h2"))
    oldest = listening(site, certificates, alpn_protocols=("http/1.0",))
    site.serve()
    for listener, offered, chosen in (
        (all_three, ["http/1.0", "http/1.1", "h2"], "h2"),
        (all_three, ["http/1.0"], "http/1.0"),
        (rather_old, ["h2", "http/1.1"], "http/1.1"),
        (oldest, ["h2", "http/1.0"], "http/1.0"),
        (oldest, ["h2"], None),
    ):
        client = certificates.client()
        client.set_alpn_protocols(offered)
        assert handshake(site, listener, client).protocol == chosen


def test_requests_of_every_version_of_http_are_answered(site: Site, certificates: Certificates, tmp_path: Path) -> None:
    curl = shutil.which("curl")
    if curl is None or "HTTP2" not in subprocess.run([curl, "-V"], capture_output=True, text=True, check=True).stdout:
        pytest.skip("there is no curl here that speaks HTTP/2")
    pool = site.pool(site.server("a"))
    modern = listening(site, certificates, alpn_protocols=("h2", "http/1.1", "http/1.0"), default_pool_id=pool.id)
    old = listening(site, certificates, alpn_protocols=("http/1.1",), default_pool_id=pool.id)
    site.serve()
    authority = tmp_path / "ca.pem"
    authority.write_bytes(certificates.authority.cert_pem.bytes())
    for listener, option, spoken in (
        (modern, "--http2", "2"),
        (modern, "--http1.1", "1.1"),
        (modern, "--http1.0", "1.1"),  # a server answers with its own version
        (old, "--http2", "1.1"),
    ):
        where = f"www.example.com:{listener.protocol_port}"
        command = [curl, "-sS", option, "--max-time", "20", "--cacert", str(authority), "--resolve", f"{where}:{site.address}"]
        command += ["-w", " %{http_code} %{http_version}", f"https://{where}/"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        assert '"name": "a"' in done.stdout
        assert done.stdout.endswith(f" 200 {spoken}")
