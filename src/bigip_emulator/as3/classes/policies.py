"""L7 policies, iRules, and lists of all kinds."""

from __future__ import annotations

from collections.abc import Mapping

from bigip_emulator.as3.classes.parts import ADDRESS, F5_STRING, LABEL, REMARK, common, refer
from bigip_emulator.as3.shape import ByType, Choice, Class, Fields, Flag, ListOf, Open, Refer, Rule, Text, Whole

_EVENT = Choice(
    (
        *("classification-detected", "client-accepted", "proxy-connect", "proxy-request", "proxy-response", "request", "response"),
        *("server-connected", "ssl-client-hello", "ssl-client-serverhello-send", "ssl-server-handshake", "ssl-server-hello"),
        *("ws-request", "ws-response"),
    )
)

_CONDITION_BASE: Mapping[str, Rule] = {
    "type": Choice(("httpUri", "httpHeader", "httpHost", "httpMethod", "httpCookie", "httpStatus", "sslExtension", "tcp", "geoip")),
    "name": Text(),
    "event": _EVENT,
    "normalized": Flag(),
    "index": Whole(),
    "caseSensitive": Flag(),
}

_COMPARED = Fields(
    {
        "operand": Choice(
            (
                "equals",
                "does-not-equal",
                "starts-with",
                "does-not-start-with",
                "ends-with",
                "does-not-end-with",
                "contains",
                "does-not-contain",
                "exists",
                "does-not-exist",
                "matches",
                "does-not-match",
                "less",
                "greater",
                "less-or-equal",
                "greater-or-equal",
            )
        ),
        "values": ListOf(ByType({str: Text(), int: Whole()}), least=1),
        "datagroup": refer("Data_Group", "ltm/data-group/internal"),
        "caseSensitive": Flag(),
    }
)

SUBJECTS = (
    "all",
    "scheme",
    "host",
    "port",
    "path",
    "pathSegment",
    "extension",
    "queryString",
    "queryParameter",
    "unnamedQueryParameter",
    "code",
    "text",
    "serverName",
    "npn",
    "alpn",
    "address",
    "internal",
    "mss",
    "routeDomain",
    "rtt",
    "vlan",
    "vlanId",
    "country",
    "continent",
)

_CONDITION = Fields({**_CONDITION_BASE, **dict.fromkeys(SUBJECTS, _COMPARED)}, ("type",), any_of=SUBJECTS)

_SELECT = Fields(
    {
        "pool": refer("Pool", "ltm/pool"),
        "service": Refer(
            ("Service_HTTP", "Service_HTTPS", "Service_TCP", "Service_UDP", "Service_L4", "Service_Generic"), ("ltm/virtual",)
        ),
        "snat": Choice(("disable", "automap")),
    },
    any_of=("pool", "service", "snat"),
)

_HEADER = Fields({"name": Text(shortest=1), "value": Text()}, ("name",))

_ACTION = Fields(
    {
        "type": Choice(
            (
                "http",
                "httpCookie",
                "httpHeader",
                "httpRedirect",
                "httpUri",
                "botDefense",
                "waf",
                "forward",
                "drop",
                "clientSsl",
                "persist",
                "tcl",
                "log",
                "l7dos",
            )
        ),
        "event": _EVENT,
        "enabled": Flag(),
        "select": _SELECT,
        "reset": Flag(),
        "location": Text(),
        "code": Whole(300, 399),
        "insert": _HEADER,
        "replace": Open(),
        "remove": Fields({"name": Text(shortest=1)}, ("name",)),
        "setVariable": Open(),
        "write": Open(),
        "cookieInsert": Open(),
        "sourceAddress": Open(),
        "cookieHash": Open(),
        "universal": Open(),
        "disable": Open(),
        "policy": Open(),
    },
    ("type",),
)

CLASSES: dict[str, Class] = {
    "Endpoint_Policy": Class(
        common(
            "Endpoint_Policy",
            strategy=Choice(("all-match", "best-match", "first-match", "custom"), "best-match"),
            customStrategy=Open(),
            rules=ListOf(
                Fields(
                    {
                        "name": Text(pattern=r"^[a-zA-Z0-9_\-.:%]+$"),
                        "label": LABEL,
                        "remark": REMARK,
                        "conditions": ListOf(_CONDITION, []),
                        "actions": ListOf(_ACTION, []),
                    },
                    ("name",),
                )
            ),
        )
    ),
    "iRule": Class(common("iRule", iRule=F5_STRING, expand=Flag(True)), ("iRule",)),
    "Data_Group": Class(
        common(
            "Data_Group",
            storageType=Choice(("internal",), "internal"),
            keyDataType=Choice(("integer", "ip", "string")),
            records=ListOf(Fields({"key": ByType({str: Text(), int: Whole()}), "value": Text()}, ("key",))),
        ),
        ("keyDataType", "records"),
        open=True,
    ),
    "SNAT_Pool": Class(common("SNAT_Pool", snatAddresses=ListOf(ADDRESS, least=1))),
    "SNAT_Translation": Class(
        common(
            "SNAT_Translation",
            address=ADDRESS,
            adminState=Choice(("enable", "disable"), "enable"),
            arpEnabled=Flag(True),
            maxConnections=Whole(default=0),
            trafficGroup=Text("default"),
        ),
        ("address",),
    ),
    "Net_Address_List": Class(
        common(
            "Net_Address_List",
            addresses=ListOf(Text(), least=1),
            addressLists=ListOf(refer("Net_Address_List", "net/address-list")),
        ),
        any_of=("addresses", "addressLists"),
    ),
    "Net_Port_List": Class(
        common(
            "Net_Port_List",
            ports=ListOf(ByType({int: Whole(0, 65535), str: Text()}), least=1),
            portLists=ListOf(refer("Net_Port_List", "net/port-list")),
        ),
        any_of=("ports", "portLists"),
    ),
}
