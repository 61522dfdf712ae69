"""Profiles, certificates, persistence, iRules, lists and the like as objects on the device."""

from __future__ import annotations

import hashlib
from typing import Any

from bigip_emulator import addresses
from bigip_emulator.as3.making import Maker, Making, on, string
from bigip_emulator.as3.structure import Declaration
from bigip_emulator.web import Json

_SKIPPED = {"class", "label", "remark"}


def _profile(kind: str) -> Maker:
    """A profile whose properties the device calls as AS3 does."""

    def make(making: Making, name: str, item: Declaration) -> None:
        properties = {key: on(value) if isinstance(value, bool) else value for key, value in item.items() if key not in _SKIPPED}
        making.add(kind, making.path(name), description=item.get("remark"), **properties)

    return make


def _http(making: Making, name: str, item: Declaration) -> None:
    hsts = {
        "mode": on(item["hstsInsert"]),
        "maximumAge": item["hstsPeriod"],
        "includeSubdomains": on(item["hstsIncludeSubdomains"]),
        "preload": on(item["hstsPreload"]),
    }
    inserted = item.get("insertHeader")
    header = f"{inserted.get('name', '')}: {inserted.get('value', '')}" if inserted else None
    making.add(
        "ltm/profile/http",
        making.path(name),
        description=item.get("remark"),
        insertXforwardedFor=on(item["xForwardedFor"]),
        hsts=hsts,
        headerInsert=header,
        headerErase=item.get("whiteOutHeader"),
        proxyType=item["proxyType"],
        redirectRewrite=item["rewriteRedirects"],
        serverAgentName=item["serverHeaderValue"],
        requestChunking=item["requestChunking"],
        responseChunking=item["responseChunking"],
        acceptXff=on(item["trustXFF"]),
        xffAlternativeNames=item.get("otherXFF"),
        encryptCookies=item.get("encryptCookies"),
        fallbackHost=item.get("fallbackRedirect"),
        fallbackStatusCodes=item.get("fallbackStatusCodes"),
        viaRequest=item["viaRequest"],
        viaResponse=item["viaResponse"],
        enforcement={
            "maxHeaderCount": item["maxHeaderCount"],
            "maxHeaderSize": item["maxHeaderSize"],
            "maxRequests": item["maxRequests"],
            "knownMethods": item.get("knownMethods"),
            "unknownMethod": item["unknownMethodAction"],
            "pipeline": item["pipelineAction"],
        },
    )


# TLS

_VERSIONS = {
    "ssl3Enabled": "no-sslv3",
    "tls1_0Enabled": "no-tlsv1",
    "tls1_1Enabled": "no-tlsv1.1",
    "tls1_2Enabled": "no-tlsv1.2",
    "tls1_3Enabled": "no-tlsv1.3",
}


def _tls(making: Making, item: Declaration) -> dict[str, Any]:
    return {
        "description": item.get("remark"),
        "ciphers": "none" if "cipherGroup" in item else item.get("ciphers", "DEFAULT"),
        "cipherGroup": making.pointed(item["cipherGroup"]) if "cipherGroup" in item else "none",
        "tmOptions": ["dont-insert-empty-fragments", *(option for version, option in _VERSIONS.items() if not item[version])],
        "cacheTimeout": item["cacheTimeout"],
        "handshakeTimeout": str(item["handshakeTimeout"]),
        "alertTimeout": str(item["alertTimeout"]),
        "renegotiation": on(item["renegotiationEnabled"]),
        "secureRenegotiation": item["secureRenegotiation"],
        "authenticateDepth": item["authenticationDepth"],
        "crlFile": item["crlFile"]["bigip"] if "crlFile" in item else None,
        "requireSNI": item["requireSNI"],
    }


def _server(making: Making, name: str, item: Declaration) -> None:
    for number, entry in enumerate(item["certificates"]):
        own = name if number == 0 else f"{name}-{number}-"
        pair = making.pointed(entry["certificate"])
        chain = making.made.get(("sys/file/ssl-cert", f"{pair}-bundle.crt"))
        making.add(
            "ltm/profile/client-ssl",
            making.path(own),
            cert=f"{pair}.crt",
            key=f"{pair}.key",
            chain=chain.path if chain else None,
            serverName=entry.get("matchToSNI") or "none",
            sniDefault=str(entry["sniDefault"] or (number == 0 and not _chosen(item))).lower(),
            peerCertMode=item["authenticationMode"],
            caFile=_file(making, item.get("authenticationTrustCA")) or "none",
            clientCertCa=_file(making, item.get("authenticationInviteCA")) or "none",
            mode=on(entry["enabled"]),
            **_tls(making, item),
        )


def _chosen(item: Declaration) -> bool:
    return any(entry["sniDefault"] for entry in item["certificates"])


def _client(making: Making, name: str, item: Declaration) -> None:
    pair = making.pointed(item["clientCertificate"]) if "clientCertificate" in item else None
    trust = item.get("trustCA", "generic")
    authority = {"generic": "/Common/ca-bundle.crt", "none": "none"}.get(trust) if isinstance(trust, str) else _file(making, trust)
    making.add(
        "ltm/profile/server-ssl",
        making.path(name),
        cert=f"{pair}.crt" if pair else "none",
        key=f"{pair}.key" if pair else "none",
        serverName=item["sendSNI"],
        authenticateName=item["serverName"],
        peerCertMode="require" if item["validateCertificate"] else "ignore",
        caFile=authority if item["validateCertificate"] else "none",
        **_tls(making, item),
    )


def _file(making: Making, value: Json) -> str | None:
    if value is None:
        return None
    path = making.pointed(value)
    return path if path.endswith(".crt") else f"{path}.crt"


def _certificate(making: Making, name: str, item: Declaration) -> None:
    path = making.path(name)
    for key, suffix, kind in (("certificate", "crt", "sys/file/ssl-cert"), ("privateKey", "key", "sys/file/ssl-key")):
        text = string(item[key]) if key in item else None
        if key in item:
            secret = {"passphrase": "set"} if key == "privateKey" and "passphrase" in item else {}
            _put(making, kind, f"{path}.{suffix}", text, **secret)
    chain = item.get("chainCA")
    if isinstance(chain, dict) and "use" in chain:
        pointed = making.pointed(chain)
        making.add("sys/file/ssl-cert", f"{path}-bundle.crt", content=_bundle(making, pointed))
    elif chain is not None:
        _put(making, "sys/file/ssl-cert", f"{path}-bundle.crt", string(chain))


def _bundle(making: Making, path: str) -> str | None:
    made = making.made.get(("sys/file/ssl-cert", f"{path}.crt"))
    return made.properties.get("content") if made else None


def _put(making: Making, kind: str, path: str, text: str | None, **more: str) -> None:
    body = (text or "").encode()
    checksum = f"SHA1:{len(body)}:{hashlib.sha1(body, usedforsecurity=False).hexdigest()}"
    making.add(
        kind, path, content=text, checksum=checksum, sourcePath=f"file:/var/config/rest/downloads/{path.replace('/', '_')}", **more
    )


def _authority(making: Making, name: str, item: Declaration) -> None:
    _put(making, "sys/file/ssl-cert", f"{making.path(name)}.crt", string(item["bundle"]))


def _cipher_rule(making: Making, name: str, item: Declaration) -> None:
    making.add(
        "ltm/cipher/rule",
        making.path(name),
        cipher=":".join(item.get("cipherSuites", [])) or "DEFAULT",
        dhGroups=":".join(item.get("namedGroups", [])) or "DEFAULT",
        description=item.get("remark"),
        signatureAlgorithms=":".join(item.get("signatureAlgorithms", [])) or "DEFAULT",
    )


def _cipher_group(making: Making, name: str, item: Declaration) -> None:
    lists = {
        key: [making.pointed(rule) for rule in item[f"{key}CipherRules"]]
        for key in ("allow", "exclude", "require")
        if f"{key}CipherRules" in item
    }
    making.add("ltm/cipher/group", making.path(name), ordering=item["order"], description=item.get("remark"), **lists)


# Persistence

_KINDS = {
    "cookie": "cookie",
    "source-address": "source-addr",
    "destination-address": "dest-addr",
    "hash": "hash",
    "msrdp": "msrdp",
    "sip-info": "sip",
    "tls-session-id": "ssl",
    "universal": "universal",
}


def _persist(making: Making, name: str, item: Declaration) -> None:
    kind = _KINDS[item["persistenceMethod"]]
    common = {
        "matchAcrossPools": on(item["matchAcrossPools"]),
        "matchAcrossServices": on(item["matchAcrossVirtualPorts"]),
        "matchAcrossVirtuals": on(item["matchAcrossVirtualAddresses"]),
        "mirror": on(item["mirror"]),
        "overrideConnectionLimit": on(item["overrideConnectionLimit"]),
        "description": item.get("remark"),
    }
    if kind == "cookie":
        common |= {
            "method": item["cookieMethod"],
            "cookieName": item["cookieName"] or None,
            "expiration": _expiration(item.get("ttl", 0)),
            "httponly": on(item["httpOnly"]),
            "secure": on(item["secure"]),
        }
    if "iRule" in item:
        common["rule"] = making.pointed(item["iRule"])
    if "addressMask" in item:
        common["mask"] = item["addressMask"]
    # A timeout comes back as a text.
    making.add(f"ltm/persistence/{kind}", making.path(name), timeout=str(item["duration"]), **common)


def _expiration(seconds: int) -> str:
    days, rest = divmod(seconds, 86400)
    return f"{days}:{rest // 3600}:{rest % 3600 // 60}:{rest % 60}" if seconds else "0"


# Lists and the rest


def _rule(making: Making, name: str, item: Declaration) -> None:
    making.add("ltm/rule", making.path(name), apiAnonymous=(string(item["iRule"]) or "").strip())


def _data_group(making: Making, name: str, item: Declaration) -> None:
    records = [
        {"name": str(record["key"]), **({"data": record["value"]} if record.get("value") else {})} for record in item["records"]
    ]
    making.add(
        "ltm/data-group/internal", making.path(name), type=item["keyDataType"], records=records, description=item.get("remark")
    )


def _snat_pool(making: Making, name: str, item: Declaration) -> None:
    members = []
    for text in item["snatAddresses"]:
        path = f"/{making.tenant}/{addresses.device(text)}"
        making.add("ltm/snat-translation", path, address=addresses.device(text))
        members.append(path)
    making.add("ltm/snatpool", making.path(name), members=members, description=item.get("remark"))


def _snat_translation(making: Making, name: str, item: Declaration) -> None:
    making.add(
        "ltm/snat-translation",
        making.path(name),
        address=addresses.device(item["address"]),
        arp=on(item["arpEnabled"]),
        connectionLimit=item["maxConnections"],
        enabled=item["adminState"] == "enable",
    )


def _list(kind: str, own: str, others: str) -> Maker:
    def make(making: Making, name: str, item: Declaration) -> None:
        lists: dict[str, Any] = {own: [{"name": str(one)} for one in item[own]]} if own in item else {}
        if others in item:
            lists[others] = [making.pointed(one) for one in item[others]]
        making.add(kind, making.path(name), description=item.get("remark"), **lists)

    return make


MAKERS: dict[str, Maker] = {
    "TLS_Server": _server,
    "TLS_Client": _client,
    "Certificate": _certificate,
    "CA_Bundle": _authority,
    "Cipher_Rule": _cipher_rule,
    "Cipher_Group": _cipher_group,
    "Persist": _persist,
    "iRule": _rule,
    "Data_Group": _data_group,
    "SNAT_Pool": _snat_pool,
    "SNAT_Translation": _snat_translation,
    "Net_Address_List": _list("net/address-list", "addresses", "addressLists"),
    "Net_Port_List": _list("net/port-list", "ports", "portLists"),
    "HTTP_Profile": _http,
    "HTTP2_Profile": _profile("ltm/profile/http2"),
    "HTTP_Compress": _profile("ltm/profile/http-compression"),
    "TCP_Profile": _profile("ltm/profile/tcp"),
    "UDP_Profile": _profile("ltm/profile/udp"),
    "L4_Profile": _profile("ltm/profile/fastl4"),
    "Multiplex_Profile": _profile("ltm/profile/one-connect"),
}
