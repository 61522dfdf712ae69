"""What AS3 and the device would have against a tenant, besides its shape: what AS3 looks after itself, and what it lets through."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

_POINTERS = {
    "pool": {"Pool"},
    "monitors": {"Monitor"},
    "virtualAddresses": {"Service_Address"},
    "profileTCP": {"TCP_Profile"},
}
"""The classes that a property may point to."""

_NAME = re.compile(r"[A-Za-z][0-9A-Za-z_.-]{0,188}[0-9A-Za-z_.]")
_REMARK = re.compile(r"[^\x00-\x1f\x22\x5c\x7f]{0,64}")
_LABEL = re.compile(r"[^\x00-\x1f\x22#&*<>?\x5b-\x5d`\x7f]{0,64}")


def faults(name: str, tenant: dict[str, Any]) -> list[str]:
    """Everything that is wrong with a tenant."""
    (app,) = (each for each in tenant if isinstance(tenant[each], dict))
    items = {item: body for item, body in tenant[app].items() if isinstance(body, dict)}
    return [
        *_names(name, app, items),
        *_pointers(items),
        *_texts(tenant),
        *_services(items),
        *_pools(items),
        *(
            f"{item} is longer than its interval"
            for item, body in items.items()
            if body.get("interval", 0) >= body.get("timeout", 1)
        ),
    ]


def _names(name: str, app: str, items: dict[str, Any]) -> Iterator[str]:
    if not re.fullmatch(r"[a-z][a-z2-7]{0,12}", name):
        yield f"tenant name {name}"
    for item in items:
        if not _NAME.fullmatch(item) or len(f"/{name}/{app}/{item}") > 195:
            yield f"item name {item}"


def _used(body: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """The items that a body points to, and the property that does."""
    if isinstance(body, dict):
        for inner, value in body.items():
            if inner == "use" or (inner == "pool" and isinstance(value, str)):
                yield (inner if key == "" or inner != "use" else key), value
            else:
                yield from _used(value, key if inner in ("ingress", "egress") else inner)
    elif isinstance(body, list):
        for each in body:
            yield from _used(each, key)


def _pointers(items: dict[str, Any]) -> Iterator[str]:
    used = {("addresses", item) for item, body in items.items() if body["class"] == "Service_Address"}
    for item, body in items.items():
        for key, name in _used(body):
            used.add((key, name))
            if name not in items:
                yield f"{item}: {key} points to {name}, which is not there"
            elif items[name]["class"] not in _POINTERS[key]:
                yield f"{item}: {key} points to {name}, which is a {items[name]['class']}"
    for item in items.keys() - {name for _, name in used}:
        if not items[item]["class"].startswith("Service_"):
            yield f"nothing uses {item}"


def _texts(body: Any, key: str = "") -> Iterator[str]:
    if isinstance(body, dict):
        for inner, value in body.items():
            yield from _texts(value, inner)
    elif isinstance(body, list):
        for each in body:
            yield from _texts(each)
    elif (key == "remark" and not _REMARK.fullmatch(body)) or (key == "label" and not _LABEL.fullmatch(body)):
        yield f"{key} {body!r}"


def _services(items: dict[str, Any]) -> Iterator[str]:
    services = {item: body for item, body in items.items() if body["class"].startswith("Service_") and "virtualPort" in body}
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


def _transport(service: dict[str, Any]) -> str:
    return {"Service_UDP": "udp", "Service_SCTP": "sctp"}.get(service["class"], "tcp")


def _pools(items: dict[str, Any]) -> Iterator[str]:
    for item, body in items.items():
        if body["class"] != "Pool":
            continue
        members = Counter((*each["serverAddresses"], each["servicePort"]) for each in body["members"])
        yield from (f"{item}: two members at {place}" for place, count in members.items() if count > 1)
        for each in body["members"]:
            if len(each["serverAddresses"]) != 1 or each.get("shareNodes") is not True or "remark" in each:
                yield f"{item}: member {each}"


def _monitors(items: dict[str, Any]) -> Iterator[str]:
    for item, body in items.items():
        if body["class"] == "Monitor" and not 0 < body["interval"] < body["timeout"]:
            yield f"{item}: a member would be down before its next probe"
