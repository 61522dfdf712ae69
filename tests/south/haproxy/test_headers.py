"""What listeners put into requests and answers, and what they let nobody else put there."""

from __future__ import annotations

import pytest

from bascule.model.objects import CompareType, L7Policy, L7Rule, Listener, ListenerProtocol, PolicyAction, RuleType
from bascule.model.rules.listener import HEADERS, TLS_HEADERS
from tests.south.haproxy.certificates import Certificates
from tests.south.haproxy.site import Site, new_id

pytestmark = pytest.mark.slow

LIES = {header.replace("-", dash): "a lie" for header in HEADERS | TLS_HEADERS for dash in "-_."}


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates("www.example.com")


def all_of(headers: frozenset[str], value: str = "true") -> dict[str, str]:
    return dict.fromkeys(sorted(headers), value)


def test_headers_are_inserted_where_asked_for(site: Site) -> None:
    pool = site.pool(site.server("a"))
    listener = site.listener(default_pool_id=pool.id, insert_headers={**all_of(HEADERS), "X-Forwarded-Proto": "TRUE"})
    without = site.listener(default_pool_id=pool.id, insert_headers=all_of(HEADERS, "false"))
    site.serve()
    asked = site.get(listener, source="127.0.0.7").asked
    assert {name: value for name, value in asked.items() if name.startswith("x-")} == {
        "x-client-ip": "127.0.0.7",
        "x-forwarded-for": "127.0.0.7",
        "x-forwarded-ip": "127.0.0.7",
        "x-forwarded-port": str(listener.protocol_port),
        "x-forwarded-proto": "http",
        "x-real-ip": "127.0.0.7",
    }
    assert not [header for header in site.get(without).asked if header.startswith("x-")]


def test_what_a_client_says_does_not_pass_as_ours(site: Site) -> None:
    pool = site.pool(site.server("a"))
    listener = site.listener(default_pool_id=pool.id, insert_headers=all_of(HEADERS))
    without = site.listener(default_pool_id=pool.id)
    site.serve()
    asked = site.get(listener, source="127.0.0.7", **LIES).asked
    assert asked["x-forwarded-for"] == "a lie, 127.0.0.7"  # a list: the last is ours
    ours = {header.lower() for header in HEADERS}
    assert not [header for header, value in asked.items() if value == "a lie" and _dashed(header) in ours]
    assert {value for header, value in site.get(without, **LIES).asked.items() if header.startswith("x")} == {"a lie"}


def _dashed(header: str) -> str:
    return header.replace("_", "-").replace(".", "-")


def test_nobody_can_claim_a_certificate(site: Site, certificates: Certificates) -> None:
    pool = site.pool(site.server("a"))
    plain = site.listener(default_pool_id=pool.id)
    fields = {"default_pool_id": pool.id, "default_tls_container_ref": "www.example.com"}
    silent = site.listener(ListenerProtocol.TERMINATED_HTTPS, **fields)
    certificates.give(site)
    site.serve()
    client = certificates.client()
    lies = {header for header in LIES if header.lower().startswith("x-ssl")}
    assert {header.lower() for header in lies} <= site.get(plain, **LIES).asked.keys()
    assert not _of_certificates(site.get(silent, tls=client, **LIES).asked)
    # The members of this load balancer now have reason to believe these headers, whichever way a request comes.
    telling = site.listener(ListenerProtocol.TERMINATED_HTTPS, **fields, insert_headers=all_of(TLS_HEADERS))
    site.serve()
    assert not _of_certificates(site.get(plain, **LIES).asked)
    assert _of_certificates(site.get(telling, tls=client, **LIES).asked) == {"x-ssl-client-has-cert": "0"}


def _of_certificates(asked: dict[str, str]) -> dict[str, str]:
    return {header: value for header, value in asked.items() if _dashed(header).startswith("x-ssl")}


def _policy(site: Site, listener: Listener, path: str, action: PolicyAction, **fields: object) -> None:
    position = len(site.tree.policies_of(listener.id)) + 1
    policy = L7Policy(id=new_id(), listener_id=listener.id, action=action, position=position, **fields)  # type: ignore[arg-type]
    rule = L7Rule(id=new_id(), l7policy_id=policy.id, type=RuleType.PATH, compare_type=CompareType.EQUAL_TO, value=path)
    site.put(policy, rule)


def test_every_answer_tells_to_use_tls_only(site: Site, certificates: Certificates) -> None:
    empty = site.pool()
    fields = {"default_tls_container_ref": "www.example.com", "default_pool_id": site.pool(site.server("a")).id}
    listener = site.listener(
        ListenerProtocol.TERMINATED_HTTPS, **fields, hsts_max_age=31536000, hsts_include_subdomains=True, hsts_preload=True
    )
    short = site.listener(ListenerProtocol.TERMINATED_HTTPS, **fields, hsts_max_age=0)
    without = site.listener(ListenerProtocol.TERMINATED_HTTPS, **fields)
    _policy(site, listener, "/denied", PolicyAction.REJECT)
    _policy(site, listener, "/moved", PolicyAction.REDIRECT_TO_URL, redirect_url="https://elsewhere.example.com/")
    _policy(site, listener, "/empty", PolicyAction.REDIRECT_TO_POOL, redirect_pool_id=empty.id)
    certificates.give(site)
    site.serve()
    client = certificates.client()
    for path, status in {"/": 200, "/denied": 403, "/moved": 302, "/empty": 503}.items():
        answer = site.get(listener, path, tls=client)
        assert answer.status == status
        assert answer.headers.get_all("Strict-Transport-Security") == ["max-age=31536000; includeSubDomains; preload"]
    assert site.get(short, tls=client).headers.get_all("Strict-Transport-Security") == ["max-age=0"]
    assert "Strict-Transport-Security" not in site.get(without, tls=client).headers
