"""Services and their addresses."""

from __future__ import annotations

from collections.abc import Mapping

from bigip_emulator.as3.classes.parts import ADDRESS, common, refer
from bigip_emulator.as3.shape import Anything, ByType, Choice, Class, Fields, Flag, ListOf, Open, Refer, Rule, Text, Whole
from bigip_emulator.kinds import PERSISTENCE

_PROFILE_TCP = refer("TCP_Profile", "ltm/profile/tcp", "normal", "lan", "wan", "mobile", default="normal")

_TCP_SIDES = Fields({"ingress": _PROFILE_TCP, "egress": _PROFILE_TCP}, ("ingress", "egress"))


class _ProfileTcp(Rule):
    """A TCP profile for both sides, or one for each."""

    default = "normal"

    def check(self, value: object, where: str, notes: object) -> object:
        sides = isinstance(value, dict) and value.keys() <= {"ingress", "egress"}
        return (_TCP_SIDES if sides else _PROFILE_TCP).check(value, where, notes)  # type: ignore[arg-type]


_SERVICE: Mapping[str, Rule] = {
    "virtualAddresses": ListOf(
        ByType(
            {
                str: ADDRESS,
                list: ListOf(ByType({str: ADDRESS, dict: refer("Service_Address", "ltm/virtual-address")}), least=2),
                dict: refer("Service_Address", "ltm/virtual-address"),
            }
        ),
        least=1,
    ),
    "virtualPort": Whole(0, 65535),
    "sourceAddress": ByType({str: ADDRESS, dict: refer("Net_Address_List", "net/address-list")}),
    "shareAddresses": Flag(False),
    "enable": Flag(True),
    "adminState": Choice(("enable", "disable"), "enable"),
    "addressStatus": Flag(True),
    "maxConnections": Whole(default=0),
    "rateLimit": Whole(default=0),
    "snat": refer("SNAT_Pool", "ltm/snatpool", "none", "self", "auto", default="auto"),
    "iRules": ListOf(refer("iRule", "ltm/rule", text=True)),
    "pool": refer("Pool", "ltm/pool", text=True),
    "persistenceMethods": ListOf(
        Refer(("Persist",), PERSISTENCE, ("cookie", "destination-address", "msrdp", "source-address", "tls-session-id")),
        ["source-address"],
    ),
    "fallbackPersistenceMethod": Refer(
        ("Persist",), PERSISTENCE, ("cookie", "destination-address", "msrdp", "source-address", "tls-session-id")
    ),
    "mirroring": Choice(("none", "L4"), "none"),
    "lastHop": ByType({str: Choice(("auto", "default", "disable")), dict: Open()}, "default"),
    "translateClientPort": ByType({bool: Flag(), str: Choice(("change", "preserve", "preserve-strict"))}, False),
    "translateServerAddress": Flag(True),
    "translateServerPort": Flag(True),
    "nat64Enabled": Flag(False),
    "serversslUseSni": Flag(False),
    "httpMrfRoutingEnabled": Flag(False),
    "serviceDownImmediateAction": Choice(("none", "drop", "reset"), "none"),
    # Lists of VLANs are not looked up; only the device finds out.
    "allowVlans": ListOf(Anything()),
    "rejectVlans": ListOf(Anything()),
    "metadata": Open(),
}

_POLICIES: Mapping[str, Rule] = {
    "policyEndpoint": ByType(
        {
            str: refer("Endpoint_Policy", "ltm/policy", text=True),
            dict: refer("Endpoint_Policy", "ltm/policy"),
            list: ListOf(refer("Endpoint_Policy", "ltm/policy", text=True)),
        }
    ),
}

TLS_SIDES: Mapping[str, Rule] = {
    "serverTLS": ByType(
        {
            str: refer("TLS_Server", "ltm/profile/client-ssl", text=True),
            dict: refer("TLS_Server", "ltm/profile/client-ssl"),
            list: ListOf(refer("TLS_Server", "ltm/profile/client-ssl")),
        }
    ),
    "clientTLS": ByType(
        {
            str: refer("TLS_Client", "ltm/profile/server-ssl", text=True),
            dict: refer("TLS_Client", "ltm/profile/server-ssl"),
            list: ListOf(refer("TLS_Client", "ltm/profile/server-ssl")),
        }
    ),
}

_TCP: Mapping[str, Rule] = {
    **_SERVICE,
    **TLS_SIDES,
    **_POLICIES,
    "layer4": Choice(("tcp",), "tcp"),
    "virtualType": Choice(("standard", "internal"), "standard"),
    "profileTCP": _ProfileTcp(),
}

_HTTP: Mapping[str, Rule] = {
    **_TCP,
    "persistenceMethods": ListOf(_SERVICE["persistenceMethods"].rule, ["cookie"]),  # type: ignore[attr-defined]
    "profileHTTP": refer("HTTP_Profile", "ltm/profile/http", "basic", default="basic"),
    "profileHTTPCompression": refer("HTTP_Compress", "ltm/profile/http-compression", "basic", "wan"),
    "profileMultiplex": refer("Multiplex_Profile", "ltm/profile/one-connect", "basic"),
    "policyWAF": Refer((), ("asm/policy",)),
}

_HTTP2 = refer("HTTP2_Profile", "ltm/profile/http2", "basic")

_HTTP2_SIDES = Fields({"ingress": _HTTP2, "egress": _HTTP2})


class _ProfileHttp2(Rule):
    """An HTTP/2 profile for the clients' side, or one for each side."""

    def check(self, value: object, where: str, notes: object) -> object:
        sides = isinstance(value, dict) and value.keys() <= {"ingress", "egress"}
        return (_HTTP2_SIDES if sides else _HTTP2).check(value, where, notes)  # type: ignore[arg-type]


CLASSES: dict[str, Class] = {
    "Service_Address": Class(
        common(
            "Service_Address",
            virtualAddress=ADDRESS,
            arpEnabled=Flag(True),
            icmpEcho=Choice(("enable", "disable", "selective"), "enable"),
            serverScope=Choice(("any", "all", "none"), "any"),
            spanningEnabled=Flag(False),
            autoDelete=Flag(True),
            useIpName=Flag(False),
            routeAdvertisement=Choice(("enable", "disable", "selective", "always", "any", "all"), "disable"),
            trafficGroup=Text("default"),
        ),
        ("virtualAddress",),
    ),
    "Service_HTTP": Class(
        {**common("Service_HTTP"), **_HTTP, "virtualPort": Whole(0, 65535, 80)}, ("virtualAddresses",), open=True
    ),
    "Service_HTTPS": Class(
        {
            **common("Service_HTTPS"),
            **_HTTP,
            "virtualPort": Whole(0, 65535, 443),
            "redirect80": Flag(True),
            "profileHTTP2": _ProfileHttp2(),
        },
        ("virtualAddresses",),
        open=True,
    ),
    "Service_TCP": Class(
        {**common("Service_TCP"), **_TCP, "mqttEnabled": Flag(False)}, ("virtualAddresses", "virtualPort"), open=True
    ),
    "Service_UDP": Class(
        {
            **common("Service_UDP"),
            **_SERVICE,
            **_POLICIES,
            "layer4": Choice(("udp",), "udp"),
            "virtualType": Text("standard"),
            **TLS_SIDES,
            "profileUDP": refer("UDP_Profile", "ltm/profile/udp", "normal", default="normal"),
        },
        ("virtualAddresses", "virtualPort"),
        open=True,
    ),
    "Service_L4": Class(
        {
            **common("Service_L4"),
            **_SERVICE,
            "layer4": Text("tcp"),
            "profileL4": refer("L4_Profile", "ltm/profile/fastl4", "basic", default="basic"),
        },
        ("virtualAddresses", "virtualPort"),
        open=True,
    ),
    "Service_SCTP": Class(
        {**common("Service_SCTP"), **_SERVICE, "layer4": Choice(("sctp",), "sctp"), "profileSCTP": refer("", "ltm/profile/sctp")},
        ("virtualAddresses", "virtualPort"),
        open=True,
    ),
    "Service_Generic": Class(
        {
            **common("Service_Generic"),
            **_SERVICE,
            "layer4": Text("any"),
            "virtualPort": Whole(0, 65535, 0),
            "profileIPOther": Refer((), ("ltm/profile/ipother",), default={"bigip": "/Common/ipother"}),
        },
        ("virtualAddresses",),
        open=True,
    ),
}
