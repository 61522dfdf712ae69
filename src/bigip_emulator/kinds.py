"""The kinds of objects that iControl REST shows: one table, which also says what each refers to and what is there from the start.

A kind is named as in its URL below `/mgmt/tm/`. Profiles have far too many properties to list; they take any.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bigip_emulator.objects import Object

MONITORS = tuple(
    f"ltm/monitor/{name}"
    for name in ("http", "https", "http2", "tcp", "udp", "gateway-icmp", "tcp-half-open", "inband", "external", "sip")
)
PROFILES = tuple(
    f"ltm/profile/{name}"
    for name in (
        "http",
        "http2",
        "tcp",
        "udp",
        "sctp",
        "fastl4",
        "ipother",
        "client-ssl",
        "server-ssl",
        "one-connect",
        "http-compression",
    )
)
PERSISTENCE = tuple(
    f"ltm/persistence/{name}" for name in ("cookie", "source-addr", "dest-addr", "hash", "ssl", "universal", "msrdp", "sip")
)
POLICIES = ("ltm/policy",)


@dataclass(frozen=True)
class Part:
    """A sub-collection. Its elements refer to objects of the kinds in `names` when their own full path has to be one."""

    defaults: dict[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """What objects of a kind have. `refers` names properties that hold full paths, and the kinds of objects these have to be."""

    label: str
    """What the device calls it in errors."""
    defaults: dict[str, Any] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    refers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    open: bool = False
    local: bool = False
    """Whether it stays on its device when the configuration goes to the others of the group."""

    def knows(self, name: str) -> bool:
        return self.open or name in self.defaults or name in self.optional or name in self.required or name in self.parts


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ANY = _names("description appService metadata")

KINDS: dict[str, Kind] = {
    "auth/partition": Kind("folder", {"defaultRouteDomain": 0}, _ANY),
    "sys/folder": Kind(
        "folder",
        {
            "deviceGroup": "none",
            "hidden": "false",
            "inheritedDevicegroup": "true",
            "inheritedTrafficGroup": "true",
            "noRefCheck": "false",
            "trafficGroup": "/Common/traffic-group-1",
        },
        _ANY,
    ),
    "net/vlan": Kind(
        "VLAN",
        {
            "autoLasthop": "default",
            "cmpHash": "default",
            "failsafe": "disabled",
            "mtu": 1500,
            "sourceChecking": "disabled",
            "hardwareSyncookie": "disabled",
            "synFloodRateLimit": 1000,
            "syncacheThreshold": 6000,
            "dagRoundRobin": "disabled",
        },
        _ANY | {"tag"},
        parts={"interfaces": Part({"tagged": True})},
        local=True,
    ),
    "net/route-domain": Kind(
        "route domain",
        {"strict": "enabled", "connectionLimit": 0},
        _ANY | {"vlans", "parent"},
        _names("id"),
        {"vlans": ("net/vlan",)},
    ),
    "net/self": Kind(
        "self IP",
        {"floating": "disabled", "trafficGroup": "/Common/traffic-group-local-only", "allowService": []},
        _ANY | {"inheritedTrafficGroup", "unit"},
        _names("address vlan"),
        {"vlan": ("net/vlan",)},
        local=True,
    ),
    "net/route": Kind(
        "route", {"mtu": 0}, _ANY | _names("gw tmInterface pool blackhole"), _names("network"), {"tmInterface": ("net/vlan",)}
    ),
    "net/address-list": Kind("address list", {}, _ANY | {"addresses", "addressLists"}),
    "net/port-list": Kind("port list", {}, _ANY | {"ports", "portLists"}),
    "ltm/virtual": Kind(
        "Virtual Server",
        {
            "ipProtocol": "tcp",
            "source": "0.0.0.0/0",
            "mask": "255.255.255.255",
            "connectionLimit": 0,
            "rateLimit": "disabled",
            "translateAddress": "enabled",
            "translatePort": "enabled",
            "sourcePort": "preserve",
            "addressStatus": "yes",
            "mirror": "disabled",
            "serviceDownImmediateAction": "none",
            "nat64": "disabled",
            "autoLasthop": "default",
            "sourceAddressTranslation": {"type": "none"},
        },
        _ANY
        | _names(
            "pool enabled disabled vlansDisabled vlansEnabled vlans persist rules fallbackPersistence "
            "trafficMatchingCriteria serversslUseSni"
        ),
        _names("destination"),
        {"pool": ("ltm/pool",), "rules": ("ltm/rule",), "fallbackPersistence": PERSISTENCE, "vlans": ("net/vlan",)},
        {"profiles": Part({"context": "all"}, PROFILES), "policies": Part({}, POLICIES)},
    ),
    "ltm/virtual-address": Kind(
        "Virtual Address",
        {
            "mask": "255.255.255.255",
            "arp": "enabled",
            "icmpEcho": "enabled",
            "routeAdvertisement": "disabled",
            "spanning": "disabled",
            "serverScope": "any",
            "trafficGroup": "/Common/traffic-group-1",
            "autoDelete": "true",
            "enabled": "yes",
            "connectionLimit": 0,
        },
        _ANY,
        _names("address"),
    ),
    "ltm/pool": Kind(
        "Pool",
        {
            "loadBalancingMode": "round-robin",
            "minActiveMembers": 0,
            "slowRampTime": 10,
            "reselectTries": 0,
            "serviceDownAction": "none",
            "allowNat": "yes",
            "allowSnat": "yes",
            "queueOnConnectionLimit": "disabled",
        },
        _ANY | {"monitor"},
        refers={"monitor": MONITORS},
        parts={
            "members": Part(
                {
                    "ratio": 1,
                    "dynamicRatio": 1,
                    "priorityGroup": 0,
                    "connectionLimit": 0,
                    "rateLimit": "disabled",
                    "monitor": "default",
                    "session": "user-enabled",
                    "state": "unchecked",
                },
                ("ltm/node",),
            )
        },
    ),
    "ltm/node": Kind(
        "Node",
        {
            "monitor": "default",
            "ratio": 1,
            "dynamicRatio": 1,
            "connectionLimit": 0,
            "rateLimit": "disabled",
            "session": "user-enabled",
            "state": "unchecked",
        },
        _ANY,
        _names("address"),
    ),
    "ltm/rule": Kind("iRule", {}, _ANY | {"apiAnonymous"}),
    "ltm/policy": Kind(
        "Policy", {"strategy": "/Common/first-match"}, _ANY | _names("controls requires status"), parts={"rules": Part()}
    ),
    "ltm/data-group/internal": Kind("value list", {}, _ANY | {"records"}, _names("type")),
    "ltm/snatpool": Kind("SNAT pool", {}, _ANY, _names("members"), {"members": ("ltm/snat-translation",)}),
    "ltm/snat-translation": Kind(
        "SNAT translation address",
        {"arp": "enabled", "connectionLimit": 0, "trafficGroup": "/Common/traffic-group-1", "enabled": True},
        _ANY,
        _names("address"),
    ),
    "ltm/traffic-matching-criteria": Kind("traffic-matching-criteria", {}, open=True),
    "ltm/cipher/rule": Kind("cipher rule", {}, _ANY | _names("cipher dhGroups signatureAlgorithms")),
    "ltm/cipher/group": Kind(
        "cipher group",
        {"ordering": "default"},
        _ANY | _names("allow exclude require"),
        refers={"allow": ("ltm/cipher/rule",), "exclude": ("ltm/cipher/rule",), "require": ("ltm/cipher/rule",)},
    ),
    "sys/file/ssl-cert": Kind("Certificate", {}, open=True),
    "sys/file/ssl-key": Kind("Key", {}, open=True),
    "sys/file/ssl-crl": Kind("CRL", {}, open=True),
    **{kind: Kind("monitor", {"interval": 5, "timeout": 16}, open=True) for kind in MONITORS},
    **{kind: Kind("profile", {}, open=True) for kind in PROFILES},
    **{kind: Kind("persistence profile", {}, open=True) for kind in PERSISTENCE},
}

KINDS["ltm/monitor/https"].refers["sslProfile"] = ("ltm/profile/server-ssl",)
KINDS["ltm/profile/client-ssl"].refers.update(
    cert=("sys/file/ssl-cert",),
    key=("sys/file/ssl-key",),
    chain=("sys/file/ssl-cert",),
    caFile=("sys/file/ssl-cert",),
    crlFile=("sys/file/ssl-crl",),
    clientCertCa=("sys/file/ssl-cert",),
    cipherGroup=("ltm/cipher/group",),
)
KINDS["ltm/profile/server-ssl"].refers.update(
    cert=("sys/file/ssl-cert",),
    key=("sys/file/ssl-key",),
    caFile=("sys/file/ssl-cert",),
    crlFile=("sys/file/ssl-crl",),
    cipherGroup=("ltm/cipher/group",),
)
KINDS["ltm/persistence/universal"].refers["rule"] = ("ltm/rule",)
KINDS["ltm/persistence/hash"].refers["rule"] = ("ltm/rule",)

_FACTORY = {
    "auth/partition": "Common",
    "sys/folder": "/ /Common",
    "ltm/profile/http": "http http-transparent",
    "ltm/profile/http2": "http2",
    "ltm/profile/tcp": "tcp f5-tcp-progressive f5-tcp-lan f5-tcp-wan f5-tcp-mobile tcp-lan-optimized tcp-wan-optimized",
    "ltm/profile/udp": "udp",
    "ltm/profile/sctp": "sctp",
    "ltm/profile/fastl4": "fastL4",
    "ltm/profile/ipother": "ipother",
    "ltm/profile/client-ssl": "clientssl clientssl-secure",
    "ltm/profile/server-ssl": "serverssl serverssl-insecure-compatible",
    "ltm/profile/one-connect": "oneconnect",
    "ltm/profile/http-compression": "httpcompression wan-optimized-compression",
    "ltm/monitor/http": "http",
    "ltm/monitor/https": "https",
    "ltm/monitor/http2": "http2",
    "ltm/monitor/tcp": "tcp",
    "ltm/monitor/udp": "udp",
    "ltm/monitor/gateway-icmp": "gateway_icmp icmp",
    "ltm/monitor/tcp-half-open": "tcp_half_open",
    "ltm/persistence/cookie": "cookie",
    "ltm/persistence/source-addr": "source_addr",
    "ltm/persistence/dest-addr": "dest_addr",
    "ltm/persistence/hash": "hash",
    "ltm/persistence/ssl": "ssl",
    "ltm/persistence/universal": "universal",
    "ltm/persistence/msrdp": "msrdp",
    "ltm/persistence/sip": "sip_info",
    "ltm/cipher/rule": "f5-default f5-secure f5-hw_keys f5-aes",
    "ltm/cipher/group": "f5-default f5-secure",
    "ltm/rule": "_sys_https_redirect",
    "sys/file/ssl-cert": "default.crt ca-bundle.crt",
    "sys/file/ssl-key": "default.key",
}


def factory() -> list[Object]:
    """What is on a device that nobody has configured yet."""
    made = []
    for kind, names in _FACTORY.items():
        for name in names.split():
            path = name if kind == "auth/partition" or name.startswith("/") else f"/Common/{name}"
            made.append(Object(kind, path, dict(KINDS[kind].defaults)))
    made.append(Object("net/route-domain", "/Common/0", {**KINDS["net/route-domain"].defaults, "id": 0}))
    return made
