"""Clients that show certificates, good and bad, or none."""

from __future__ import annotations

import dataclasses
import hashlib
import socket
import ssl
from dataclasses import dataclass

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bascule.model.backend import Rejected
from bascule.model.objects import (
    ClientAuthentication,
    CompareType,
    L7Policy,
    L7Rule,
    Listener,
    ListenerProtocol,
    PolicyAction,
    RuleType,
)
from bascule.model.rules.listener import TLS_HEADERS
from tests.south.haproxy.certificates import DAY, NOW, Certificates, pem, revoked
from tests.south.haproxy.site import Answer, Site, new_id

pytestmark = pytest.mark.slow

REFUSED = (ssl.SSLError, ConnectionError)


@dataclass(frozen=True)
class Clients:
    """The certificates of clients, by what they are like."""

    held: Certificates
    authority: trustme.CA
    own: dict[str, bytes]


@pytest.fixture(scope="module")
def clients() -> Clients:
    held, authority = Certificates("www.example.com"), trustme.CA()
    own = {
        "good": pem(authority.issue_cert(common_name="good", organization_name="Good & Sons", not_after=NOW + DAY)),
        "expired": pem(authority.issue_cert(common_name="expired", not_before=NOW - 2 * DAY, not_after=NOW - DAY)),
        "revoked": pem(authority.issue_cert(common_name="revoked")),
        "stranger": pem(trustme.CA().issue_cert(common_name="good", organization_name="Good & Sons")),
        "line break": pem(authority.issue_cert(common_name="a\r\nX-Admin: true\r\n\r\nGET / HTTP/1.1")),
    }
    held.add("ca", authority.cert_pem.bytes())
    held.add("crl", revoked(authority, own["revoked"]))
    return Clients(held, authority, own)


def listening(site: Site, clients: Clients, how: ClientAuthentication, **fields: object) -> Listener:
    clients.held.give(site)
    fields = {"client_ca_tls_container_ref": "ca", "client_crl_container_ref": "crl", **fields}
    return site.listener(
        ListenerProtocol.TERMINATED_HTTPS,
        default_tls_container_ref="www.example.com",
        default_pool_id=site.pool(site.server("a")).id,
        client_authentication=how,
        insert_headers=dict.fromkeys(TLS_HEADERS, "true"),
        **fields,
    )


def get(site: Site, clients: Clients, listener: Listener, kind: str | None, version: ssl.TLSVersion | None = None) -> Answer:
    return site.get(listener, tls=clients.held.client(clients.own[kind] if kind else None, version))


def told(answer: Answer) -> dict[str, str]:
    """The headers that tell of the client's certificate."""
    return {name: value for name, value in answer.asked.items() if name.startswith("x-ssl")}


def test_whoever_has_no_good_certificate_is_turned_away_where_one_is_mandatory(site: Site, clients: Clients) -> None:
    listener = listening(site, clients, ClientAuthentication.MANDATORY)
    site.serve()
    assert get(site, clients, listener, "good").name == "a"
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for kind in (None, "expired", "revoked", "stranger"):
            with pytest.raises(REFUSED):
                get(site, clients, listener, kind, version)


def test_members_are_told_who_the_client_is(site: Site, clients: Clients) -> None:
    listener = listening(site, clients, ClientAuthentication.MANDATORY)
    site.serve()
    shown = x509.load_pem_x509_certificate(clients.own["good"])
    issuer = x509.load_pem_x509_certificate(clients.authority.cert_pem.bytes())
    (organisation, unit) = (attribute.value for attribute in issuer.subject)
    assert told(get(site, clients, listener, "good")) == {
        "x-ssl-client-cn": "good",
        "x-ssl-client-dn": "/" + "/".join(f"{each.rfc4514_attribute_name}={each.value}" for each in shown.subject),
        "x-ssl-client-has-cert": "1",
        "x-ssl-client-not-after": shown.not_valid_after_utc.strftime("%y%m%d%H%M%SZ"),
        "x-ssl-client-not-before": shown.not_valid_before_utc.strftime("%y%m%d%H%M%SZ"),
        "x-ssl-client-sha1": hashlib.sha1(shown.public_bytes(Encoding.DER)).hexdigest().upper(),
        "x-ssl-client-verify": "0",
        "x-ssl-issuer": f"/O={organisation}/OU={unit}",
    }


def test_a_bad_certificate_comes_through_where_it_is_optional_but_nobody_is_told_a_name(site: Site, clients: Clients) -> None:
    listener = listening(site, clients, ClientAuthentication.OPTIONAL)
    site.serve()
    for kind, results in (("expired", "10"), ("revoked", "23"), ("stranger", "20 21")):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            found = told(get(site, clients, listener, kind, version))
            assert found.pop("x-ssl-client-verify") in results.split()
            assert found == {"x-ssl-client-has-cert": "1"}


def test_without_a_certificate_where_it_is_optional(site: Site, clients: Clients) -> None:
    listener = listening(site, clients, ClientAuthentication.OPTIONAL)
    site.serve()
    assert told(get(site, clients, listener, None)) == {"x-ssl-client-has-cert": "0"}
    assert told(get(site, clients, listener, "good"))["x-ssl-client-cn"] == "good"


def test_no_certificate_is_asked_for_where_none_is_wanted(site: Site, clients: Clients) -> None:
    listener = listening(site, clients, ClientAuthentication.NONE)
    site.serve()
    assert told(get(site, clients, listener, "good")) == {"x-ssl-client-has-cert": "0"}
    assert not list(site.directory.glob("current/ca/*"))


def test_a_name_with_line_breaks_stays_one_header(site: Site, clients: Clients) -> None:
    listener = listening(site, clients, ClientAuthentication.MANDATORY)
    site.serve()
    asked = get(site, clients, listener, "line break").asked
    assert asked["x-ssl-client-cn"] == "a%0D%0AX-Admin: true%0D%0A%0D%0AGET / HTTP/1.1"
    assert "x-admin" not in asked


def test_a_resumed_session_is_worth_what_it_was(site: Site, clients: Clients) -> None:
    others = trustme.CA()
    clients.held.add("other ca", others.cert_pem.bytes())
    listener = listening(site, clients, ClientAuthentication.OPTIONAL)
    other = listening(
        site,
        clients,
        ClientAuthentication.OPTIONAL,
        client_ca_tls_container_ref="other ca",
        client_crl_container_ref=None,
    )
    site.serve()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for kind, result in (("good", "0"), ("revoked", "23")):
            client = clients.held.client(clients.own[kind], version)
            first, _, session = exchange(site, listener, client)
            again, resumed, _ = exchange(site, listener, client, session)
            elsewhere, taken, _ = exchange(site, other, client, session)
            assert (resumed, taken) == (True, False)
            assert f'"x-ssl-client-verify", "{result}"' in first
            assert f'"x-ssl-client-verify", "{result}"' in again
            assert '"x-ssl-client-verify", "0"' not in elsewhere


def exchange(
    site: Site, listener: Listener, client: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> tuple[str, bool | None, ssl.SSLSession | None]:
    """What a member was told, whether the TLS session was resumed, and the session."""
    with (
        socket.create_connection((site.address, listener.protocol_port), timeout=10) as plain,
        client.wrap_socket(plain, session=session) as connection,
    ):
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode().lower()
        return answer, connection.session_reused, connection.session


def test_another_authority_is_taken_over(site: Site, clients: Clients) -> None:
    listener = listening(site, clients, ClientAuthentication.MANDATORY, client_crl_container_ref=None)
    site.serve()
    assert get(site, clients, listener, "revoked").name == "a"
    site.put(dataclasses.replace(listener, client_crl_container_ref="crl"))
    site.serve()
    with pytest.raises(REFUSED):
        get(site, clients, listener, "revoked")
    clients.held.add("new", trustme.CA().cert_pem.bytes())
    clients.held.give(site)
    site.refs["ca"] = dataclasses.replace(site.refs["new"], ref="new")
    site.put(dataclasses.replace(listener, client_crl_container_ref=None))
    site.serve()
    with pytest.raises(REFUSED):
        get(site, clients, listener, "good")


def test_what_is_no_authority_is_the_fault_of_its_listener(site: Site, clients: Clients) -> None:
    clients.held.add("nonsense", b"nonsense")
    listener = listening(site, clients, ClientAuthentication.MANDATORY)
    for field in ("client_ca_tls_container_ref", "client_crl_container_ref"):
        site.put(dataclasses.replace(listener, **{field: "nonsense"}))
        outcome = site.apply()
        assert isinstance(outcome, Rejected), outcome
        assert outcome.objects == (listener.id,)


@pytest.mark.slow
def test_rules_about_certificates(site: Site, clients: Clients) -> None:
    """Each rule rejects what it matches, straight and inverted."""
    table = [
        (RuleType.SSL_CONN_HAS_CERT, None, CompareType.EQUAL_TO, "true", {"good", "expired", "revoked", "stranger"}),
        (RuleType.SSL_VERIFY_RESULT, None, CompareType.EQUAL_TO, "0", {None, "good"}),
        (RuleType.SSL_VERIFY_RESULT, None, CompareType.EQUAL_TO, "10", {"expired"}),
        # A name is believed of a good certificate alone.
        (RuleType.SSL_DN_FIELD, "CN", CompareType.EQUAL_TO, "good", {"good"}),
        (RuleType.SSL_DN_FIELD, "CN", CompareType.STARTS_WITH, "e", set()),
        (RuleType.SSL_DN_FIELD, "O", CompareType.CONTAINS, "& Sons", {"good"}),
        (RuleType.SSL_DN_FIELD, "O", CompareType.ENDS_WITH, "Sons", {"good"}),
        (RuleType.SSL_DN_FIELD, "O", CompareType.REGEX, "^Good .* S", {"good"}),
    ]
    listeners = []
    for kind, key, compare, value, _ in table:
        pair = []
        for invert in (False, True):
            listener = listening(site, clients, ClientAuthentication.OPTIONAL)
            policy = L7Policy(id=new_id(), listener_id=listener.id, action=PolicyAction.REJECT, position=1)
            fields = {"type": kind, "compare_type": compare, "value": value, "key": key, "invert": invert}
            site.put(policy, L7Rule(id=new_id(), l7policy_id=policy.id, **fields))
            pair.append(listener)
        listeners.append(pair)
    site.serve()
    for row, pair in zip(table, listeners, strict=True):
        for kind in (None, "good", "expired", "revoked", "stranger"):
            rejected = [get(site, clients, listener, kind).status == 403 for listener in pair]
            assert rejected == [kind in row[4], kind not in row[4]], (row, kind)
