"""Names of tenants and items: short, stable, and made of ids and numbers alone, so that no text of a user lands in one.

Most items belong to one object and hold its id, so what a device says of an item tells which object it is about.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from collections.abc import Sequence

APPLICATION = "app"
"""The one application of each tenant."""

_ID = re.compile(r"[0-9A-Za-z]+(-[0-9A-Za-z]+)*")
_UUID = r"[0-9a-f]{8}_[0-9a-f]{4}_[0-9a-f]{4}_[0-9a-f]{4}_[0-9a-f]{12}"
_ITEM = re.compile(rf"[a-z]+_({_UUID})(?:[_-][0-9a-z_-]+)?")
_ITEMS = re.compile(rf"(?<![0-9A-Za-z_])[a-z]+_({_UUID})(?![0-9a-f])")


def tenant_name(load_balancer_id: str) -> str:
    """The tenant of a load balancer: 13 characters, whatever the id looks like.

    AS3 keeps the names of all tenants in one record of limited length. They are made of a digest, because ids may differ in their
    last characters alone.
    """
    digest = hashlib.sha256(load_balancer_id.encode()).digest()
    return "b" + base64.b32encode(digest).decode()[:12].lower()


def item(kind: str, object_id: str, *more: str) -> str:
    """The item of an object. Raises ValueError for what is not an id."""
    if not _ID.fullmatch(object_id):
        raise ValueError("an id holds only letters, digits and dashes")
    return "_".join((kind, object_id.replace("-", "_"), *more))


def address_item(address: str) -> str:
    """The item of an address, with its route domain if it has one.

    It holds the address itself: AS3 lets no address change under the same name.
    """
    return "va_" + re.sub(r"[.:%]", "_", address)


def address(text: str, route_domain: int = 0) -> str:
    """An IP address in its one spelling, in a route domain. Raises ValueError, also for a zone."""
    if "%" in text:
        raise ValueError("an address with a zone, such as fe80::1%eth0, is not possible")
    return f"{ipaddress.ip_address(text)}%{route_domain:d}" if route_domain else str(ipaddress.ip_address(text))


def owner_of(name: str) -> str | None:
    """The id of the object that an item belongs to; None for items that several objects share.

    Where AS3 makes several things of one item on the device, those after the first have a number between dashes at their end.
    """
    found = _ITEM.fullmatch(name)
    return found[1].replace("_", "-") if found else None


def owners_in(text: str) -> Sequence[str]:
    """The ids of all objects whose items a text of a device names, in the order in which it does."""
    return list(dict.fromkeys(found.replace("_", "-") for found in _ITEMS.findall(text)))
