"""Pools with their members, monitors, and persistence."""

from __future__ import annotations

from collections.abc import Mapping

from bigip_emulator.as3.classes.parts import ADDRESS, F5_STRING, REMARK, SECRET, common, flags, refer, wholes
from bigip_emulator.as3.shape import Anything, ByType, Choice, Class, Fields, Flag, ListOf, Open, Refer, Rule, Text, Whole
from bigip_emulator.kinds import MONITORS

MODES = (
    "dynamic-ratio-member",
    "dynamic-ratio-node",
    "fastest-app-response",
    "fastest-node",
    "least-connections-member",
    "least-connections-node",
    "least-sessions",
    "observed-member",
    "observed-node",
    "predictive-member",
    "predictive-node",
    "ratio-least-connections-member",
    "ratio-least-connections-node",
    "ratio-member",
    "ratio-node",
    "ratio-session",
    "round-robin",
    "weighted-least-connections-member",
    "weighted-least-connections-node",
)

_MONITOR = Refer(("Monitor",), MONITORS, ("http", "https", "http2", "icmp", "tcp", "tcp-half-open", "udp"))

_MONITORS = ListOf(_MONITOR)

MEMBER = Fields(
    {
        "remark": REMARK,
        "servicePort": Whole(0, 65535),
        "serverAddresses": ListOf(ADDRESS),
        "servers": ListOf(Fields({"name": Text(shortest=1), "address": ADDRESS}, ("name", "address"))),
        "addressDiscovery": Choice(("static",), "static"),
        "enable": Flag(True),
        "connectionLimit": Whole(0, 2147483647, 0),
        "rateLimit": Whole(-1, 2147483647, -1),
        "dynamicRatio": Whole(0, 100, 1),
        "ratio": Whole(0, 100, 1),
        "priorityGroup": Whole(0, 65535, 0),
        "monitors": _MONITORS,
        "minimumMonitors": ByType({int: Whole(0, 63), str: Choice(("all",))}),
        "adminState": Choice(("enable", "disable", "offline"), "enable"),
        "shareNodes": Flag(False),
        "routeDomain": Whole(0, 65534),
        "metadata": Open(),
    },
    ("servicePort",),
    open=True,
    any_of=("serverAddresses", "servers"),
)

_MONITOR_BASE: Mapping[str, Rule] = wholes(
    "interval=5:0:3600 timeout=16:0:900 timeUntilUp=0:0:1800 upInterval=0:0:3600 dscp=0:0:63"
) | {
    "targetAddress": Text("", format="f5ip"),
    "targetPort": Whole(0, 65535, 0),
    "transparent": Flag(False),
}

_ADAPTIVE: Mapping[str, Rule] = wholes(
    "adaptiveDivergenceMilliseconds=500:1:10000 adaptiveDivergencePercentage=100:1:500 adaptiveLimitMilliseconds=1000:1:10000 "
    "adaptiveWindow=180:5:1800"
) | {"adaptive": Flag(False), "adaptiveDivergenceType": Choice(("absolute", "relative"), "relative")}

_WINDOW = wholes("adaptiveWindow=180:1:1800")

_TALK: Mapping[str, Rule] = {"receiveDown": Text(""), "reverse": Flag(False)}

_HTTP_TALK: Mapping[str, Rule] = {
    **_TALK,
    "send": Text("HEAD / HTTP/1.0\\r\\n\\r\\n"),
    "receive": Text("HTTP/1."),
    "username": Text(),
    "passphrase": SECRET,
}

_MONITOR_TYPES: Mapping[str, Mapping[str, Rule]] = {
    "http": {**_ADAPTIVE, **_HTTP_TALK, **_WINDOW},
    "http2": {**_ADAPTIVE, **_HTTP_TALK, **_WINDOW, "clientTLS": refer("TLS_Client", "ltm/profile/server-ssl")},
    "https": {
        **_ADAPTIVE,
        **_HTTP_TALK,
        **_WINDOW,
        "ciphers": Text("DEFAULT"),
        "clientCertificate": refer("Certificate", "", text=True),
        "clientTLS": refer("TLS_Client", "ltm/profile/server-ssl"),
    },
    "tcp": {**_ADAPTIVE, **_TALK, "send": Text("none"), "receive": Text("none")},
    "udp": {
        **_ADAPTIVE,
        **_TALK,
        **wholes("adaptiveWindow=180:60:1800"),
        "send": Text("default send string"),
        "receive": Text("none"),
    },
    "icmp": {**_ADAPTIVE},
    "tcp-half-open": {},
    "inband": wholes("failures=3 failureInterval=30 responseTime=10 retryTime=300"),
    "external": {
        "script": F5_STRING,
        "pathname": Text(),
        "arguments": Text(""),
        "environmentVariables": Open(),
        "expand": Flag(True),
        "receive": Text("none"),
    },
    "sip": {
        "protocolType": Choice(("sips", "tcp", "tls", "udp"), "udp"),
        "request": Text(),
        "headers": Text(),
        "codesUp": ListOf(Anything()),
    },
}

_PERSIST_RECORD: Mapping[str, Rule] = {"duration": Whole(0, 604800, 180), "hashAlgorithm": Choice(("carp", "default"), "default")}

_IRULE_OR_BIGIP = ByType({str: refer("iRule", "ltm/rule", text=True), dict: refer("iRule", "ltm/rule")})

_PERSIST_TYPES: Mapping[str, Mapping[str, Rule]] = {
    "cookie": {
        "duration": Whole(0, 604800, 0),
        "cookieMethod": Choice(("insert", "hash", "passive", "rewrite"), "insert"),
        "cookieName": Text("", pattern=r"^[0-9A-Za-z.~#$%^&*_-]*$", longest=64),
        "ttl": Whole(0, 604800),
        "encrypt": Flag(False),
        "passphrase": SECRET,
        "httpOnly": Flag(True),
        "secure": Flag(True),
        "alwaysSend": Flag(False),
        "bufferLimit": Whole(),
        "hashCount": Whole(),
        "hashOffset": Whole(),
    },
    "source-address": {**_PERSIST_RECORD, "addressMask": ADDRESS},
    "destination-address": {**_PERSIST_RECORD, "addressMask": ADDRESS},
    "hash": {
        **_PERSIST_RECORD,
        **wholes("startAt=0:0:65535 count=0:0:65535 bufferLimit=0:0:65535"),
        "startPattern": Text(""),
        "endPattern": Text(""),
        "iRule": _IRULE_OR_BIGIP,
    },
    "universal": {"duration": Whole(0, 604800, 180), "iRule": _IRULE_OR_BIGIP},
    "tls-session-id": {"duration": Whole(0, 604800, 300)},
    "msrdp": {"duration": Whole(0, 604800, 300), "sessionBroker": Flag(True)},
    "sip-info": {"duration": Whole(0, 604800, 180), "header": Text("Call-ID")},
}

CLASSES: dict[str, Class] = {
    "Pool": Class(
        common(
            "Pool",
            allowNATEnabled=Flag(True),
            allowSNATEnabled=Flag(True),
            loadBalancingMode=Choice(MODES, "round-robin"),
            monitors=_MONITORS,
            minimumMembersActive=Whole(0, 65535, 1),
            minimumMonitors=ByType({int: Whole(1, 63), str: Choice(("all",))}),
            members=ListOf(MEMBER),
            metadata=Open(),
            reselectTries=Whole(0, 65535, 0),
            slowRampTime=Whole(0, 900, 10),
            serviceDownAction=Choice(("drop", "none", "reselect", "reset"), "none"),
        )
    ),
    "Monitor": Class(
        {**common("Monitor"), **_MONITOR_BASE, "monitorType": Choice(tuple(_MONITOR_TYPES))},
        ("monitorType",),
        "monitorType",
        _MONITOR_TYPES,
        open=True,
    ),
    "Persist": Class(
        {
            **common("Persist"),
            "persistenceMethod": Choice(tuple(_PERSIST_TYPES)),
            **flags("-matchAcrossPools -matchAcrossVirtualPorts -matchAcrossVirtualAddresses -mirror -overrideConnectionLimit"),
        },
        ("persistenceMethod",),
        "persistenceMethod",
        _PERSIST_TYPES,
        needs=(("persistenceMethod", ("universal",), "iRule"),),
        open=True,
    ),
}
