"""What AS3 and the device would have against a tenant, besides its shape: what AS3 looks after itself, and what it lets through."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

_POINTERS = {
    "allowCipherRules": {"Cipher_Rule"},
    "authenticationInviteCA": {"CA_Bundle"},
    "authenticationTrustCA": {"CA_Bundle"},
    "cipherGroup": {"Cipher_Group"},
    "clientCertificate": {"Certificate"},
    "clientTLS": {"TLS_Client"},
    "fallbackPersistenceMethod": {"Persist"},
    "iRule": {"iRule"},
    "iRules": {"iRule"},
    "monitors": {"Monitor"},
    "persistenceMethods": {"Persist"},
    "policyEndpoint": {"Endpoint_Policy"},
    "pool": {"Pool"},
    "profileHTTP": {"HTTP_Profile"},
    "profileHTTP2": {"HTTP2_Profile"},
    "profileTCP": {"TCP_Profile"},
    "profileUDP": {"UDP_Profile"},
    "serverTLS": {"TLS_Server"},
    "trustCA": {"CA_Bundle"},
    "virtualAddresses": {"Service_Address"},
}
"""The classes that a property may point to."""

_BARE = {
    *("authenticationInviteCA", "authenticationTrustCA", "clientCertificate", "clientTLS"),
    *("iRules", "policyEndpoint", "pool", "serverTLS"),
}
"""Properties that may point by the name alone."""

_READ = {"Service_HTTP", "Service_HTTPS"}
_NAME = re.compile(r"[A-Za-z][0-9A-Za-z_.-]{0,188}[0-9A-Za-z_.]")
_REMARK = re.compile(r"[^\x00-\x1f\x22\x5c\x7f]{0,64}")
_LABEL = re.compile(r"[^\x00-\x1f\x22#&*<>?\x5b-\x5d`\x7f]{0,64}")

Items = dict[str, dict[str, Any]]


def faults(name: str, tenant: dict[str, Any]) -> list[str]:
    """Everything that is wrong with a tenant."""
    (app,) = (each for each in tenant if isinstance(tenant[each], dict))
    items: Items = {item: body for item, body in tenant[app].items() if isinstance(body, dict)}
    found = [*_names(name, app, items), *_pointers(items), *_texts(tenant)]
    return found or [*_services(items), *_pools(items), *_monitors(items), *_rules(name, app, items)]


def _names(name: str, app: str, items: Items) -> Iterator[str]:
    if not re.fullmatch(r"[a-z][a-z2-7]{0,12}", name):
        yield f"tenant name {name}"
    for item in items:
        if not _NAME.fullmatch(item) or len(f"/{name}/{app}/{item}") > 195:
            yield f"item name {item}"


def _used(body: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """The items that a body points to, and the property that does."""
    if isinstance(body, dict):
        for inner, value in body.items():
            if inner == "use":
                yield key, value
            elif isinstance(value, str) and (inner in _BARE or (inner == "iRule" and body.get("class") == "Persist")):
                yield inner, value
            elif inner == "certificate" and key == "certificates":
                yield "clientCertificate", value
            else:
                yield from _used(value, key if inner in ("ingress", "egress") else inner)
    elif isinstance(body, list):
        for each in body:
            if isinstance(each, str) and key in _BARE:
                yield key, each
            else:
                yield from _used(each, key)


def _pointers(items: Items) -> Iterator[str]:
    used = {item for item, body in items.items() if body["class"].startswith("Service_")}
    programs = json.dumps([body["iRule"] for body in items.values() if body["class"] == "iRule"])
    for item, body in items.items():
        for key, name in _used(body):
            used.add(name)
            if name not in items:
                yield f"{item}: {key} points to {name}, which is not there"
            elif items[name]["class"] not in _POINTERS[key]:
                yield f"{item}: {key} points to {name}, which is a {items[name]['class']}"
    yield from (f"nothing uses {item}" for item in items.keys() - used if f"/{item}" not in programs)


def _texts(body: Any, key: str = "") -> Iterator[str]:
    if isinstance(body, dict):
        for inner, value in body.items():
            yield from _texts(value, inner)
    elif isinstance(body, list):
        for each in body:
            yield from _texts(each)
    elif isinstance(body, str) and "`" in body:
        yield f"AS3 would expand {body!r}"
    elif (key == "remark" and not _REMARK.fullmatch(body)) or (key == "label" and not _LABEL.fullmatch(body)):
        yield f"{key} {body!r}"


def _services(items: Items) -> Iterator[str]:
    services = {item: body for item, body in items.items() if "virtualPort" in body}
    places = Counter(
        (_transport(body), address["use"], body["virtualPort"])
        for body in services.values()
        for address in body["virtualAddresses"]
    )
    yield from (f"two services at {place}" for place, count in places.items() if count > 1)
    addresses = Counter(body["virtualAddress"] for body in items.values() if body["class"] == "Service_Address")
    yield from (f"two items of address {address}" for address, count in addresses.items() if count > 1)
    for item, body in services.items():
        if "persistenceMethods" not in body:
            yield f"{item}: AS3 chooses the persistence"
        if body["class"] == "Service_HTTPS" and body.get("redirect80") is not False:
            yield f"{item}: AS3 redirects port 80"
        if body["class"] not in _READ and body.keys() & {"profileHTTP", "profileMultiplex", "policyEndpoint"}:
            yield f"{item}: something of HTTP where no requests are read"
        methods = [items[each["use"]]["persistenceMethod"] for each in body.get("persistenceMethods", [])]
        if body["class"] not in _READ and "cookie" in methods:
            yield f"{item}: cookies where no requests are read"


def _transport(service: dict[str, Any]) -> str:
    return {"Service_UDP": "udp", "Service_SCTP": "sctp"}.get(service["class"], "tcp")


def _pools(items: Items) -> Iterator[str]:
    for item, body in items.items():
        if body["class"] != "Pool":
            continue
        members = Counter((*each["serverAddresses"], each["servicePort"]) for each in body["members"])
        yield from (f"{item}: two members at {place}" for place, count in members.items() if count > 1)
        for each in body["members"]:
            if len(each["serverAddresses"]) != 1 or each.get("shareNodes") is not True or "remark" in each:
                yield f"{item}: member {each}"


def _monitors(items: Items) -> Iterator[str]:
    for item, body in items.items():
        if body["class"] == "Monitor" and not 0 < body["interval"] < body["timeout"]:
            yield f"{item}: a member would be down before its next probe"


def _rules(name: str, app: str, items: Items) -> Iterator[str]:
    """iRules go to the device between braces. What they name must be there, and their events must be those of their services."""
    for item, body in items.items():
        if body["class"] == "iRule":
            text = body["iRule"]
            if not balanced(text):
                yield f"{item}: braces do not match"
            yield from (
                f"{item}: names {each}" for each in re.findall(rf"/{name}/{app}/([0-9A-Za-z_.-]+)", text) if each not in items
            )
        for rule in body.get("iRules", []):
            if "HTTP_" in items[rule]["iRule"] and body["class"] not in _READ:
                yield f"{item}: {rule} waits for requests"


def balanced(text: str) -> bool:
    """Whether braces match, however they are meant."""
    depth = 0
    for each in re.sub(r"\\.", "", text):
        depth += {"{": 1, "}": -1}.get(each, 0)
        if depth < 0:
            return False
    return depth == 0
