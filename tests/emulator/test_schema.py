"""The emulator's own rules beside the official schema of AS3, where that is at hand. It is read where it lies and never copied."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from bigip_emulator.as3.classes import CLASSES
from bigip_emulator.as3.classes.pools import MEMBER
from bigip_emulator.as3.shape import MISSING, Choice, Rule, Whole
from bigip_emulator.as3.structure import APPLICATION, TENANT
from tests import as3_schema
from tests.as3_schema import definitions
from tests.emulator.site import DECLARE, Box, adc, lb, small, tenant
from tests.emulator.test_wrong_declarations import SHAPE, application

pytestmark = pytest.mark.skipif(as3_schema.path() is None, reason=as3_schema.MISSING)

DEFINITIONS = {"iRule": "IRule"}
"""What the schema calls a class where it is not the class's own name."""

SETTLED_ELSEWHERE = {("Service_HTTP", "virtualType"), ("Service_HTTPS", "virtualType"), ("Service_TCP", "virtualType")}


SPREAD = ("Monitor", "Data_Group", "HTTP_Profile")
"""Classes whose properties stand in several definitions."""


@cache
def properties(definition: str) -> dict[str, Any]:
    """The properties of a class in the schema, with those that it takes over from others."""
    found: dict[str, Any] = {}
    described = definitions()[definition]
    for part in described.get("allOf", []):
        if "$ref" in part:
            found |= properties(part["$ref"].rpartition("/")[2])
    return {**found, **described.get("properties", {})}


def differences(where: str, rule: Rule, official: dict[str, Any]) -> list[str]:
    found = []
    if "default" in official and rule.default is not MISSING and rule.default != official["default"]:
        found.append(f"{where}: default {rule.default!r}, not {official['default']!r}")
    if isinstance(rule, Choice) and official.get("enum") and set(rule.choices) - set(official["enum"]):
        found.append(f"{where}: {set(rule.choices) - set(official['enum'])} are no choices")
    if isinstance(rule, Whole):
        if official.get("minimum", rule.low) > rule.low:
            found.append(f"{where}: least {rule.low}, not {official['minimum']}")
        if official.get("maximum", rule.high) < rule.high:
            found.append(f"{where}: most {rule.high}, not {official['maximum']}")
    return found


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_is_as_in_the_schema(name: str) -> None:
    official = properties(DEFINITIONS.get(name, name))
    described = CLASSES[name]
    closed = definitions()[DEFINITIONS.get(name, name)].get("additionalProperties") is False
    assert described.open != closed
    problems = [f"{name} has no {key}" for key in described.properties if key not in official and name not in SPREAD]
    for key, rule in described.properties.items():
        if (name, key) not in SETTLED_ELSEWHERE:
            problems += differences(f"{name}.{key}", rule, official.get(key, {}))
    assert problems == []


@pytest.mark.parametrize(
    ("definition", "rules"),
    [("Tenant", TENANT), ("Application", APPLICATION), ("Pool_Member", MEMBER.properties)]
    + [(f"Monitor_{name}", {**CLASSES["Monitor"].properties, **CLASSES["Monitor"].chosen[name.lower().replace("_", "-")]})
       for name in ("HTTP", "HTTPS", "TCP", "UDP", "ICMP")]
    + [(f"Persist_{part}", CLASSES["Persist"].chosen[name])
       for part, name in (("Addr", "source-address"), ("Cookie", "cookie"), ("UIE", "universal"), ("TLS_Session",
       "tls-session-id"))],
)  # fmt: skip
def test_what_is_inside_classes_is_as_in_the_schema(definition: str, rules: dict[str, Rule]) -> None:
    official = properties(definition)
    assert [
        problem for key, rule in rules.items() for problem in differences(f"{definition}.{key}", rule, official.get(key, {}))
    ] == []


@pytest.mark.parametrize(
    "declaration", [adc(tenant("T1", lb())), adc(tenant("T1", small())), adc(tenant("T1"))], ids=["lb", "small", "empty"]
)
def test_what_the_tests_post_is_valid(declaration: dict[str, Any]) -> None:
    assert as3_schema.errors(declaration) == []


BLIND = {
    "dangling pointer", "dangling use", "pointer to another class", "pointer to a letter", "pointer in a policy", "module",
    "no virtual address",
}  # fmt: skip
"""What only AS3 itself finds wrong, beyond the schema."""


@pytest.mark.parametrize("name", sorted(set(SHAPE) - BLIND))
def test_what_is_refused_for_its_shape_is_refused_by_the_schema(name: str) -> None:
    made = application()
    SHAPE[name][0](made)
    assert as3_schema.errors(adc({"T1": {"class": "Tenant", "lb1": made}})) != []


def everything() -> dict[str, Any]:
    """One item of every class that says little by itself, to be posted as a whole."""
    made = lb()
    made |= {
        "cr1": {"class": "Cipher_Rule", "cipherSuites": ["ECDHE-RSA-AES128-GCM-SHA256"]},
        "cg1": {"class": "Cipher_Group", "allowCipherRules": [{"use": "cr1"}]},
        "tc1": {"class": "TLS_Client", "cipherGroup": {"use": "cg1"}, "sendSNI": "a.example.com"},
        "hp1": {"class": "HTTP_Profile", "hstsInsert": True, "xForwardedFor": False},
        "h21": {"class": "HTTP2_Profile"},
        "hc1": {"class": "HTTP_Compress"},
        "tp1": {"class": "TCP_Profile", "idleTimeout": 60},
        "up1": {"class": "UDP_Profile", "idleTimeout": 30},
        "l41": {"class": "L4_Profile"},
        "mp1": {"class": "Multiplex_Profile"},
        "pe1": {"class": "Persist", "persistenceMethod": "source-address", "duration": 60, "addressMask": "255.255.255.0"},
        "pe2": {"class": "Persist", "persistenceMethod": "universal", "iRule": "ir1", "duration": 60},
        "pe3": {"class": "Persist", "persistenceMethod": "cookie", "cookieName": "c", "ttl": 60},
        "ir1": {"class": "iRule", "iRule": {"base64": "d2hlbiBIVFRQX1JFUVVFU1QgeyB9"}},
        "dg1": {"class": "Data_Group", "keyDataType": "ip", "records": [{"key": "10.0.0.0/8"}]},
        "sn1": {"class": "SNAT_Pool", "snatAddresses": ["10.3.0.1"]},
        "na1": {"class": "Net_Address_List", "addresses": ["10.0.0.0/8"]},
        "hm2": {"class": "Monitor", "monitorType": "https", "clientTLS": {"use": "tc1"}, "targetAddress": "10.0.0.1",
        "targetPort": 81},
        "hm3": {"class": "Monitor", "monitorType": "icmp"},
        "po1": {
            "class": "Endpoint_Policy", "strategy": "first-match",
            "rules": [{
                "name": "r1",
                "conditions": [{"type": "httpHeader", "name": "Host", "event": "request",
                                "all": {"operand": "does-not-start-with", "values": ["a"], "caseSensitive": False}}],
                "actions": [{"type": "httpRedirect", "event": "request", "location": "https://b/", "code": 301}],
            }],
        },
        "udp1": {"class": "Service_UDP", "virtualAddresses": [{"use": "vip_e07a"}], "virtualPort": 53,
        "profileUDP": {"use": "up1"}},
        "l4s1": {"class": "Service_L4", "virtualAddresses": [{"use": "vip_e07a"}], "virtualPort": 54, "profileL4": {"use": "l41"},
                 "snat": {"use": "sn1"}},
        "sctp1": {"class": "Service_SCTP", "virtualAddresses": [{"use": "vip_e07a"}], "virtualPort": 55, "snat": "self"},
        "any1": {"class": "Service_Generic", "virtualAddresses": [{"use": "vip_e07a"}], "virtualPort": 56},
        "src1": {"class": "Service_TCP", "virtualAddresses": [["10.4.0.1", "10.5.0.0/16"]], "virtualPort": 57,
        "adminState": "disable",
                 "profileTCP": {"ingress": {"use": "tp1"}, "egress": "wan"}, "persistenceMethods": [{"use": "pe1"}]},
    }  # fmt: skip
    made["ls_2b91"] |= {
        "profileHTTP": {"use": "hp1"}, "profileHTTPCompression": {"use": "hc1"}, "profileMultiplex": {"use": "mp1"},
        "policyEndpoint": "po1", "iRules": ["ir1"], "persistenceMethods": [{"use": "pe2"}], "clientTLS": "tc1",
        "fallbackPersistenceMethod": "source-address", "profileTCP": {"use": "tp1"}, "maxConnections": 5,
    }  # fmt: skip
    return made


def test_one_of_every_class_is_valid_and_posts_twice(bigip: Box) -> None:
    declaration = adc(tenant("T1", everything()))
    assert as3_schema.errors(declaration) == []
    before = bigip.get("/emulator").body["objects"]
    first = bigip.declare(tenant("T1", everything()))
    assert first.results == [("T1", 200, "success")], first.body
    assert bigip.declare(tenant("T1", everything())).results == [("T1", 200, "no change")]
    assert bigip.ask("DELETE", DECLARE).status == 200
    assert bigip.get("/emulator").body["objects"] == before
