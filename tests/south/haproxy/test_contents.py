"""Certificates and their like, whose content changes, are taken over in place."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import ssl
import tempfile
from pathlib import Path

import pytest

from bascule.model.backend import Done, Rejected
from bascule.model.definition import with_last_accepted
from bascule.model.objects import ClientAuthentication, Listener, ListenerProtocol
from bascule.south.haproxy import content, live
from bascule.south.haproxy.render import CONFIGURATION, INSTANCE
from bascule.south.haproxy.runtime import conversation
from tests.certificates import AUTHORITY, Authority
from tests.south.haproxy.site import Site, until

pytestmark = pytest.mark.slow

STRANGER = Authority("Somebody else")
KEY = b"-----BEGIN PRIVATE" + AUTHORITY.issue().partition(b"-----BEGIN PRIVATE")[2]
REFUSED = (ssl.SSLError, ConnectionError)


def client(own: bytes | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if own:
        with tempfile.NamedTemporaryFile() as file:
            file.write(own)
            file.flush()
            context.load_cert_chain(file.name)
    return context


def connected(site: Site, listener: Listener, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
    plain = socket.create_connection((site.address, listener.protocol_port), timeout=20)
    return context.wrap_socket(plain, server_hostname="www.example.com", session=session)


def shown(site: Site, listener: Listener) -> bytes:
    """The certificate that a client is shown."""
    with connected(site, listener, client()) as connection:
        return ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True) or b"").strip().encode()


def answered(connection: ssl.SSLSocket) -> bool:
    connection.sendall(b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
    return connection.recv(12) == b"HTTP/1.1 200"


@pytest.fixture
def listener(site: Site) -> Listener:
    return site.listener(
        ListenerProtocol.TERMINATED_HTTPS,
        default_tls_container_ref=site.store("www", AUTHORITY.issue("www.example.com")),
        default_pool_id=site.pool(site.server("a")).id,
    )


def test_a_new_certificate_is_shown_by_the_same_worker_and_open_connections_go_on(site: Site, listener: Listener) -> None:
    site.serve()
    before, new = site.processes(), AUTHORITY.issue("www.example.com")
    with connected(site, listener, client()) as connection:
        site.store("www", b"\r\n" + new.replace(b"-----BEGIN", b"\n\n\r\n-----BEGIN"))
        site.serve()
        assert shown(site, listener) in new
        assert site.processes() == before
        assert answered(connection)
    for process in before:
        os.kill(process, signal.SIGKILL)
    assert until(lambda: not site.report().alive)
    site.serve()
    assert shown(site, listener) in new


def test_certificates_members_and_weights_change_together(site: Site, listener: Listener) -> None:
    site.serve()
    before, new = site.processes(), AUTHORITY.issue("www.example.com")
    site.store("www", new)
    (member,) = site.tree.members_of(listener.default_pool_id or "")
    site.put(dataclasses.replace(member, weight=0))
    site.member(site.tree.pools[0], site.server("b").port)
    site.serve()
    assert shown(site, listener) in new
    assert site.get(listener, tls=client()).name == "b"
    assert site.processes() == before


def test_content_that_was_put_in_place_by_somebody_who_died_then_is_not_believed(site: Site, listener: Listener) -> None:
    site.serve()
    before, old, new = site.processes(), site.contents["www"], AUTHORITY.issue("www.example.com")
    documents = site.read()
    (document,) = (name for name in documents if name.startswith("certificate/"))
    with conversation(site.directory, 10) as ask:
        assert live.change(ask, documents[CONFIGURATION], documents[CONFIGURATION])
        assert content.put(ask, document, new)
    assert shown(site, listener) in new
    assert [step.name for step in site.plan(site.definition()).steps] == [INSTANCE]
    site.serve()
    assert shown(site, listener) in old
    assert site.processes() != before


def test_what_is_too_big_to_put_in_place_takes_a_reload(site: Site, listener: Listener) -> None:
    site.serve()
    before, new = site.processes(), AUTHORITY.issue("www.example.com")
    site.store("www", new + STRANGER.pem * 40)
    site.serve()
    assert shown(site, listener) in new
    assert site.processes() != before


@pytest.mark.parametrize("bad", [b"no certificate", AUTHORITY.pem, AUTHORITY.pem + KEY])
def test_bad_content_is_blamed_on_its_listener_and_the_old_serves_on(site: Site, listener: Listener, bad: bytes) -> None:
    good, newer = site.contents["www"], AUTHORITY.issue("newer.example.com")
    other = site.listener(
        ListenerProtocol.TERMINATED_HTTPS, default_tls_container_ref=site.store("other", AUTHORITY.issue("other.example.com"))
    )
    site.serve()
    before = site.processes(), site.read()
    accepted = dataclasses.replace(site.definition(), secrets=dict(site.refs))
    site.store("www", bad)
    site.store("other", newer)
    outcome = site.apply()
    assert isinstance(outcome, Rejected)
    assert outcome.objects == (listener.id,)
    assert (site.processes(), site.read()) == before
    assert shown(site, listener) in good
    kept = with_last_accepted(site.definition(), accepted, outcome.objects)
    assert isinstance(site.carry_out(site.plan(kept)), Done)
    assert site.plan(kept).steps == ()
    assert shown(site, listener) in good
    assert shown(site, other) in newer
    assert site.processes() == before[0]


def test_whom_a_listener_trusts_changes_for_clients_that_were_here_before_too(site: Site, listener: Listener) -> None:
    good, bad, strange = AUTHORITY.issue("good"), AUTHORITY.issue("bad"), STRANGER.issue("strange")
    listener = dataclasses.replace(
        listener,
        client_authentication=ClientAuthentication.MANDATORY,
        client_ca_tls_container_ref=site.store("ca", AUTHORITY.pem + STRANGER.pem),
        client_crl_container_ref=site.store("crl", AUTHORITY.crl() + STRANGER.crl()),
    )
    site.put(listener)
    site.serve()

    def welcome(context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> bool:
        try:
            with connected(site, listener, context, session) as connection:
                return answered(connection)
        except REFUSED:
            return False

    contexts = [client(each) for each in (good, bad, strange)]
    for context in contexts:
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # its sessions are known as soon as the handshake is through
    sessions = []
    for context in contexts:
        with connected(site, listener, context) as connection:
            assert answered(connection)
            sessions.append(connection.session)
    assert [welcome(*each) for each in zip(contexts, sessions, strict=True)] == [True, True, True]
    site.store("crl", AUTHORITY.crl(revoked=[bad]) + STRANGER.crl())
    site.serve()
    assert [welcome(context) for context in contexts] == [True, False, True]
    assert [welcome(*each) for each in zip(contexts, sessions, strict=True)] == [True, False, True]
    site.store("ca", AUTHORITY.pem)
    site.serve()
    assert [welcome(context) for context in contexts] == [True, False, False]
    assert [welcome(*each) for each in zip(contexts, sessions, strict=True)] == [True, False, False]


@pytest.mark.slow
def test_what_a_pool_shows_to_members_and_whom_it_trusts_changes_in_place(site: Site, tmp_path: Path) -> None:
    member, own, new = (AUTHORITY.issue(f"{name}.example.com") for name in ("member", "own", "new"))
    speaking = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (tmp_path / "member.pem").write_bytes(member)
    speaking.load_cert_chain(tmp_path / "member.pem")
    speaking.verify_mode = ssl.CERT_REQUIRED
    speaking.load_verify_locations(cadata=AUTHORITY.pem.decode())
    pool = site.pool(
        site.server("a", speaking),
        tls_enabled=True,
        tls_container_ref=site.store("own", own),
        ca_tls_container_ref=site.store("ca", AUTHORITY.pem + STRANGER.pem),
        crl_container_ref=site.store("crl", AUTHORITY.crl() + STRANGER.crl()),
    )
    listener = site.listener(default_pool_id=pool.id)
    site.serve()
    before = site.processes()
    assert site.get(listener).said("tls")["client"] == "own.example.com"
    site.store("own", new)
    site.serve()
    assert until(lambda: site.get(listener).said("tls")["client"] == "new.example.com", 20)
    site.store("crl", AUTHORITY.crl(revoked=[member]) + STRANGER.crl())
    site.serve()
    assert until(lambda: site.get(listener).status == 503, 20)
    site.store("crl", AUTHORITY.crl() + STRANGER.crl())
    site.serve()
    assert until(lambda: site.get(listener).status == 200, 20)
    site.store("ca", STRANGER.pem)
    site.serve()
    assert until(lambda: site.get(listener).status == 503, 20)
    assert site.processes() == before
