"""TLS of listeners and pools, headers, and networks of clients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.api.bascule import NETWORK_ID, VIPS, VIPS6, Client
from tests.api.matrix.trying import LISTENERS, differences, listener, listening, status

pytestmark = pytest.mark.slow

# TLS

OWN = {"default_tls_container_ref": "all.pem"}
CA = {"client_ca_tls_container_ref": "all.pem"}
CRL = {"client_crl_container_ref": "all.pem"}
NONE: dict[str, Any] = {"default_tls_container_ref": None}
ENDING = "TERMINATED_HTTPS PROMETHEUS"
ALL = " ".join(LISTENERS)
TLS: Sequence[tuple[str, dict[str, Any], str]] = (
    ("no reference", NONE, "HTTP HTTPS PROMETHEUS SCTP TCP UDP"),
    ("certificate", OWN, ENDING),
    ("SNI", NONE | {"sni_container_refs": ["all.pem"]}, ENDING),
    ("both", OWN | {"sni_container_refs": ["all.pem"]}, ENDING),
    ("authorities", OWN | CA, ENDING),
    ("authorities alone", NONE | CA, ""),
    ("optional", OWN | CA | {"client_authentication": "OPTIONAL"}, ENDING),
    ("mandatory", OWN | CA | {"client_authentication": "MANDATORY"}, ENDING),
    ("none", {"client_authentication": "NONE"}, ALL),
    ("optional without authorities", OWN | {"client_authentication": "OPTIONAL"}, ""),
    ("mandatory without authorities", OWN | {"client_authentication": "MANDATORY"}, ""),
    ("revocation", OWN | CA | CRL, ENDING),
    ("revocation without authorities", OWN | CRL, ""),
    ("unreadable", {"default_tls_container_ref": "nothing.pem"}, ""),
    ("too long a reference", {"default_tls_container_ref": "x" * 256}, ""),
    ("ciphers", {"tls_ciphers": "ECDHE-RSA-AES128-GCM-SHA256:!aNULL:@STRENGTH"}, ALL),
    ("bad ciphers", {"tls_ciphers": "A;B"}, "HTTP HTTPS PROMETHEUS SCTP TCP UDP"),
    ("long ciphers", {"tls_ciphers": "A" * 2049}, ""),
    ("versions", {"tls_versions": ["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]}, ALL),
    ("no versions", {"tls_versions": []}, ""),
    ("unknown version", {"tls_versions": ["TLSv1.4"]}, ""),
    ("ALPN", {"alpn_protocols": ["h2", "http/1.1", "http/1.0"]}, ALL),
    ("no ALPN", {"alpn_protocols": []}, ""),
    ("unknown ALPN", {"alpn_protocols": ["spdy/3"]}, ""),
    ("HSTS", {"hsts_max_age": 0, "hsts_preload": True, "hsts_include_subdomains": True}, "TERMINATED_HTTPS"),
    ("HSTS before 1970", {"hsts_max_age": -1}, ""),
    ("HSTS without an age", {"hsts_preload": True}, ""),
    ("subdomains without an age", {"hsts_include_subdomains": True}, ""),
)


def test_listeners_and_tls(api: Client, lb: str) -> None:
    found = {(what, of): listening(api, lb, of, **given) for what, given, _ in TLS for of in LISTENERS}
    wanted = {(what, of): 201 if of in allowed.split() else 400 for what, _, allowed in TLS for of in LISTENERS}
    assert differences(found, wanted) == {}


def test_tls_settings_are_shown_only_where_tls_ends(api: Client, lb: str) -> None:
    given = {"tls_ciphers": "ECDHE-RSA-AES128-GCM-SHA256", "tls_versions": ["TLSv1.3"], "alpn_protocols": ["h2"]}
    for protocol in LISTENERS:
        made = api.listener(lb, **listener(protocol, **given))
        wanted = given if protocol == "TERMINATED_HTTPS" else dict.fromkeys(given)
        assert {name: made[name] for name in given} == wanted, protocol


POOL_TLS: Sequence[tuple[str, dict[str, Any], int]] = (
    ("switched on", {"tls_enabled": True}, 201),
    ("certificate", {"tls_enabled": True, "tls_container_ref": "all.pem"}, 201),
    ("authorities", {"tls_enabled": True, "ca_tls_container_ref": "all.pem", "crl_container_ref": "all.pem"}, 201),
    ("revocation alone", {"tls_enabled": True, "crl_container_ref": "all.pem"}, 400),
    ("unreadable", {"tls_enabled": True, "tls_container_ref": "nothing.pem"}, 400),
    ("settings", {"tls_enabled": True, "tls_versions": ["TLSv1.2"], "alpn_protocols": ["h2"], "tls_ciphers": "AES128-SHA"}, 201),
    ("no versions", {"tls_versions": []}, 400),
    ("no ALPN", {"alpn_protocols": []}, 400),
    ("bad ciphers", {"tls_enabled": True, "tls_ciphers": "A B"}, 400),
)


def test_pools_and_tls(api: Client, lb: str) -> None:
    pool = {"loadbalancer_id": lb, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}
    found = {what: status(api, "/pools", "pool", **pool, **given) for what, given, _ in POOL_TLS}
    assert differences(found, {what: code for what, _, code in POOL_TLS}) == {}


# Headers and networks

HEADERS = ["X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Forwarded-IP", "X-Client-IP", "X-Real-IP"]
TLS_HEADERS = [
    "X-SSL-Client-Verify",
    "X-SSL-Client-Has-Cert",
    "X-SSL-Client-DN",
    "X-SSL-Client-CN",
    "X-SSL-Issuer",
    "X-SSL-Client-SHA1",
    "X-SSL-Client-Not-Before",
    "X-SSL-Client-Not-After",
]


def test_listeners_and_headers(api: Client, lb: str) -> None:
    names = [*HEADERS, *TLS_HEADERS, "X-Mine", "x-forwarded-for"]
    found = {(name, of): listening(api, lb, of, insert_headers={name: "true"}) for name in names for of in LISTENERS}
    allowed = {(name, "TERMINATED_HTTPS") for name in (*HEADERS, *TLS_HEADERS)} | {(name, "HTTP") for name in HEADERS}
    assert differences(found, {key: 201 if key in allowed else 400 for key in found}) == {}
    assert listening(api, lb, "HTTP", insert_headers={"X-Real-IP": "any text"}) == 201
    assert listening(api, lb, "HTTP", insert_headers={"X-Real-IP": "x" * 256}) == 400
    assert [listening(api, lb, of, insert_headers={}) for of in LISTENERS] == [201] * len(LISTENERS)


@pytest.mark.parametrize(
    ("vips", "four", "six"),
    [
        ({"vip_subnet_id": VIPS.id}, 201, 400),
        ({"vip_subnet_id": VIPS6.id}, 400, 201),
        ({"vip_network_id": NETWORK_ID, "vip_subnet_id": None}, 201, 400),
        ({"vip_network_id": NETWORK_ID, "vip_subnet_id": None, "vip_address": "fd00:9::99"}, 400, 201),
        ({"vip_subnet_id": VIPS.id, "additional_vips": [{"subnet_id": VIPS6.id}]}, 201, 201),
    ],
)
def test_networks_of_clients(api: Client, vips: dict[str, Any], four: int, six: int) -> None:
    """At once, later, and set on what is there."""
    both = 201 if four == six == 201 else 400
    for cidrs, code in ((["10.0.0.0/8"], four), (["2001:db8::/32"], six), (["10.0.0.0/8", "2001:db8::/32"], both), ([], 201)):
        asked = {"vip_subnet_id": VIPS.id} | vips | {"listeners": [listener("TCP", allowed_cidrs=cidrs)]}
        answer = api.post("/loadbalancers", {"loadbalancer": asked})
        assert answer.status == code, (cidrs, answer.body)
        if code == 201:
            api.delete(f"/loadbalancers/{answer.body['loadbalancer']['id']}", cascade="true")
            api.settle()
    there = api.load_balancer(**vips)["id"]
    changed = api.listener(there, **listener("TCP"))["id"]
    for cidrs, code in ((["10.0.0.0/8"], four), (["2001:db8::/32"], six)):
        assert listening(api, there, "TCP", allowed_cidrs=cidrs) == code
        answer = api.put(f"/listeners/{changed}", {"listener": {"allowed_cidrs": cidrs}})
        assert answer.status == {201: 200}.get(code, code)
    api.delete(f"/loadbalancers/{there}", cascade="true")
    api.settle()
