"""The classes that the emulator carries, as tables in the grammar of `shape`. Written from the documentation of the classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bigip_emulator.as3.shape import Anything, ByType, Choice, Class, Fields, Flag, ListOf, Open, Refer, Rule, Text, Whole
from bigip_emulator.kinds import MONITORS, PERSISTENCE

LABEL = Text(pattern=r"^[^\x00-\x1f\x22#&*<>?\x5b-\x5d`\x7f]*$", longest=64)
REMARK = Text(pattern=r"^[^\x00-\x1f\x22\x5c\x7f]*$", longest=64)
_ADDRESS = Text(format="f5ip")
_F5_STRING = ByType({str: Text(), dict: Open()})


class _Chain(Rule):
    """A text in any form, or a bundle by its pointer or its name on the device."""

    def check(self, value: object, where: str, notes: object) -> object:
        named = isinstance(value, dict) and value.keys() & {"use", "bigip"}
        rule = Refer(("CA_Bundle",), ("sys/file/ssl-cert",)) if named else _F5_STRING
        return rule.check(value, where, notes)  # type: ignore[arg-type]


_WORD = Text(pattern=r"^[^\x00-\x20\x22:\x5c\x7f-\xff]+$", shortest=1, longest=128)


def _common(name: str, **properties: Rule) -> dict[str, Rule]:
    return {"class": Choice((name,)), "label": LABEL, "remark": REMARK, **properties}


def _flags(text: str) -> dict[str, Rule]:
    """Properties that are true or false, by default as the sign before each says."""
    return {word[1:]: Flag(word[0] == "+") for word in text.split()}


def _wholes(text: str) -> dict[str, Rule]:
    """Whole numbers, each as `name=default` or `name=default:lowest:highest`."""
    made: dict[str, Rule] = {}
    for word in text.split():
        name, _, numbers = word.partition("=")
        default, *limits = (int(number) for number in numbers.split(":"))
        low, high = limits or (0, 4294967295)
        made[name] = Whole(low, high, default)
    return made


def _refer(cls: str, kind: str, *words: str, text: bool = False, default: str | None = None) -> Refer:
    made = Refer((cls,) if cls else (), (kind,) if kind else (), words, text=text)
    return made if default is None else Refer(made.classes, made.kinds, words, text=text, default=default)


_PROFILE_TCP = _refer("TCP_Profile", "ltm/profile/tcp", "normal", "lan", "wan", "mobile", default="normal")
_TCP_SIDES = Fields({"ingress": _PROFILE_TCP, "egress": _PROFILE_TCP})


class _ProfileTcp(Rule):
    """A TCP profile for both sides, or one for each."""

    default = "normal"

    def check(self, value: object, where: str, notes: object) -> object:
        sides = isinstance(value, dict) and value.keys() <= {"ingress", "egress"}
        return (_TCP_SIDES if sides else _PROFILE_TCP).check(value, where, notes)  # type: ignore[arg-type]


_SERVICE: Mapping[str, Rule] = {
    "virtualAddresses": ListOf(
        ByType({
            str: _ADDRESS,
            list: ListOf(ByType({str: _ADDRESS, dict: _refer("Service_Address", "ltm/virtual-address")}), least=2),
            dict: _refer("Service_Address", "ltm/virtual-address"),
        }), least=1,
    ),
    "virtualPort": Whole(0, 65535),
    "sourceAddress": ByType({str: _ADDRESS, dict: _refer("Net_Address_List", "net/address-list")}),
    "shareAddresses": Flag(False),
    "enable": Flag(True),
    "adminState": Choice(("enable", "disable"), "enable"),
    "addressStatus": Flag(True),
    "maxConnections": Whole(default=0),
    "rateLimit": Whole(default=0),
    "snat": _refer("SNAT_Pool", "ltm/snatpool", "none", "self", "auto", default="auto"),
    "iRules": ListOf(_refer("iRule", "ltm/rule", text=True)),
    "pool": _refer("Pool", "ltm/pool", text=True),
    "persistenceMethods": ListOf(
        Refer(("Persist",), PERSISTENCE, ("cookie", "destination-address", "msrdp", "source-address", "tls-session-id")),
        ["source-address"]
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
}  # fmt: skip

_POLICIES: Mapping[str, Rule] = {
    "policyEndpoint": ByType({
        str: _refer("Endpoint_Policy", "ltm/policy", text=True), dict: _refer("Endpoint_Policy", "ltm/policy"),
        list: ListOf(_refer("Endpoint_Policy", "ltm/policy", text=True)),
    }),
}  # fmt: skip

_TLS_SIDES: Mapping[str, Rule] = {
    "serverTLS": ByType({
        str: _refer("TLS_Server", "ltm/profile/client-ssl", text=True), dict: _refer("TLS_Server", "ltm/profile/client-ssl"),
        list: ListOf(_refer("TLS_Server", "ltm/profile/client-ssl")),
    }),
    "clientTLS": ByType({
        str: _refer("TLS_Client", "ltm/profile/server-ssl", text=True), dict: _refer("TLS_Client", "ltm/profile/server-ssl"),
        list: ListOf(_refer("TLS_Client", "ltm/profile/server-ssl")),
    }),
}  # fmt: skip

_TCP: Mapping[str, Rule] = {
    **_SERVICE, **_TLS_SIDES, **_POLICIES, "layer4": Choice(("tcp",), "tcp"), "virtualType": Choice(("standard",
    "internal"), "standard"),
    "profileTCP": _ProfileTcp(),
}  # fmt: skip

_HTTP: Mapping[str, Rule] = {
    **_TCP,
    "persistenceMethods": ListOf(_SERVICE["persistenceMethods"].rule, ["cookie"]),  # type: ignore[attr-defined]
    "profileHTTP": _refer("HTTP_Profile", "ltm/profile/http", "basic", default="basic"),
    "profileHTTPCompression": _refer("HTTP_Compress", "ltm/profile/http-compression", "basic", "wan"),
    "profileMultiplex": _refer("Multiplex_Profile", "ltm/profile/one-connect", "basic"),
    "policyWAF": Refer((), ("asm/policy",)),
}

_HTTP2 = _refer("HTTP2_Profile", "ltm/profile/http2", "basic")


_HTTP2_SIDES = Fields({"ingress": _HTTP2, "egress": _HTTP2})


class _ProfileHttp2(Rule):
    """An HTTP/2 profile for the clients' side, or one for each side."""

    def check(self, value: object, where: str, notes: object) -> object:
        sides = isinstance(value, dict) and value.keys() <= {"ingress", "egress"}
        return (_HTTP2_SIDES if sides else _HTTP2).check(value, where, notes)  # type: ignore[arg-type]


MODES = (
    "dynamic-ratio-member", "dynamic-ratio-node", "fastest-app-response", "fastest-node", "least-connections-member",
    "least-connections-node", "least-sessions", "observed-member", "observed-node", "predictive-member", "predictive-node",
    "ratio-least-connections-member", "ratio-least-connections-node", "ratio-member", "ratio-node", "ratio-session", "round-robin",
    "weighted-least-connections-member", "weighted-least-connections-node",
)  # fmt: skip

_MONITOR = Refer(("Monitor",), MONITORS, ("http", "https", "http2", "icmp", "tcp", "tcp-half-open", "udp"))
_MONITORS = ListOf(_MONITOR)

MEMBER = Fields(
    {
        "remark": REMARK, "servicePort": Whole(0, 65535), "serverAddresses": ListOf(_ADDRESS),
        "servers": ListOf(Fields({"name": Text(shortest=1), "address": _ADDRESS}, ("name", "address"))),
        "addressDiscovery": Choice(("static",), "static"), "enable": Flag(True), "connectionLimit": Whole(0, 2147483647, 0),
        "rateLimit": Whole(-1, 2147483647, -1), "dynamicRatio": Whole(0, 100, 1), "ratio": Whole(0, 100, 1),
        "priorityGroup": Whole(0, 65535, 0), "monitors": _MONITORS, "minimumMonitors": ByType({int: Whole(0, 63),
        str: Choice(("all",))}),
        "adminState": Choice(("enable", "disable", "offline"), "enable"), "shareNodes": Flag(False), "routeDomain": Whole(0, 65534),
        "metadata": Open(),
    },
    ("servicePort",), open=True,
)  # fmt: skip

_MONITOR_BASE: Mapping[str,
Rule] = _wholes("interval=5:0:3600 timeout=16:0:900 timeUntilUp=0:0:1800 upInterval=0:0:3600 dscp=0:0:63") | {
    "targetAddress": Text("", format="f5ip"), "targetPort": Whole(0, 65535, 0), "transparent": Flag(False),
}  # fmt: skip
_ADAPTIVE: Mapping[str, Rule] = _wholes(
    "adaptiveDivergenceMilliseconds=500:1:10000 adaptiveDivergencePercentage=100:1:500 adaptiveLimitMilliseconds=1000:1:10000 "
    "adaptiveWindow=180:5:1800"
) | {"adaptive": Flag(False), "adaptiveDivergenceType": Choice(("absolute", "relative"), "relative")}
_WINDOW = _wholes("adaptiveWindow=180:1:1800")
_SECRET = Open()
_TALK: Mapping[str, Rule] = {"receiveDown": Text(""), "reverse": Flag(False)}
_HTTP_TALK: Mapping[str, Rule] = {
    **_TALK, "send": Text("HEAD / HTTP/1.0\\r\\n\\r\\n"), "receive": Text("HTTP/1."), "username": Text(), "passphrase": _SECRET,
}  # fmt: skip
_MONITOR_TYPES: Mapping[str, Mapping[str, Rule]] = {
    "http": {**_ADAPTIVE, **_HTTP_TALK, **_WINDOW},
    "http2": {**_ADAPTIVE, **_HTTP_TALK, **_WINDOW, "clientTLS": _refer("TLS_Client", "ltm/profile/server-ssl")},
    "https": {
        **_ADAPTIVE, **_HTTP_TALK, **_WINDOW, "ciphers": Text("DEFAULT"), "clientCertificate": _refer("Certificate", "", text=True),
        "clientTLS": _refer("TLS_Client", "ltm/profile/server-ssl"),
    },
    "tcp": {**_ADAPTIVE, **_TALK, "send": Text("none"), "receive": Text("none")},
    "udp": {**_ADAPTIVE, **_TALK, **_wholes("adaptiveWindow=180:60:1800"), "send": Text("default send string"),
    "receive": Text("none")},
    "icmp": {**_ADAPTIVE},
    "tcp-half-open": {},
    "inband": _wholes("failures=3 failureInterval=30 responseTime=10 retryTime=300"),
    "external": {
        "script": _F5_STRING, "pathname": Text(), "arguments": Text(""), "environmentVariables": Open(), "expand": Flag(True),
        "receive": Text("none"),
    },
    "sip": {"protocolType": Choice(("sips", "tcp", "tls", "udp"), "udp"), "request": Text(), "headers": Text(),
    "codesUp": ListOf(Anything())},
}  # fmt: skip

_PERSIST_RECORD: Mapping[str, Rule] = {"duration": Whole(0, 604800, 180), "hashAlgorithm": Choice(("carp", "default"), "default")}
_IRULE_OR_BIGIP = ByType({str: _refer("iRule", "ltm/rule", text=True), dict: _refer("iRule", "ltm/rule")})
_PERSIST_TYPES: Mapping[str, Mapping[str, Rule]] = {
    "cookie": {
        "duration": Whole(0, 604800, 0), "cookieMethod": Choice(("insert", "hash", "passive", "rewrite"), "insert"),
        "cookieName": Text("", pattern=r"^[0-9A-Za-z.~#$%^&*_-]*$", longest=64), "ttl": Whole(0, 604800), "encrypt": Flag(False),
        "passphrase": _SECRET, "httpOnly": Flag(True), "secure": Flag(True), "alwaysSend": Flag(False), "bufferLimit": Whole(),
        "hashCount": Whole(), "hashOffset": Whole(),
    },
    "source-address": {**_PERSIST_RECORD, "addressMask": _ADDRESS},
    "destination-address": {**_PERSIST_RECORD, "addressMask": _ADDRESS},
    "hash": {
        **_PERSIST_RECORD, **_wholes("startAt=0:0:65535 count=0:0:65535 bufferLimit=0:0:65535"), "startPattern": Text(""),
        "endPattern": Text(""), "iRule": _IRULE_OR_BIGIP,
    },
    "universal": {"duration": Whole(0, 604800, 180), "iRule": _IRULE_OR_BIGIP},
    "tls-session-id": {"duration": Whole(0, 604800, 300)},
    "msrdp": {"duration": Whole(0, 604800, 300), "sessionBroker": Flag(True)},
    "sip-info": {"duration": Whole(0, 604800, 180), "header": Text("Call-ID")},
}  # fmt: skip

_TLS: Mapping[str, Rule] = {
    **_flags(
        "-requireSNI -allowExpiredCRL -c3dEnabled -forwardProxyEnabled -forwardProxyBypassEnabled -insertEmptyFragmentsEnabled "
        "-singleUseDhEnabled -tls1_3Enabled +tls1_2Enabled +tls1_1Enabled +tls1_0Enabled +renegotiationEnabled "
        "+retainCertificateEnabled "
        "+sslEnabled +ssl3Enabled -proxySslEnabled -proxySslPassthroughEnabled +uncleanShutdownEnabled +dtlsEnabled +dtls1_2Enabled"
    ),
    "alertTimeout": ByType({int: Whole(1), str: Choice(("immediate", "indefinite"))}, "indefinite"),
    "handshakeTimeout": ByType({int: Whole(1), str: Choice(("indefinite",))}, 10),
    "renegotiatePeriod": ByType({int: Whole(), str: Choice(("indefinite",))}, "indefinite"),
    "renegotiateSize": ByType({int: Whole(), str: Choice(("indefinite",))}, "indefinite"),
    "cacheTimeout": Whole(0, 86400, 3600),
    "ciphers": Text(),
    "cipherGroup": _refer("Cipher_Group", "ltm/cipher/group"),
    "authenticationFrequency": Choice(("one-time", "every-time"), "one-time"),
    "authenticationDepth": Whole(1, 15, 9),
    "crlFile": Refer((), ("sys/file/ssl-crl",)),
    "secureRenegotiation": Choice(("request", "require", "require-strict"), "require"),
    "sslSignHash": Choice(("any", "sha1", "sha256", "sha384"), "any"),
    "ldapStartTLS": Choice(("none", "allow", "require")),
}
_TRUST = Refer(("CA_Bundle",), ("sys/file/ssl-cert",), text=True, use=False)
_MODE = Choice(("ignore", "request", "require"), "ignore")

_CONDITION_BASE: Mapping[str, Rule] = {
    "type": Choice(("httpUri", "httpHeader", "httpHost", "httpMethod", "httpCookie", "httpStatus", "sslExtension", "tcp", "geoip")),
    "name": Text(), "event": Text(), "normalized": Flag(), "index": Whole(), "caseSensitive": Flag(),
}  # fmt: skip
_COMPARED = Fields(
    {
        "operand": Choice((
            "equals", "does-not-equal", "starts-with", "does-not-start-with", "ends-with", "does-not-end-with", "contains",
            "does-not-contain", "exists", "does-not-exist", "matches", "does-not-match", "less", "greater", "less-or-equal",
            "greater-or-equal",
        )),
        "values": ListOf(ByType({str: Text(), int: Whole()}), least=1), "datagroup": _refer("Data_Group",
        "ltm/data-group/internal"),
        "caseSensitive": Flag(),
    }
)  # fmt: skip
SUBJECTS = (
    "all", "scheme", "host", "port", "path", "pathSegment", "extension", "queryString", "queryParameter", "unnamedQueryParameter",
    "code", "text", "serverName", "npn", "alpn", "address", "internal", "mss", "routeDomain", "rtt", "vlan", "vlanId",
    "country", "continent",
)  # fmt: skip
_CONDITION = Fields({**_CONDITION_BASE, **dict.fromkeys(SUBJECTS, _COMPARED)}, ("type",))
_SELECT = Fields({
    "pool": _refer("Pool", "ltm/pool"),
    "service": Refer(("Service_HTTP", "Service_HTTPS", "Service_TCP", "Service_UDP", "Service_L4", "Service_Generic"),
    ("ltm/virtual",)),
    "snat": Choice(("disable", "automap")),
})  # fmt: skip
_HEADER = Fields({"name": Text(shortest=1), "value": Text()}, ("name",))
_ACTION = Fields(
    {
        "type": Choice(("http", "httpCookie", "httpHeader", "httpRedirect", "httpUri", "botDefense", "waf", "forward",
        "drop", "clientSsl",
                        "persist", "tcl", "log", "l7dos")),
        "event": Text(), "enabled": Flag(), "select": _SELECT, "reset": Flag(), "location": Text(), "code": Whole(300, 399),
        "insert": _HEADER, "replace": Open(), "remove": Fields({"name": Text(shortest=1)}, ("name",)),
        "setVariable": Open(), "write": Open(),
        "cookieInsert": Open(), "sourceAddress": Open(), "cookieHash": Open(), "universal": Open(), "disable": Open(),
        "policy": Open(),
    },
    ("type",),
)  # fmt: skip

CLASSES: dict[str, Class] = {
    "Service_Address": Class(
        _common(
            "Service_Address", virtualAddress=_ADDRESS, arpEnabled=Flag(True), icmpEcho=Choice(("enable", "disable",
            "selective"), "enable"),
            serverScope=Choice(("any", "all", "none"), "any"), spanningEnabled=Flag(False), autoDelete=Flag(True),
            useIpName=Flag(False),
            routeAdvertisement=Choice(("enable", "disable", "selective", "always", "any", "all"), "disable"),
            trafficGroup=Text("default"),
        ), ("virtualAddress",),
    ),
    "Service_HTTP": Class({**_common("Service_HTTP"), **_HTTP, "virtualPort": Whole(0, 65535, 80)}, ("virtualAddresses",)),
    "Service_HTTPS": Class(
        {**_common("Service_HTTPS"), **_HTTP, "virtualPort": Whole(0, 65535, 443), "redirect80": Flag(True),
        "profileHTTP2": _ProfileHttp2()},
        ("virtualAddresses",),
    ),
    "Service_TCP": Class({**_common("Service_TCP"), **_TCP, "mqttEnabled": Flag(False)}, ("virtualAddresses", "virtualPort")),
    "Service_UDP": Class(
        {**_common("Service_UDP"), **_SERVICE, **_POLICIES, "layer4": Choice(("udp",), "udp"),
        "virtualType": Text("standard"), **_TLS_SIDES,
         "profileUDP": _refer("UDP_Profile", "ltm/profile/udp", "normal", default="normal")}, ("virtualAddresses", "virtualPort"),
    ),
    "Service_L4": Class(
        {**_common("Service_L4"), **_SERVICE, "layer4": Text("tcp"),
         "profileL4": _refer("L4_Profile", "ltm/profile/fastl4", "basic", default="basic")}, ("virtualAddresses", "virtualPort"),
    ),
    "Service_SCTP": Class(
        {**_common("Service_SCTP"), **_SERVICE, "layer4": Choice(("sctp",), "sctp"), "profileSCTP": _refer("", "ltm/profile/sctp")},
        ("virtualAddresses", "virtualPort"),
    ),
    "Service_Generic": Class(
        {**_common("Service_Generic"), **_SERVICE, "layer4": Text("any"), "virtualPort": Whole(0, 65535, 0),
         "profileIPOther": Refer((), ("ltm/profile/ipother",), default={"bigip": "/Common/ipother"})}, ("virtualAddresses",),
    ),
    "Pool": Class(
        _common(
            "Pool", allowNATEnabled=Flag(True), allowSNATEnabled=Flag(True), loadBalancingMode=Choice(MODES, "round-robin"),
            monitors=_MONITORS,
            minimumMembersActive=Whole(0, 65535, 1), minimumMonitors=ByType({int: Whole(1, 63), str: Choice(("all",))}),
            members=ListOf(MEMBER), metadata=Open(), reselectTries=Whole(0, 65535, 0), slowRampTime=Whole(0, 900, 10),
            serviceDownAction=Choice(("drop", "none", "reselect", "reset"), "none"),
        )
    ),
    "Monitor": Class(
        {**_common("Monitor"), **_MONITOR_BASE, "monitorType": Choice(tuple(_MONITOR_TYPES))}, ("monitorType",),
        "monitorType", _MONITOR_TYPES
    ),
    "Persist": Class(
        {**_common("Persist"), "persistenceMethod": Choice(tuple(_PERSIST_TYPES)), **_flags(
            "-matchAcrossPools -matchAcrossVirtualPorts -matchAcrossVirtualAddresses -mirror -overrideConnectionLimit"
        )}, ("persistenceMethod",), "persistenceMethod", _PERSIST_TYPES,
    ),
    "TLS_Server": Class(
        {**_common("TLS_Server"), **_TLS, **_flags("-cacheCertificateEnabled -staplerOCSPEnabled -nonSslConnectionsEnabled "
                                                   "-allowDynamicRecordSizing -notifyCertStatusToVirtualServer"),
         "certificates": ListOf(
             Fields({"certificate": _refer("Certificate", "", text=True), "matchToSNI": Text(), "sniDefault": Flag(False),
             "enabled": Flag(True),
                     "proxyCertificate": _refer("Certificate", "", text=True), "authenticationMode": _MODE,
                     "authenticationFrequency": Choice(("one-time", "every-time"), "one-time")}, ("certificate",)), least=1),
         "authenticationMode": _MODE, "authenticationTrustCA": _TRUST, "authenticationInviteCA": _TRUST,
         "namingScheme": Choice(("numbered", "certificate"), "numbered"), "dataZeroRoundTripTime": Text("disabled")},
        ("certificates",), excludes=(("ciphers", "cipherGroup"),),
    ),
    "TLS_Client": Class(
        {**_common("TLS_Client"), **_TLS,
         "secureRenegotiation": Choice(("request", "require", "require-strict"), "require-strict"),
         **_flags("-validateCertificate -ignoreExpired -ignoreUntrusted -sessionTickets -sniDefault "
                                                   "-dataZeroRoundTripTime"),
         "sendSNI": Text("none", format="hostname"), "serverName": Text("none", format="hostname"),
         "trustCA": Refer(("CA_Bundle",), ("sys/file/ssl-cert",), ("generic", "none")),
         "clientCertificate": _refer("Certificate", "", text=True)},
        excludes=(("ciphers", "cipherGroup"),),
    ),
    "Certificate": Class(
        _common("Certificate", certificate=_F5_STRING, privateKey=_F5_STRING, chainCA=_Chain(), passphrase=_SECRET,
        pkcs12=_F5_STRING),
        any_of=("certificate", "pkcs12"), excludes=(("certificate", "pkcs12"),),
    ),
    "CA_Bundle": Class(_common("CA_Bundle", bundle=_F5_STRING), ("bundle",)),
    "Cipher_Rule": Class(
        _common("Cipher_Rule", cipherSuites=ListOf(Text()), namedGroups=ListOf(Text()), signatureAlgorithms=ListOf(Text())),
        any_of=("cipherSuites", "namedGroups", "signatureAlgorithms"),
    ),
    "Cipher_Group": Class(
        _common(
            "Cipher_Group", order=Choice(("default", "speed", "strength", "fips", "hardware"), "default"),
            allowCipherRules=ListOf(_refer("Cipher_Rule", "ltm/cipher/rule"), [{"bigip": "/Common/f5-default"}]),
            excludeCipherRules=ListOf(_refer("Cipher_Rule", "ltm/cipher/rule")),
            requireCipherRules=ListOf(_refer("Cipher_Rule", "ltm/cipher/rule")),
        )
    ),
    "Endpoint_Policy": Class(
        _common(
            "Endpoint_Policy", strategy=Choice(("all-match", "best-match", "first-match", "custom"), "best-match"),
            customStrategy=Open(),
            rules=ListOf(Fields({"name": Text(pattern=r"^[a-zA-Z0-9_\-.:%]+$"), "label": LABEL, "remark": REMARK,
                                 "conditions": ListOf(_CONDITION, []), "actions": ListOf(_ACTION, [])}, ("name",))),
        )
    ),
    "iRule": Class(_common("iRule", iRule=_F5_STRING, expand=Flag(True)), ("iRule",)),
    "Data_Group": Class(
        _common(
            "Data_Group", storageType=Choice(("internal",), "internal"), keyDataType=Choice(("integer", "ip", "string")),
            records=ListOf(Fields({"key": ByType({str: Text(), int: Whole()}), "value": Text()}, ("key",))),
        ), ("keyDataType", "records"),
    ),
    "SNAT_Pool": Class(_common("SNAT_Pool", snatAddresses=ListOf(_ADDRESS, least=1))),
    "SNAT_Translation": Class(
        _common("SNAT_Translation", address=_ADDRESS, adminState=Choice(("enable", "disable"), "enable"), arpEnabled=Flag(True),
                maxConnections=Whole(default=0), trafficGroup=Text("default")), ("address",),
    ),
    "Net_Address_List": Class(
        _common("Net_Address_List", addresses=ListOf(Text(), least=1), addressLists=ListOf(_refer("Net_Address_List",
        "net/address-list"))),
        any_of=("addresses", "addressLists"),
    ),
    "Net_Port_List": Class(
        _common("Net_Port_List", ports=ListOf(ByType({int: Whole(0, 65535), str: Text()}), least=1),
                portLists=ListOf(_refer("Net_Port_List", "net/port-list"))), any_of=("ports", "portLists"),
    ),
    "Multiplex_Profile": Class(
        {**_common("Multiplex_Profile"),
        **_wholes("maxConnections=10000 maxConnectionAge=86400 maxConnectionReuse=1000 idleTimeoutOverride=0"),
         "sourceMask": _ADDRESS, "connectionLimitEnforcement": Choice(("none", "idle", "strict"), "none"),
         "sharePools": Flag(False)}
    ),
    "HTTP_Profile": Class(
        {**_common("HTTP_Profile"), **_flags(
            "-allowBlankSpaceAfterHeaderName -enforceRFCCompliance +hstsIncludeSubdomains -hstsInsert -hstsPreload "
            "+multiplexTransformations "
            "-proxyConnectEnabled +xForwardedFor -trustXFF -truncatedRedirects -webSocketsEnabled"),
         **_wholes("hstsPeriod=7862400 maxRequests=0:0:2147483647 maxHeaderCount=64:1:1024 maxHeaderSize=32768:9:262144"),
         "proxyType": Choice(("reverse", "transparent", "explicit"), "reverse"), "serverHeaderValue": Text("BigIP"),
         "multiplexStatusReuse": Text("200 206"), "allowedResponseHeaders": ListOf(_WORD), "cookiePassphrase": _SECRET,
         "encryptCookies": ListOf(_WORD), "fallbackRedirect": Text(shortest=1), "fallbackStatusCodes": ListOf(Whole(100, 999)),
         "requestChunking": Choice(("selective", "preserve", "rechunk", "sustain"), "preserve"),
         "responseChunking": Choice(("selective", "preserve", "unchunk", "rechunk", "sustain"), "selective"),
         "rewriteRedirects": Choice(("none", "all", "matching", "addresses"), "none"), "whiteOutHeader": _WORD,
         "otherXFF": ListOf(_WORD),
         "insertHeader": Fields({"name": _WORD, "value": Text()}), "knownMethods": ListOf(Text()),
         "pipelineAction": Choice(("allow", "reject", "pass-through"), "allow"), "viaHost": Text(shortest=1),
         "unknownMethodAction": Choice(("allow", "reject", "pass-through"), "allow"),
         "viaRequest": Choice(("append", "preserve", "remove"), "remove"), "viaResponse": Choice(("append", "preserve",
         "remove"), "remove"),
         "webSocketMasking": Choice(("preserve", "remask", "selective", "unmask"), "unmask")}
    ),
    "HTTP2_Profile": Class(
        {**_common("HTTP2_Profile"), "activationMode": Choice(("alpn", "always"), "alpn"), "insertHeaderName": Text("X-HTTP2"),
         **_flags("+enforceTlsRequirements -includeContentLength -insertHeader"),
         **_wholes("concurrentStreamsPerConnection=10:1:256 connectionIdleTimeout=300:1:4294967295 frameSize=2048:1024:16384 "
                   "headerTableSize=4096:0:65535 receiveWindow=32:16:128 writeSize=16384:2048:32768")}
    ),
    "HTTP_Compress": Class(
        {**_common("HTTP_Compress"), **_flags("-allowHTTP10 +cpuSaver -keepAcceptEncoding -selective +varyHeader"),
         **_wholes("bufferSize=4096:256:4294967295 cpuSaverHigh=90:15:99 cpuSaverLow=75:10:95 gzipLevel=1:1:9 gzipMemory=8:1:256 "
                   "gzipWindowSize=16:1:128 minimumSize=1024:128:131072"),
         "preferMethod": Choice(("gzip", "deflate"), "gzip"), "contentTypeExcludes": ListOf(Text()), "uriExcludes": ListOf(Text()),
         "contentTypeIncludes": ListOf(Text(), ["text/", "application/(xml|x-javascript)"]), "uriIncludes": ListOf(Text())}
    ),
    "TCP_Profile": Class(
        {**_common("TCP_Profile"), **_flags(
            "+abc +ackOnPush +autoProxyBufferSize +autoReceiveWindowSize +autoSendBufferSize "
            "+congestionMetricsCache -deferredAccept "
            "+delayedAcks -delayWindowControl -dsack +earlyRetransmit +ecn +enhancedLossRecovery +fastOpen "
            "+limitedTransmit -md5Signature "
            "+proxyMSS -proxyOptions +ratePace +resetOnTimeout +selectiveAcks -selectiveNack +slowStart +synCookieEnable "
            "-synCookieWhitelist +tailLossProbe +timestamps +timeWaitRecycle -verifiedAccept"),
         **_wholes(
            "closeWaitTimeout=5:-1:3600 finWaitTimeout=5:-1:3600 finWait2Timeout=300:-1:3600 "
            "idleTimeout=300:-1:86400 initCwnd=16:0:64 "
            "initRwnd=16:0:64 keepAliveInterval=1800:1:86400 maxRetrans=8:0:12 maxSegmentSize=0:0:8960 minimumRto=1000:1:5000 "
            "fastOpenCookieExpiration=21600:1:1000000 congestionMetricsCacheTimeout=0:0:1000 proxyBufferHigh=262144:64:33554432 "
            "proxyBufferLow=196608:64:33554432 receiveWindowSize=131072:64:33554432 sendBufferSize=262144:64:33554432 "
            "retransmitThreshold=3:0:12 synMaxRetrans=3:0:12 synRtoBase=3000:0:5000 "
            "timeWaitTimeout=2000:-1:600000 ttlIPv4=255:1:255 "
            "ttlIPv6=64:1:255 zeroWindowTimeout=20000:-1:86400000 pktLossIgnoreBurst=0:0:32 "
            "pktLossIgnoreRate=0:0:1000000 ratePaceMaxRate=0"),
         "nagle": Choice(("disable", "enable", "auto"), "auto"), "congestionControl": Text("woodside"), "ipDfMode": Text("pmtu"),
         "mptcp": Choice(("disable", "enable", "passthrough"), "disable"), "pushFlag": Text("auto"), "ttlMode": Text("proxy"),
         "synCookieAllowlist": Flag(), "tcpOptions": ListOf(Open()), "ipTosToClient": Anything(0), "linkQosToClient": Anything(0)}
    ),
    "UDP_Profile": Class(
        {**_common("UDP_Profile"), **_flags("-allowNoPayload -datagramLoadBalancing -proxyMSS -useChecksum"),
         **_wholes("bufferMaxBytes=655350:65535:16777215 bufferMaxPackets=0:0:255 idleTimeout=60:-1:86400 "
                   "ttlIPv4=255:1:255 ttlIPv6=64:1:255"),
         "ipDfMode": Text("pmtu"), "ttlMode": Text("proxy"), "ipTosToClient": Anything(0), "linkQosToClient": Anything(0)}
    ),
    "L4_Profile": Class(
        {**_common("L4_Profile"), **_flags("-synCookieAllowlist +synCookieEnable -looseClose -looseInitialization +resetOnTimeout"),
         **_wholes("clientTimeout=30:-1:86400 keepAliveInterval=0 maxSegmentSize=0:0:9162"),
         "idleTimeout": ByType({int: Whole(-1, 86400), str: Choice(("immediate", "indefinite"))}, 300),
         "tcpCloseTimeout": Anything(5), "tcpHandshakeTimeout": Anything(5), "pvaAcceleration": Text("full")}
    ),
}  # fmt: skip

MODULES = {
    "Firewall_Address_List": "afm, asm", "Firewall_Port_List": "afm, asm", "Firewall_Rule_List": "afm", "Firewall_Policy": "afm",
    "NAT_Policy": "afm", "NAT_Source_Translation": "afm", "WAF_Policy": "asm", "DOS_Profile": "afm, asm",
    "Bot_Defense_Profile": "asm",
    "GSLB_Domain": "gtm", "GSLB_Pool": "gtm", "GSLB_Server": "gtm", "GSLB_Data_Center": "gtm", "GSLB_Monitor": "gtm",
    "Access_Profile": "apm", "Analytics_Profile": "avr", "Enforcement_Policy": "pem",
}  # fmt: skip
"""Classes of modules that are not provisioned on the emulated device."""

for _name in (*(name for name in CLASSES if name.startswith("Service_")), "Monitor", "Persist", "Data_Group", "HTTP_Profile"):
    if _name != "Service_Address":
        CLASSES[_name] = replace(CLASSES[_name], open=True)
