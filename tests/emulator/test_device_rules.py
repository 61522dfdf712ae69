"""What the device refuses in a declaration that AS3 finds good, and what becomes of one that it takes."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.emulator.site import Box, lb, small, tenant

pytestmark = pytest.mark.slow

TM = "/mgmt/tm"


def response(bigip: Box, application: dict[str, Any], name: str = "T1") -> str:
    answer = bigip.declare(tenant(name, application))
    assert (answer.status, answer.results) == (422, [(name, 422, "declaration failed")])
    return str(answer.body["results"][0]["response"])


def test_the_example_becomes_these_objects(bigip: Box) -> None:
    bigip.declare(tenant("T1", lb()))
    virtual = bigip.get(f"{TM}/ltm/virtual/~T1~app~ls_2b91?expandSubcollections=true").body
    expected = {
        "destination": "/T1/vip_e07a:80", "ipProtocol": "tcp", "source": "0.0.0.0/0", "pool": "/T1/app/pl_c4e8", "enabled": True,
        "description": "shop-front", "sourceAddressTranslation": {"type": "automap"}, "vlansDisabled": True, "mirror": "disabled",
    }  # fmt: skip
    assert expected.items() <= virtual.items()
    profiles = {one["fullPath"]: one["context"] for one in virtual["profilesReference"]["items"]}
    assert profiles == {"/Common/http": "all", "/Common/f5-tcp-progressive": "all"}
    address = bigip.get(f"{TM}/ltm/virtual-address/~T1~vip_e07a").body
    assert (address["address"], address["mask"], address["trafficGroup"]) == (
        "203.0.113.10", "255.255.255.255", "/Common/traffic-group-1",
    )  # fmt: skip
    pool = bigip.get(f"{TM}/ltm/pool/~T1~app~pl_c4e8").body
    assert (pool["monitor"], pool["minActiveMembers"]) == ("min 1 of { /T1/app/hm_91d0 }", 1)
    node = bigip.get(f"{TM}/ltm/node/~Common~10.20.0.11").body
    assert node["metadata"] == [{"name": "references", "value": "1"}]
    monitor = bigip.get(f"{TM}/ltm/monitor/http/~T1~app~hm_91d0").body
    assert (monitor["send"], monitor["destination"]) == ("GET /health HTTP/1.0\\r\\n\\r\\n", "*:*")
    assert bigip.get(f"{TM}/auth/partition/T1").body["description"].startswith("Updated by AS3 at ")


@pytest.mark.parametrize(
    ("address", "destination"),
    [("2001:DB8:0::1", "/T1/2001:db8::1.80"), ("10.1.0.1%0", "/T1/10.1.0.1:80"), ("0.0.0.0", "/T1/any:80"), ("::", "/T1/any6.80")],
)  # fmt: skip
def test_addresses_as_the_device_writes_them(bigip: Box, address: str, destination: str) -> None:
    assert bigip.declare(tenant("T1", small(address))).status == 200
    assert bigip.get(f"{TM}/ltm/virtual/~T1~app~vs").body["destination"] == destination


def test_an_address_of_one_name_cannot_be_changed(bigip: Box) -> None:
    bigip.declare(tenant("T1", lb("10.1.0.1")))
    text = "The Service Address virtualAddress property cannot be modified. Please delete /T1/vip_e07a and recreate it."
    assert response(bigip, lb("10.1.0.2")) == text
    bigip.declare(tenant("T2", small("10.1.0.5")))
    assert bigip.declare(tenant("T2", small("10.1.0.6"))).status == 200


def test_one_name_in_two_applications_is_one_address(bigip: Box) -> None:
    """AS3 says success, and both load balancers land on the last address."""
    answer = bigip.declare({"T1": {"class": "Tenant", "a": lb("10.1.0.1"), "b": {**lb("10.1.0.2"), "ls_2b91": {
        **lb()["ls_2b91"], "virtualPort": 81,
    }}}})  # fmt: skip
    assert answer.results == [("T1", 200, "success")]
    (address,) = bigip.get(f"{TM}/ltm/virtual-address").body["items"]
    assert address["address"] == "10.1.0.2"
    destinations = [one["destination"] for one in bigip.get(f"{TM}/ltm/virtual").body["items"]]
    assert destinations == ["/T1/vip_e07a:80", "/T1/vip_e07a:81"]


def test_an_address_is_there_once(bigip: Box) -> None:
    twice = {**lb("10.1.0.1"), "other": {"class": "Service_Address", "virtualAddress": "10.1.0.1"}}
    assert response(bigip, twice) == "0107176c:3: Invalid Virtual Address, the IP address 10.1.0.1 already exists."
    bigip.declare(tenant("T2", small("10.1.0.1", 80)))
    assert response(bigip, small("10.1.0.1", 81), "T3").startswith("0107176c:3: Invalid Virtual Address")


def test_applications_and_willing_tenants_share_an_address(bigip: Box) -> None:
    two = {"class": "Tenant", "a": small("10.1.0.1", 80), "b": small("10.1.0.1", 81)}
    assert bigip.declare({"T1": two}).status == 200
    for name, port in (("T2", 80), ("T3", 81)):
        application = small("10.1.0.9", port)
        application["vs"]["shareAddresses"] = True
        assert bigip.declare(tenant(name, application)).results == [(name, 200, "success")]
    assert bigip.get(f"{TM}/ltm/virtual-address/10.1.0.9").status == 200
    bigip.declare(tenant("T2"), tenant("T3"))
    assert bigip.get(f"{TM}/ltm/virtual-address/10.1.0.9").status == 404


def test_tcp_and_udp_share_a_port_and_two_services_do_not(bigip: Box) -> None:
    application = small()
    application["udp"] = {**application["vs"], "class": "Service_UDP"}
    assert bigip.declare(tenant("T1", application)).status == 200
    application["tcp"] = dict(application["vs"])
    assert response(bigip, application).startswith("01070333:3: Virtual Server /T1/app/")


def test_cookies_policies_and_http_events_need_http(bigip: Box) -> None:
    application = small()
    application["vs"]["persistenceMethods"] = ["cookie"]
    assert response(bigip, application).startswith("01070309:3: Cookie persistence requires an HTTP or FastHTTP profile")
    application = small()
    application["vs"]["iRules"] = ["r1"]
    application["r1"] = {"class": "iRule", "iRule": "when HTTP_REQUEST { HTTP::respond 200 }"}
    assert response(bigip, application).startswith(
        "01070394:3: HTTP_REQUEST event in rule (/T1/app/r1) requires an associated HTTP"
    )
    application = small()
    condition = {"type": "httpUri", "path": {"operand": "starts-with", "values": ["/a"]}}
    application["vs"]["policyEndpoint"] = "po1"
    application["po1"] = {
        "class": "Endpoint_Policy",
        "rules": [{"name": "r", "conditions": [condition], "actions": [{"type": "drop"}]}],
    }
    assert response(bigip, application).startswith("01071912:3:")
    application["vs"]["class"] = "Service_HTTP"
    assert bigip.declare(tenant("T1", application)).status == 200


def test_braces_of_an_irule_break_the_whole_script(bigip: Box) -> None:
    application = {**small(), "r1": {"class": "iRule", "iRule": "when CLIENT_ACCEPTED { if {1} { drop }"}}
    answer = bigip.declare(tenant("T1", application))
    (result,) = answer.body["results"]
    assert (answer.status, result["code"], "r1" in result["response"]) == (422, 400, False)


def test_a_missing_vlan_or_monitor_is_found_by_the_device(bigip: Box) -> None:
    application = small()
    application["vs"]["allowVlans"] = [{"bigip": "/Common/nope"}]
    assert response(bigip, application) == "01020036:3: The requested VLAN (/Common/nope) was not found."
    application = small()
    application["pool"]["monitors"] = [{"bigip": "/Common/nope"}]
    assert response(bigip, application) == "01020036:3: The requested monitor (/Common/nope) was not found."


def test_a_data_group_has_its_limit(bigip: Box) -> None:
    records = [{"key": "k", "value": "x" * 65521}]
    application = {**small(), "dg1": {"class": "Data_Group", "keyDataType": "string", "records": records}}
    assert response(bigip, application).endswith("max:65520 received:65521")


def pem(key: Any) -> str:
    return str(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode())  # fmt: skip


def pair() -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a.example.com")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), pem(key)


def https(certificate: str, key: str) -> dict[str, Any]:
    application = lb()
    application["ls_2b91"] |= {"class": "Service_HTTPS", "virtualPort": 443, "serverTLS": "tls1"}
    application["tls1"] = {"class": "TLS_Server", "certificates": [{"certificate": "cert1"}]}
    application["cert1"] = {"class": "Certificate", "certificate": certificate, "privateKey": key}
    return application


def test_certificate_and_key_have_to_fit(bigip: Box) -> None:
    certificate, key = pair()
    assert response(bigip, https("garbage", key)) == (
        "01070712:3: unable to validate certificate, invalid x509 file (/T1/app/cert1.crt)."
    )  # fmt: skip
    other = trustme.CA().issue_cert("b.example.com").private_key_pem.bytes().decode()
    assert response(bigip, https(certificate, other)) == (
        "01070317:3: profile /T1/app/tls1's key (/T1/app/cert1.key) and certificate (/T1/app/cert1.crt) do not match"
    )
    assert bigip.declare(tenant("T1", https(certificate, key))).status == 200
    assert bigip.declare(tenant("T1", https(certificate, key))).results == [("T1", 200, "no change")]
    new_certificate, new_key = pair()
    assert bigip.declare(tenant("T1", https(new_certificate, new_key))).results == [("T1", 200, "success")]


def test_an_https_service_redirects_and_carries_every_certificate(bigip: Box) -> None:
    certificate, key = pair()
    application = https(certificate, key)
    application["cert2"] = {"class": "Certificate", "certificate": certificate, "privateKey": key}
    application["tls1"]["certificates"].append({"certificate": "cert2", "matchToSNI": "b.example.com"})
    assert bigip.declare(tenant("T1", application)).status == 200
    redirect = bigip.get(f"{TM}/ltm/virtual/~T1~app~ls_2b91-Redirect-").body
    assert (redirect["destination"], redirect["rules"]) == ("/T1/vip_e07a:80", ["/Common/_sys_https_redirect"])
    profiles = bigip.get(f"{TM}/ltm/virtual/~T1~app~ls_2b91/profiles").body["items"]
    assert {"/T1/app/tls1", "/T1/app/tls1-1-"} <= {one["fullPath"] for one in profiles if one["context"] == "clientside"}
    assert bigip.get(f"{TM}/ltm/profile/client-ssl/~T1~app~tls1-1-").body["serverName"] == "b.example.com"


def test_http_2_wants_its_cipher_and_no_renegotiation(bigip: Box) -> None:
    application = https(*pair())
    application["ls_2b91"] |= {"profileHTTP2": "basic"}
    start = (
        "01070734:3: Configuration error: In Virtual Server (/T1/app/ls_2b91) an http2 profile with enforce-tls-requirements "
        "enabled is incompatible with clientssl profile '/T1/app/tls1'; "
    )
    assert response(bigip, application) == f"{start}renegotiation must be disabled"
    application["tls1"]["renegotiationEnabled"] = False
    assert bigip.declare(tenant("T1", application)).status == 200
    application["tls1"]["ciphers"] = "ECDHE-RSA-AES256-GCM-SHA384"
    assert response(bigip, application) == f"{start}cipher ECDHE-RSA-AES128-GCM-SHA256 must be enabled"
    application["ls_2b91"]["profileHTTP2"] = {"use": "h2"}
    application["h2"] = {"class": "HTTP2_Profile", "enforceTlsRequirements": False}
    assert bigip.declare(tenant("T1", application)).status == 200


def test_a_route_domain_has_to_be_there(bigip: Box) -> None:
    domain = {"defaultRouteDomain": 7}
    answer = bigip.declare(tenant("T1", small(), **domain))
    assert answer.body["message"] == "Unable to find route domain 7 for /T1/defaultRouteDomain"
    bigip.ask("POST", f"{TM}/net/route-domain", {"name": "rd7", "id": 7})
    bigip.ask("POST", f"{TM}/net/route-domain", {"name": "rd8", "id": 8})
    assert bigip.declare(tenant("T1", small(), **domain), tenant("T2", small(), defaultRouteDomain=8)).status == 200
    assert bigip.get(f"{TM}/ltm/node/~Common~10.9.0.1%257").body["address"] == "10.9.0.1%7"
    assert bigip.ask("DELETE", f"{TM}/net/route-domain/rd7").status == 400


def test_drift_is_repaired_by_posting_again(bigip: Box) -> None:
    bigip.declare(tenant("T1", lb()))
    bigip.ask("PATCH", f"{TM}/ltm/pool/~T1~app~pl_c4e8", {"loadBalancingMode": "least-connections-member"})
    bigip.ask("POST", f"{TM}/ltm/pool", {"name": "foreign", "partition": "T1", "subPath": "app"})
    assert bigip.get("/mgmt/shared/appsvcs/declare").body["T1"]["app"] == lb()
    assert bigip.declare(tenant("T1", lb())).results == [("T1", 200, "success")]
    assert bigip.get(f"{TM}/ltm/pool/~T1~app~pl_c4e8").body["loadBalancingMode"] == "round-robin"
    assert bigip.get(f"{TM}/ltm/pool/~T1~app~foreign").status == 404


def test_objects_of_others_are_left_alone(bigip: Box) -> None:
    bigip.ask("POST", f"{TM}/ltm/pool", {"name": "foreign", "members": ["10.20.0.11:80"]})
    bigip.declare({"updateMode": "complete"}, tenant("T1", lb()))
    bigip.ask("DELETE", "/mgmt/shared/appsvcs/declare")
    assert bigip.get(f"{TM}/ltm/pool/foreign").status == 200
    assert bigip.get(f"{TM}/ltm/node/10.20.0.11").status == 200


def test_nodes_count_who_uses_them(bigip: Box) -> None:
    def references() -> str:
        return str(bigip.get(f"{TM}/ltm/node/10.9.0.1").body["metadata"][0]["value"])

    bigip.declare(tenant("T1", small("10.1.0.1")), tenant("T2", small("10.1.0.2")))
    assert references() == "2"
    bigip.declare(tenant("T1"))
    assert references() == "1"
    bigip.declare(tenant("T2"))
    assert bigip.get(f"{TM}/ltm/node/10.9.0.1").status == 404


def test_an_edited_remark_of_a_member_is_lost_once(bigip: Box) -> None:
    def post(remark: str) -> list[tuple[str, int, str]]:
        application = small()
        application["pool"]["members"][0]["remark"] = remark
        return bigip.declare(tenant("T1", application)).results

    def shown() -> str | None:
        (member,) = bigip.get(f"{TM}/ltm/pool/~T1~app~pool/members").body["items"]
        description: str | None = member.get("description")
        return description

    assert (post("one"), shown()) == ([("T1", 200, "success")], "one")
    assert (post("two"), shown()) == ([("T1", 200, "success")], None)
    assert (post("two"), shown()) == ([("T1", 200, "success")], "two")
    assert post("two") == [("T1", 200, "no change")]


@pytest.mark.parametrize(
    ("state", "session", "shown"),
    [("enable", "user-enabled", "unchecked"), ("disable", "user-disabled", "unchecked"), ("offline", "user-disabled", "user-down")],
)
def test_members_are_drained_and_taken_out(bigip: Box, state: str, session: str, shown: str) -> None:
    application = small()
    application["pool"]["members"][0]["adminState"] = state
    bigip.declare(tenant("T1", application))
    (member,) = bigip.get(f"{TM}/ltm/pool/~T1~app~pool/members").body["items"]
    assert (member["session"], member["state"]) == (session, shown)


def test_the_class_of_a_service_can_change(bigip: Box) -> None:
    application = small()
    bigip.declare(tenant("T1", application))
    application["vs"]["class"] = "Service_HTTP"
    application["pool_2"] = application.pop("pool")
    application["vs"]["pool"] = "pool_2"
    assert bigip.declare(tenant("T1", application)).results == [("T1", 200, "success")]
    assert bigip.declare(tenant("T1", application)).results == [("T1", 200, "no change")]
