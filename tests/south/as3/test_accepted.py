"""Each check of declarations finds what it is there for. What it is tried on is right but for the one thing."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from bascule.south.as3.options import Options
from bascule.south.as3.render import render
from bascule.south.as3.secrets import filled
from tests.cases import loader
from tests.certificates import AUTHORITY
from tests.south.as3.accepted import mistakes

Items = dict[str, Any]
Change = Callable[[Items], Any]


def tenant_of(case: str) -> tuple[str, Items]:
    ((name, text),) = render(loader.definition(case), Options(regular_expressions=True)).items()
    return name, filled(text, loader.secret)


def first(items: Items, kind: str) -> Items:
    return next(body for body in items.values() if isinstance(body, dict) and body["class"].startswith(kind))


def change(kind: str, **properties: Any) -> Change:
    return lambda items: first(items, kind).update(properties)


def without(kind: str, name: str) -> Change:
    return lambda items: first(items, kind).pop(name)


def again(kind: str, **properties: Any) -> Change:
    """One more of a kind, under another name."""
    return lambda items: items.update({"ls_again": {**first(items, kind), **properties}})


def a_member(**properties: Any) -> Change:
    """The first member of a pool, once more."""

    def add(items: Items) -> None:
        members = first(items, "Pool")["members"]
        members.append({**members[0], **properties})

    return add


def of_member(**properties: Any) -> Change:
    return lambda items: first(items, "Pool")["members"][0].update(properties)


OTHER = AUTHORITY.issue().decode()
TRAPS: dict[str, tuple[str, Change, str]] = {
    "nothing but a tenant": ("hsts", dict.clear, "nothing in it"),
    "member twice": ("exact_weights", a_member(ratio=7), "two members at"),
    "two services at one place": ("udp", again("Service_UDP"), "two services at"),
    "address twice": ("hsts", again("Service_Address"), "two items of address"),
    "probe after its end": ("http_probes", change("Monitor", interval=60, timeout=16), "down before its next probe"),
    "program with a brace too many": ("l7_rules", change("iRule", iRule="when HTTP_REQUEST { } }"), "braces do not match"),
    "program that waits for requests": ("udp", change("iRule", iRule="when HTTP_REQUEST { }"), "waits for requests"),
    "garbage for a certificate": ("hsts", change("Certificate", certificate="-----BEGIN CERTIFICATE-----\nx"), "not PEM"),
    "garbage for a key": ("hsts", change("Certificate", privateKey="-----BEGIN PRIVATE KEY-----\nx"), "not PEM"),
    "garbage for authorities": ("same_tls_to_members", change("CA_Bundle", bundle=""), "not PEM"),
    "key of another certificate": ("hsts", change("Certificate", privateKey=OTHER[OTHER.index("-----BEGIN P") :]), "do not match"),
    "nonsense for ciphers": ("hsts", change("Cipher_Rule", cipherSuites=["ECDHE+AES"]), "cipher ECDHE+AES"),
    "cipher string": ("hsts", change("TLS_Server", ciphers="DEFAULT"), "TLS 1.3"),
    "cookies where no requests are read": (
        "udp",
        change("Persist", persistenceMethod="cookie"),
        "cookies where no requests are read",
    ),
    "policy where no requests are read": ("udp", change("Service_UDP", policyEndpoint=[]), "something of HTTP"),
    "VLAN that may not be there": ("hsts", change("Service_HTTPS", allowVlans=["/Common/no"]), "allowVlans"),
    "monitor that may not be there": ("exact_weights", change("Pool", monitors=[{"bigip": "/Common/no"}]), "bigip"),
    "no address": ("hsts", change("Service_Address", virtualAddress=""), "is no address"),
    "network for an address": ("hsts", change("Service_Address", virtualAddress="10.0.0.1/24"), "is no address"),
    "every address": ("hsts", change("Service_Address", virtualAddress="0.0.0.0"), "is no address"),
    "address in another spelling": ("hsts", change("Service_Address", virtualAddress="2001:DB8::1"), "is no address"),
    "route domain that cannot be": ("hsts", change("Service_Address", virtualAddress="10.0.0.1%65536"), "is no address"),
    "member without an address": ("exact_weights", of_member(serverAddresses=[""]), "is no address"),
    "every port": ("udp", change("Service_UDP", virtualPort=0), "is every port"),
    "value that is too long": ("l7_rules", change("iRule", iRule="#" * 65521), "longer than the device takes"),
    "name of one letter": ("hsts", change("Service_HTTPS", virtualAddresses=[{"use": "v"}]), "nothing can point to v"),
    "node of one's own": ("exact_weights", of_member(shareNodes=False), "member {"),
    "remark of a member": ("exact_weights", of_member(remark="x"), "member {"),
    "ratio that is ignored": ("exact_weights", change("Pool", loadBalancingMode="round-robin"), "nobody looks at"),
    "ratio that is too high": ("exact_weights", of_member(ratio=101), "above 100"),
    "text that AS3 expands": ("hsts", change("Service_HTTPS", remark="`T`"), "would expand"),
    "persistence that AS3 chooses": ("hsts", without("Service_HTTPS", "persistenceMethods"), "AS3 chooses persistenceMethods"),
    "redirect that AS3 adds": ("hsts", without("Service_HTTPS", "redirect80"), "AS3 chooses redirect80"),
    "redirect that is asked for": ("hsts", change("Service_HTTPS", redirect80=True), "redirects port 80"),
    "old TLS that AS3 lets in": ("hsts", without("TLS_Server", "tls1_0Enabled"), "AS3 chooses tls1_0Enabled"),
    "old TLS to members": ("same_tls_to_members", without("TLS_Client", "tls1_1Enabled"), "AS3 chooses tls1_1Enabled"),
    "header that AS3 adds": ("hsts", without("HTTP_Profile", "xForwardedFor"), "AS3 chooses xForwardedFor"),
    "best policy instead of the first": ("http_probes", without("Endpoint_Policy", "strategy"), "AS3 chooses strategy"),
    "pool that nobody uses": ("hsts", lambda items: items.update(pl_x={**first(items, "Pool")}), "nothing uses pl_x"),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_is_seen(trap: str) -> None:
    case, spoil, words = TRAPS[trap]
    name, tenant = tenant_of(case)
    spoilt = copy.deepcopy(tenant)
    items = spoilt["app"]
    spoil(items)
    if trap == "nothing but a tenant":
        items["class"] = "Application"
    assert mistakes(name, tenant) == []
    assert any(words in text for text in mistakes(name, spoilt)), mistakes(name, spoilt)


@pytest.mark.parametrize("applications", [0, 2])
def test_a_tenant_has_one_application(applications: int) -> None:
    name, tenant = tenant_of("hsts")
    spoilt = {"class": "Tenant"} | {f"app{number}": tenant["app"] for number in range(applications)}
    assert any("applications" in text for text in mistakes(name, spoilt))
