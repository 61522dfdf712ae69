"""Services and their addresses as objects on the device."""

from __future__ import annotations

import re
from typing import Any

from bigip_emulator import addresses
from bigip_emulator.as3.making import Maker, Making, on, yes
from bigip_emulator.as3.structure import Declaration
from bigip_emulator.web import Json

_TCP = {"normal": "f5-tcp-progressive", "lan": "f5-tcp-lan", "wan": "f5-tcp-wan", "mobile": "f5-tcp-mobile"}
_PERSISTENCE = {
    "cookie": "cookie",
    "source-address": "source_addr",
    "destination-address": "dest_addr",
    "tls-session-id": "ssl",
    "msrdp": "msrdp",
}


# Addresses


def _address(making: Making, name: str, item: Declaration) -> None:
    text = item["virtualAddress"]
    echo = {"enable": "enabled", "disable": "disabled"}
    making.add(
        "ltm/virtual-address",
        f"/{making.tenant}/{name}",
        address=_device(making, text),
        mask=addresses.mask(text),
        arp=on(item["arpEnabled"]),
        icmpEcho=echo.get(item["icmpEcho"], item["icmpEcho"]),
        routeAdvertisement=echo.get(item["routeAdvertisement"], item["routeAdvertisement"]),
        serverScope=item["serverScope"],
        spanning=on(item["spanningEnabled"]),
        autoDelete=str(item["autoDelete"]).lower(),
        trafficGroup="/Common/traffic-group-1" if item["trafficGroup"] == "default" else item["trafficGroup"],
    )


def _device(making: Making, text: str) -> str:
    """The address as the device keeps it: in the tenant's route domain unless it says another."""
    own = addresses.split(text)[1]
    return addresses.device(text if own or not making.domain else f"{text.partition('/')[0]}%{making.domain}")


def _bare(making: Making, text: str, shared: bool) -> str:
    """The path of the virtual address that comes of an address in a service."""
    path = f"/{'Common' if shared else making.tenant}/{addresses.device(text)}"
    if ("ltm/virtual-address", path) not in making.made:
        making.add("ltm/virtual-address", path, address=_device(making, text), mask=addresses.mask(text), autoDelete="true")
    return path


# Services


def _service(making: Making, name: str, item: Declaration) -> None:
    for number, given in enumerate(item["virtualAddresses"]):
        target, source = given if isinstance(given, list) else (given, item.get("sourceAddress"))
        if isinstance(target, dict):
            pointed = making.pointed(target)
            # An address stands in the tenant itself, whatever application declares it.
            path = pointed if "bigip" in target else f"/{pointed.split('/')[1]}/{pointed.rpartition('/')[2]}"
        else:
            path = _bare(making, target, item["shareAddresses"])
        own = name if number == 0 else f"{name}-{number}-"
        _virtual(making, own, item, path, source)
        if item.get("redirect80") and item["class"] == "Service_HTTPS":
            redirect = name if number == 0 else f"{name}-{number}"
            _redirect(making, f"{redirect}-Redirect-", item, path)


def _virtual(making: Making, name: str, item: Declaration, address: str, source: Json) -> None:
    protocol = item["layer4"]
    lists: dict[str, Any] = {"enabled": True} if item["enable"] and item["adminState"] == "enable" else {"disabled": True}
    if "allowVlans" in item:
        lists |= {"vlansEnabled": True, "vlans": [_vlan(one) for one in item["allowVlans"]]}
    else:
        lists |= {"vlansDisabled": True, "vlans": [_vlan(one) for one in item["rejectVlans"]] if "rejectVlans" in item else None}
    if isinstance(source, dict):
        criteria = making.path(f"{name}_VS_TMC_OBJ")
        making.add(
            "ltm/traffic-matching-criteria",
            criteria,
            sourceAddressList=making.pointed(source),
            destinationAddressInline=address,
            destinationPortInline=str(item["virtualPort"]),
            protocol=protocol,
        )
        lists["trafficMatchingCriteria"] = criteria
    policies = item.get("policyEndpoint", [])
    policies = policies if isinstance(policies, list) else [policies]
    making.add(
        "ltm/virtual",
        making.path(name),
        {"profiles": _profiles(making, item), "policies": {making.pointed(policy): {} for policy in policies}},
        destination=addresses.with_port(address, item["virtualPort"]),
        ipProtocol=protocol,
        source=_source(address, source),
        pool=making.pointed(item["pool"]) if "pool" in item else None,
        description=_description(making, item),
        connectionLimit=item["maxConnections"],
        rateLimit=item["rateLimit"] or "disabled",
        sourceAddressTranslation=_snat(making, name, item, address),
        persist=[_persist(making, method) for method in item["persistenceMethods"][:1]],
        fallbackPersistence=_fallback(making, item),
        rules=[making.pointed(rule) for rule in item.get("iRules", [])],
        translateAddress=on(item["translateServerAddress"]),
        translatePort=on(item["translateServerPort"]),
        sourcePort={False: "preserve", True: "change"}.get(item["translateClientPort"], item["translateClientPort"]),
        addressStatus=yes(item["addressStatus"]),
        mirror=on(item["mirroring"] == "L4"),
        nat64=on(item["nat64Enabled"]),
        serviceDownImmediateAction=item["serviceDownImmediateAction"],
        **lists,
    )


def _description(making: Making, item: Declaration) -> str:
    return str(item.get("remark") or making.application)


def _redirect(making: Making, name: str, item: Declaration, address: str) -> None:
    making.add(
        "ltm/virtual",
        making.path(name),
        {"profiles": {"/Common/http": {"context": "all"}, "/Common/f5-tcp-progressive": {"context": "all"}}},
        destination=addresses.with_port(address, 80),
        ipProtocol="tcp",
        enabled=True,
        rules=["/Common/_sys_https_redirect"],
        persist=[],
        description=_description(making, item),
        vlansDisabled=True,
        source=_source(address, None),
        sourceAddressTranslation={"type": "automap"},
    )


def _source(address: str, given: Json) -> str:
    if isinstance(given, str):
        return given if "/" in given else f"{given}/{128 if ':' in given else 32}"
    return "::/0" if ":" in address or address.endswith("any6") else "0.0.0.0/0"


def _vlan(given: Json) -> str:
    name = given.get("bigip") or given.get("use", "") if isinstance(given, dict) else str(given)
    return name if name.startswith("/") else f"/Common/{name}"


def _snat(making: Making, name: str, item: Declaration, address: str) -> dict[str, str]:
    snat = item["snat"]
    if snat == "self":
        made = making.made.get(("ltm/virtual-address", address))
        own = made.properties["address"] if made else address.rpartition("/")[2]
        pool = making.path(f"{name}-self")
        translation = f"/{making.tenant}/{own}"
        making.add("ltm/snat-translation", translation, address=own)
        making.add("ltm/snatpool", pool, members=[translation])
        return {"type": "snat", "pool": pool}
    if isinstance(snat, dict):
        return {"type": "snat", "pool": making.pointed(snat)}
    return {"type": "automap" if snat == "auto" else str(snat)}


def _persist(making: Making, method: Json) -> dict[str, str]:
    path = f"/Common/{_PERSISTENCE[method]}" if isinstance(method, str) else making.pointed(method)
    where, _, name = path.rpartition("/")
    return {"name": name, "partition": where[1:], "tmDefault": "yes"}


def _fallback(making: Making, item: Declaration) -> str | None:
    method = item.get("fallbackPersistenceMethod")
    if method is None:
        return None
    return f"/Common/{_PERSISTENCE[method]}" if isinstance(method, str) else making.pointed(method)


def _profiles(making: Making, item: Declaration) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}

    def add(value: Json, built_in: dict[str, str], context: str = "all") -> None:
        if value is not None:
            path = f"/Common/{built_in[value]}" if isinstance(value, str) and value in built_in else making.pointed(value)
            found[path] = {"context": context}

    tcp = item.get("profileTCP")
    if isinstance(tcp, dict) and tcp.keys() <= {"ingress", "egress"}:
        add(tcp.get("ingress", "normal"), _TCP, "clientside")
        add(tcp.get("egress", "normal"), _TCP, "serverside")
    else:
        add(tcp, _TCP)
    add(item.get("profileUDP"), {"normal": "udp"})
    add(item.get("profileL4"), {"basic": "fastL4"})
    add({"bigip": "/Common/sctp"} if item["class"] == "Service_SCTP" and "profileSCTP" not in item else item.get("profileSCTP"), {})
    add(item.get("profileIPOther"), {})
    add(item.get("profileHTTP"), {"basic": "http"})
    http2 = item.get("profileHTTP2")
    sides = http2 if isinstance(http2, dict) and http2.keys() <= {"ingress", "egress"} else {"ingress": http2}
    add(sides.get("ingress"), {"basic": "http2"}, "clientside")
    add(sides.get("egress"), {"basic": "http2"}, "serverside")
    add(item.get("profileHTTPCompression"), {"basic": "httpcompression", "wan": "wan-optimized-compression"})
    add(item.get("profileMultiplex"), {"basic": "oneconnect"})
    for side, context in (("serverTLS", "clientside"), ("clientTLS", "serverside")):
        for given in item[side] if isinstance(item.get(side), list) else [item.get(side)]:
            add(given, {}, context)
            if context == "clientside" and given is not None:
                _further(making, making.pointed(given), found)
    return found


def _further(making: Making, path: str, found: dict[str, dict[str, str]]) -> None:
    """The profiles of the further certificates of a TLS_Server come with it."""
    for kind, other in making.made:
        if kind == "ltm/profile/client-ssl" and re.fullmatch(re.escape(path) + r"-\d+-", other):
            found[other] = {"context": "clientside"}


MAKERS: dict[str, Maker] = {
    "Service_Address": _address,
    **dict.fromkeys(
        ("Service_HTTP", "Service_HTTPS", "Service_TCP", "Service_UDP", "Service_L4", "Service_SCTP", "Service_Generic"), _service
    ),
}
