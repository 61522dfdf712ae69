"""Declarations that are wrong: what AS3 refuses, in which words, and what it lets through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.site import DECLARE, Box, adc, small, tenant

pytestmark = pytest.mark.slow

Application = dict[str, Any]
Change = Callable[[Application], object]

TLS = {"class": "TLS_Server", "certificates": [{"certificate": "cert"}], "ciphers": "DEFAULT", "cipherGroup": {"use": "cg1"}}
POLICY = {
    "class": "Endpoint_Policy",
    "rules": [{"name": "r1", "actions": [{"type": "forward", "select": {"pool": {"use": "gone"}}}]}],
}
PREFIX = "/T1/lb1"

SHAPE: dict[str, tuple[Change, str]] = {
    "property of another class": (lambda a: a["pool"].update(virtualPort=80), "/pool: should NOT have additional properties"),
    "bad enum": (
        lambda a: a["pool"].update(loadBalancingMode="robin"),
        '/pool/loadBalancingMode: should be equal to one of the allowed values ["dynamic-ratio-member",',
    ),
    "bad address": (lambda a: a["vip"].update(virtualAddress="10.1"), '/vip/virtualAddress: should match format "f5ip"'),
    "wildcard by name": (lambda a: a["vip"].update(virtualAddress="any"), '/vip/virtualAddress: should match format "f5ip"'),
    "bad port": (lambda a: a["vs"].update(virtualPort=65536), "/vs/virtualPort: should be <= 65535"),
    "text for a number": (lambda a: a["vs"].update(virtualPort="80"), "/vs/virtualPort: should be integer"),
    "dangling pointer": (lambda a: a["vs"].update(pool="nope"), "/vs/pool: contains path to non-existent object nope"),
    "dangling use": (
        lambda a: a["pool"].update(monitors=[{"use": "nope"}]), "/pool/monitors/0/use: contains path to non-existent object nope",
    ),
    "pointer to another class": (
        lambda a: a["vs"].update(pool="vip"), "/vs/pool: AS3 pointer vip does not point to required object type",
    ),
    "pointer to a letter": (lambda a: a["vs"].update(pool="p"), "/vs/pool: contains an invalid path (invalid character)"),
    "pointer in a policy": (
        lambda a: a.update(po1=POLICY), "/po1/rules/0/actions/0/select/pool/use: contains path to non-existent object gone",
    ),
    "use where text is wanted": (
        lambda a: a.update(tls1={**TLS, "authenticationTrustCA": {"use": "ca"}}),
        "/tls1/authenticationTrustCA: should NOT have additional properties",
    ),
    "name ending in a dash": (
        lambda a: a.update({"vip-": a["vip"]}),
        ': propertyName "vip-" should match pattern "^[A-Za-z]([0-9A-Za-z_.-]{0,188}[0-9A-Za-z_.])?$"',
    ),
    "template without its service": (lambda a: a.update(template="http"), ": should have required property 'serviceMain'"),
    "module": (
        lambda a: a.update(fw={"class": "Firewall_Address_List"}), "/fw: One of these F5 modules needs to be provisioned: afm, asm",
    ),
    "both ciphers": (lambda a: a.update(tls1=TLS), "/tls1: then is NOT valid"),
    "long label": (lambda a: a.update(label="x" * 65), "/label: should NOT be longer than 64 characters"),
    "newline in a remark": (
        lambda a: a["pool"].update(remark="a\nb"), r'/pool/remark: data "a\nb" should match pattern "^[^\x00-\x1f\x22\x5c\x7f]*$"',
    ),
    "no virtual address": (lambda a: a["vs"].pop("virtualAddresses"), "/vs: should have required property 'virtualAddresses'"),
    "no addresses": (lambda a: a["vs"].update(virtualAddresses=[]), "/vs/virtualAddresses: should NOT have fewer than 1 items"),
    "no monitor type": (lambda a: a.update(hm1={"class": "Monitor"}), "/hm1: should have required property 'monitorType'"),
    "nowhere": (
        lambda a: a["pool"]["members"][0].pop("serverAddresses"),
        "/pool/members/0: should have required property 'serverAddresses'",
    ),
    "about nothing": (
        lambda a: a.update(po1={**POLICY, "rules": [{"name": "r1", "conditions": [{"type": "httpUri"}], "actions": []}]}),
        "/po1/rules/0/conditions/0: should have required property 'all'",
    ),
    "unheard-of event": (
        lambda a: a.update(po1={**POLICY, "rules": [{"name": "r1", "actions": [{"type": "drop", "event": "never"}]}]}),
        '/po1/rules/0/actions/0/event: should be equal to one of the allowed values ["classification-detected",',
    ),
    "never idle": (
        lambda a: a.update(tcp1={"class": "TCP_Profile", "idleTimeout": 0}), "/tcp1/idleTimeout: should match some schema in anyOf",
    ),
    "one side": (lambda a: a["vs"].update(profileTCP={"ingress": "lan"}), "/vs/profileTCP: should have required property 'egress'"),
    "persistence by no rule": (
        lambda a: a.update(ps1={"class": "Persist", "persistenceMethod": "universal"}),
        "/ps1: should have required property 'iRule'",
    ),
    "clients of nobody": (
        lambda a: a.update(tls1={"class": "TLS_Server", "certificates": [{"certificate": "c1"}], "authenticationMode": "require"}),
        "/tls1: should have required property 'authenticationTrustCA'",
    ),
    "ratio over 100": (lambda a: a["pool"]["members"][0].update(ratio=101), "/pool/members/0/ratio: should be <= 100"),
}  # fmt: skip


def application() -> Application:
    return {**small(), "vip": {"class": "Service_Address", "virtualAddress": "203.0.113.30"}}


def post(bigip: Box, change: Change) -> Any:
    made = application()
    change(made)
    answer = bigip.ask("POST", DECLARE, adc({"T1": {"class": "Tenant", "lb1": made}}))
    assert answer.status == 422
    assert bigip.get(DECLARE).status == 204
    return answer.body


@pytest.mark.parametrize("name", SHAPE)
def test_what_has_a_place_is_named_with_it(bigip: Box, name: str) -> None:
    change, expected = SHAPE[name]
    body = post(bigip, change)
    assert body["errors"][0].startswith(PREFIX + expected)
    assert (body["message"], body["tenant"]) == ("declaration is invalid", ["T1"])


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda a: a["pool"].update({"class": "Pooool"}), "Pooool"),
        (lambda a: a["pool"].update(loadBalancngMode="round-robin"), "loadBalancngMode"),
        (lambda a: a["pool"]["members"][0].update(serverAdresses=[]), "serverAdresses"),
    ],
)
def test_unknown_words_have_no_place(bigip: Box, change: Change, word: str) -> None:
    assert post(bigip, change) == {"code": 422, "message": f"Invalid data property: {word}"}


def test_a_tenant_needs_its_class(bigip: Box) -> None:
    assert bigip.declare({"T1": {"app": small()}}).body["message"] == "Invalid data property: T1"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a["pool"]["members"].append(dict(a["pool"]["members"][0])), "declaration has duplicate values in members"),
        (
            lambda a: a["pool"].update(members=[{"servicePort": port, "servers": [{"name": "n1", "address": address}]}
                                                for port, address in ((80, "10.0.0.1"), (81, "10.0.0.2"))]),
            "The node name must be unique throughout the declaration. Duplicate node name 'n1' found.",
        ),
        (lambda a: a["vs"].update(profileTCP={"bigip": "/Common/nope"}), "Unable to find /Common/nope for /T1/lb1/vs/profileTCP"),
        (
            lambda a: a["vs"].update({"class": "Service_HTTP", "policyWAF": {"bigip": "/Common/x"}}),
            "Unable to find specified WAF policy /Common/x for /T1/lb1/vs/policyWAF",
        ),
        (lambda a: a.update({"n" * 190: a["vip"]}), f"Path /T1/lb1/{'n' * 190} is longer than 195 characters"),
    ],
)  # fmt: skip
def test_what_concerns_the_whole_has_a_message(bigip: Box, change: Change, message: str) -> None:
    body = post(bigip, change)
    assert (body["message"], body["tenant"], body["declarationId"]) == (message, ["T1"], "d1")
    assert "errors" not in body


def test_with_several_tenants_a_message_names_none(bigip: Box) -> None:
    wrong = small()
    wrong["vs"]["profileTCP"] = {"bigip": "/Common/nope"}
    assert "tenant" not in bigip.declare(tenant("T1", small()), tenant("T2", wrong)).body


def test_names_and_versions(bigip: Box) -> None:
    def error(declaration: dict[str, Any]) -> str:
        return str(bigip.ask("POST", DECLARE, declaration).body["errors"][0])

    assert error(adc(tenant("9abc"))) == '/: propertyName "9abc" should match pattern "^[A-Za-z][0-9A-Za-z_.-]*$"'
    assert error(adc({"T1": {"class": "Tenant", "a" * 191: small()}})) == "/T1: should NOT be longer than 190 characters"
    assert error(adc(schemaVersion="3.99.0")).startswith('/schemaVersion: data "3.99.0" should match pattern "^3[.]')
    without = {name: value for name, value in adc().items() if name != "schemaVersion"}
    assert error(without) == "/: should have required property 'schemaVersion'"


def member(pool: Application, **how: Any) -> Application:
    pool["pool"]["members"] = [{"servicePort": 80, "serverAddresses": ["10.2.0.1"], **how}]
    return pool


def test_nodes_belong_to_one_tenant_or_to_all(bigip: Box) -> None:
    bigip.declare(tenant("T1", member(small("10.1.0.1"))))
    answer = bigip.declare(tenant("T2", member(small("10.1.0.2"))))
    assert answer.body["errors"] == [
        "/T2/app/pool/members: pool member /T2/app/pool/members/0 static address 10.2.0.1 conflicts with bigip node /T1/10.2.0.1"
    ]
    assert bigip.declare(tenant("T2", member(small("10.1.0.2"), shareNodes=True))).status == 422
    together = bigip.declare(tenant("T3", member(small("10.1.0.3"))), tenant("T1"))
    assert together.status == 422


def test_a_live_member_keeps_its_kind_of_node(bigip: Box) -> None:
    bigip.declare(tenant("T1", member(small(), shareNodes=True)))
    answer = bigip.declare(tenant("T1", member(small())))
    assert answer.body["errors"] == ["/T1/app/pool/members: The node /T1/10.2.0.1 conflicts with /Common/10.2.0.1"]
    bigip.declare(tenant("T1"))
    bigip.declare(tenant("T1", member(small())))
    other_way = bigip.declare(tenant("T1", member(small(), shareNodes=True)))
    assert other_way.body["results"][0]["response"] == "0107176c:3: Invalid Node, the IP address 10.2.0.1 already exists."


def test_what_as3_lets_through(bigip: Box) -> None:
    """The same member twice with other attributes is merged, the last one wins; a monitor may be slower than its interval."""
    pool = small()
    pool["pool"]["members"] = [
        {"servicePort": 80, "serverAddresses": ["10.2.0.1"], "shareNodes": True, "ratio": ratio} for ratio in (3, 7)
    ]  # fmt: skip
    pool["hm_1"] = {"class": "Monitor", "monitorType": "tcp", "interval": 60, "timeout": 5, "ciphers": "of another type"}
    assert bigip.declare(tenant("T1", pool)).status == 200
    (found,) = bigip.get("/mgmt/tm/ltm/pool/~T1~app~pool/members").body["items"]
    assert found["ratio"] == 7
    for name, value in (("members", [{"servicePort": 80, "serverAddresses": [""]}]), ("remark", "")):
        nowhere = small()
        nowhere["pool"][name] = value
        nowhere["vs"]["virtualAddresses"] = [""] if name == "remark" else ["10.1.0.9"]
        answer = bigip.declare(tenant("T2", nowhere), tenant("T1", pool))
        assert (answer.status, answer.results[1]) == (207, ("T1", 200, "no change")), "an empty address fails on the device"


def test_a_class_that_is_no_name_is_refused(bigip: Box) -> None:
    for wrong in ([], {"a": 1}, None, 5):
        answer = bigip.declare(tenant("T1", {**small(), "odd": {"class": wrong}}))
        assert answer.status == 422, answer.text


@pytest.mark.parametrize("pointer", ["pool", "/T1/app/pool", "/@/@/pool"])
def test_a_pointer_may_be_written_in_several_ways(bigip: Box, pointer: str) -> None:
    for form in (pointer, {"use": pointer}):
        application = small()
        application["vs"]["pool"] = form
        bigip.declare(tenant("T1", application))
        assert bigip.get("/mgmt/tm/ltm/virtual/~T1~app~vs").body["pool"] == "/T1/app/pool"
    assert bigip.declare(tenant("T1", application)).results == [("T1", 200, "no change")]
