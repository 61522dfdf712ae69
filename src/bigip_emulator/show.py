"""Objects, sub-collections and statistics as iControl REST shows them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from bigip_emulator import seen
from bigip_emulator.device import Device
from bigip_emulator.kinds import KINDS
from bigip_emulator.objects import Object

VERSION = "17.1.1"
LINK = "https://localhost/mgmt/tm/"
_HIDDEN = {(f"sys/file/ssl-{kind}", name) for kind in ("cert", "key", "crl") for name in ("content", "passphrase")}


def tilde(path: str) -> str:
    """A full path as it stands in a URL."""
    return quote(path.replace("/", "~"), safe="~:.%")


def entry(where: str, kind: str, numbers: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """One entry of statistics, under its link."""
    link = f"{LINK}{where}/stats"
    last = kind.rpartition("/")[2]
    nested = {"kind": f"tm:{kind.replace('/', ':')}:{last}stats", "selfLink": f"{link}?ver={VERSION}", "entries": numbers}
    return link, {"nestedStats": nested}


def show(device: Device, found: Object, expand: bool) -> dict[str, Any]:
    """An object as iControl REST shows it."""
    kind = KINDS[found.kind]
    last = found.kind.rpartition("/")[2]
    shown: dict[str, Any] = {"kind": f"tm:{found.kind.replace('/', ':')}:{last}state", "name": found.name, **_place(found.path)}
    shown |= {"generation": found.generation, "selfLink": f"{LINK}{found.kind}/{tilde(found.path)}?ver={VERSION}"}
    # An empty list is not shown at all.
    shown |= {name: value for name, value in found.properties.items() if value != [] and (found.kind, name) not in _HIDDEN}
    for name, kinds in kind.refers.items():
        if isinstance(value := found.properties.get(name), str) and value.startswith("/"):
            shown[f"{name}Reference"] = {"link": f"{LINK}{kinds[0]}/{tilde(value)}?ver={VERSION}"}
    for part in kind.parts:
        listed = show_part(device, found, part, expand)
        shown[f"{part}Reference"] = {"link": listed["selfLink"], "isSubcollection": True}
        if expand and "items" in listed:
            shown[f"{part}Reference"]["items"] = listed["items"]
    return shown


def _place(path: str) -> dict[str, str]:
    parts = path.split("/")
    if len(parts) < 3:
        return {"fullPath": path}
    where = {"partition": parts[1]}
    if len(parts) > 3:
        where["subPath"] = "/".join(parts[2:-1])
    return {**where, "fullPath": path}


def show_part(device: Device, owner: Object, part: str, full: bool) -> dict[str, Any]:
    """A sub-collection, with its elements if they are wanted in full."""
    where = f"{owner.kind}/{tilde(owner.path)}/{part}"
    listed = {
        "kind": f"tm:{owner.kind.replace('/', ':')}:{part}:{part}collectionstate",
        "selfLink": f"{LINK}{where}?ver={VERSION}",
    }
    found = owner.parts.get(part, {})
    return {**listed, "items": [show_element(device, owner, part, path) for path in found]} if full and found else listed


def show_element(device: Device, owner: Object, part: str, path: str) -> dict[str, Any]:
    """One element of a sub-collection."""
    link = f"{LINK}{owner.kind}/{tilde(owner.path)}/{part}/{tilde(path)}?ver={VERSION}"
    shown: dict[str, Any] = {
        "kind": f"tm:{owner.kind.replace('/', ':')}:{part}:{part}state",
        "name": path.rpartition("/")[2],
        **_place(path),
    }
    shown |= {"generation": owner.generation, "selfLink": link, **owner.parts[part][path]}
    if part == "members":
        shown |= seen.shown_member(device.store, device.seen, owner, path)
    return shown
